/* lab/picture/png: read back chunk by chunk with zlib, whatever filters libpng chose. */
#include "tests/shared/testing.h"

#include <ctype.h>
#include <unistd.h>
#include <zlib.h>

#include "lab/picture/png.h"
#include "host/file.h"

#define PATH "unit_png.png"

static uint32_t big_endian(const uint8_t *from) {
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* The data of the next chunk, which must be of this type and sound; *at is moved behind it. */
static const uint8_t *next_chunk(const uint8_t *bytes, size_t n_bytes, size_t *at, const char *type,
                                 size_t *length) {
    assert_true(*at + 12 <= n_bytes);
    *length = big_endian(bytes + *at);
    assert_true(*at + 12 + *length <= n_bytes);
    assert_memory_equal(bytes + *at + 4, type, 4);
    assert_true(big_endian(bytes + *at + 8 + *length) == crc32(0, bytes + *at + 4, (uInt)(*length + 4)));
    *at += 12 + *length;
    return bytes + *at - 4 - *length;
}

static uint8_t paeth(int left, int above, int corner) {
    const int p = left + above - corner, a = abs(p - left), b = abs(p - above), c = abs(p - corner);
    return (uint8_t)(a <= b && a <= c ? left : b <= c ? above : corner);
}

/* Undoes the filter of a row (PNG, second edition, 9.2): `row` follows its type; `above` is the row before, NULL for
 * none. */
static void unfilter(uint8_t *row, const uint8_t *above, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const uint8_t left = i < 3 ? 0 : row[i - 3], up = above ? above[i] : 0,
                      corner = i < 3 || !above ? 0 : above[i - 3];
        const uint8_t predicted[] = {0, left, up, (uint8_t)((left + up) / 2), paeth(left, up, corner)};
        assert_in_range(row[-1], 0, 4);
        row[i] = (uint8_t)(row[i] + predicted[row[-1]]);
    }
}

static void comes_back(size_t width, size_t height) {
    uint8_t *rgb, *rows, *bytes = NULL;
    const size_t row = 3 * width;
    size_t n_bytes, at = 8, length;
    assert_siren_ok(siren_allocate(&rgb, height * row, 1, "a picture"));
    assert_siren_ok(siren_allocate(&rows, height * (row + 1), 1, "rows"));
    for (size_t i = 0; i < height * row; i++) rgb[i] = (uint8_t)(i * i / 7 + i);
    assert_siren_ok(siren_png_write(PATH, true, width, height, rgb));
    assert_siren_ok(siren_file_read(PATH, 1 << 20, &bytes, &n_bytes));
    assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
    const uint8_t *header = next_chunk(bytes, n_bytes, &at, "IHDR", &length);
    assert_int_equal(length, 13);
    assert_int_equal(big_endian(header), width);
    assert_int_equal(big_endian(header + 4), height);
    assert_memory_equal(header + 8, "\x08\x02\0\0\0", 5);
    while (islower(bytes[at + 4]))
        next_chunk(bytes, n_bytes, &at, (const char *)bytes + at + 4, &length); /* ancillary */
    z_stream stream = {.next_out = rows, .avail_out = (uInt)(height * (row + 1))};
    assert_int_equal(inflateInit(&stream), Z_OK);
    int ended = Z_OK;
    while (memcmp(bytes + at + 4, "IEND", 4) != 0) {
        assert_int_equal(ended, Z_OK);
        stream.next_in = (Bytef *)(uintptr_t)next_chunk(bytes, n_bytes, &at, "IDAT", &length);
        stream.avail_in = (uInt)length;
        ended = inflate(&stream, Z_NO_FLUSH);
        assert_int_equal(stream.avail_in, 0);
    }
    assert_int_equal(ended, Z_STREAM_END);
    assert_int_equal(stream.avail_out, 0);
    inflateEnd(&stream);
    for (size_t y = 0; y < height; y++) {
        uint8_t *own = rows + y * (row + 1) + 1;
        unfilter(own, y > 0 ? own - row - 1 : NULL, row);
        assert_memory_equal(own, rgb + y * row, row);
    }
    next_chunk(bytes, n_bytes, &at, "IEND", &length);
    assert_true(length == 0 && at == n_bytes);
    unlink(PATH);
    free(rgb);
    free(rows);
    free(bytes);
}

static void pictures_come_back(void **state) {
    (void)state;
    comes_back(1, 1);
    comes_back(7, 5);
    comes_back(300, 200);
}

static void refuses(void **state) {
    (void)state;
    const uint8_t rgb[3] = {0};
    assert_int_equal(siren_png_write(PATH, true, 0, 5, rgb), SIREN_UNSUPPORTED);
    assert_int_equal(siren_png_write(PATH, true, 5, 0, rgb), SIREN_UNSUPPORTED);
    assert_int_equal(siren_png_write(PATH, true, SIZE_MAX, 2, rgb), SIREN_UNSUPPORTED);
    assert_int_equal(siren_png_write("no/such/folder/a.png", true, 1, 1, rgb), SIREN_SYSTEM);
    assert_siren_ok(siren_png_write(PATH, false, 1, 1, rgb));
    assert_int_equal(siren_png_write(PATH, false, 1, 1, rgb), SIREN_USAGE);
    unlink(PATH);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pictures_come_back), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
