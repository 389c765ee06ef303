/* The transform model: principal components over volumes, cosine transform of 8 x 8 blocks of each component of a
 * slice, levels by the range coder. A basis serves many slices; each slice is bytes of its own. docs/transform.md
 * is normative.
 *
 * Decoding is integer arithmetic throughout: its result is a whole number of 2^-24, so that every machine has the
 * same bits. */
#ifndef SIREN_ENGINE_TRANSFORM_TRANSFORM_H
#define SIREN_ENGINE_TRANSFORM_TRANSFORM_H

#include "engine/coding/range_coder.h"
#include "engine/context/context_examples.h"
#include "engine/model/blocks.h"
#include "engine/transform/slice_grid.h"

/* Axes over volumes. */
typedef struct {
    size_t n_volumes, n_components; /* n_components <= n_volumes */
    uint8_t *mean;                  /* (n_volumes) in 1/256 */
    uint8_t *precision; /* (n_components) bits behind the point of a vector's entries, at most 14 */
    int16_t *vectors;   /* (n_components, n_volumes) in 1/16384 */
    const siren_context_network *network;     /* that slices are decoded with, borrowed; NULL: counts alone */
    const siren_context_network *restoration; /* that adds what pixels lack, borrowed; NULL: nothing does */
    bool
        dependent; /* levels are those of two quantisers (docs/transform.md, chapter 7); false after decoding */
    float *analysis; /* (n_components, n_volumes) what the encoder projects on; NULL after decoding */
} siren_transform_basis;

typedef struct {
    double step;    /* of quantisation, of targets in [0, 1]; rounded to one of 256 an octave, 2^-16 to 2 */
    double lambda;  /* squared steps that a bit is worth; 0: the default */
    bool dependent; /* levels of two quantisers: fewer bytes, in more time */
    const siren_scaling *limits; /* of siren_block_scale() */
} siren_transform_plan;

/* Puts the defaults in the place of zeros. USAGE for a step or a lambda that is none. */
siren_status siren_transform_plan_check(siren_transform_plan *plan);

/* The basis that suits the slices (n_slices, each a block of one slice) of a series at `plan`: as many components
 * as pay for their bytes. Some slices and points stand for all where there are many. `*out` is yours:
 * siren_transform_basis_free(). */
siren_status siren_transform_fit(const siren_series *series, const siren_block *slices, size_t n_slices,
                                 const siren_transform_plan *plan, siren_transform_basis *out);
/* The struct itself stays the caller's. NULL is allowed. */
void siren_transform_basis_free(siren_transform_basis *basis);
/* `*bytes` is yours: free(). */
siren_status siren_transform_basis_encode(const siren_transform_basis *basis, uint8_t **bytes,
                                          size_t *n_bytes);
/* Bytes of the vectors that these would decode to, and how many components; 0 where there are none. */
size_t siren_transform_basis_bytes(const uint8_t *bytes, size_t n_bytes, size_t n_volumes,
                                   size_t *n_components);
/* Of a series of `n_volumes`. CORRUPT, with `name` in the message, for bytes that encoding does not make. `*out`
 * is yours. */
siren_status siren_transform_basis_decode(const char *name, const uint8_t *bytes, size_t n_bytes,
                                          size_t n_volumes, siren_transform_basis *out);

/* `targets` (n_points, n_volumes) of a block of one slice, as siren_block_targets() makes them; NaN is no data.
 * `*bytes` is yours. */
siren_status siren_transform_encode_slice(const siren_transform_basis *basis,
                                          const siren_transform_plan *plan, const siren_block *block,
                                          const float *targets, uint8_t **bytes, size_t *n_bytes);

/* The bytes of a slice, coded by counts, coded with a network instead: the same levels. `*out` is yours. */
siren_status siren_transform_recode_slice(const siren_transform_basis *basis,
                                          const siren_context_network *network, const char *name,
                                          const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                          uint8_t **out, size_t *n_out);
/* What a network is told of each `every`-th coefficient of such a slice, `skipped` of them left out before the first
 * one, is added to `examples`, whose arrays grow and are yours: free(). */
siren_status siren_transform_collect_slice(const siren_transform_basis *basis, const char *name,
                                           const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                           size_t every, size_t skipped, siren_context_examples *examples);

/* A slice's coefficients as whole numbers of 2^-unit: what is left after the serial part of decoding. */
typedef struct {
    siren_slice_grid grid;
    size_t n_components;
    uint32_t step; /* of quantisation: (256 + lower 8 bits) / 256 * 2^-(upper 8 bits) */
    unsigned unit;
    int32_t *values; /* (n_components, grid.n_blocks, 64) */
} siren_transform_coefficients;

siren_status siren_transform_read_slice(const siren_transform_basis *basis, const char *name,
                                        const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                        siren_transform_coefficients *out);
void siren_transform_coefficients_free(siren_transform_coefficients *coefficients);
/* Coefficients become pixels of components, in place; what a device can do as well, each component by itself. */
void siren_transform_rebuild(siren_transform_coefficients *coefficients);

/* `y` (n_points, volumes.end - volumes.begin): the targets of these volumes, within [0, 1], by the pixels of
 * components. */
siren_status siren_transform_combine(const siren_transform_basis *basis,
                                     const siren_transform_coefficients *slice, siren_span volumes, float *y);

/* All in one: `y` (n_points, volumes.end - volumes.begin): the targets of these volumes as decoded, within [0, 1]. */
siren_status siren_transform_decode_slice(const siren_transform_basis *basis, const char *name,
                                          const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                          siren_span volumes, float *y);

/* What that takes at most of memory that grows with the slice, nx by ny, or with the components; SIZE_MAX where it is
 * beyond what can be addressed. `signs`: of two quantisers, or with a network; `restored`: with one that restores. */
size_t siren_transform_decoding_bytes(size_t nx, size_t ny, size_t n_components, bool signs, bool restored);

/* Minimum and maximum of each volume, without loss. */
siren_status siren_scaling_encode(const siren_scaling *scaling, size_t n_volumes, uint8_t **bytes,
                                  size_t *n_bytes);
siren_status siren_scaling_decode(const char *name, const uint8_t *bytes, size_t n_bytes, size_t n_volumes,
                                  siren_scaling *scaling);
/* The same within a longer stream. */
void siren_scaling_put(siren_range_encoder *encoder, const siren_scaling *scaling, size_t n_volumes);
siren_status siren_scaling_get(const char *name, siren_range_decoder *decoder, size_t n_volumes,
                               siren_scaling *scaling);

#endif
