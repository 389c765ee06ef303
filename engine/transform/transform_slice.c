#include "engine/transform/transform.h"

#include "engine/transform/coefficients.h"
#include "engine/transform/restoration.h"
#include "engine/transform/slice_grid.h"
#include "host/clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK SIREN_TRANSFORM_BLOCK
#define KINDS SIREN_RECONSTRUCTION_KINDS
#define MOST_OCTAVES 16
#define USUAL_LAMBDA 0.11
#define TRELLIS_LAMBDA 0.1
/* Values are whole numbers of 2^-unit: 64 to 128 of them a step, and at least 1024 to 1, so that 2^-24 is never
 * coarser. */
#define STEP_BITS 6
#define LEAST_UNIT 10

/* Where the encoder takes points of reconstruction to be before it knows, in 1/256 steps. */
static const int8_t usual_points[KINDS] = {0, 8, 4, 8, 4, 4, 0, 8, 4, 8, 4, 4};

/* ---- the step ---- */

/* (256 + lower 8 bits) / 256 * 2^-(upper 8 bits) */
static uint32_t step_code(double step) {
    double octaves = ceil(-log2(step)), fraction;
    if (!(octaves > 0)) octaves = 0;
    if (octaves > MOST_OCTAVES) octaves = MOST_OCTAVES;
    fraction = rint(step * ldexp(256, (int)octaves));
    if (fraction > 511 && octaves > 0) {
        octaves--;
        fraction = 256;
    }
    fraction = fraction < 256 ? 256 : fraction > 511 ? 511 : fraction;
    return (uint32_t)octaves << 8 | ((uint32_t)fraction - 256);
}

static double step_of_code(uint32_t code) { return ldexp(256 + (code & 255), -8 - (int)(code >> 8)); }

siren_status siren_transform_plan_check(siren_transform_plan *plan) {
    if (plan->lambda == 0) plan->lambda = plan->dependent ? TRELLIS_LAMBDA : USUAL_LAMBDA;
    if (!(plan->step > 0 && plan->step < INFINITY) || !(plan->lambda > 0 && plan->lambda < INFINITY))
        return siren_fail(SIREN_USAGE,
                          "a step of %g and %g squared steps a bit cannot be; give numbers above 0",
                          plan->step, plan->lambda);
    plan->step = step_of_code(step_code(plan->step));
    return SIREN_OK;
}

/* ---- encoding ---- */

siren_status siren_transform_encode_slice(const siren_transform_basis *basis,
                                          const siren_transform_plan *plan, const siren_block *block,
                                          const float *targets, uint8_t **bytes, size_t *n_bytes) {
    size_t n_components = basis->n_components;
    SIREN_AT_END(siren_slice_grid_free) siren_slice_grid grid = {0};
    SIREN_AT_END(siren_coefficients_free_at) siren_coefficients *coder = NULL;
    SIREN_AT_END(siren_range_encoder_free) siren_range_encoder encoder;
    SIREN_FREE_AT_END float *wanted = NULL;
    SIREN_FREE_AT_END int32_t *levels = NULL;
    SIREN_FREE_AT_END uint8_t *kinds = NULL;
    double excess[KINDS] = {0}, count[KINDS] = {0};
    siren_transform_plan exact = *plan;
    siren_range_encoder_begin(&encoder);
    SIREN_TRY(siren_transform_plan_check(&exact));
    SIREN_TRY(siren_slice_grid_create(block, &grid));
    SIREN_TRY(siren_allocate(&wanted, n_components * grid.n_blocks, BLOCK * sizeof *wanted,
                             "coefficients of a slice"));
    SIREN_TRY(siren_allocate(&levels, grid.n_blocks, BLOCK * sizeof *levels, "levels of a component"));
    SIREN_TRY(siren_allocate(&kinds, grid.n_blocks, BLOCK, "levels of a component"));
    SIREN_TRY(siren_slice_analyse(&grid, basis->n_volumes, n_components, basis->analysis, basis->mean,
                                  targets, (float)(1 / exact.step), wanted));
    SIREN_TRY(siren_coefficients_create(grid.across, grid.down, basis->n_components, grid.used,
                                        basis->dependent, NULL, &coder));
    siren_range_put_bits(&encoder, step_code(exact.step), 16);
    for (size_t k = 0; k < n_components; k++) {
        const float *own = wanted + k * grid.n_blocks * BLOCK;
        siren_coefficients_put(coder, &encoder, own, (float)exact.lambda, usual_points, levels, kinds);
        for (size_t i = 0; i < grid.n_blocks * BLOCK; i++)
            if (kinds[i] < KINDS) {
                excess[kinds[i]] += fabs((double)levels[i]) - (kinds[i] < SIREN_QUANTISER_KINDS ? 0 : 0.5) -
                                    (levels[i] < 0 ? -(double)own[i] : (double)own[i]);
                count[kinds[i]]++;
            }
    }
    for (int i = 0; i < siren_reconstruction_kinds(basis->dependent); i++) {
        double point = count[i] > 0 ? rint(256 * excess[i] / count[i]) : 0;
        siren_range_put_bits(&encoder, (uint32_t)(int32_t)fmax(-127, fmin(127, point)), 8);
    }
    return siren_range_encoder_finish(&encoder, bytes, n_bytes);
}

