/* libFuzzer, with mutate_archive.c: opens any bytes as an archive in memory and reads what the library gives of it. */
#include "formats/series.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BYTES = 1 << 14, MOST_PARAMS = 10000 };

static size_t length(siren_span span) { return span.end - span.begin; }

static bool same(const siren_archive_info *info, const siren_box *box, const uint8_t *part,
                 const uint8_t *whole) {
    const size_t size = siren_datatype_size(info->datatype), nz = info->z_end - info->z_begin,
                 run = length(box->x) * size;
    for (size_t v = box->volumes.begin; v < box->volumes.end; v++)
        for (size_t z = box->z.begin - info->z_begin; z < box->z.end - info->z_begin; z++)
            for (size_t y = box->y.begin; y < box->y.end; y++, part += run)
                if (memcmp(part, whole + (((v * nz + z) * info->ny + y) * info->nx + box->x.begin) * size,
                           run))
                    return false;
    return true;
}

/* Whole, as it is cached, and parts, which are decoded by themselves: to the same values. */
static void read_boxes(siren_reader *reader, const siren_archive_info *info) {
    static uint8_t whole[MOST_BYTES];
    static float part[MOST_BYTES / sizeof(float)];
    const size_t nx = info->nx, ny = info->ny, z = info->z_begin, end = info->z_end, n = info->n_volumes;
    const siren_box all = {{0, 0}, {0, 0}, {0, 0}, {0, 0}}, none = {{0, nx}, {0, ny + 1}, {z, z}, {n, 1}},
                    parts[] = {{{0, nx}, {0, ny / 2 + 1}, {z, z + 1}, {0, n / 2 + 1}},
                               {{nx / 2, nx / 2 + 1}, {ny / 2, ny}, {end - 1, end}, {n / 2, n}}};
    const bool sound = siren_reader_read(reader, &all, SIREN_AS_STORED, whole, sizeof whole) == SIREN_OK;
    siren_reader_read(reader, &all, SIREN_AS_FLOAT32, part, sizeof part);
    if (siren_reader_read(reader, &none, SIREN_AS_STORED, part, sizeof part) == SIREN_OK) abort();
    siren_reader_set_cache(reader, 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const siren_status status = siren_reader_read(reader, &parts[i], SIREN_AS_STORED, part, sizeof part);
        if (sound && (status != SIREN_OK || !same(info, &parts[i], (const uint8_t *)part, whole))) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    siren_reader *reader = NULL;
    const siren_archive_info *info;
    const void *found;
    size_t n_found;
    if (siren_reader_open_memory(bytes, n_bytes, &reader) != SIREN_OK) return 0;
    siren_reader_header(reader, &found, &n_found);
    siren_reader_attachment(reader, ".bval", &found, &n_found);
    /* Larger ones are no other for the code, but slow: a thousand small archives a second find more than two large
     * ones. */
    if (siren_reader_info(reader, &info) == SIREN_OK && info->n_params <= MOST_PARAMS &&
        info->series_bytes <= MOST_BYTES)
        read_boxes(reader, info);
    siren_reader_close(reader);
    return 0;
}
