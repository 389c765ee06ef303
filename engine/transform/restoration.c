#include "engine/transform/restoration.h"

#include "host/clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE SIREN_TRANSFORM_SIDE
#define BLOCK SIREN_TRANSFORM_BLOCK
#define FEATURES SIREN_RESTORATION_FEATURES
#define BORDER 2
#define LARGEST 8191 /* of a pixel, in 1/16 steps */
#define MEAN_BITS 22 /* behind the point of a mean times a vector */
#define INVERSE_BITS 28
#define SIXTEENTHS 12      /* log2: 16 of a step's 256ths */
#define CORRECTION_BITS 18 /* 1/1024 steps, and 1/256 of 2^-octaves */

/* Pixels of all components in 1/16 steps, row by row, with a border that repeats the outermost ones. */
typedef struct {
    size_t n_components, across, down, row, plane; /* pixels; of a row and a component with its border */
    int16_t *pixels;
    int8_t *logarithms; /* of a difference, from -2 LARGEST on: 16 log2(1 + n), at most 127, with its sign */
    int8_t *halves;     /* of a pixel, from -LARGEST on: 8 log2(1 + n), likewise */
} pixel_planes;

static void planes_free(pixel_planes *planes) {
    free(planes->pixels);
    free(planes->logarithms);
    free(planes->halves);
}

/* parts * log2(1 + |n|), rounded, at most 127, with the sign of n, for n = -n_before ... n_before. Bounds between whole
 * numbers are powers of `step`, 2^(1 / parts), times its root. */
static void fill_logarithms(int8_t *table, int n_before, double root, double step) {
    double bound = root;
    int value = 0;
    for (int n = 0; n <= n_before; n++) {
        for (; value < 127 && 1 + n >= bound; value++) bound *= step;
        table[n_before + n] = (int8_t)value;
        table[n_before - n] = (int8_t)-value;
    }
}

/* What component k is of a point without signal, in 2^-unit: the mean's own part of it. */
static int64_t zero_of(const siren_transform_basis *basis, size_t k, unsigned unit) {
    int64_t sum = 0;
    for (size_t v = 0; v < basis->n_volumes; v++)
        sum += (int64_t)basis->mean[v] * basis->vectors[k * basis->n_volumes + v];
    return sum >> (MEAN_BITS - unit);
}

/* Component k, but its border, in 1/16 steps from where there is no signal. */
static void fill_plane(const siren_transform_basis *basis, const siren_transform_coefficients *slice,
                       size_t k, pixel_planes *planes) {
    const siren_slice_grid *grid = &slice->grid;
    const uint64_t inverse = ((uint64_t)1 << INVERSE_BITS) / (256 + (slice->step & 255));
    const unsigned shift = INVERSE_BITS - SIXTEENTHS + slice->unit - (slice->step >> 8);
    const int64_t zero = zero_of(basis, k, slice->unit);
    for (size_t b = 0; b < grid->n_blocks; b++) {
        const int32_t *from = slice->values + (k * grid->n_blocks + b) * BLOCK;
        int16_t *to = planes->pixels + k * planes->plane + (b / grid->across * SIDE + BORDER) * planes->row +
                      b % grid->across * SIDE + BORDER;
        for (size_t i = 0; i < BLOCK; i++) {
            const int64_t value = from[i] + zero;
            const uint64_t n = ((uint64_t)llabs(value) * inverse) >> shift;
            const int16_t limited = (int16_t)(n < LARGEST ? n : LARGEST);
            to[i / SIDE * planes->row + i % SIDE] = (int16_t)(value < 0 ? -limited : limited);
        }
    }
}

static void repeat_border(const pixel_planes *planes, size_t k) {
    const size_t row = planes->row;
    int16_t *first = planes->pixels + k * planes->plane + BORDER * row,
            *last = first + (planes->down - 1) * row;
    for (int16_t *at = first; at <= last; at += row)
        for (size_t i = 0; i < BORDER; i++) {
            at[i] = at[BORDER];
            at[planes->across + BORDER + i] = at[planes->across + BORDER - 1];
        }
    for (size_t i = 1; i <= BORDER; i++) {
        memcpy(first - i * row, first, row * sizeof *first);
        memcpy(last + i * row, last, row * sizeof *last);
    }
}

