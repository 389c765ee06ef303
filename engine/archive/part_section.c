#include "engine/archive/part_section.h"

#include "formats/little_endian.h"

#define PART_BYTES 8      /* number, of */
#define GEOMETRY_BYTES 64 /* at least: first block and number of blocks are the last 16 */

siren_status siren_part_section_write(siren_archive_writer *writer, siren_part part) {
    uint8_t bytes[PART_BYTES];
    if (part.of == 0) return SIREN_OK;
    siren_put_u32(bytes, (uint32_t)part.number);
    siren_put_u32(bytes + 4, (uint32_t)part.of);
    return siren_archive_writer_section(writer, SIREN_SECTION_PART, bytes, sizeof bytes, false);
}

siren_status siren_part_section_read(siren_archive *archive, siren_part *out) {
    const uint8_t *bytes;
    size_t n_bytes;
    *out = (siren_part){0, 0};
    if (!siren_archive_has_section(archive, SIREN_SECTION_PART)) return SIREN_OK;
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_PART, 0, &bytes, &n_bytes));
    if (n_bytes == PART_BYTES) *out = (siren_part){siren_get_u32(bytes), siren_get_u32(bytes + 4)};
    if (out->number >= 1 && out->number <= out->of && out->of <= SIREN_MOST_PARTS) return SIREN_OK;
    return siren_fail(SIREN_CORRUPT, "%s: is a part that cannot be; restore the file from a copy",
                      siren_archive_path(archive));
}

siren_status siren_part_blocks(siren_archive *archive, siren_span *blocks) {
    const uint8_t *bytes;
    size_t n_bytes;
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_GEOMETRY, 0, &bytes, &n_bytes));
    const uint64_t first = n_bytes >= GEOMETRY_BYTES ? siren_get_u64(bytes + 48) : 0,
                   count = n_bytes >= GEOMETRY_BYTES ? siren_get_u64(bytes + 56) : 0;
    *blocks = (siren_span){(size_t)first, (size_t)(first + count)};
    if (count > 0 && first + count > first) return SIREN_OK;
    return siren_fail(SIREN_CORRUPT, "%s: its geometry cannot be; restore the file from a copy",
                      siren_archive_path(archive));
}
