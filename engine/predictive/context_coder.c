#include "engine/predictive/context_coder.h"

#include <stdlib.h>
#include <string.h>

#include "engine/coding/value_bits.h"

#define N_EXPERTS 3 /* the network's and two of scale tables */
#define N_INPUTS (SIREN_TABLES + N_EXPERTS + 1)
#define N_SETS 2

struct siren_context_coder {
    siren_lattice *lattice;
    const siren_context_network *network;
    siren_bit_stream stream;
    siren_features *features;
    int32_t *errors, *previous; /* (volume) of the network's mean, in 1/16 */
    siren_contexts contexts;
    siren_bit_mixer mixers[N_SETS][SIREN_COARSE][SIREN_NODES];
    siren_error_scale scales[2][SIREN_SCALES];
    siren_logistic tables;
    siren_mixture_tables mixing;
    /* Of the voxel in work. */
    unsigned set[N_SETS]; /* of mixers */
    siren_mixture mixture;
    int64_t inverse[2]; /* of scales, in 1/2^24 */
};

void siren_context_coder_free(siren_context_coder *coder) {
    if (!coder) return;
    siren_features_free(coder->features);
    free(coder->errors);
    free(coder->previous);
    siren_contexts_free(&coder->contexts);
    free(coder);
}

siren_status siren_context_coder_create(siren_lattice *lattice, const siren_context_network *network,
                                        siren_range_encoder *encoder, siren_range_decoder *decoder,
                                        siren_context_coder **out) {
    SIREN_AT_END(siren_context_coder_free_at) siren_context_coder *coder = NULL;
    size_t n = (size_t)lattice->volume;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "the context coder"));
    coder->lattice = lattice;
    coder->network = network;
    coder->stream = (siren_bit_stream){encoder, decoder};
    SIREN_TRY(siren_features_create(lattice, &coder->features));
    SIREN_TRY(siren_allocate(&coder->errors, n, sizeof *coder->errors, "the context coder"));
    SIREN_TRY(siren_allocate(&coder->previous, n, sizeof *coder->previous, "the context coder"));
    SIREN_TRY(siren_contexts_begin(&coder->contexts, SIREN_NODES));
    for (size_t s = 0; s < N_SETS; s++)
        for (size_t c = 0; c < SIREN_COARSE; c++)
            for (size_t node = 0; node < SIREN_NODES; node++)
                coder->mixers[s][c][node].weights[SIREN_TABLES] = 65536; /* the network's */
    siren_logistic_fill(&coder->tables);
    siren_mixture_fill(&coder->mixing);
    *out = SIREN_TAKE(coder);
    return SIREN_OK;
}

const uint32_t *siren_context_coder_noise(const siren_context_coder *coder) { return coder->features->noise; }

/* Nothing lies below 0 or above the largest value: distributions end there. */
SIREN_INLINE siren_masses beyond(const void *user, int64_t first, bool down) {
    const siren_context_coder *coder = user;
    siren_masses tail;
    bool none = first > coder->lattice->largest, all = first <= 0;
    int64_t edge = first * 256 - 128, d = edge - coder->mixture.mean;
    tail.of[0] = siren_mixture_above(&coder->mixing, &coder->mixture, edge);
    for (size_t e = 0; e < 2; e++)
        tail.of[1 + e] = siren_squash(&coder->tables, -(d * coder->inverse[e] >> 24)) << 8;
    for (size_t e = 0; e < N_EXPERTS; e++) {
        if (none || all) tail.of[e] = all ? SIREN_MIXTURE_WHOLE : 0;
        if (down) tail.of[e] = SIREN_MIXTURE_WHOLE - tail.of[e];
    }
    return tail;
}

SIREN_INLINE bool code_bit(void *user, unsigned node, siren_masses part, siren_masses whole, bool bit,
                           bool decoding) {
    siren_context_coder *coder = user;
    int32_t inputs[N_INPUTS];
    for (size_t i = 0; i < SIREN_TABLES; i++)
        inputs[i] = coder->tables.stretch[siren_bit_model_probability(&coder->contexts.at[i][node]) >> 4];
    for (size_t e = 0; e < N_EXPERTS; e++) {
        uint32_t rest = whole.of[e] - (part.of[e] < whole.of[e] ? part.of[e] : whole.of[e]);
        uint32_t least = e == 0 ? 4 : 128;
        int32_t odds = siren_mixture_log(&coder->mixing, part.of[e] + least) -
                       siren_mixture_log(&coder->mixing, rest + least);
        inputs[SIREN_TABLES + e] = siren_stretch_limited(odds * 11357 >> 16);
    }
    inputs[N_INPUTS - 1] = 256;
    int32_t all = 0, sums[N_SETS];
    for (size_t s = 0; s < N_SETS; s++) {
        sums[s] = siren_stretch_limited(siren_mix(&coder->mixers[s][coder->set[s]][node], inputs, N_INPUTS));
        all += sums[s];
    }
    bit = siren_stream_bit(&coder->stream, siren_mixed_probability(&coder->tables, all / N_SETS), bit,
                           decoding);
    for (size_t s = 0; s < N_SETS; s++)
        siren_mixer_learn(&coder->mixers[s][coder->set[s]][node], inputs, N_INPUTS,
                          (bit ? 65535 : 0) - (int32_t)siren_squash(&coder->tables, sums[s]), 15);
    for (size_t i = 0; i < SIREN_TABLES; i++) siren_bit_model_update(&coder->contexts.at[i][node], bit);
    return bit;
}

