#include "engine/context/context_network.h"

#include "engine/coding/range_coder.h"
#include "host/clones.h"

#include <string.h>

#define LARGEST 16383

size_t siren_context_n_parameters(const siren_context_network *network) {
    size_t n = 0;
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        n += (size_t)(network->widths[l] + 1) * network->widths[l + 1];
    return n;
}

/* 16 units at a time. Sums of products stay within 32 bits: 76 * 127 * 1023 and 64 * 16383 * 1023, and a bias. */
#define LANES 16
typedef int32_t lanes __attribute__((vector_size(4 * LANES)));
typedef int16_t narrow_lanes __attribute__((vector_size(2 * LANES)));
#define INLINE __attribute__((always_inline)) static inline

INLINE void load(const int16_t *from, lanes *to) {
    narrow_lanes narrow;
    memcpy(&narrow, from, sizeof narrow);
    *to = __builtin_convertvector(narrow, lanes);
}

/* Outputs first ... first + 15 of a layer of n inputs. */
INLINE void sum_products(const int16_t (*weights)[SIREN_CONTEXT_WIDTH], size_t first, const int16_t *in,
                         size_t n, int32_t one, lanes *out) {
    lanes sums[2], row;
    load(weights[n] + first, &sums[0]);
    sums[0] *= one;
    sums[1] = (lanes){0};
    size_t i = 0;
    for (; i + 1 < n; i += 2)
        for (size_t k = 0; k < 2; k++) {
            load(weights[i + k] + first, &row);
            sums[k] += row * (int32_t)in[i + k];
        }
    if (i < n) {
        load(weights[i] + first, &row);
        sums[0] += row * (int32_t)in[i];
    }
    *out = sums[0] + sums[1];
}

INLINE void hidden_layer(const int16_t (*weights)[SIREN_CONTEXT_WIDTH], const int16_t *in, size_t n,
                         size_t width, int32_t one, int shift, int16_t *out) {
    for (size_t first = 0; first < width; first += LANES) {
        lanes x;
        sum_products(weights, first, in, n, one, &x);
        x >>= shift;
        for (size_t j = 0; j < LANES; j++) {
            int32_t y = x[j] < 0 ? x[j] >> 3 : x[j];
            out[first + j] = (int16_t)(y < -LARGEST ? -LARGEST : y > LARGEST ? LARGEST : y);
        }
    }
}

SIREN_CLONES static void evaluate(const siren_context_network *network, const int16_t *features,
                                  int32_t outputs[LANES]) {
    int16_t a[SIREN_CONTEXT_WIDTH], b[SIREN_CONTEXT_WIDTH];
    const uint32_t *widths = network->widths;
    lanes x;
    hidden_layer(network->weights[0], features, widths[0], widths[1], 16, 3, a);
    hidden_layer(network->weights[1], a, widths[1], widths[2], 256, 7, b);
    sum_products(network->weights[2], 0, b, widths[2], 256, &x);
    x >>= 7;
    memcpy(outputs, &x, sizeof x);
}

void siren_context_evaluate(const siren_context_network *network, const int16_t *features, int32_t *outputs) {
    static const int32_t limits[SIREN_MIXTURE][2] = {{-8192, 8191}, {-1792, 1280}, {-2048, 2047}};
    int32_t all[LANES];
    evaluate(network, features, all);
    for (size_t j = 0; j < SIREN_MIXTURE_OUTPUTS; j++) {
        const int32_t *limit = limits[j / SIREN_MIXTURE];
        outputs[j] = all[j] < limit[0] ? limit[0] : all[j] > limit[1] ? limit[1] : all[j];
    }
}

#define LARGEST_ODDS 2047
#define LARGEST_CORRECTION 2047

void siren_context_odds(const siren_context_network *network, const int16_t *features, int32_t *outputs) {
    int32_t all[LANES];
    evaluate(network, features, all);
    for (size_t j = 0; j < SIREN_MAGNITUDE_STEPS; j++)
        outputs[j] = all[j] < -LARGEST_ODDS ? -LARGEST_ODDS : all[j] > LARGEST_ODDS ? LARGEST_ODDS : all[j];
}

int32_t siren_context_correction(const siren_context_network *network, const int16_t *features) {
    int32_t all[LANES];
    evaluate(network, features, all);
    return all[0] < -LARGEST_CORRECTION  ? -LARGEST_CORRECTION
           : all[0] > LARGEST_CORRECTION ? LARGEST_CORRECTION
                                         : all[0];
}

/* ---- as bytes ---- */

#define N_CLASSES 12

