#include "formats/archive.h"
#include "formats/archive_layout.h"
#include "formats/little_endian.h"
#include "formats/pack.h"
#include "host/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct siren_archive_writer {
    char *path;
    siren_output *output;
    uint64_t offset; /* where the next body goes */
    siren_section_entry *sections;
    size_t n_sections, sections_room;
    siren_index_entry *records;
    size_t n_records, records_room;
    siren_status failure; /* of the first failed call */
    bool finished;
};

siren_status siren_archive_writer_open(const char *path, bool overwrite, siren_archive_writer **out) {
    SIREN_AT_END(siren_archive_writer_discard_at) siren_archive_writer *writer = NULL;
    const uint8_t prefix[SIREN_PREFIX_BYTES] = {0}; /* commit knows its content */
    SIREN_TRY(siren_allocate(&writer, 1, sizeof *writer, "the archive writer"));
    const char *name = path ? path : SIREN_ARCHIVE_IN_MEMORY;
    SIREN_TRY(siren_allocate(&writer->path, strlen(name) + 1, 1, "the archive's path"));
    strcpy(writer->path, name);
    SIREN_TRY(path ? siren_output_open(path, overwrite, &writer->output)
                   : siren_output_open_memory(&writer->output));
    SIREN_TRY(siren_output_write(writer->output, prefix, sizeof prefix));
    writer->offset = sizeof prefix;
    *out = SIREN_TAKE(writer);
    return SIREN_OK;
}

/* Makes room for one more item of `size` bytes. `items` is the address of any object pointer. */
static siren_status grow(void *items, size_t count, size_t *room, size_t size, const char *what) {
    void *present, *larger = NULL;
    size_t wanted;
    if (count < *room) return SIREN_OK;
    if (!siren_mul(*room, 2, &wanted)) wanted = SIZE_MAX;
    if (wanted < 64) wanted = 64;
    SIREN_TRY(siren_allocate(&larger, wanted, size, what));
    memcpy(&present, items, sizeof present);
    if (count) memcpy(larger, present, count * size);
    free(present);
    memcpy(items, &larger, sizeof larger);
    *room = wanted;
    return SIREN_OK;
}

static siren_status append(siren_archive_writer *writer, const uint8_t *bytes, size_t n_bytes) {
    if (writer->finished)
        return siren_fail(SIREN_USAGE, "%s: is finished; write what belongs to it before", writer->path);
    SIREN_TRY(siren_output_write(writer->output, bytes, n_bytes));
    writer->offset += n_bytes;
    return SIREN_OK;
}

static siren_status check_size(const siren_archive_writer *writer, const char *what, size_t n_bytes) {
    if (n_bytes <= SIREN_ARCHIVE_MAX_UNPACKED) return SIREN_OK;
    return siren_fail(SIREN_UNSUPPORTED,
                      "%s: %s of %zu bytes exceeds the limit of %llu of one archive section or record; "
                      "choose a smaller network or leave the attachment out",
                      writer->path, what, n_bytes, (unsigned long long)SIREN_ARCHIVE_MAX_UNPACKED);
}

static siren_status earlier_failure(const siren_archive_writer *writer) {
    return siren_fail(writer->failure,
                      "%s: cannot be completed because writing failed before; nothing was left there",
                      writer->path);
}

static siren_status add_section(siren_archive_writer *writer, uint32_t kind, const void *bytes,
                                size_t n_bytes, bool packed) {
    SIREN_FREE_AT_END uint8_t *shorter = NULL;
    const uint8_t *stored = bytes;
    size_t n_stored = n_bytes;
    SIREN_TRY(check_size(writer, siren_section_name(kind) ? siren_section_name(kind) : "a section", n_bytes));
    for (size_t i = 0; i < writer->n_sections; i++)
        if (writer->sections[i].kind == kind && siren_section_name(kind) && kind != SIREN_SECTION_ATTACHMENT)
            return siren_fail(SIREN_USAGE, "%s: has its section %s already; write it once", writer->path,
                              siren_section_name(kind));
    SIREN_TRY(grow(&writer->sections, writer->n_sections, &writer->sections_room, sizeof *writer->sections,
                   "the section table"));
    if (packed) {
        size_t n_shorter;
        SIREN_TRY(siren_pack(bytes, n_bytes, &shorter, &n_shorter));
        packed = n_shorter < n_bytes;
        if (packed) {
            stored = shorter;
            n_stored = n_shorter;
        }
    }
    writer->sections[writer->n_sections++] = (siren_section_entry){.kind = kind,
                                                                   .packed = packed,
                                                                   .offset = writer->offset,
                                                                   .bytes = n_stored,
                                                                   .unpacked_bytes = n_bytes,
                                                                   .crc = siren_crc64(0, stored, n_stored)};
    return append(writer, stored, n_stored);
}

