#include "engine/archive/coded_record.h"

#include "engine/archive/coded_parameters.h"
#include "engine/archive/parameters.h"
#include "engine/transform/transform.h"
#include "formats/little_endian.h"
#include "formats/pack.h"

#include <stdlib.h>
#include <string.h>

/* Models of exceptional voxels: how many there are, how far apart, and each byte of their values. */
typedef struct {
    siren_integer_model count, gap;
    siren_bit_model bytes[8][256];
} exceptional_models;

static void begin_models(exceptional_models *models) {
    siren_integer_models_begin(&models->count, 1);
    siren_integer_models_begin(&models->gap, 1);
    siren_bit_models_begin(models->bytes[0], 8 * 256);
}

static void put_exceptional(siren_range_encoder *encoder, exceptional_models *models, size_t size,
                            const siren_record *record) {
    for (size_t i = 0, next = 0; i < record->n_exceptional; i++) {
        size_t position = siren_get_u32(record->positions + 4 * i);
        siren_magnitude_put(encoder, &models->gap, position - next);
        next = position + 1;
        for (size_t byte = size; byte-- > 0;)
            for (unsigned node = 1, bit = 8; bit-- > 0;) {
                bool one = record->values[i * size + byte] >> bit & 1;
                siren_bit_put(encoder, &models->bytes[byte][node], one);
                node = 2 * node + one;
            }
    }
}

static void get_exceptional(siren_range_decoder *decoder, exceptional_models *models, size_t size, size_t n,
                            uint8_t *positions, uint8_t *values) {
    uint64_t next = 0;
    for (size_t i = 0; i < n && !siren_range_decoder_is_short(decoder); i++) {
        uint64_t position = next + siren_magnitude_get(decoder, &models->gap);
        siren_put_u32(positions + 4 * i, position < UINT32_MAX ? (uint32_t)position : UINT32_MAX);
        next = position + 1;
        for (size_t byte = size; byte-- > 0;) {
            unsigned node = 1;
            while (node < 256) node = 2 * node + siren_bit_get(decoder, &models->bytes[byte][node]);
            values[i * size + byte] = (uint8_t)node;
        }
    }
}

/* The network's part alone. */
static siren_status code(const char *name, const siren_layout *layout, const uint8_t *bytes, size_t n_bytes,
                         siren_range_encoder *encoder) {
    size_t n_volumes = layout->geometry.n_volumes;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    SIREN_FREE_AT_END exceptional_models *models = NULL;
    siren_record record;
    SIREN_TRY(
        siren_record_read(name, layout, siren_block_grid_points(&layout->grid), bytes, n_bytes, &record));
    SIREN_TRY(siren_allocate(&scaling, n_volumes, sizeof *scaling, "the scaling"));
    SIREN_TRY(siren_allocate(&models, 1, sizeof *models, "the models of a record"));
    SIREN_TRY(siren_record_scaling(name, layout, &record, scaling));
    begin_models(models);
    siren_range_put_bits(encoder, record.constant, 1);
    siren_magnitude_put(encoder, &models->count, record.n_exceptional);
    siren_scaling_put(encoder, scaling, n_volumes);
    if (!record.constant)
        SIREN_TRY(siren_parameters_put(encoder, &layout->network, layout->weight_bits, record.parameters));
    put_exceptional(encoder, models, siren_datatype_size(layout->geometry.datatype), &record);
    return SIREN_OK;
}

