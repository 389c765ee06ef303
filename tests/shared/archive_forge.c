#include "tests/shared/archive_forge.h"

#include "formats/archive.h"
#include "formats/little_endian.h"
#include "formats/pack.h"

#include <stdlib.h>
#include <string.h>

siren_status archive_sample_write(const char *path) {
    SIREN_AT_END(siren_archive_writer_discard_at) siren_archive_writer *writer = NULL;
    uint8_t header[352] = {92, 1};
    const uint32_t blocks[SAMPLE_RECORDS] = {9, 2, 4};
    const char provenance[] = "program=sirencl\nseed=1\n", attachment[] = "\5\0\0\0.bval0 1000 1000\n";
    SIREN_TRY(siren_archive_writer_open(path, true, &writer));
    SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_HEADER, header, sizeof header, true));
    SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_GEOMETRY, "sixty-four bytes", 16, false));
    SIREN_TRY(siren_archive_writer_section(writer, 0x1ff, "of the future", 13, false));
    for (size_t i = 0; i < SAMPLE_RECORDS; i++) {
        uint8_t record[60];
        for (size_t k = 0; k < sizeof record; k++) record[k] = (uint8_t)(k * k * (blocks[i] + 1) >> 3);
        siren_index_entry entry = {.block = blocks[i], .decoded_crc = 1000 + i, .mse = 1e-4};
        SIREN_TRY(siren_archive_writer_record(writer, &entry, record, sizeof record));
    }
    SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_ATTACHMENT, attachment,
                                           sizeof attachment - 1, true));
    SIREN_TRY(siren_archive_writer_section(writer, SIREN_SECTION_PROVENANCE, provenance,
                                           sizeof provenance - 1, false));
    return siren_archive_writer_commit(SIREN_TAKE(writer), NULL);
}

/* Offset, stored bytes and checksum stand at the same places in both kinds of entry. */
static void repair_entries(uint8_t *bytes, size_t n_bytes, uint8_t *entry, uint64_t n_entries, size_t size) {
    for (; n_entries > 0; n_entries--, entry += size) {
        uint64_t offset = siren_get_u64(entry + 8), stored = siren_get_u64(entry + 16);
        if (offset <= n_bytes && stored <= n_bytes - offset)
            siren_put_u64(entry + 32, siren_crc64(0, bytes + offset, (size_t)stored));
    }
}

void archive_repair(uint8_t *bytes, size_t n_bytes, bool bodies) {
    if (n_bytes < 32 + 56) return;
    uint8_t *trailer = bytes + n_bytes - 56;
    uint64_t table = siren_get_u64(trailer), n_sections = siren_get_u64(trailer + 8),
             n_records = siren_get_u64(trailer + 16);
    bool inside = table <= n_bytes - 56;
    uint64_t room = inside ? n_bytes - 56 - table : 0;
    if (inside && n_sections <= room / FORGE_SECTION_BYTES) {
        room -= FORGE_SECTION_BYTES * n_sections;
        if (bodies) repair_entries(bytes, n_bytes, bytes + table, n_sections, FORGE_SECTION_BYTES);
        siren_put_u64(trailer + 24, siren_crc64(0, bytes + table, (size_t)n_sections * FORGE_SECTION_BYTES));
        if (n_records <= room / FORGE_RECORD_BYTES) {
            uint8_t *index = bytes + table + FORGE_SECTION_BYTES * n_sections;
            if (bodies) repair_entries(bytes, n_bytes, index, n_records, FORGE_RECORD_BYTES);
            siren_put_u64(trailer + 32, siren_crc64(0, index, (size_t)n_records * FORGE_RECORD_BYTES));
        }
    }
    siren_put_u64(bytes + 24, siren_crc64(0, bytes, 24));
    siren_put_u64(trailer + 40, siren_crc64(siren_crc64(0, bytes, 24), trailer, 40));
}

/* Where in an entry of either kind what stands. */
enum { AT_FLAGS = 4, AT_OFFSET = 8, AT_STORED = 16, AT_UNPACKED = 24, TRAILER_BYTES = 56 };

bool archive_take_apart(const uint8_t *bytes, size_t n_bytes, forged_archive *out) {
    if (n_bytes < sizeof out->prefix + TRAILER_BYTES) return false;
    const uint8_t *trailer = bytes + n_bytes - TRAILER_BYTES;
    const uint64_t table = siren_get_u64(trailer), n_sections = siren_get_u64(trailer + 8),
                   n_records = siren_get_u64(trailer + 16);
    if (n_sections > FORGE_MOST_BODIES || n_records > FORGE_MOST_BODIES - n_sections || table > n_bytes ||
        table + n_sections * FORGE_SECTION_BYTES + n_records * FORGE_RECORD_BYTES + TRAILER_BYTES > n_bytes)
        return false;
    memcpy(out->prefix, bytes, sizeof out->prefix);
    memcpy(out->end, bytes + n_bytes - sizeof out->end, sizeof out->end);
    out->n_sections = (size_t)n_sections, out->n_records = (size_t)n_records;
    const uint8_t *entry = bytes + table;
    for (size_t i = 0; i < n_sections + n_records; i++) {
        const size_t size = i < n_sections ? FORGE_SECTION_BYTES : FORGE_RECORD_BYTES;
        forged_body *body = &out->bodies[i];
        const uint64_t offset = siren_get_u64(entry + AT_OFFSET), stored = siren_get_u64(entry + AT_STORED);
        if (offset > n_bytes || stored > n_bytes - offset) return false;
        memcpy(body->entry, entry, size);
        body->bytes = bytes + offset, body->n_bytes = (size_t)stored;
        entry += size;
    }
    return true;
}

