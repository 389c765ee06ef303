/* formats/gzip: what is written is one gzip member that zlib reads back, at the edges of chunks and waves. */
#include "tests/shared/testing.h"
#include "formats/gzip.h"
#include "tests/shared/nifti_files.h"

#include <zlib.h>

static void members_are_read_back(void **state) {
    (void)state;
    const size_t chunk = (size_t)1 << 18,
                 sizes[] = {0, 1, 1000, chunk - 1, chunk, chunk + 1, 3 * chunk, 40 * chunk + 12345};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s], n_packed = 0;
        uint8_t *bytes = NULL, *back = NULL;
        siren_output *output = NULL;
        assert_siren_ok(siren_allocate(&bytes, n, 1, "bytes"));
        assert_siren_ok(siren_allocate(&back, n + 1, 1, "bytes"));
        /* Repeats at a distance below and above the window, and noise. */
        for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(i % 20011 < 9000 ? i % 20011 * 7 : i * i >> 5);
        assert_siren_ok(siren_output_open(scratch_path("x.gz"), true, &output));
        assert_siren_ok(siren_gzip_write(output, bytes, n));
        assert_siren_ok(siren_output_commit(output));
        uint8_t *packed = file_get(scratch_path("x.gz"), &n_packed);
        z_stream stream = {
            .next_in = packed, .avail_in = (uInt)n_packed, .next_out = back, .avail_out = (uInt)n + 1};
        assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END); /* checks CRC and length, too */
        assert_int_equal(stream.avail_in, 0);
        assert_int_equal(stream.total_out, n);
        assert_memory_equal(back, bytes, n);
        inflateEnd(&stream);
        /* Within 3 % of zlib in one piece. */
        if (n > chunk) {
            uLongf whole = compressBound(n);
            uint8_t *reference = malloc(whole);
            assert_int_equal(compress2(reference, &whole, bytes, n, 6), Z_OK);
            assert_true((double)n_packed < 1.03 * (double)whole);
            free(reference);
        }
        free(packed), free(bytes), free(back);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(members_are_read_back)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
