/* Lossless and near-lossless coding of one block by prediction and context-mixed bits. docs/predictive.md is
 * normative.
 *
 * A block is the voxels of `nz` slices of all volumes, (n_volumes, nz, ny, nx) in this machine's byte order. What is
 * decoded depends on the plan and the bytes alone, and is the same on every machine. */
#ifndef SIREN_ENGINE_PREDICTIVE_PREDICTIVE_H
#define SIREN_ENGINE_PREDICTIVE_PREDICTIVE_H

#include "engine/context/context_examples.h"

typedef struct {
    siren_datatype datatype;
    size_t nx, ny, nz, n_volumes;
    const uint8_t *inside; /* (nz, ny, nx): 0 for voxels that are not coded; NULL: all are */
    /* The largest error of a stored value; 0 for bit for bit. NaN, infinities and what a larger step cannot reach come
     * back as they were. The decoder does without. */
    double bound;
    const siren_context_network *network; /* what expects the values, borrowed; NULL: counts alone */
} siren_predictive_plan;

/* `*bytes` is yours: free(). USAGE for a bound that is negative or not finite, and for a plan of unknown datatype or
 * without voxels. */
siren_status siren_predictive_encode(const siren_predictive_plan *plan, const void *voxels, uint8_t **bytes,
                                     size_t *n_bytes);
/* Writes the voxels inside and leaves the others as they are. `name` names the block in messages. CORRUPT for bytes
 * that no encoder makes, with some voxels written; time and memory are bounded by the plan. */
siren_status siren_predictive_decode(const siren_predictive_plan *plan, const char *name,
                                     const uint8_t *bytes, size_t n_bytes, void *voxels);
/* What that takes at most of memory that grows with the plan, of which `network` stands for its own and `inside` and
 * the voxels are not counted; SIZE_MAX where it is beyond what can be addressed. */
size_t siren_predictive_decoding_bytes(const siren_predictive_plan *plan, bool network);

/* Adds to `out` what a network is told of every `every`-th voxel of a block, from the first but `skipped` on; there
 * must be room for siren_predictive_n_examples(). */
siren_status siren_predictive_collect(const siren_predictive_plan *plan, const void *voxels, size_t every,
                                      size_t skipped, siren_context_examples *out);
/* At most. */
size_t siren_predictive_n_examples(const siren_predictive_plan *plan, size_t every);

#endif