size_t archive_put_together(const forged_archive *parts, uint8_t *out, size_t most) {
    const size_t n = parts->n_sections + parts->n_records;
    size_t at = sizeof parts->prefix, all = at + parts->n_sections * FORGE_SECTION_BYTES +
                                            parts->n_records * FORGE_RECORD_BYTES + TRAILER_BYTES;
    for (size_t i = 0; i < n; i++) all += parts->bodies[i].n_bytes;
    if (all > most) return 0;
    memcpy(out, parts->prefix, sizeof parts->prefix);
    siren_put_u64(out + 16, all);
    uint8_t *entry = out + all - TRAILER_BYTES - parts->n_records * FORGE_RECORD_BYTES -
                     parts->n_sections * FORGE_SECTION_BYTES;
    const uint64_t table = (uint64_t)(entry - out);
    for (size_t i = 0; i < n; i++) {
        const size_t size = i < parts->n_sections ? FORGE_SECTION_BYTES : FORGE_RECORD_BYTES;
        memcpy(entry, parts->bodies[i].entry, size);
        siren_put_u64(entry + AT_OFFSET, at);
        siren_put_u64(entry + AT_STORED, parts->bodies[i].n_bytes);
        memcpy(out + at, parts->bodies[i].bytes, parts->bodies[i].n_bytes);
        at += parts->bodies[i].n_bytes;
        entry += size;
    }
    siren_put_u64(entry, table);
    siren_put_u64(entry + 8, parts->n_sections);
    siren_put_u64(entry + 16, parts->n_records);
    memcpy(entry + TRAILER_BYTES - sizeof parts->end, parts->end, sizeof parts->end);
    archive_repair(out, all, true);
    return all;
}

/* A section says that it is packed, a record that it is not. */
static bool is_packed(const forged_body *body, bool record) {
    const uint32_t flags = siren_get_u32(body->entry + AT_FLAGS);
    return record ? flags == 0 : flags & 1;
}

uint8_t *forged_body_content(const forged_body *body, bool record, size_t most, size_t *n_content) {
    uint8_t *content = NULL;
    const bool packed = is_packed(body, record);
    const uint64_t n = packed ? siren_get_u64(body->entry + AT_UNPACKED) : body->n_bytes;
    *n_content = (size_t)n;
    if (n == 0 || n > most) return NULL;
    if (packed)
        return siren_unpack("forged", body->bytes, body->n_bytes, (size_t)n, &content) == SIREN_OK ? content
                                                                                                   : NULL;
    content = malloc((size_t)n);
    if (content) memcpy(content, body->bytes, (size_t)n);
    return content;
}

void forged_body_refill(forged_body *body, bool record, const uint8_t *content, size_t n_content,
                        uint8_t **stored) {
    const bool packed = is_packed(body, record), coded = record && siren_get_u32(body->entry + AT_FLAGS) & 2;
    size_t n_stored = n_content;
    if (!packed || siren_pack(content, n_content, stored, &n_stored) != SIREN_OK) {
        *stored = malloc(n_content + 1);
        if (!*stored) abort();
        memcpy(*stored, content, n_content);
    }
    if (!coded) siren_put_u64(body->entry + AT_UNPACKED, n_content);
    body->bytes = *stored, body->n_bytes = n_stored;
}

siren_status archive_read_all(const char *path, size_t *n_good) {
    siren_archive *archive;
    siren_status first = SIREN_OK;
    *n_good = 0;
    SIREN_TRY(siren_archive_open(path, &archive));
    for (size_t i = 0; i < siren_archive_n_sections(archive); i++) {
        const uint8_t *section;
        size_t n;
        siren_status status = siren_archive_section_at(archive, i, &section, &n);
        if (status == SIREN_OK)
            ++*n_good;
        else if (first == SIREN_OK)
            first = status;
    }
    for (size_t i = 0; i < siren_archive_n_records(archive); i++) {
        uint8_t *record = NULL;
        size_t n;
        siren_status status = siren_archive_record(archive, i, &record, &n);
        if (status == SIREN_OK)
            ++*n_good;
        else if (first == SIREN_OK)
            first = status;
        free(record);
    }
    siren_archive_close(archive);
    return first;
}
