/* libFuzzer: records of a small network's block, in the weights and datatypes that the first bytes choose, with
 * corrections or without: any bytes as an unpacked record, and as one through the range coder; parameters and
 * voxels: their record comes back through the coder, and as a finished block of a run folder; what was coded is
 * damaged. What is accepted has finite parameters, and is the same again. */
#include "engine/archive/coded_record.h"
#include "engine/archive/parameters.h"
#include "engine/encode/encoded_bytes.h"
#include "engine/encode/rounding.h"
#include "tests/fuzz/input.h"

#include <float.h>

#define N_VOLUMES 3
#define NX 5
#define NY 4
#define NAME "fuzz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static float *new_params(const siren_layout *layout) {
    float *params = malloc(siren_network_n_params(&layout->network) * sizeof *params);
    MUST(params);
    return params;
}

/* False where it is none. */
static bool unpack(const siren_layout *layout, const uint8_t *bytes, size_t n, siren_record *record,
                   siren_scaling *scaling, float *params) {
    const uint8_t *corrections;
    size_t n_corrections;
    return siren_record_split(NAME, layout, bytes, &n, &corrections, &n_corrections) == SIREN_OK &&
           siren_record_read(NAME, layout, NX * NY, bytes, n, record) == SIREN_OK &&
           siren_record_unpack(NAME, layout, record, scaling, params) == SIREN_OK;
}

static void read_any(const siren_layout *layout, const uint8_t *bytes, size_t n) {
    siren_scaling scaling[N_VOLUMES];
    siren_record record;
    float *params = new_params(layout);
    if (unpack(layout, bytes, n, &record, scaling, params)) {
        for (size_t i = 0; !record.constant && i < siren_network_n_params(&layout->network); i++)
            MUST(isfinite(params[i]));
        for (size_t v = 0; v < N_VOLUMES; v++) MUST(scaling[v].minimum <= scaling[v].maximum);
    }
    free(params);
}

/* Any bytes through the coder, to records of so many bytes: twice the same. */
static void decode_any(const siren_layout *layout, const uint8_t *bytes, size_t n, size_t n_record) {
    uint8_t *records[2] = {NULL, NULL};
    siren_status status[2];
    for (int run = 0; run < 2; run++) {
        status[run] = siren_record_decode(NAME, layout, bytes, n, n_record, &records[run]);
        MUST(status[run] == SIREN_OK || status[run] == SIREN_CORRUPT);
    }
    MUST(status[0] == status[1]);
    if (status[0] == SIREN_OK) {
        MUST(memcmp(records[0], records[1], n_record) == 0);
        read_any(layout, records[0], n_record);
    }
    free(records[0]), free(records[1]);
}

/* ---- valid records ---- */

/* Of many magnitudes; some 0. Returns the parameters as they will be read. */
static float *write_parameters(fuzz_input *in, const siren_layout *layout, uint8_t *bytes) {
    const siren_network *network = &layout->network;
    const size_t n = siren_network_n_params(network);
    const unsigned how = input_byte(in);
    float *params = new_params(layout);
    for (size_t i = 0; i < n; i++) {
        const int mantissa = (int8_t)input_byte_at(in, 2 * i), other = input_byte_at(in, 2 * i + 1);
        const int exponent = how % 4 == 0   ? 0
                             : how % 4 == 1 ? other % 8
                             : how % 4 == 2 ? other / 2
                                            : -other / 2;
        params[i] = how & 8 && i < n / 2 ? 0 : ldexpf((float)mantissa, exponent - (int)(how >> 4 & 7));
        if (!isfinite(params[i])) params[i] = copysignf(FLT_MAX, params[i]);
    }
    if (layout->weight_bits == SIREN_FLOAT32_WEIGHTS) {
        MUST(siren_float32_write(params, n, bytes) == SIREN_OK);
        for (size_t i = 0; i < n; i++)
            if (fabsf(params[i]) < SIREN_SMALLEST_STEP) params[i] = 0;
    } else {
        siren_rounded rounded;
        MUST(siren_rounded_create(network, &rounded) == SIREN_OK);
        siren_round_nearest(network, (siren_weight_form){.bits = layout->weight_bits, .less = how >> 2 & 1},
                            params, &rounded);
        MUST(siren_rounded_write(network, layout->weight_bits, &rounded, bytes) == SIREN_OK);
        siren_rounded_params(network, &rounded, params);
        siren_rounded_free(&rounded);
    }
    return params;
}

/* The same in, around and out of a finished block of a run folder. */
static void check_encoded(const uint8_t *coded, size_t n_coded, size_t n_record, const fuzz_damage *damage) {
    const siren_encoded block = {.entry = {.block = 3, .decoded_crc = n_coded, .mse = 0.5, .coded = true},
                                 .n_epochs = 7,
                                 .packed = (uint8_t *)coded,
                                 .n_packed = n_coded,
                                 .n_unpacked = n_record};
    siren_encoded back;
    uint8_t *bytes, *spoilt;
    char *text;
    size_t n, n_spoilt;
    MUST(siren_encoded_write(&block, "text", 0, &bytes, &n) == SIREN_OK);
    MUST(siren_encoded_read(NAME, bytes, n, &back, &text) == SIREN_OK);
    MUST(back.n_packed == n_coded && memcmp(back.packed, coded, n_coded) == 0 && strcmp(text, "text") == 0);
    MUST(back.entry.block == 3 && back.entry.decoded_crc == n_coded && back.entry.coded &&
         back.n_epochs == 7);
    MUST(back.n_unpacked == n_record && back.entry.mse == 0.5 && !back.constant && !back.diverged);
    siren_encoded_free(&back);
    free(text);
    spoilt = input_spoil(damage, bytes, n, &n_spoilt);
    if (siren_encoded_read(NAME, spoilt, n_spoilt, &back, NULL) == SIREN_OK) siren_encoded_free(&back);
    free(spoilt), free(bytes);
}

