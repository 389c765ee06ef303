#include "engine/archive/coded_parameters.h"

#include "engine/archive/parameters.h"
#include "engine/transform/mixer.h"

#include <stdlib.h>
#include <string.h>

#define CLASSES 128  /* of each vote */
#define WEIGHT 2400  /* of a vote at first */
#define OF_BIASES 64 /* added to a layer's number: the class of its biases */

/* One way or the other: without an encoder it decodes. */
typedef struct {
    siren_range_encoder *encoder;
    siren_range_decoder *decoder;
    bool float32;
    unsigned tree; /* bits of an exponent */
    size_t n_nodes;
    siren_vote *votes;    /* (SIREN_MIXER_MODELS, CLASSES, n_nodes) */
    siren_mixer *mixers;  /* (n_nodes) */
    uint64_t *of_columns; /* (most columns of a matrix) */
    siren_mixer_tables tables;
} parameter_coder;

static void coder_free(parameter_coder *coder) {
    free(coder->votes);
    free(coder->mixers);
    free(coder->of_columns);
}

static siren_status coder_create(const siren_network *network, unsigned weight_bits, parameter_coder *coder) {
    size_t columns = 1;
    for (uint32_t l = 0; l < network->n_layers; l++) {
        size_t in = siren_network_layer_inputs(network, l), out = network->layers[l].width;
        columns = in > columns ? in : columns;
        columns = out > columns ? out : columns; /* biases are one row */
    }
    coder->float32 = weight_bits == SIREN_FLOAT32_WEIGHTS;
    coder->tree = coder->float32 ? 8 : 4;
    coder->n_nodes = (size_t)5 << coder->tree; /* sign, tree of exponents, three for each mantissa */
    siren_mixer_tables_make(&coder->tables);
    SIREN_TRY(siren_allocate(&coder->votes, SIREN_MIXER_MODELS * CLASSES * coder->n_nodes,
                             sizeof *coder->votes, "the models of parameters"));
    SIREN_TRY(
        siren_allocate(&coder->mixers, coder->n_nodes, sizeof *coder->mixers, "the models of parameters"));
    return siren_allocate(&coder->of_columns, columns, sizeof *coder->of_columns, "the sums of columns");
}

static void begin_models(parameter_coder *coder) {
    siren_votes_begin(coder->votes, SIREN_MIXER_MODELS * CLASSES * coder->n_nodes);
    siren_mixers_begin(coder->mixers, coder->n_nodes);
    for (size_t node = 0; node < coder->n_nodes; node++)
        for (size_t i = 0; i < SIREN_MIXER_MODELS; i++) coder->mixers[node].weights[i] = WEIGHT;
}

/* ---- a value ---- */

typedef struct {
    bool negative;
    uint32_t exponent; /* float32's own; of an integer the bits of its magnitude */
    uint32_t mantissa; /* the bits below the highest */
} value_parts;

static value_parts parts_of(const parameter_coder *coder, uint32_t stored) {
    if (coder->float32) return (value_parts){stored >> 31, stored >> 23 & 255, stored & 0x7fffff};
    uint32_t magnitude = stored / 2 + stored % 2, exponent = 0; /* zig-zag code */
    while (magnitude >> exponent) exponent++;
    return (value_parts){stored % 2, exponent, magnitude - ((uint32_t)1 << exponent >> 1)};
}

static uint32_t stored_of(const parameter_coder *coder, value_parts value) {
    if (coder->float32) return (uint32_t)value.negative << 31 | value.exponent << 23 | value.mantissa;
    uint32_t magnitude = value.mantissa + ((uint32_t)1 << value.exponent >> 1);
    return 2 * magnitude - value.negative;
}

static bool code_bit(parameter_coder *coder, const unsigned classes[SIREN_MIXER_MODELS], size_t node,
                     bool bit) {
    siren_mixed_bit mixed = {.mixer = &coder->mixers[node]};
    for (size_t i = 0; i < SIREN_MIXER_MODELS; i++)
        mixed.voters[i] = &coder->votes[(i * CLASSES + classes[i]) * coder->n_nodes + node];
    uint32_t probability = siren_mixed_predict(&coder->tables, &mixed);
    if (coder->encoder)
        siren_range_put(coder->encoder, probability, bit);
    else
        bit = siren_range_get(coder->decoder, probability);
    siren_mixed_update(&mixed, bit);
    return bit;
}

