#include "engine/archive/parameters.h"
#include "host/float_bits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *siren_weights_name(unsigned weight_bits, char out[16]) {
    snprintf(out, 16, weight_bits == SIREN_FLOAT32_WEIGHTS ? "float32" : "int%u", weight_bits);
    return out;
}

bool siren_weights_parse(const char *name, unsigned *weight_bits) {
    char known[16];
    for (unsigned bits = 0; bits <= SIREN_MAX_WEIGHT_BITS; bits++) {
        if (bits > 0 && bits < SIREN_MIN_WEIGHT_BITS) continue;
        if (strcmp(name, siren_weights_name(bits, known)) == 0) {
            *weight_bits = bits;
            return true;
        }
    }
    return false;
}

siren_status siren_weights_check(unsigned bits) {
    if (bits == SIREN_FLOAT32_WEIGHTS || (bits >= SIREN_MIN_WEIGHT_BITS && bits <= SIREN_MAX_WEIGHT_BITS))
        return SIREN_OK;
    return siren_fail(SIREN_USAGE, "weights of %u bits are not possible; choose float32 or int%d to int%d",
                      bits, SIREN_MIN_WEIGHT_BITS, SIREN_MAX_WEIGHT_BITS);
}

/* Integers are stored in groups of the same number of bits. */
typedef enum {
    FINE,   /* the first layer's weights, and the biases of each layer */
    HIDDEN, /* weights of the other hidden layers */
    OUTPUT, /* weights of the output layer, unless it is the first */
    N_GROUPS
} group;

static unsigned group_bits(group which, unsigned weight_bits) {
    return which == FINE ? SIREN_FINE_BITS : which == OUTPUT ? weight_bits + 1 : weight_bits;
}

static unsigned group_bytes(group which, unsigned weight_bits) {
    return group_bits(which, weight_bits) <= 8 ? 1 : 2;
}

/* A run of parameters of one group in exchange order: weights of a layer, or its biases. */
typedef struct {
    const siren_network *network;
    uint32_t layer;
    bool started, biases;
    group which;
    size_t n;
} run_of_params;

/* Goes on to the next run; false at the end. Begins with .network alone. */
static bool next_run(run_of_params *run) {
    if (run->biases) run->layer++;
    run->biases = run->started && !run->biases;
    run->started = true;
    if (run->layer == run->network->n_layers) return false;
    size_t out = run->network->layers[run->layer].width;
    run->n = run->biases ? out : out * siren_network_layer_inputs(run->network, run->layer);
    run->which = run->biases || run->layer == 0             ? FINE
                 : run->layer + 1 == run->network->n_layers ? OUTPUT
                                                            : HIDDEN;
    return true;
}

static size_t group_size(const siren_network *network, group which) {
    size_t n = 0;
    for (run_of_params run = {.network = network}; next_run(&run);)
        if (run.which == which) n += run.n;
    return n;
}

size_t siren_parameter_planes(const siren_network *network, unsigned weight_bits,
                              siren_parameter_plane out[SIREN_PARAMETER_PLANES]) {
    if (weight_bits == SIREN_FLOAT32_WEIGHTS) {
        out[0] = (siren_parameter_plane){siren_network_n_params(network), sizeof(float)};
        return 1;
    }
    out[0] = (siren_parameter_plane){siren_rounded_n_steps(network), 2};
    for (group g = FINE; g < N_GROUPS; g++)
        out[1 + g] = (siren_parameter_plane){group_size(network, g), group_bytes(g, weight_bits)};
    return 1 + N_GROUPS;
}

size_t siren_quantised_bytes(const siren_network *network, unsigned weight_bits) {
    siren_parameter_plane planes[SIREN_PARAMETER_PLANES];
    size_t n_planes = siren_parameter_planes(network, weight_bits, planes), n_bytes = 0;
    for (size_t i = 0; i < n_planes; i++) n_bytes += planes[i].width * planes[i].n;
    return n_bytes;
}