uint32_t siren_context_n_features(siren_context_kind kind) {
    static const uint32_t n[] = {[SIREN_CONTEXT_OF_VOXELS] = SIREN_FEATURES,
                                 [SIREN_CONTEXT_OF_COEFFICIENTS] = SIREN_COEFFICIENT_FEATURES,
                                 [SIREN_CONTEXT_OF_PIXELS] = SIREN_RESTORATION_FEATURES};
    return n[kind];
}

uint32_t siren_context_n_outputs(siren_context_kind kind) {
    static const uint32_t n[] = {[SIREN_CONTEXT_OF_VOXELS] = SIREN_MIXTURE_OUTPUTS,
                                 [SIREN_CONTEXT_OF_COEFFICIENTS] = SIREN_MAGNITUDE_STEPS,
                                 [SIREN_CONTEXT_OF_PIXELS] = 1};
    return n[kind];
}

bool siren_context_check(const siren_context_network *network) {
    const uint32_t *widths = network->widths;
    bool right = widths[0] == siren_context_n_features(network->kind) &&
                 widths[SIREN_CONTEXT_LAYERS] == siren_context_n_outputs(network->kind);
    for (size_t l = 1; l < SIREN_CONTEXT_LAYERS; l++)
        right = right && widths[l] > 0 && widths[l] <= SIREN_CONTEXT_WIDTH && widths[l] % 16 == 0;
    return right;
}

/* The mean magnitude of the weights of one input so far, of which those of the input before count as four. */
typedef struct {
    siren_integer_model models[SIREN_CONTEXT_LAYERS][N_CLASSES];
    uint32_t sum, n, before;
} weight_models;

static void begin_row(weight_models *models, size_t i) {
    models->before = i == 0 ? 32 : (models->sum + 4 * models->before) / (models->n + 4);
    models->sum = models->n = 0;
}

static siren_integer_model *weight_model(weight_models *models, size_t l) {
    uint32_t mean = (models->sum + 4 * models->before) / (models->n + 4);
    size_t class = 0;
    while (class < N_CLASSES - 1 && mean >> class) class ++;
    return &models->models[l][class];
}

static void add_weight(weight_models *models, int64_t weight) {
    models->sum += (uint32_t)(weight < 0 ? -weight : weight);
    models->n++;
}

siren_status siren_context_encode(const siren_context_network *network, uint8_t **bytes, size_t *n_bytes) {
    weight_models models = {.sum = 0};
    siren_range_encoder encoder;
    siren_range_encoder_begin(&encoder);
    siren_integer_models_begin(models.models[0], SIREN_CONTEXT_LAYERS * N_CLASSES);
    for (size_t l = 1; l < SIREN_CONTEXT_LAYERS; l++)
        siren_range_put_bits(&encoder, network->widths[l] / 16, 8);
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t i = 0; i <= network->widths[l]; i++) {
            begin_row(&models, i);
            for (size_t j = 0; j < network->widths[l + 1]; j++) {
                siren_integer_put(&encoder, weight_model(&models, l), network->weights[l][i][j]);
                add_weight(&models, network->weights[l][i][j]);
            }
        }
    return siren_range_encoder_finish(&encoder, bytes, n_bytes);
}

siren_status siren_context_decode(const char *name, siren_context_kind kind, const uint8_t *bytes,
                                  size_t n_bytes, siren_context_network *out) {
    weight_models models = {.sum = 0};
    siren_range_decoder decoder;
    siren_range_decoder_begin(&decoder, bytes, n_bytes);
    siren_integer_models_begin(models.models[0], SIREN_CONTEXT_LAYERS * N_CLASSES);
    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->widths[0] = siren_context_n_features(kind);
    for (size_t l = 1; l < SIREN_CONTEXT_LAYERS; l++)
        out->widths[l] = 16 * (uint32_t)siren_range_get_bits(&decoder, 8);
    out->widths[SIREN_CONTEXT_LAYERS] = siren_context_n_outputs(kind);
    if (!siren_context_check(out))
        return siren_fail(SIREN_CORRUPT, "%s: its layers of %u and %u units cannot be", name, out->widths[1],
                          out->widths[2]);
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t i = 0; i <= out->widths[l]; i++) {
            begin_row(&models, i);
            for (size_t j = 0; j < out->widths[l + 1]; j++) {
                int64_t weight = siren_integer_get(&decoder, weight_model(&models, l));
                if (weight < -SIREN_CONTEXT_LARGEST_WEIGHT || weight > SIREN_CONTEXT_LARGEST_WEIGHT)
                    return siren_fail(SIREN_CORRUPT, "%s: a weight is beyond %d", name,
                                      SIREN_CONTEXT_LARGEST_WEIGHT);
                out->weights[l][i][j] = (int16_t)weight;
                add_weight(&models, weight);
            }
        }
    return siren_range_decoder_finish(&decoder, name);
}
