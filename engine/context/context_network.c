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

/* 16 outputs at a time: sums of products, which 32 bits hold. */
__attribute__((always_inline)) static inline void sum_products(const int16_t (*weights)[SIREN_CONTEXT_WIDTH], const int16_t *in, size_t n,
                                int32_t one, int32_t *out) {
    int32_t sums[16];
    for (size_t j = 0; j < 16; j++) sums[j] = weights[n][j] * one;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 16; j++) sums[j] += (int32_t)weights[i][j] * in[i];
    for (size_t j = 0; j < 16; j++) out[j] = sums[j];
}

__attribute__((always_inline)) static inline void hidden_layer(const int16_t (*weights)[SIREN_CONTEXT_WIDTH], const int16_t *in, size_t n,
                                size_t width, int32_t one, int shift, int16_t *out) {
    for (size_t first = 0; first < width; first += 16) {
        int32_t sums[16];
        sum_products((const int16_t(*)[SIREN_CONTEXT_WIDTH])&weights[0][first], in, n, one, sums);
        for (size_t j = 0; j < 16; j++) {
            int32_t x = sums[j] >> shift;
            x = x < 0 ? x >> 3 : x;
            out[first + j] = (int16_t)(x < -LARGEST ? -LARGEST : x > LARGEST ? LARGEST : x);
        }
    }
}

SIREN_CLONES static void evaluate(const siren_context_network *network, const int16_t *features,
                                  int32_t *outputs) {
    int16_t a[SIREN_CONTEXT_WIDTH], b[SIREN_CONTEXT_WIDTH];
    const uint32_t *widths = network->widths;
    hidden_layer(network->weights[0], features, widths[0], widths[1], 16, 3, a);
    hidden_layer(network->weights[1], a, widths[1], widths[2], 256, 7, b);
    sum_products(network->weights[2], b, widths[2], 256, outputs);
    for (size_t j = 0; j < 16; j++) outputs[j] >>= 7;
}

void siren_context_evaluate(const siren_context_network *network, const int16_t *features, int32_t *outputs) {
    static const int32_t limits[SIREN_MIXTURE_PARTS][2] = {{-8192, 8191}, {-1792, 1280}, {-2048, 2047}};
    int32_t all[16];
    evaluate(network, features, all);
    for (size_t j = 0; j < SIREN_MIXTURE_OUTPUTS; j++) {
        const int32_t *limit = limits[j / SIREN_MIXTURE_PARTS];
        outputs[j] = all[j] < limit[0] ? limit[0] : all[j] > limit[1] ? limit[1] : all[j];
    }
}

/* ---- as bytes ---- */

#define N_CLASSES 12

bool siren_context_check(const siren_context_network *network) {
    const uint32_t *widths = network->widths;
    bool right = widths[0] == SIREN_FEATURES && widths[SIREN_CONTEXT_LAYERS] == SIREN_MIXTURE_OUTPUTS;
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
    while (class < N_CLASSES - 1 && mean >> class) class++;
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

siren_status siren_context_decode(const char *name, const uint8_t *bytes, size_t n_bytes,
                                  siren_context_network *out) {
    weight_models models = {.sum = 0};
    siren_range_decoder decoder;
    siren_range_decoder_begin(&decoder, bytes, n_bytes);
    siren_integer_models_begin(models.models[0], SIREN_CONTEXT_LAYERS * N_CLASSES);
    memset(out, 0, sizeof *out);
    out->widths[0] = SIREN_FEATURES;
    for (size_t l = 1; l < SIREN_CONTEXT_LAYERS; l++)
        out->widths[l] = 16 * (uint32_t)siren_range_get_bits(&decoder, 8);
    out->widths[SIREN_CONTEXT_LAYERS] = SIREN_MIXTURE_OUTPUTS;
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
