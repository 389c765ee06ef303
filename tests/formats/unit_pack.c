/* formats/pack: known answers, round trips, what a stream must not do, and how close LZMA comes to its
 * bounds. */
#include "tests/shared/testing.h"
#include "formats/pack.h"
#include "host/rng.h"

#include <lzma.h>
#include <math.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void crc64_known_answer(void **state) {
    (void)state;
    assert_true(siren_crc64(0, "123456789", 9) == 0x995DC9BBDF1939FAull);
    assert_true(siren_crc64(siren_crc64(0, "1234", 4), "56789", 5) == 0x995DC9BBDF1939FAull);
    assert_true(siren_crc64(0, NULL, 0) == 0);
}

/* Kinds of content: 0 zeros, 1 noise, 2 integers of a normal distribution, 3 text. */
static uint8_t *content(int kind, size_t n_bytes) {
    uint8_t *bytes = malloc(n_bytes ? n_bytes : 1);
    assert_non_null(bytes);
    siren_rng rng = {7, (uint32_t)kind, 0};
    for (size_t i = 0; i < n_bytes; i++) switch (kind) {
        case 0:
            bytes[i] = 0;
            break;
        case 1:
            bytes[i] = (uint8_t)(siren_rng_uniform(rng, i) * 256);
            break;
        case 2:
            bytes[i] = (uint8_t)(int8_t)fmax(-127, fmin(127, rint(siren_rng_normal(rng, i) * 31)));
            break;
        default:
            bytes[i] = (uint8_t) "0 1000 1000 0 2000 "[i % 19];
        }
    return bytes;
}

static void round_trips(void **state) {
    (void)state;
    const size_t sizes[] = {0, 1, 2, 255, 4096, 4097, 65537, 214784};
    for (int kind = 0; kind < 4; kind++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            uint8_t *bytes = content(kind, sizes[i]), *packed, *again, *unpacked;
            size_t n_packed, n_again;
            assert_siren_ok(siren_pack(bytes, sizes[i], &packed, &n_packed));
            assert_siren_ok(siren_pack(bytes, sizes[i], &again, &n_again));
            assert_int_equal(n_packed, n_again);
            assert_memory_equal(packed, again, n_packed);
            assert_true(n_packed <= sizes[i] + sizes[i] / 1000 + 128);
            assert_siren_ok(siren_unpack("a test", packed, n_packed, sizes[i], &unpacked));
            assert_memory_equal(unpacked, bytes, sizes[i]);
            free(bytes);
            free(packed);
            free(again);
            free(unpacked);
        }
}

/* LZMA on the bytes of quantised weights stays within 2 % of their zeroth-order entropy. */
static void stays_near_the_entropy(void **state) {
    (void)state;
    const size_t n = 214784; /* weights of a 3x256 network with 69 outputs */
    uint8_t *bytes = content(2, n), *packed;
    size_t n_packed, counts[256] = {0};
    double bits = 0;
    for (size_t i = 0; i < n; i++) counts[bytes[i]]++;
    for (int i = 0; i < 256; i++)
        if (counts[i]) bits -= (double)counts[i] * log2((double)counts[i] / (double)n);
    assert_siren_ok(siren_pack(bytes, n, &packed, &n_packed));
    print_message("%zu weights: entropy %.0f bytes, packed %zu (%+.2f %%)\n", n, bits / 8, n_packed,
                  100 * (8 * (double)n_packed / bits - 1));
    assert_true((double)n_packed < 1.02 * bits / 8);
    free(bytes);
    free(packed);
}

/* The most that LZMA can do stays under the limit that unpacking enforces. */
static void zeros_stay_under_the_ratio_limit(void **state) {
    (void)state;
    const size_t n = (size_t)32 << 20;
    uint8_t *bytes = calloc(n, 1), *packed, *unpacked;
    size_t n_packed;
    assert_non_null(bytes);
    assert_siren_ok(siren_pack(bytes, n, &packed, &n_packed));
    print_message("zeros: %.0f to 1\n", (double)n / (double)n_packed);
    assert_true(n / n_packed > 6000 && n / n_packed < SIREN_PACK_MAX_RATIO);
    assert_siren_ok(siren_unpack("zeros", packed, n_packed, n, &unpacked));
    assert_memory_equal(bytes, unpacked, n);
    free(unpacked);
    free(bytes);
    free(packed);
}

static void expect_corrupt(const uint8_t *packed, size_t n_packed, size_t expected, const char *word) {
    uint8_t *untouched = (uint8_t *)&n_packed, *out = untouched;
    assert_int_equal(siren_unpack("block 7", packed, n_packed, expected, &out), SIREN_CORRUPT);
    assert_ptr_equal(out, untouched);
    assert_non_null(strstr(siren_message(), "block 7"));
    if (!strstr(siren_message(), word)) fail_msg("\"%s\" lacks \"%s\"", siren_message(), word);
}