static const siren_value_bits value_bits = {
    beyond, code_bit, {{SIREN_MIXTURE_WHOLE, SIREN_MIXTURE_WHOLE, SIREN_MIXTURE_WHOLE}}, 3};

SIREN_INLINE void code_volume(siren_context_coder *coder, size_t volume, siren_predictor *predictor,
                              const bool decoding) {
    siren_lattice *lattice = coder->lattice;
    siren_features *features = coder->features;
    siren_features_volume(features, volume, predictor);
    ptrdiff_t stride = lattice->stride, base = (ptrdiff_t)volume * lattice->volume;
    const int32_t *reference = predictor->n_references
                                   ? lattice->values + (ptrdiff_t)predictor->references[0] * lattice->volume
                                   : lattice->values + base - stride - 1;
    int32_t *swap = coder->previous;
    coder->previous = coder->errors;
    coder->errors = swap;
    memset(coder->errors, 0, (size_t)lattice->volume * sizeof *coder->errors);
    for (size_t z = 0; z < lattice->nz; z++) {
        siren_lattice_begin_plane(lattice, volume, z, volume ? volume - 1 : 0);
        for (size_t y = 0; y < lattice->ny; y++) {
            ptrdiff_t row = siren_lattice_at(lattice, 0, z, y);
            int32_t *values = lattice->values + base + row;
            siren_lattice_begin_row(values, stride);
            for (size_t x = 0; x < lattice->nx; x++) {
                int32_t *value = values + x;
                ptrdiff_t at = row + (ptrdiff_t)x;
                if (!siren_lattice_has(lattice, volume, z, y, x)) {
                    *value = siren_lattice_between(value, stride);
                    continue;
                }
                int16_t inputs[SIREN_FEATURES];
                int32_t outputs[SIREN_MIXTURE_OUTPUTS];
                siren_features_of(features, y, x, at, inputs);
                siren_context_evaluate(coder->network, inputs, outputs);
                siren_mixture_from(&coder->mixing, outputs, features->predicted * 16, features->scale,
                                   lattice->largest, &coder->mixture);
                int32_t predicted = coder->mixture.mean >> 4;
                unsigned spread = siren_log_class(coder->mixture.spread, 2, 63);
                siren_error_scale *scales[2] = {
                    &coder->scales[0][spread * SIREN_LEVELS + siren_log_class(features->near, 0, 15)],
                    &coder->scales[1][siren_log_class(coder->mixture.spread, 3, 255)]};
                uint32_t expected = 0;
                for (size_t e = 0; e < 2; e++) {
                    if (scales[e]->n == 0) scales[e]->mean = coder->mixture.spread;
                    coder->inverse[e] = (int64_t)(((uint64_t)355 << 24) / (scales[e]->mean + 12));
                    expected += scales[e]->mean / 2;
                }
                siren_contexts_choose(&coder->contexts,
                                      &(siren_context_facts){expected, features->level, predicted,
                                                             coder->previous[at], reference[at],
                                                             coder->errors + at, value, stride});
                coder->set[0] = 0;
                coder->set[1] = siren_coarse_class(expected);
                int32_t coded = (int32_t)siren_code_value(&value_bits, coder, &coder->stream,
                                                          (coder->mixture.mean + 128) >> 8, lattice->largest,
                                                          siren_expected_bits(expected), *value, decoding);
                if (decoding) *value = coded;
                int32_t missed = coded * SIREN_ONE - predicted;
                coder->errors[at] = missed;
                siren_features_coded(features, at, coded);
                int32_t size = (int32_t)siren_magnitude(missed);
                for (size_t e = 0; e < 2; e++) siren_error_scale_add(scales[e], size);
            }
            siren_lattice_end_row(values, lattice->nx);
        }
        siren_lattice_end_plane(lattice, volume, z);
    }
}

void siren_context_coder_volume(siren_context_coder *coder, size_t volume, siren_predictor *predictor) {
    if (coder->stream.decoder)
        code_volume(coder, volume, predictor, true);
    else
        code_volume(coder, volume, predictor, false);
}
