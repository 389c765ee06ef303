/* libFuzzer, with mutate_archive.c: opens any bytes as an archive in memory and reads what the library gives of it. */
#include "host/sirencl.h"
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BYTES = 1 << 14, MOST_PARAMS = 10000 };

static void read_boxes(siren_reader *reader, const siren_archive_info *info) {
    static float buffer[MOST_BYTES / sizeof(float)];
    size_t nx = info->nx, ny = info->ny, z = info->z_begin, n = info->n_volumes;
    const siren_box boxes[] = {{{0, 0}, {0, 0}, {0, 0}, {0, 0}},
                               {{nx / 2, nx / 2 + 1}, {ny / 2, ny / 2 + 1}, {z, z + 1}, {0, 0}},
                               {{0, 0}, {0, 0}, {z, z + 1}, {n - 1, n}},
                               {{0, nx}, {0, ny + 1}, {z, z}, {n, 1}}};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        for (int type = SIREN_AS_STORED; type <= SIREN_AS_FLOAT32; type++)
            siren_reader_read(reader, &boxes[i], (siren_value_type)type, buffer, sizeof buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    siren_reader *reader = NULL;
    const siren_archive_info *info;
    const void *found;
    size_t n_found;
    if (siren_reader_open_memory(bytes, n_bytes, &reader) != SIREN_OK) return 0;
    siren_reader_header(reader, &found, &n_found);
    siren_reader_attachment(reader, ".bval", &found, &n_found);
    /* Larger ones are no other for the code, but slow: a thousand small archives a second find more than two large ones. */
    if (siren_reader_info(reader, &info) == SIREN_OK && info->n_params <= MOST_PARAMS &&
        info->series_bytes <= MOST_BYTES)
        read_boxes(reader, info);
    siren_reader_close(reader);
    return 0;
}