static void wrong_streams_are_refused(void **state) {
    (void)state;
    const size_t n = 5000;
    uint8_t *bytes = content(2, n), *packed, *longer;
    size_t n_packed;
    assert_siren_ok(siren_pack(bytes, n, &packed, &n_packed));
    expect_corrupt(packed, n_packed, n - 1, "more than the announced");
    expect_corrupt(packed, n_packed, n + 1, "not to the announced");
    expect_corrupt(packed, n_packed, 0, "more than the announced");
    expect_corrupt(packed, n_packed, SIREN_PACK_MAX_RATIO * n_packed + 1, "cannot hold");
    expect_corrupt(packed, n_packed, SIZE_MAX, "cannot hold");
    for (size_t cut = 0; cut < n_packed; cut++) expect_corrupt(packed, cut, n < 8192 * cut ? n : 1, "");
    longer = calloc(2 * n_packed, 1);
    assert_non_null(longer);
    memcpy(longer, packed, n_packed);
    expect_corrupt(longer, n_packed + 4, n, "4 bytes behind"); /* stream padding */
    memcpy(longer + n_packed, packed, n_packed);
    expect_corrupt(longer, 2 * n_packed, n, "behind"); /* a second stream */
    expect_corrupt(longer, 2 * n_packed, 2 * n, "not to the announced");
    free(longer);
    free(packed);
    free(bytes);
}

/* A stream that asks for a dictionary of 2 GiB, with the checksum of its block header put right. */
static void greedy_dictionary_is_refused(void **state) {
    (void)state;
    uint8_t *bytes = content(3, 5000), *packed, *unpacked;
    size_t n_packed;
    assert_siren_ok(siren_pack(bytes, 5000, &packed, &n_packed));
    uint8_t *header = packed + 12; /* behind the stream header */
    size_t n_header = ((size_t)header[0] + 1) * 4, at = 2;
    while (at < n_header && !(header[at] == 0x21 && header[at + 1] == 1))
        at++; /* filter LZMA2, one byte of options */
    assert_true(at + 2 < n_header - 4);
    header[at + 2] = 38;
    uint32_t crc = lzma_crc32(header, n_header - 4, 0);
    for (int i = 0; i < 4; i++) header[n_header - 4 + (size_t)i] = (uint8_t)(crc >> (8 * i));
    expect_corrupt(packed, n_packed, 5000, "of memory to unpack");
    header[at + 2] = 12; /* 256 KiB: the patching itself is right */
    crc = lzma_crc32(header, n_header - 4, 0);
    for (int i = 0; i < 4; i++) header[n_header - 4 + (size_t)i] = (uint8_t)(crc >> (8 * i));
    assert_siren_ok(siren_unpack("patched", packed, n_packed, 5000, &unpacked));
    assert_memory_equal(unpacked, bytes, 5000);
    free(unpacked);
    free(packed);
    free(bytes);
}

/* The stream is what others call .xz: the xz program reads it. */
static void xz_reads_it(void **state) {
    (void)state;
    const size_t n = 100000;
    uint8_t *bytes = content(2, n), *packed, *back = malloc(n + 1);
    size_t n_packed, got = 0;
    char name[] = "unit_pack-XXXXXX";
    int fd = mkstemp(name), ends[2], result;
    pid_t child;
    assert_non_null(back);
    assert_true(fd >= 0);
    assert_siren_ok(siren_pack(bytes, n, &packed, &n_packed));
    assert_int_equal(write(fd, packed, n_packed), n_packed);
    close(fd);
    assert_int_equal(pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    char *arguments[] = {"xz", "-dc", "-F", "xz", name, NULL};
    bool found = posix_spawnp(&child, "xz", &actions, NULL, arguments, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (found) {
        ssize_t more;
        while ((more = read(ends[0], back + got, n + 1 - got)) > 0) got += (size_t)more;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
        assert_int_equal(got, n);
        assert_memory_equal(back, bytes, n);
    }
    close(ends[0]);
    unlink(name);
    free(back);
    free(packed);
    free(bytes);
    if (!found) skip_case("there is no xz");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc64_known_answer),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(stays_near_the_entropy),
        cmocka_unit_test(zeros_stay_under_the_ratio_limit),
        cmocka_unit_test(wrong_streams_are_refused),
        cmocka_unit_test(greedy_dictionary_is_refused),
        cmocka_unit_test(xz_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
