#include "engine/predictive/voxel_coder.h"

#include "host/clones.h"

#include <stdlib.h>
#include <string.h>

#include "engine/coding/value_bits.h"
#include "engine/predictive/contexts.h"

/* ---- state ---- */

#define N_NODES SIREN_NODE_THIRD /* two halvings of a cell have some */
#define N_EXPERTS 2
#define N_INPUTS (SIREN_TABLES + N_EXPERTS + 1)

struct siren_voxel_coder {
    siren_lattice *lattice;
    siren_bit_stream stream;
    uint32_t *noise;   /* (volume) running mean of errors, in 1/16 */
    int32_t *errors;   /* (volume) of the volume in work */
    int32_t *previous; /* (volume) of the one before */
    siren_contexts contexts;
    siren_bit_mixer mixers[N_NODES];
    siren_error_scale scales[N_EXPERTS][SIREN_SCALES];
    siren_logistic tables;
    /* Of the voxel in work. */
    int64_t predicted;          /* in 1/16 */
    int64_t inverse[N_EXPERTS]; /* of scales, in 1/2^24 */
};

void siren_voxel_coder_free(siren_voxel_coder *coder) {
    if (!coder) return;
    free(coder->noise);
    free(coder->errors);
    free(coder->previous);
    siren_contexts_free(&coder->contexts);
    free(coder);
}

siren_status siren_voxel_coder_create(siren_lattice *lattice, siren_range_encoder *encoder,
                                      siren_range_decoder *decoder, siren_voxel_coder **out) {
    SIREN_AT_END(siren_voxel_coder_free_at) siren_voxel_coder *coder = NULL;
    size_t n = (size_t)lattice->volume;
    SIREN_TRY(siren_allocate(&coder, 1, sizeof *coder, "the voxel coder"));
    coder->lattice = lattice;
    coder->stream = (siren_bit_stream){encoder, decoder};
    SIREN_TRY(siren_allocate(&coder->noise, n, sizeof *coder->noise, "the voxel coder"));
    SIREN_TRY(siren_allocate(&coder->errors, n, sizeof *coder->errors, "the voxel coder"));
    SIREN_TRY(siren_allocate(&coder->previous, n, sizeof *coder->previous, "the voxel coder"));
    SIREN_TRY(siren_contexts_begin(&coder->contexts, N_NODES));
    for (size_t node = 0; node < N_NODES; node++)
        for (size_t i = 0; i < SIREN_TABLES + N_EXPERTS; i++) coder->mixers[node].weights[i] = 65536 / 5;
    siren_logistic_fill(&coder->tables);
    *out = SIREN_TAKE(coder);
    return SIREN_OK;
}

const uint32_t *siren_voxel_coder_noise(const siren_voxel_coder *coder) { return coder->noise; }

/* ---- one bit ---- */

/* Each expert has a logistic distribution around the prediction; masses are of 65536. */
SIREN_INLINE siren_masses beyond(const void *user, int64_t first, bool down) {
    const siren_voxel_coder *coder = user;
    siren_masses tail = {{0, 0, 0}};
    int64_t distance = first * SIREN_ONE - SIREN_ONE / 2 - coder->predicted;
    if (down) distance = -distance;
    for (size_t e = 0; e < N_EXPERTS; e++)
        tail.of[e] = siren_squash(&coder->tables, -(distance * coder->inverse[e] >> 24));
    return tail;
}