void siren_planes_put(uint8_t *planes, const uint32_t *values, size_t n, unsigned width) {
    for (unsigned byte = 0; byte < width; byte++)
        for (size_t i = 0; i < n; i++) *planes++ = (uint8_t)(values[i] >> (8 * byte));
}

void siren_planes_get(const uint8_t *planes, uint32_t *values, size_t n, unsigned width) {
    memset(values, 0, n * sizeof *values);
    for (unsigned byte = 0; byte < width; byte++)
        for (size_t i = 0; i < n; i++) values[i] |= (uint32_t)*planes++ << (8 * byte);
}

/* One of these values, so that what decodes them needs no room for all. */
static inline uint32_t plane_value(const uint8_t *planes, size_t n, unsigned width, size_t i) {
    uint32_t value = 0;
    for (unsigned byte = 0; byte < width; byte++) value |= (uint32_t)planes[byte * n + i] << (8 * byte);
    return value;
}

/* Small magnitudes become small numbers, so that high byte planes are mostly 0: 0, -1, 1, -2, 2 ... are 0, 1,
 * 2, 3, 4. */
static uint32_t zigzag(int q) { return (uint32_t)(q < 0 ? -2 * q - 1 : 2 * q); }

/* ---- steps and integers ---- */

size_t siren_rounded_n_steps(const siren_network *network) {
    size_t n = 2;
    for (uint32_t l = 1; l < network->n_layers; l++) n += (size_t)network->layers[l].width + 1;
    return n;
}

siren_status siren_rounded_create(const siren_network *network, siren_rounded *out) {
    SIREN_AT_END(siren_rounded_free) siren_rounded rounded = {0};
    SIREN_TRY(
        siren_allocate(&rounded.steps, siren_rounded_n_steps(network), sizeof *rounded.steps, "the steps"));
    SIREN_TRY(siren_allocate(&rounded.integers, siren_network_n_params(network), sizeof *rounded.integers,
                             "the integers"));
    *out = SIREN_TAKE(rounded);
    return SIREN_OK;
}

void siren_rounded_free(siren_rounded *rounded) {
    if (!rounded) return;
    free(rounded->steps);
    free(rounded->integers);
    memset(rounded, 0, sizeof *rounded);
}

void siren_rounded_params(const siren_network *network, const siren_rounded *rounded, float *params) {
    const float *step = rounded->steps;
    const int16_t *integer = rounded->integers;
    for (uint32_t l = 0; l < network->n_layers; l++) {
        size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
        for (size_t o = 0; o < out; o++) {
            for (size_t k = 0; k < in; k++) *params++ = (float)*integer++ * *step;
            if (l > 0 || o + 1 == out) step++;
        }
        for (size_t o = 0; o < out; o++) *params++ = (float)*integer++ * *step;
        step++;
    }
}

/* ---- to bytes ---- */

siren_status siren_rounded_write(const siren_network *network, unsigned bits, const siren_rounded *rounded,
                                 uint8_t *bytes) {
    SIREN_FREE_AT_END uint32_t *values = NULL;
    size_t n_steps = siren_rounded_n_steps(network);
    SIREN_TRY(siren_allocate(&values, siren_network_n_params(network) + n_steps, sizeof *values,
                             "the stored values"));
    for (size_t i = 0; i < n_steps; i++) values[i] = siren_bits_of(rounded->steps[i]) >> 16;
    siren_planes_put(bytes, values, n_steps, 2);
    bytes += 2 * n_steps;
    for (group g = FINE; g < N_GROUPS; g++) {
        const int16_t *integers = rounded->integers;
        size_t n = 0;
        for (run_of_params run = {.network = network}; next_run(&run); integers += run.n)
            for (size_t i = 0; run.which == g && i < run.n; i++) values[n++] = zigzag(integers[i]);
        siren_planes_put(bytes, values, n, group_bytes(g, bits));
        bytes += n * group_bytes(g, bits);
    }
    return SIREN_OK;
}

