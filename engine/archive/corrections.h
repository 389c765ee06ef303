/* What makes a decoded block's errors stay within a bound: for each voxel that is farther off, how many steps to go
 * (docs/range-coder.md, chapter 5). It is read without the block: what is decoded of a part can be corrected as
 * well. */
#ifndef SIREN_ENGINE_ARCHIVE_CORRECTIONS_H
#define SIREN_ENGINE_ARCHIVE_CORRECTIONS_H

#include "engine/model/blocks.h"

/* Of a block's points in all volumes. `bound`, 0 or above: the largest error of a stored value; of integers its whole
 * part. */
typedef struct {
    const siren_block *block;
    siren_datatype datatype;
    size_t n_volumes;
    double bound;
} siren_corrections_plan;

typedef struct {
    bool exact;    /* the value's bits follow: where no step of a float comes near enough */
    bool negative; /* else: it goes down */
    uint64_t n;    /* steps; or the bits */
} siren_correction;

/* `wanted`, `decoded`: (n_volumes, voxels of the block) in this machine's byte order. Where nothing is to be corrected
 * `*bytes` is NULL and `*n_bytes` 0. `*bytes` is yours: free(). */
siren_status siren_corrections_encode(const siren_corrections_plan *plan, const void *wanted,
                                      const void *decoded, uint8_t **bytes, size_t *n_bytes);
/* A voxel of the block, counted in its box. */
typedef void (*siren_correction_fn)(void *user, size_t volume, size_t voxel,
                                    const siren_correction *correction);
/* Calls `correct` for each in the order of volumes and points; CORRUPT, perhaps after some calls, for what no encoder
 * makes. Time and memory are bounded by the plan. */
siren_status siren_corrections_decode(const siren_corrections_plan *plan, const char *name,
                                      const uint8_t *bytes, size_t n_bytes, siren_correction_fn correct,
                                      void *user);
/* Applies one to value i of `voxels`. */
void siren_correction_apply(const siren_corrections_plan *plan, const siren_correction *correction,
                            void *voxels, size_t i);
/* Whether value i of both is the same, or no farther apart than the bound. */
bool siren_correction_unneeded(const siren_corrections_plan *plan, const void *wanted, const void *decoded,
                               size_t i);

#endif