static siren_status planes_create(const siren_transform_basis *basis,
                                  const siren_transform_coefficients *slice, pixel_planes *out) {
    const siren_slice_grid *grid = &slice->grid;
    SIREN_AT_END(planes_free)
    pixel_planes planes = {.n_components = slice->n_components,
                           .across = grid->across * SIDE,
                           .down = grid->down * SIDE,
                           .row = grid->across * SIDE + 2 * BORDER,
                           .plane = (grid->across * SIDE + 2 * BORDER) * (grid->down * SIDE + 2 * BORDER)};
    SIREN_TRY(siren_allocate(&planes.pixels, planes.n_components * planes.plane, sizeof *planes.pixels,
                             "components of a slice"));
    SIREN_TRY(siren_allocate(&planes.logarithms, 4 * LARGEST + 1, 1, "logarithms"));
    SIREN_TRY(siren_allocate(&planes.halves, 2 * LARGEST + 1, 1, "logarithms"));
    fill_logarithms(planes.logarithms, 2 * LARGEST, 1.0218971486541166782, 1.0442737824274138403);
    fill_logarithms(planes.halves, LARGEST, 1.0442737824274138403, 1.0905077326652576592);
    for (size_t k = 0; k < planes.n_components; k++) {
        fill_plane(basis, slice, k, &planes);
        repeat_border(&planes, k);
    }
    *out = SIREN_TAKE(planes);
    return SIREN_OK;
}

/* The pixel of a component; NULL where there is no such component. */
static inline const int16_t *pixel_of(const pixel_planes *planes, ptrdiff_t component, size_t at) {
    return component >= 0 && component < (ptrdiff_t)planes->n_components
               ? planes->pixels + (size_t)component * planes->plane + at
               : NULL;
}

/* Of the pixel at `y`, `x` of component k. */
static inline void features_of(const pixel_planes *planes, size_t k, size_t y, size_t x,
                               int16_t features[FEATURES]) {
    static const int beside[] = {-1, -2, 1, 2}, further[] = {-3, -4, 3, 4};
    const ptrdiff_t row = (ptrdiff_t)planes->row;
    const size_t at = (y + BORDER) * planes->row + x + BORDER;
    const int8_t *logarithms = planes->logarithms + 2 * LARGEST, *halves = planes->halves + LARGEST;
    const int16_t *own = planes->pixels + k * planes->plane + at;
    int16_t *f = features;
    *f++ = halves[*own];
    for (ptrdiff_t v = -2; v <= 2; v++)
        for (ptrdiff_t u = -2; u <= 2; u++)
            if (v != 0 || u != 0) *f++ = logarithms[own[v * row + u] - *own];
    for (size_t i = 0; i <= 4; i++) {
        /* Component 0 last, whichever this one is. */
        const int16_t *p = pixel_of(planes, i < 4 ? (ptrdiff_t)k + beside[i] : 0, at);
        *f++ = p ? halves[*p] : 0;
        *f++ = p ? logarithms[p[-row] - *p] : 0;
        *f++ = p ? logarithms[p[row] - *p] : 0;
        *f++ = p ? logarithms[p[-1] - *p] : 0;
        *f++ = p ? logarithms[p[1] - *p] : 0;
    }
    for (size_t i = 0; i < 10; i++) {
        const int16_t *p = pixel_of(planes, i < 4 ? (ptrdiff_t)k + further[i] : (ptrdiff_t)i - 3, at);
        *f++ = p ? halves[*p] : 0;
    }
    *f++ = (int16_t)(32 * (int)(y % SIDE) - 112);
    *f++ = (int16_t)(32 * (int)(x % SIDE) - 112);
    *f++ = logarithms[k < 2 * LARGEST ? k : 2 * LARGEST];
}