static siren_status decode(const char *name, const siren_layout *layout, const uint8_t *coded, size_t n_coded,
                           size_t n_record, uint8_t **out) {
    size_t n_volumes = layout->geometry.n_volumes, size = siren_datatype_size(layout->geometry.datatype);
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    SIREN_FREE_AT_END exceptional_models *models = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    siren_range_decoder decoder;
    SIREN_TRY(siren_allocate(&models, 1, sizeof *models, "the models of a record"));
    begin_models(models);
    siren_range_decoder_begin(&decoder, coded, n_coded);
    bool constant = siren_range_get_bits(&decoder, 1);
    uint64_t n = siren_magnitude_get(&decoder, &models->count);
    size_t expected = 0;
    if (n > UINT32_MAX || !siren_record_size(layout, constant, (size_t)n, &expected) || expected != n_record)
        return siren_fail(SIREN_CORRUPT,
                          "%s: its coded record does not fit the archive's network in %zu bytes; restore the "
                          "file from a copy",
                          name, n_record);
    SIREN_TRY(siren_allocate(&scaling, n_volumes, sizeof *scaling, "the scaling"));
    SIREN_TRY(siren_allocate(&bytes, n_record, 1, "a record"));
    SIREN_TRY(siren_scaling_get(name, &decoder, n_volumes, scaling));
    uint8_t *at = siren_record_begin(constant, (size_t)n, scaling, n_volumes, bytes);
    if (!constant) {
        SIREN_TRY(siren_parameters_get(&decoder, &layout->network, layout->weight_bits, at));
        at += siren_quantised_bytes(&layout->network, layout->weight_bits);
    }
    get_exceptional(&decoder, models, size, (size_t)n, at, at + 4 * n);
    SIREN_TRY(siren_range_decoder_finish(&decoder, name));
    *out = SIREN_TAKE(bytes);
    return SIREN_OK;
}

siren_status siren_record_decode(const char *name, const siren_layout *layout, const uint8_t *coded,
                                 size_t n_coded, size_t n_record, uint8_t **record) {
    const uint8_t *corrections;
    size_t n_stream = n_coded, n_corrections, n_tail;
    SIREN_TRY(siren_record_split(name, layout, coded, &n_stream, &corrections, &n_corrections));
    n_tail = n_coded - n_stream;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = n_record > n_tail ? n_record - n_tail : 0;
    SIREN_TRY(decode(name, layout, coded, n_stream, n_bytes, &bytes));
    if (layout->corrected) SIREN_TRY(siren_record_append(corrections, n_corrections, &bytes, &n_bytes));
    *record = SIREN_TAKE(bytes);
    return SIREN_OK;
}

siren_status siren_record_code(const char *name, const siren_layout *layout, const uint8_t *record,
                               size_t n_record, uint8_t **coded, size_t *n_coded) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    SIREN_FREE_AT_END uint8_t *back = NULL;
    const uint8_t *corrections;
    size_t n_bytes = 0, n_own = n_record, n_corrections;
    siren_range_encoder encoder;
    SIREN_TRY(siren_record_split(name, layout, record, &n_own, &corrections, &n_corrections));
    siren_range_encoder_begin(&encoder);
    siren_status status = code(name, layout, record, n_own, &encoder);
    if (status != SIREN_OK) siren_range_encoder_free(&encoder);
    SIREN_TRY(status);
    SIREN_TRY(siren_range_encoder_finish(&encoder, &bytes, &n_bytes));
    if (layout->corrected) SIREN_TRY(siren_record_append(corrections, n_corrections, &bytes, &n_bytes));
    SIREN_TRY(siren_record_decode(name, layout, bytes, n_bytes, n_record, &back));
    *coded = NULL;
    if (n_record / SIREN_PACK_MAX_RATIO >= n_bytes || memcmp(back, record, n_record) != 0) return SIREN_OK;
    *coded = SIREN_TAKE(bytes);
    *n_coded = n_bytes;
    return SIREN_OK;
}

siren_status siren_record_load(const char *name, const siren_layout *layout, const siren_archive *archive,
                               size_t nth, uint8_t **record, size_t *n_record) {
    SIREN_FREE_AT_END uint8_t *stored = NULL;
    const siren_index_entry *entry = &siren_archive_index(archive)[nth];
    size_t n_stored = 0;
    SIREN_TRY(siren_archive_record(archive, nth, &stored, &n_stored));
    if (!entry->coded) {
        *record = SIREN_TAKE(stored);
        *n_record = n_stored;
        return SIREN_OK;
    }
    *n_record = (size_t)entry->unpacked_bytes;
    return siren_record_decode(name, layout, stored, n_stored, *n_record, record);
}