static uint32_t code_plain(parameter_coder *coder, uint32_t value, unsigned n_bits) {
    value &= ((uint32_t)1 << n_bits) - 1;
    if (!coder->encoder) return (uint32_t)siren_range_get_bits(coder->decoder, n_bits);
    siren_range_put_bits(coder->encoder, value, n_bits);
    return value;
}

static value_parts code_value(parameter_coder *coder, const unsigned classes[SIREN_MIXER_MODELS],
                              value_parts value) {
    const size_t n_exponents = (size_t)1 << coder->tree;
    size_t node = 1;
    for (unsigned i = coder->tree; i-- > 0;)
        node = 2 * node + code_bit(coder, classes, node, value.exponent >> i & 1);
    value.exponent = (uint32_t)(node - n_exponents);
    unsigned n = coder->float32 ? 23 : value.exponent > 0 ? value.exponent - 1 : 0, known = n < 2 ? n : 2;
    uint32_t high = 1;
    for (unsigned i = 1; i <= known; i++)
        high = 2 * high + code_bit(coder, classes, n_exponents + 4 * value.exponent + high,
                                   value.mantissa >> (n - i) & 1);
    high -= (uint32_t)1 << known;
    value.mantissa = high << (n - known) | code_plain(coder, value.mantissa, n - known);
    if (coder->float32 || value.exponent > 0) value.negative = code_bit(coder, classes, 0, value.negative);
    return value;
}

/* ---- a matrix ---- */

/* In 1/16 of a unit, which of float32 is 2^-20; then at most 2^28. */
static uint64_t magnitude_of(const parameter_coder *coder, uint32_t stored) {
    if (!coder->float32) return (uint64_t)(stored / 2 + stored % 2) << 4;
    value_parts value = parts_of(coder, stored);
    if (value.exponent < 103 || value.exponent > 130) return value.exponent < 103 ? 0 : 1 << 28;
    return (uint64_t)(value.mantissa | 0x800000) << 4 >> (130 - value.exponent);
}

/* Quarters of an octave. */
static unsigned quarter(uint64_t n) {
    unsigned t = 0;
    while (n >> t >= 8) t++;
    unsigned class = 4 * t + (unsigned)(n >> t);
    return class < CLASSES ? class : CLASSES - 1;
}

static unsigned sign_of(const parameter_coder *coder, uint32_t stored) {
    return stored == 0 ? 0 : parts_of(coder, stored).negative ? 1 : 2;
}

/* Values as they are stored: zig-zag code, or the bits of float32. False where the stream has ended. */
static bool code_matrix(parameter_coder *coder, unsigned layer, size_t rows, size_t columns,
                        uint32_t *values) {
    uint64_t all = 0, *of_columns = coder->of_columns;
    memset(of_columns, 0, columns * sizeof *of_columns);
    for (size_t r = 0, n = 0; r < rows; r++) {
        uint64_t of_row = 0;
        for (size_t k = 0; k < columns; k++, n++) {
            uint64_t mean = (all + 16) / (n + 1), row = (of_row + 6 * mean) / (k + 6),
                     column = (of_columns[k] + 6 * mean) / (r + 6);
            const unsigned classes[SIREN_MIXER_MODELS] = {layer,
                                                          quarter(row),
                                                          quarter(column),
                                                          quarter(row * column / (mean + 1)),
                                                          (unsigned)(k < CLASSES ? k : CLASSES - 1),
                                                          (unsigned)(r < CLASSES ? r : CLASSES - 1),
                                                          3 * (k ? sign_of(coder, values[n - 1]) : 0) +
                                                              (r ? sign_of(coder, values[n - columns]) : 0)};
            values[n] = stored_of(coder, code_value(coder, classes, parts_of(coder, values[n])));
            uint64_t magnitude = magnitude_of(coder, values[n]);
            all += magnitude;
            of_row += magnitude;
            of_columns[k] += magnitude;
        }
        if (coder->decoder && siren_range_decoder_is_short(coder->decoder)) return false;
    }
    return true;
}

/* ---- a network ---- */

