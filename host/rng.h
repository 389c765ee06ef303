/* Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011). No state: a number depends on its key and index
 * alone, so results do not depend on order, threads or batching. */
#ifndef SIREN_HOST_RNG_H
#define SIREN_HOST_RNG_H

#include <stdint.h>

typedef struct {
    uint32_t word[4];
} siren_philox_block;

/* Ten rounds on `counter` under `key`. */
siren_philox_block siren_philox(siren_philox_block counter, uint32_t key0, uint32_t key1);

/* One stream of random numbers. Two streams that differ in any field are independent. */
typedef struct {
    uint64_t seed;
    uint32_t block; /* the block of the volume, or any other first-level name */
    uint32_t layer; /* the layer of the network, or any other second-level name */
} siren_rng;

/* The index-th number of the stream, uniform on [0, 1) with 24 random bits. */
float siren_rng_uniform(siren_rng rng, uint64_t index);
/* The index-th number of the stream, standard normal (Box-Muller in double precision). */
double siren_rng_normal(siren_rng rng, uint64_t index);

#endif
