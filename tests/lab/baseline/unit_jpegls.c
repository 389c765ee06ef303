/* lab/baseline/jpegls beside another implementation of ITU-T T.87, FFmpeg's: each decodes what the other has encoded.
 * Skipped where ffmpeg or CharLS is not installed. */
#include "tests/shared/testing.h"

#include "host/process.h"
#include "lab/baseline/baseline.h"
#include "lab/baseline/jpegls.h"
#include "tests/shared/nifti_files.h"

enum { NX = 61, NY = 29, NZ = 2, N = NX * NY * NZ, MOST_BITS = 16 };

static uint32_t state;

static uint32_t any(void) { return (state = state * 1664525u + 1013904223u) >> 8; }

/* Images by their way through the coder: in runs that end at edges, to the limits of a code's length, smooth with
 * noise. */
typedef enum { FLAT, STEEP, SMOOTH, N_IMAGES } image;

static const double errors[] = {0, 1, 3, 20, 254}; /* 255 in a header begins a marker to FFmpeg 5.1 */
#define N_ERRORS (sizeof errors / sizeof *errors)

static void draw(image kind, unsigned bits, uint16_t *samples) {
    const uint32_t most = (1u << bits) - 1;
    for (size_t i = 0; i < N; i++) {
        const uint32_t x = (uint32_t)(i % NX), y = (uint32_t)(i / NX);
        samples[i] = (uint16_t)(kind == FLAT ? (x / 9 + y / 7) % 3 * (most / 2) + (any() % 101 == 0 && y < 40)
                                : kind == STEEP ? any() % 2 * most
                                                : (most * (x + y) / (NX + NY * NZ) + any() % (most / 8 + 1)));
        if (samples[i] > most) samples[i] = (uint16_t)most;
    }
}

/* Runs ffmpeg, which reads and writes files of the scratch folder. */
static void ffmpeg(const char *const *arguments) {
    const siren_process_plan plan = {.arguments = arguments, .folder = scratch_folder(), .time_limit = 60};
    siren_process_result result;
    assert_siren_ok(siren_process_run(&plan, NULL, NULL, &result));
    assert_siren_ok(siren_process_check(&plan, &result));
    siren_process_result_free(&result);
}

/* FFmpeg has samples of 8 or 16 bits, those of fewer as multiples. */
static unsigned unused_bits(unsigned bits) { return (bits > 8 ? 16 : 8) - bits; }

static void put_samples(const char *name, unsigned bits, const uint16_t *samples) {
    static uint8_t bytes[2 * N];
    const size_t each = bits > 8 ? 2 : 1;
    for (size_t i = 0; i < N; i++)
        for (size_t b = 0; b < each; b++)
            bytes[each * i + b] = (uint8_t)(samples[i] << unused_bits(bits) >> 8 * b);
    file_put(scratch_path(name), bytes, each * N);
}

static void expect_samples(const char *name, unsigned bits, const uint16_t *samples) {
    size_t n_expected, n_bytes;
    put_samples("expected.raw", bits, samples);
    uint8_t *expected = file_get(scratch_path("expected.raw"), &n_expected);
    uint8_t *bytes = file_get(scratch_path(name), &n_bytes);
    assert_int_equal(n_bytes, n_expected);
    assert_memory_equal(bytes, expected, n_bytes);
    free(bytes);
    free(expected);
}

static void expect_near(const uint16_t *restored, const uint16_t *samples, double error) {
    for (size_t i = 0; i < N; i++) assert_true(abs(restored[i] - samples[i]) <= error);
}

/* Every depth, and each kind of image and error at some of them. */
static void another_decoder_has_the_same_samples(void **unused) {
    (void)unused;
    static const char *const decode[] = {"ffmpeg", "-nostdin", "-v", "error",    "-y",    "-f", "jpegls_pipe",
                                         "-i",     "a.jls",    "-f", "rawvideo", "a.raw", NULL};
    static uint16_t samples[N], restored[N];
    for (unsigned bits = 2; bits <= MOST_BITS; bits++) {
        const siren_image_shape shape = {NX, NY, NZ, bits, 2};
        const double error = errors[bits % N_ERRORS];
        uint8_t *bytes;
        size_t n_bytes;
        draw((image)(bits % N_IMAGES), bits, samples);
        assert_siren_ok(siren_jpegls_coder.encode(&shape, samples, error, &bytes, &n_bytes));
        assert_siren_ok(siren_jpegls_coder.decode(&shape, error, bytes, n_bytes, restored));
        expect_near(restored, samples, error);
        file_put(scratch_path("a.jls"), bytes, n_bytes);
        free(bytes);
        ffmpeg(decode);
        expect_samples("a.raw", bits, restored);
    }
}

/* FFmpeg encodes samples of 8 and 16 bits; what it calls a method of prediction, 0 to 2, is the largest error. */
static void another_encoder_is_understood(void **unused) {
    (void)unused;
    static uint16_t samples[N], restored[N];
    for (unsigned bits = 8; bits <= MOST_BITS; bits += 8)
        for (int kind = 0; kind < N_IMAGES; kind++) {
            const siren_image_shape shape = {NX, NY, NZ, bits, 2};
            const int error = (kind + (int)bits / 8) % 3;
            char size[16], near[16];
            snprintf(size, sizeof size, "%dx%d", NX, NY * NZ);
            snprintf(near, sizeof near, "%d", error);
            const char *const encode[] = {"ffmpeg",   "-nostdin", "-v",
                                          "error",    "-y",       "-f",
                                          "rawvideo", "-pix_fmt", bits > 8 ? "gray16le" : "gray",
                                          "-s",       size,       "-i",
                                          "b.raw",    "-pred",    near,
                                          "-f",       "image2",   "-update",
                                          "1",        "b.jls",    NULL};
            size_t n_bytes;
            draw((image)kind, bits, samples);
            put_samples("b.raw", bits, samples);
            ffmpeg(encode);
            uint8_t *bytes = file_get(scratch_path("b.jls"), &n_bytes);
            assert_siren_ok(siren_jpegls_coder.decode(&shape, error, bytes, n_bytes, restored));
            free(bytes);
            expect_near(restored, samples, error);
            if (kind != STEEP) assert_int_equal(error > 0, memcmp(restored, samples, sizeof samples) != 0);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_decoder_has_the_same_samples),
        cmocka_unit_test(another_encoder_is_understood),
    };
    if (siren_baseline_find("jpegls")->library) skip_test("this build has no CharLS");
    if (!siren_process_find("ffmpeg")) skip_test("there is no ffmpeg");
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