static bool code_layer(parameter_coder *coder, const siren_network *network, uint32_t l, bool weights,
                       bool biases, uint32_t **values) {
    size_t out = network->layers[l].width, in = siren_network_layer_inputs(network, l);
    if (weights) {
        if (!code_matrix(coder, l, out, in, *values)) return false;
        *values += out * in;
    }
    if (biases) {
        if (!code_matrix(coder, OF_BIASES + l, 1, out, *values)) return false;
        *values += out;
    }
    return true;
}

/* In the order of the groups of siren_rounded_write(), of which each has models of its own. */
static bool code_integers(parameter_coder *coder, const siren_network *network, uint32_t *values) {
    const uint32_t last = network->n_layers - 1;
    bool going = true;
    begin_models(coder);
    for (uint32_t l = 0; going && l <= last; l++)
        going = code_layer(coder, network, l, l == 0, true, &values);
    begin_models(coder);
    for (uint32_t l = 1; going && l < last; l++) going = code_layer(coder, network, l, true, false, &values);
    begin_models(coder);
    return going && (last == 0 || code_layer(coder, network, last, true, false, &values));
}

static bool code_floats(parameter_coder *coder, const siren_network *network, uint32_t *values) {
    const uint32_t last = network->n_layers - 1;
    bool going = true;
    for (uint32_t l = 0; going && l <= last; l++) {
        if (l < 2 || l == last) begin_models(coder);
        going = code_layer(coder, network, l, true, true, &values);
    }
    return going;
}

/* A layer's steps follow their running mean, in 1/16; that of its biases is plain. */
static void code_steps(parameter_coder *coder, const siren_network *network, uint32_t *values) {
    for (uint32_t l = 0; l < network->n_layers; l++) {
        siren_integer_model model;
        int64_t mean = 0;
        siren_integer_models_begin(&model, 1);
        for (size_t i = 0, n = l ? network->layers[l].width : 1; i < n; i++, values++) {
            int64_t expected = (mean + 8) >> 4;
            if (coder->encoder)
                siren_integer_put(coder->encoder, &model, (int64_t)*values - expected);
            else
                *values =
                    (uint32_t)((siren_integer_get(coder->decoder, &model) & 0xffff) + expected) & 0xffff;
            mean += (16 * (int64_t)*values - mean) / (int64_t)(i < 15 ? i + 1 : 16);
        }
        *values = code_plain(coder, *values, 16);
        values++;
    }
}

/* ---- both ways ---- */

static siren_status code_parameters(siren_range_encoder *encoder, siren_range_decoder *decoder,
                                    const siren_network *network, unsigned weight_bits, const uint8_t *from,
                                    uint8_t *to) {
    SIREN_AT_END(coder_free) parameter_coder coder = {.encoder = encoder, .decoder = decoder};
    SIREN_FREE_AT_END uint32_t *values = NULL;
    siren_parameter_plane planes[SIREN_PARAMETER_PLANES];
    size_t n_planes = siren_parameter_planes(network, weight_bits, planes), n_values = 0, n_steps = 0;
    for (size_t i = 0; i < n_planes; i++) n_values += planes[i].n;
    if (weight_bits != SIREN_FLOAT32_WEIGHTS) n_steps = planes[0].n;
    SIREN_TRY(coder_create(network, weight_bits, &coder));
    SIREN_TRY(siren_allocate(&values, n_values, sizeof *values, "the stored values"));
    uint32_t *at = values;
    for (size_t i = 0; from && i < n_planes; i++) {
        siren_planes_get(from, at, planes[i].n, planes[i].width);
        from += planes[i].n * planes[i].width;
        at += planes[i].n;
    }
    if (coder.float32) {
        code_floats(&coder, network, values);
    } else {
        code_steps(&coder, network, values);
        code_integers(&coder, network, values + n_steps);
    }
    at = values;
    for (size_t i = 0; to && i < n_planes; i++) {
        siren_planes_put(to, at, planes[i].n, planes[i].width);
        to += planes[i].n * planes[i].width;
        at += planes[i].n;
    }
    return SIREN_OK;
}

siren_status siren_parameters_put(siren_range_encoder *encoder, const siren_network *network,
                                  unsigned weight_bits, const uint8_t *bytes) {
    return code_parameters(encoder, NULL, network, weight_bits, bytes, NULL);
}

siren_status siren_parameters_get(siren_range_decoder *decoder, const siren_network *network,
                                  unsigned weight_bits, uint8_t *bytes) {
    return code_parameters(NULL, decoder, network, weight_bits, NULL, bytes);
}