siren_status siren_float32_write(const float *params, size_t n_params, uint8_t *bytes) {
    SIREN_FREE_AT_END uint32_t *values = NULL;
    SIREN_TRY(siren_allocate(&values, n_params, sizeof *values, "the stored values"));
    for (size_t i = 0; i < n_params; i++)
        values[i] = fabsf(params[i]) < SIREN_SMALLEST_STEP ? 0 : siren_bits_of(params[i]);
    siren_planes_put(bytes, values, n_params, 4);
    return SIREN_OK;
}

/* ---- from bytes ---- */

static bool is_storable(float x) { return isfinite(x) && (x == 0.0f || fabsf(x) >= SIREN_SMALLEST_STEP); }

/* Steps and integers of hostile `bytes` of the right length into `rounded`. */
static siren_status decode(const char *name, const siren_network *network, unsigned bits,
                           const uint8_t *bytes, siren_rounded *rounded) {
    size_t n_steps = siren_rounded_n_steps(network);
    for (size_t i = 0; i < n_steps; i++) {
        rounded->steps[i] = siren_float_of(plane_value(bytes, n_steps, 2, i) << 16);
        if (signbit(rounded->steps[i]) || !is_storable(rounded->steps[i]))
            return siren_fail(SIREN_CORRUPT,
                              "%s: step %zu of the weights is %g, neither 0 nor between 2^-60 and infinity",
                              name, i, (double)rounded->steps[i]);
    }
    bytes += 2 * n_steps;
    for (group g = FINE; g < N_GROUPS; g++) {
        int16_t *integers = rounded->integers;
        int largest = SIREN_LARGEST_INTEGER(group_bits(g, bits));
        const unsigned width = group_bytes(g, bits);
        size_t n = group_size(network, g), nth = 0;
        for (run_of_params run = {.network = network}; next_run(&run); integers += run.n)
            for (size_t i = 0; run.which == g && i < run.n; i++, nth++) {
                const uint32_t value = plane_value(bytes, n, width, nth);
                if (value > zigzag(largest))
                    return siren_fail(SIREN_CORRUPT,
                                      "%s: an integer of a weight is %lu in zig-zag code, beyond %lu", name,
                                      (unsigned long)value, (unsigned long)zigzag(largest));
                integers[i] = (int16_t)(value % 2 ? -(int)(value / 2) - 1 : (int)(value / 2));
            }
        bytes += n * width;
    }
    return SIREN_OK;
}

siren_status siren_dequantise(const char *name, const siren_network *network, unsigned weight_bits,
                              const uint8_t *bytes, size_t n_bytes, float *params) {
    SIREN_AT_END(siren_rounded_free) siren_rounded rounded = {0};
    size_t n_params = siren_network_n_params(network);
    SIREN_TRY(siren_weights_check(weight_bits));
    if (n_bytes != siren_quantised_bytes(network, weight_bits))
        return siren_fail(SIREN_CORRUPT, "%s: %zu byte%s of parameters where the network has %zu", name,
                          n_bytes, siren_plural(n_bytes), siren_quantised_bytes(network, weight_bits));
    if (weight_bits == SIREN_FLOAT32_WEIGHTS) {
        for (size_t i = 0; i < n_params; i++) params[i] = siren_float_of(plane_value(bytes, n_params, 4, i));
    } else {
        SIREN_TRY(siren_rounded_create(network, &rounded));
        SIREN_TRY(decode(name, network, weight_bits, bytes, &rounded));
        siren_rounded_params(network, &rounded, params);
    }
    for (size_t i = 0; i < n_params; i++)
        if (!is_storable(params[i]))
            return siren_fail(SIREN_CORRUPT,
                              "%s: parameter %zu is %g, neither 0 nor between 2^-60 and infinity", name, i,
                              (double)params[i]);
    return SIREN_OK;
}