siren_status siren_archive_writer_section(siren_archive_writer *writer, uint32_t kind, const void *bytes,
                                          size_t n_bytes, bool packed) {
    if (writer->failure != SIREN_OK) return earlier_failure(writer);
    return writer->failure = add_section(writer, kind, bytes, n_bytes, packed);
}

size_t siren_archive_writer_n_sections(const siren_archive_writer *writer) { return writer->n_sections; }

static siren_status add_record(siren_archive_writer *writer, const siren_index_entry *entry,
                               const uint8_t *packed, size_t n_packed, size_t unpacked_bytes) {
    SIREN_TRY(check_size(writer, "a record", unpacked_bytes));
    if (!isfinite(entry->mse) || entry->mse < 0)
        return siren_fail(SIREN_USAGE,
                          "%s: block %u has the mean squared error %g; it must be finite and not negative",
                          writer->path, (unsigned)entry->block, entry->mse);
    SIREN_TRY(grow(&writer->records, writer->n_records, &writer->records_room, sizeof *writer->records,
                   "the index"));
    writer->records[writer->n_records++] = (siren_index_entry){.block = entry->block,
                                                               .decoded_crc = entry->decoded_crc,
                                                               .mse = entry->mse,
                                                               .offset = writer->offset,
                                                               .bytes = n_packed,
                                                               .unpacked_bytes = unpacked_bytes,
                                                               .crc = siren_crc64(0, packed, n_packed),
                                                               .plain = entry->plain,
                                                               .coded = entry->coded};
    return append(writer, packed, n_packed);
}

siren_status siren_archive_writer_packed_record(siren_archive_writer *writer, const siren_index_entry *entry,
                                                const uint8_t *packed, size_t n_packed,
                                                size_t unpacked_bytes) {
    if (writer->failure != SIREN_OK) return earlier_failure(writer);
    return writer->failure = add_record(writer, entry, packed, n_packed, unpacked_bytes);
}

siren_status siren_archive_writer_record(siren_archive_writer *writer, const siren_index_entry *entry,
                                         const void *bytes, size_t n_bytes) {
    SIREN_FREE_AT_END uint8_t *packed = NULL;
    size_t n_packed;
    if (writer->failure != SIREN_OK) return earlier_failure(writer);
    siren_status status = check_size(writer, "a record", n_bytes);
    if (status == SIREN_OK) status = siren_pack(bytes, n_bytes, &packed, &n_packed);
    siren_index_entry own = *entry;
    own.plain = own.coded = false;
    if (status == SIREN_OK) status = add_record(writer, &own, packed, n_packed, n_bytes);
    return writer->failure = status;
}

static int compare_blocks(const void *a, const void *b) {
    uint32_t x = ((const siren_index_entry *)a)->block, y = ((const siren_index_entry *)b)->block;
    return (x > y) - (x < y);
}

static void put_section(uint8_t *to, const siren_section_entry *section) {
    siren_put_u32(to + SIREN_TABLE_KIND, section->kind);
    siren_put_u32(to + SIREN_TABLE_FLAGS, section->packed ? SIREN_FLAG_PACKED : 0);
    siren_put_u64(to + SIREN_TABLE_OFFSET, section->offset);
    siren_put_u64(to + SIREN_TABLE_STORED, section->bytes);
    siren_put_u64(to + SIREN_TABLE_UNPACKED, section->unpacked_bytes);
    siren_put_u64(to + SIREN_TABLE_CRC, section->crc);
}

static void put_record(uint8_t *to, const siren_index_entry *record) {
    siren_put_u32(to + SIREN_INDEX_BLOCK, record->block);
    siren_put_u32(to + SIREN_INDEX_FLAGS,
                  (record->plain ? SIREN_FLAG_PLAIN : 0) | (record->coded ? SIREN_FLAG_CODED : 0));
    siren_put_u64(to + SIREN_INDEX_OFFSET, record->offset);
    siren_put_u64(to + SIREN_INDEX_STORED, record->bytes);
    siren_put_u64(to + SIREN_INDEX_UNPACKED, record->unpacked_bytes);
    siren_put_u64(to + SIREN_INDEX_CRC, record->crc);
    siren_put_u64(to + SIREN_INDEX_DECODED_CRC, record->decoded_crc);
    siren_put_f64(to + SIREN_INDEX_MSE, record->mse);
}

