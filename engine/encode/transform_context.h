/* The context network of a transform archive: trained on the levels that a search has chosen, and records coded with
 * it. */
#ifndef SIREN_ENGINE_ENCODE_TRANSFORM_CONTEXT_H
#define SIREN_ENGINE_ENCODE_TRANSFORM_CONTEXT_H

#include "engine/encode/context_trainer.h"
#include "engine/encode/transform_blocks.h"

/* The least effort that trains one: the default's transform takes seconds and stays as quick as it is
 * (docs/context-transform.md). */
#define SIREN_EFFORT_WITH_TRANSFORM_NETWORK 6

/* What a network is trained with. */
typedef struct {
    uint32_t effort; /* 1 to 9 */
    uint64_t seed;
    siren_progress_fn progress; /* of steps; or NULL */
    void *user;
} siren_transform_context_plan;

/* Trains a network on `blocks`, all of the layout's grid, coded by counts. `*section` is its bytes, yours to free();
 * NULL where `effort` asks for none or there is too little to save. */
siren_status siren_transform_context_fit(const siren_layout *layout, const siren_transform_blocks *blocks,
                                         const siren_transform_context_plan *plan, uint8_t **section,
                                         size_t *n_section);
/* Records of the same levels, coded with the network of a section, into the place of those coded by counts: `*n_saved`
 * is by how many bytes they are smaller. Where they are not, or not by more than the section, nothing changes and it is
 * 0. Index entries stay true:
 * what is decoded is the same. */
siren_status siren_transform_context_use(const siren_layout *layout, const uint8_t *section, size_t n_section,
                                         siren_transform_blocks *blocks, size_t *n_saved);
/* How a network for records of so many bytes is trained by an effort, on so many examples. */
siren_context_training siren_transform_context_training(siren_context_kind kind, uint32_t effort,
                                                        size_t n_bytes, size_t n_examples);
/* About how long the training takes for records of so many bytes, as a few steps tell. */
siren_status siren_transform_context_seconds(uint32_t effort, size_t n_bytes, double *out);

#endif