/* ---- decoding ---- */

/* Levels in steps of `code` become values in 2^-unit. */
static void dequantise(uint32_t code, const int8_t *points, unsigned unit, const uint8_t *kinds, size_t n,
                       int32_t *values) {
    int64_t fraction = 256 + (code & 255);
    unsigned shift = 16 + (code >> 8) - unit;
    int64_t half = (int64_t)1 << (shift - 1);
    for (size_t i = 0; i < n; i++) {
        int32_t level = values[i];
        if (level == 0) continue;
        const int point = kinds[i] < KINDS ? points[kinds[i]] : 0,
                  second = kinds[i] < KINDS && kinds[i] >= SIREN_QUANTISER_KINDS ? 128 : 0;
        int64_t magnitude = ((int64_t)abs(level) * 256 - second - point) * fraction;
        magnitude = (magnitude + half) >> shift;
        if (magnitude > INT32_MAX) magnitude = INT32_MAX;
        values[i] = (int32_t)(level < 0 ? -magnitude : magnitude);
    }
}

void siren_transform_coefficients_free(siren_transform_coefficients *coefficients) {
    siren_slice_grid_free(&coefficients->grid);
    free(coefficients->values);
    *coefficients = (siren_transform_coefficients){0};
}

siren_status siren_transform_read_slice(const siren_transform_basis *basis, const char *name,
                                        const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                        siren_transform_coefficients *out) {
    SIREN_AT_END(siren_transform_coefficients_free)
    siren_transform_coefficients slice = {.n_components = basis->n_components};
    SIREN_AT_END(siren_coefficients_free_at) siren_coefficients *coder = NULL;
    siren_range_decoder decoder;
    SIREN_FREE_AT_END uint8_t *kinds = NULL;
    int8_t points[KINDS] = {0};
    siren_range_decoder_begin(&decoder, bytes, n_bytes);
    SIREN_TRY(siren_slice_grid_create(block, &slice.grid));
    size_t n_pixels = slice.grid.n_blocks * BLOCK;
    SIREN_TRY(siren_allocate(&slice.values, slice.n_components * slice.grid.n_blocks,
                             BLOCK * sizeof *slice.values, "components of a slice"));
    SIREN_TRY(
        siren_allocate(&kinds, slice.n_components * slice.grid.n_blocks, BLOCK, "components of a slice"));
    SIREN_TRY(siren_coefficients_create(slice.grid.across, slice.grid.down, slice.n_components,
                                        slice.grid.used, basis->dependent, basis->network, &coder));
    uint32_t code = (uint32_t)siren_range_get_bits(&decoder, 16), octaves = code >> 8;
    bool sound = octaves <= MOST_OCTAVES;
    for (size_t k = 0; k < slice.n_components && sound; k++)
        sound = siren_coefficients_get(coder, &decoder, slice.values + k * n_pixels, kinds + k * n_pixels);
    if (!sound)
        return siren_fail(SIREN_CORRUPT, "%s: the coefficients of slice %zu are damaged", name, block->z);
    for (int i = 0; i < siren_reconstruction_kinds(basis->dependent); i++) {
        int32_t point = (int32_t)siren_range_get_bits(&decoder, 8);
        points[i] = (int8_t)(point < 128 ? point : point - 256);
    }
    SIREN_TRY(siren_range_decoder_finish(&decoder, name));
    slice.step = code;
    slice.unit = octaves + STEP_BITS > LEAST_UNIT ? octaves + STEP_BITS : LEAST_UNIT;
    dequantise(code, points, slice.unit, kinds, slice.n_components * n_pixels, slice.values);
    *out = SIREN_TAKE(slice);
    return SIREN_OK;
}