static void check_record(const siren_layout *layout, const uint8_t *record, size_t n_record,
                         const fuzz_damage *damage) {
    uint8_t *coded = NULL, *back = NULL, *spoilt;
    size_t n_coded = 0, n_spoilt;
    MUST(siren_record_code(NAME, layout, record, n_record, &coded, &n_coded) == SIREN_OK && coded);
    MUST(siren_record_decode(NAME, layout, coded, n_coded, n_record, &back) == SIREN_OK);
    MUST(memcmp(back, record, n_record) == 0);
    free(back);
    MUST(siren_record_decode(NAME, layout, coded, n_coded, n_record + 1, &back) == SIREN_CORRUPT);
    check_encoded(coded, n_coded, n_record, damage);
    if (damage->n > 0) {
        spoilt = input_spoil(damage, coded, n_coded, &n_spoilt);
        decode_any(layout, spoilt, n_spoilt, n_record);
        free(spoilt);
        spoilt = input_spoil(damage, record, n_record, &n_spoilt);
        read_any(layout, spoilt, n_spoilt);
        free(spoilt);
    }
    free(coded);
}

static void code_record(fuzz_input *in, const siren_layout *layout, bool constant, bool limited) {
    const fuzz_damage damage = input_damage(in);
    const siren_datatype type = layout->geometry.datatype;
    const siren_block block = {.nx = NX, .ny = NY, .nz = 1};
    siren_scaling limits[N_VOLUMES], scaling[N_VOLUMES], read[N_VOLUMES];
    siren_apart apart;
    siren_record parts;
    uint64_t voxels[NX * NY * N_VOLUMES]; /* room for every type */
    uint8_t *record = NULL,
            *parameters = malloc(siren_quantised_bytes(&layout->network, layout->weight_bits));
    size_t n_record, n_apart;
    fuzz_input for_voxels = input_half(in);
    MUST(parameters);
    float *params = write_parameters(in, layout, parameters), *found = new_params(layout);
    input_voxels(&for_voxels, type, NX, NX * NY * N_VOLUMES, voxels);
    const siren_series series = {.geometry = layout->geometry, .voxels = voxels};
    for (size_t v = 0; v < N_VOLUMES; v++)
        MUST(siren_block_limits(&series, &block, v, &limits[v], &n_apart) == SIREN_OK);
    const siren_status status = siren_block_scale(&series, &block, limited ? limits : NULL, scaling, &apart);
    MUST(status == SIREN_OK || (status == SIREN_UNSUPPORTED && type == SIREN_FLOAT64));
    if (status == SIREN_OK) {
        MUST(siren_record_write(layout, &block, &series, scaling, constant ? NULL : parameters, apart.n,
                                &record, &n_record) == SIREN_OK);
        if (layout->corrected)
            MUST(siren_record_append(in->bytes, in->n % 64, &record, &n_record) == SIREN_OK);
        MUST(unpack(layout, record, n_record, &parts, read, found));
        MUST(parts.constant == constant && parts.n_exceptional == apart.n);
        MUST(memcmp(read, scaling, sizeof read) == 0);
        for (size_t i = 0; !constant && i < siren_network_n_params(&layout->network); i++)
            MUST(found[i] == params[i]);
        check_record(layout, record, n_record, &damage);
    }
    free(record), free(parameters), free(params), free(found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const unsigned bits[] = {SIREN_FLOAT32_WEIGHTS, 6, 8, 11, 12};
    fuzz_input in = {data, size};
    const unsigned how = input_byte(&in), shape = input_byte(&in);
    siren_layout layout = {.geometry = {.datatype = input_datatype(&in),
                                        .nx = NX,
                                        .ny = NY,
                                        .nz = 1,
                                        .n_volumes = N_VOLUMES,
                                        .slope = 1},
                           .weight_bits = bits[input_byte(&in) % 5],
                           .corrected = how & 2,
                           .any_network = true};
    MUST(siren_network_from_model("siren-2d", 1 + shape % 3, 5 + shape / 3 % 8, N_VOLUMES, 30,
                                  &layout.network) == SIREN_OK);
    MUST(siren_block_grid_create(SIREN_BLOCK_SLICE, NULL, &layout.geometry, 0, 1, &layout.grid) == SIREN_OK);
    if (how & 1) {
        code_record(&in, &layout, how & 4, how & 8);
    } else {
        const size_t n_record = siren_record_bytes(&layout) + (how & 4 ? input_byte(&in) : 0);
        read_any(&layout, in.bytes, in.n);
        decode_any(&layout, in.bytes, in.n, n_record);
    }
    return 0;
}