SIREN_INLINE bool code_bit(void *user, unsigned node, siren_masses part, siren_masses whole, bool bit,
                           bool decoding) {
    siren_voxel_coder *coder = user;
    const int16_t *stretch = coder->tables.stretch;
    int32_t inputs[N_INPUTS];
    siren_bit_mixer *mixer = &coder->mixers[node];
    for (size_t i = 0; i < SIREN_TABLES; i++)
        inputs[i] = stretch[siren_bit_model_probability(&coder->contexts.at[i][node]) >> 4];
    for (size_t e = 0; e < N_EXPERTS; e++)
        inputs[SIREN_TABLES + e] = stretch[(part.of[e] + 1) * 4095 / (whole.of[e] + 2)];
    inputs[N_INPUTS - 1] = 256;
    uint32_t p = siren_mixed_probability(&coder->tables, siren_mix(mixer, inputs, N_INPUTS));
    bit = siren_stream_bit(&coder->stream, p, bit, decoding);
    siren_mixer_learn(mixer, inputs, N_INPUTS, (bit ? 65535 : 0) - (int32_t)p, 13);
    for (size_t i = 0; i < SIREN_TABLES; i++) siren_bit_model_update(&coder->contexts.at[i][node], bit);
    return bit;
}

static const siren_value_bits value_bits = {beyond, code_bit, {{65536, 65536, 0}}, 2};

SIREN_INLINE void code_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor,
                              const bool decoding) {
    siren_lattice *lattice = coder->lattice;
    const int32_t *terms[SIREN_PREDICTOR_TERMS];
    siren_predictor_terms(lattice, volume, predictor, terms);
    ptrdiff_t stride = lattice->stride, base = (ptrdiff_t)volume * lattice->volume;
    /* Where there is no other volume, the voxel above and to the left. */
    const int32_t *reference = predictor->n_references
                                   ? lattice->values + (ptrdiff_t)predictor->references[0] * lattice->volume
                                   : lattice->values + base - stride - 1;
    int32_t *swap = coder->previous;
    coder->previous = coder->errors;
    coder->errors = swap;
    memset(coder->errors, 0, (size_t)lattice->volume * sizeof *coder->errors);
    const int32_t rate = volume < 7 ? (int32_t)volume + 1 : 8;
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
                int32_t predicted = siren_predict(predictor, terms, at, lattice->largest);
                const int32_t *error = coder->errors + at;
                uint32_t *noise = coder->noise + at, expected = 0;
                siren_surroundings around =
                    siren_surroundings_of(error, noise, value, reference[at], predicted, volume == 0, stride);
                siren_error_scale *scales[N_EXPERTS];
                siren_scales_at(coder->scales, around, scales);
                for (size_t e = 0; e < N_EXPERTS; e++) {
                    coder->inverse[e] = (int64_t)(((uint64_t)355 << 28) / (scales[e]->mean + 12));
                    expected += scales[e]->mean / 2;
                }
                siren_contexts_choose(&coder->contexts,
                                      &(siren_context_facts){expected, around.level, predicted,
                                                             coder->previous[at], reference[at], error, value,
                                                             stride});
                coder->predicted = predicted;
                int32_t coded = (int32_t)siren_code_value(
                    &value_bits, coder, &coder->stream, (predicted + SIREN_ONE / 2) >> SIREN_FRACTION_BITS,
                    lattice->largest, siren_expected_bits(expected), *value, decoding);
                if (decoding) *value = coded;

                int32_t missed = coded * SIREN_ONE - predicted;
                coder->errors[at] = missed;
                int32_t size = (int32_t)siren_magnitude(missed);
                *noise += (uint32_t)((size - (int32_t)*noise) / rate);
                for (size_t e = 0; e < N_EXPERTS; e++) siren_error_scale_add(scales[e], size);
            }
            siren_lattice_end_row(values, lattice->nx);
        }
        siren_lattice_end_plane(lattice, volume, z);
    }
}

/* Integers alone: every level of the processor has the same bits. */
SIREN_CLONES static void encode_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor) {
    code_volume(coder, volume, predictor, false);
}
SIREN_CLONES static void decode_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor) {
    code_volume(coder, volume, predictor, true);
}

void siren_voxel_coder_volume(siren_voxel_coder *coder, size_t volume, siren_predictor *predictor) {
    (coder->stream.decoder ? decode_volume : encode_volume)(coder, volume, predictor);
}
