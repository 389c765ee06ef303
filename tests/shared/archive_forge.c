#include "tests/shared/archive_forge.h"

#include "formats/archive.h"
#include "formats/little_endian.h"
#include "formats/pack.h"

#include <stdlib.h>

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
    if (inside && n_sections <= room / 40) {
        room -= 40 * n_sections;
        if (bodies) repair_entries(bytes, n_bytes, bytes + table, n_sections, 40);
        siren_put_u64(trailer + 24, siren_crc64(0, bytes + table, (size_t)n_sections * 40));
        if (n_records <= room / 56) {
            uint8_t *index = bytes + table + 40 * n_sections;
            if (bodies) repair_entries(bytes, n_bytes, index, n_records, 56);
            siren_put_u64(trailer + 32, siren_crc64(0, index, (size_t)n_records * 56));
        }
    }
    siren_put_u64(bytes + 24, siren_crc64(0, bytes, 24));
    siren_put_u64(trailer + 40, siren_crc64(siren_crc64(0, bytes, 24), trailer, 40));
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