void siren_transform_rebuild(siren_transform_coefficients *slice) {
    const siren_slice_grid *grid = &slice->grid;
    for (size_t k = 0; k < slice->n_components; k++) {
        int32_t *plane = slice->values + k * grid->n_blocks * BLOCK;
        for (size_t block = 0; block < grid->n_blocks; block++)
            if (grid->used[block]) siren_block_inverse(plane + block * BLOCK);
        for (size_t block = 0; block < grid->n_blocks; block++)
            if (siren_slice_has_upper(grid, block))
                siren_edge_inverse(plane + (block - grid->across) * BLOCK, plane + block * BLOCK,
                                   SIREN_TRANSFORM_SIDE);
        for (size_t block = 0; block < grid->n_blocks; block++)
            if (siren_slice_has_left(grid, block))
                siren_edge_inverse(plane + (block - 1) * BLOCK, plane + block * BLOCK, 1);
    }
}

/* Rows of the basis times the components of a block, for some volumes: (volumes, 64) sums. */
SIREN_CLONES static void combine_narrow(const siren_transform_basis *basis, const int32_t *components,
                                        size_t volume, int32_t *sum) {
    int32_t total[BLOCK] = {0};
    for (size_t k = 0; k < basis->n_components; k++) {
        int32_t weight = basis->vectors[k * basis->n_volumes + volume];
        for (int i = 0; i < BLOCK; i++) total[i] += weight * components[k * BLOCK + i];
    }
    memcpy(sum, total, sizeof total);
}

static void combine_wide(const siren_transform_basis *basis, const int32_t *components, size_t volume,
                         int64_t *sum) {
    memset(sum, 0, BLOCK * sizeof *sum);
    for (size_t k = 0; k < basis->n_components; k++)
        for (int i = 0; i < BLOCK; i++)
            sum[i] += (int64_t)basis->vectors[k * basis->n_volumes + volume] * components[k * BLOCK + i];
}

/* Whether no sum of these components can leave 31 bits. */
static bool is_narrow(const siren_transform_basis *basis, const int32_t *planes, size_t n_pixels) {
    int64_t sum = 0;
    for (size_t k = 0; k < basis->n_components; k++) {
        int64_t largest = 0, weight = 0;
        for (size_t i = 0; i < n_pixels; i++) {
            int64_t value = planes[k * n_pixels + i];
            if (value < 0) value = -value;
            if (value > largest) largest = value;
        }
        for (size_t v = 0; v < basis->n_volumes; v++) {
            int64_t entry = abs(basis->vectors[k * basis->n_volumes + v]);
            if (entry > weight) weight = entry;
        }
        sum += largest * weight;
        if (sum >= (int64_t)1 << 30) return false;
    }
    return true;
}

/* A value in 2^-24, within [0, 1]. */
static float to_float(int64_t value) {
    value = value < 0 ? 0 : value > 1 << 24 ? 1 << 24 : value;
    return (float)(int32_t)value * 0x1p-24f;
}