static siren_status finish(siren_archive_writer *writer, const char **unfinished) {
    SIREN_FREE_AT_END uint8_t *tail = NULL;
    uint8_t *trailer, prefix[SIREN_PREFIX_BYTES];
    uint32_t features = 0;
    size_t table_bytes = writer->n_sections * SIREN_TABLE_BYTES,
           index_bytes = writer->n_records * SIREN_INDEX_BYTES;
    if (writer->n_records) qsort(writer->records, writer->n_records, sizeof *writer->records, compare_blocks);
    for (size_t i = 1; i < writer->n_records; i++)
        if (writer->records[i].block == writer->records[i - 1].block)
            return siren_fail(SIREN_USAGE, "%s: block %u was written twice; write each block once",
                              writer->path, (unsigned)writer->records[i].block);

    size_t tail_bytes = table_bytes + index_bytes + SIREN_TRAILER_BYTES;
    SIREN_TRY(siren_allocate(&tail, tail_bytes, 1, "the archive's index"));
    for (size_t i = 0; i < writer->n_sections; i++)
        put_section(tail + i * SIREN_TABLE_BYTES, &writer->sections[i]);
    for (size_t i = 0; i < writer->n_records; i++) {
        if (writer->records[i].coded) features = SIREN_FEATURE_CODED;
        put_record(tail + table_bytes + i * SIREN_INDEX_BYTES, &writer->records[i]);
    }

    uint64_t length = writer->offset + tail_bytes;
    memcpy(prefix, SIREN_MAGIC, SIREN_MARK_BYTES);
    siren_put_u32(prefix + SIREN_PREFIX_VERSION, SIREN_ARCHIVE_VERSION);
    siren_put_u32(prefix + SIREN_PREFIX_FEATURES, features);
    siren_put_u64(prefix + SIREN_PREFIX_LENGTH, length);
    siren_put_u64(prefix + SIREN_PREFIX_CRC, siren_crc64(0, prefix, SIREN_PREFIX_CRC));

    trailer = tail + table_bytes + index_bytes;
    siren_put_u64(trailer + SIREN_TRAILER_TABLE, writer->offset);
    siren_put_u64(trailer + SIREN_TRAILER_SECTIONS, writer->n_sections);
    siren_put_u64(trailer + SIREN_TRAILER_RECORDS, writer->n_records);
    siren_put_u64(trailer + SIREN_TRAILER_TABLE_CRC, siren_crc64(0, tail, table_bytes));
    siren_put_u64(trailer + SIREN_TRAILER_INDEX_CRC, siren_crc64(0, tail + table_bytes, index_bytes));
    siren_put_u64(trailer + SIREN_TRAILER_CRC,
                  siren_crc64(siren_crc64(0, prefix, SIREN_PREFIX_CRC), trailer, SIREN_TRAILER_CRC));
    memcpy(trailer + SIREN_TRAILER_END, SIREN_END_MARK, SIREN_MARK_BYTES);

    SIREN_TRY(append(writer, tail, tail_bytes));
    SIREN_TRY(siren_output_write_at(writer->output, 0, prefix, sizeof prefix));
    writer->finished = true;
    *unfinished = siren_output_unfinished(writer->output);
    return SIREN_OK;
}

siren_status siren_archive_writer_finish(siren_archive_writer *writer, const char **unfinished) {
    if (writer->failure != SIREN_OK) return earlier_failure(writer);
    return writer->failure = finish(writer, unfinished);
}

/* Finishes what is not finished; the output becomes the caller's. */
static siren_status finished_output(siren_archive_writer *writer, siren_output **output) {
    const char *unfinished;
    if (!writer->finished || writer->failure != SIREN_OK)
        SIREN_TRY(siren_archive_writer_finish(writer, &unfinished));
    *output = SIREN_TAKE(writer->output);
    return SIREN_OK;
}

siren_status siren_archive_writer_take(siren_archive_writer *writer, uint8_t **bytes, size_t *n_bytes) {
    siren_output *output = NULL;
    siren_status status = finished_output(writer, &output);
    if (status == SIREN_OK) siren_output_take(output, bytes, n_bytes);
    siren_archive_writer_discard(writer);
    return status;
}

siren_status siren_archive_writer_commit(siren_archive_writer *writer, uint64_t *n_bytes) {
    siren_output *output = NULL;
    siren_status status = finished_output(writer, &output);
    if (status == SIREN_OK) status = siren_output_commit(output);
    if (status == SIREN_OK && n_bytes) *n_bytes = writer->offset;
    siren_archive_writer_discard(writer);
    return status;
}

void siren_archive_writer_discard(siren_archive_writer *writer) {
    if (!writer) return;
    siren_output_discard(writer->output);
    free(writer->records);
    free(writer->sections);
    free(writer->path);
    free(writer);
}