SIREN_CLONES static void restore_component(const pixel_planes *planes, const siren_context_network *network,
                                           const siren_transform_coefficients *slice, size_t k) {
    const siren_slice_grid *grid = &slice->grid;
    const int64_t scale = (int64_t)(256 + (slice->step & 255)) << (slice->unit - (slice->step >> 8));
    const int64_t half = (int64_t)1 << (CORRECTION_BITS - 1);
    int16_t features[FEATURES];
    for (size_t b = 0; b < grid->n_blocks; b++) {
        int32_t *values = slice->values + (k * grid->n_blocks + b) * BLOCK;
        if (!grid->used[b]) continue;
        for (size_t i = 0; i < BLOCK; i++) {
            if (grid->points[b * BLOCK + i] == SIREN_NO_POINT) continue;
            features_of(planes, k, b / grid->across * SIDE + i / SIDE, b % grid->across * SIDE + i % SIDE,
                        features);
            const int64_t value =
                values[i] + ((siren_context_correction(network, features) * scale + half) >> CORRECTION_BITS);
            values[i] = (int32_t)(value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : value);
        }
    }
}

siren_status siren_transform_restore(const siren_transform_basis *basis,
                                     siren_transform_coefficients *slice) {
    SIREN_AT_END(planes_free) pixel_planes planes = {0};
    SIREN_TRY(planes_create(basis, slice, &planes));
    for (size_t k = 0; k < slice->n_components; k++) restore_component(&planes, basis->restoration, slice, k);
    return SIREN_OK;
}

/* ---- for the encoder ---- */

#define QUARTERS 4 /* of a step: what examples are in */

static siren_status reserve(siren_context_examples *examples, size_t n) {
    const size_t all = examples->n + n;
    int8_t *features = realloc(examples->features, all * FEATURES);
    if (features) examples->features = features;
    float *targets = features ? realloc(examples->targets, all * sizeof *targets) : NULL;
    if (!targets) return siren_fail(SIREN_SYSTEM, "out of memory for %zu examples", all);
    examples->targets = targets;
    examples->room = all;
    return SIREN_OK;
}

siren_status siren_transform_lacking(const siren_transform_basis *basis, const char *name,
                                     const siren_block *block, const uint8_t *bytes, size_t n_bytes,
                                     const float *targets, size_t every, size_t skipped,
                                     siren_context_examples *examples) {
    SIREN_AT_END(siren_transform_coefficients_free) siren_transform_coefficients slice = {0};
    SIREN_AT_END(planes_free) pixel_planes planes = {0};
    SIREN_FREE_AT_END float *y = NULL;
    const size_t n_points = siren_block_points(block), n_volumes = basis->n_volumes,
                 n_all = n_points * basis->n_components;
    SIREN_TRY(siren_allocate(&y, n_points * n_volumes, sizeof *y, "a decoded slice"));
    SIREN_TRY(siren_transform_read_slice(basis, name, block, bytes, n_bytes, &slice));
    siren_transform_rebuild(&slice);
    SIREN_TRY(siren_transform_combine(basis, &slice, (siren_span){0, n_volumes}, y));
    SIREN_TRY(planes_create(basis, &slice, &planes));
    if (n_all > skipped) SIREN_TRY(reserve(examples, (n_all - skipped + every - 1) / every));
    const double steps = QUARTERS / (ldexp(256 + (slice.step & 255), -8 - (int)(slice.step >> 8)) * 16384);
    const siren_slice_grid *grid = &slice.grid;
    size_t n = every - 1 - skipped % every;
    for (size_t i = 0; i < grid->n_blocks * BLOCK; i++) {
        const size_t b = i / BLOCK, point = grid->points[i];
        if (point == SIREN_NO_POINT) continue;
        for (size_t k = 0; k < basis->n_components; k++) {
            if (++n % every != 0 || examples->n == examples->room) continue;
            int16_t features[FEATURES];
            double sum = 0;
            features_of(&planes, k, b / grid->across * SIDE + i % BLOCK / SIDE,
                        b % grid->across * SIDE + i % SIDE, features);
            for (size_t v = 0; v < n_volumes; v++) {
                const size_t at = point * n_volumes + v;
                if (!isnan(targets[at]))
                    sum += basis->vectors[k * n_volumes + v] * ((double)targets[at] - (double)y[at]);
            }
            int8_t *row = examples->features + examples->n * FEATURES;
            for (size_t f = 0; f < FEATURES; f++) row[f] = (int8_t)features[f];
            examples->targets[examples->n++] = (float)(sum * steps);
        }
    }
    return SIREN_OK;
}