siren_status siren_transform_combine(const siren_transform_basis *basis,
                                     const siren_transform_coefficients *slice, siren_span volumes,
                                     float *y) {
    const size_t n_out = volumes.end - volumes.begin, n_pixels = slice->grid.n_blocks * BLOCK;
    const unsigned shift = slice->unit - LEAST_UNIT;
    const int64_t half = shift > 0 ? (int64_t)1 << (shift - 1) : 0;
    const bool is_small = is_narrow(basis, slice->values, n_pixels);
    SIREN_FREE_AT_END int32_t *components = NULL;
    int32_t narrow[BLOCK];
    int64_t wide[BLOCK];
    SIREN_TRY(siren_allocate(&components, slice->n_components, BLOCK * sizeof *components,
                             "components of a block"));
    for (size_t b = 0; b < slice->grid.n_blocks; b++) {
        const uint32_t *at = slice->grid.points + b * BLOCK;
        if (!slice->grid.used[b]) continue;
        for (size_t k = 0; k < slice->n_components; k++)
            memcpy(components + k * BLOCK, slice->values + k * n_pixels + b * BLOCK,
                   BLOCK * sizeof *components);
        for (size_t v = volumes.begin; v < volumes.end; v++) {
            int64_t mean = (int64_t)basis->mean[v] << 16;
            float *to = y + (v - volumes.begin);
            if (is_small) {
                combine_narrow(basis, components, v, narrow);
                for (int i = 0; i < BLOCK; i++)
                    if (at[i] != SIREN_NO_POINT)
                        to[at[i] * n_out] = to_float(((narrow[i] + (int32_t)half) >> shift) + (int32_t)mean);
            } else {
                combine_wide(basis, components, v, wide);
                for (int i = 0; i < BLOCK; i++)
                    if (at[i] != SIREN_NO_POINT)
                        to[at[i] * n_out] = to_float(((wide[i] + half) >> shift) + mean);
            }
        }
    }
    return SIREN_OK;
}

/* Of each pixel and component: a value and its kind; restored also one in a slice with a border of two. */
#define PIXEL_BYTES (sizeof(int32_t) + 1)
#define RESTORED_BYTES (sizeof(int16_t) * 12 * 12 / (8 * 8) + 1)

size_t siren_transform_decoding_bytes(size_t nx, size_t ny, size_t n_components, bool signs, bool restored) {
    const size_t across = (nx + SIREN_TRANSFORM_SIDE - 1) / SIREN_TRANSFORM_SIDE,
                 down = (ny + SIREN_TRANSFORM_SIDE - 1) / SIREN_TRANSFORM_SIDE,
                 coder = siren_coefficients_bytes(across, down, n_components, signs);
    size_t n_blocks, values, points;
    const bool fits = coder < SIZE_MAX && siren_mul(across, down, &n_blocks) &&
                      siren_add(n_blocks, 1, &values) && /* and one that is combined */
                      siren_mul(values, n_components, &values) &&
                      siren_mul(values, BLOCK * (PIXEL_BYTES + (restored ? RESTORED_BYTES : 0)), &values) &&
                      siren_mul(n_blocks, BLOCK * sizeof(uint32_t) + 1, &points) &&
                      siren_add(values, points, &values) && siren_add(values, coder, &values);
    return fits ? values : SIZE_MAX;
}

siren_status siren_transform_decode_slice(const siren_transform_basis *basis, const char *name,
                                          const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                          siren_span volumes, float *y) {
    SIREN_AT_END(siren_transform_coefficients_free) siren_transform_coefficients slice = {0};
    SIREN_TRY(siren_transform_read_slice(basis, name, block, bytes, n_bytes, &slice));
    siren_transform_rebuild(&slice);
    if (basis->restoration) SIREN_TRY(siren_transform_restore(basis, &slice));
    return siren_transform_combine(basis, &slice, volumes, y);
}
