#include "lab/picture/png.h"

#include "host/file.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CHANNELS 3
#define FILTER_UP 2 /* each byte less the one above it */

static void put_big_endian(uint8_t to[4], uint32_t value) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A chunk: length, type, data, CRC-32 of type and data. */
static siren_status write_chunk(siren_output *output, const char *type, const uint8_t *data, size_t n_bytes) {
    uint8_t head[8], tail[4];
    put_big_endian(head, (uint32_t)n_bytes);
    memcpy(head + 4, type, 4);
    uLong crc = crc32(0, head + 4, 4);
    if (n_bytes > 0) crc = crc32(crc, data, (uInt)n_bytes);
    put_big_endian(tail, (uint32_t)crc);
    SIREN_RETURN_IF_FAILED(siren_output_write(output, head, sizeof head));
    if (n_bytes > 0) SIREN_RETURN_IF_FAILED(siren_output_write(output, data, n_bytes));
    return siren_output_write(output, tail, sizeof tail);
}

/* The rows, filtered, as a zlib stream. `*out` is yours to free(). */
static siren_status deflate_rows(size_t width, size_t height, const uint8_t *rgb, uint8_t **out,
                                 size_t *n_out) {
    siren_status status = SIREN_OK;
    const size_t row = width * CHANNELS, n_bytes = height * (row + 1);
    uLongf n_deflated = compressBound((uLong)n_bytes);
    uint8_t *filtered = NULL, *deflated = NULL;
    SIREN_TRY(siren_allocate(&filtered, n_bytes, 1, "a picture"));
    SIREN_TRY(siren_allocate(&deflated, n_deflated, 1, "a compressed picture"));
    for (size_t y = 0; y < height; y++) {
        uint8_t *to = filtered + y * (row + 1);
        const uint8_t *from = rgb + y * row;
        *to++ = FILTER_UP;
        for (size_t i = 0; i < row; i++) to[i] = (uint8_t)(from[i] - (y > 0 ? rgb[(y - 1) * row + i] : 0));
    }
    if (compress2(deflated, &n_deflated, filtered, (uLong)n_bytes, Z_BEST_COMPRESSION) != Z_OK)
        SIREN_TRY(
            siren_fail(SIREN_SYSTEM, "zlib ran out of memory for a picture of %zu x %zu", width, height));
    *out = deflated;
    *n_out = n_deflated;
    deflated = NULL;
done:
    free(filtered);
    free(deflated);
    return status;
}

siren_status siren_png_write(const char *path, bool overwrite, size_t width, size_t height,
                             const uint8_t *rgb) {
    static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    siren_status status = SIREN_OK;
    siren_output *output = NULL;
    uint8_t *deflated = NULL;
    size_t n_deflated;
    if (width == 0 || height == 0 || width > SIREN_PNG_MOST_PIXELS / height)
        return siren_fail(SIREN_UNSUPPORTED, "%s: a picture of %zu x %zu pixels; 1 to %zu are possible", path,
                          width, height, SIREN_PNG_MOST_PIXELS);
    uint8_t header[13] = {[8] = 8 /* bits of a sample */, [9] = 2 /* RGB */};
    put_big_endian(header, (uint32_t)width);
    put_big_endian(header + 4, (uint32_t)height);
    SIREN_TRY(siren_output_open(path, overwrite, &output));
    SIREN_TRY(deflate_rows(width, height, rgb, &deflated, &n_deflated));
    SIREN_TRY(siren_output_write(output, signature, sizeof signature));
    SIREN_TRY(write_chunk(output, "IHDR", header, sizeof header));
    SIREN_TRY(write_chunk(output, "IDAT", deflated, n_deflated));
    SIREN_TRY(write_chunk(output, "IEND", NULL, 0));
    status = siren_output_commit(output);
    output = NULL;
done:
    siren_output_discard(output);
    free(deflated);
    return status;
}
