/* formats/nifti on damaged and lying files: an error that says what is wrong, or a valid reading; never a
 * crash, a leak, a wait, or an allocation that the file's size does not justify. Memory is capped, so that an
 * outsized allocation fails with SYSTEM, which no case here expects. */
#include "tests/shared/testing.h"
#include "tests/shared/nifti_files.h"
#include "formats/nifti.h"

#include <math.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The sanitizer reserves address space of its own: there it is asked to refuse single allocations instead. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void) {
    return "max_allocation_size_mb=24:allocator_may_return_null=1";
}

static nifti_recipe recipe_of(int version, bool swapped) {
    return (nifti_recipe){version, swapped, SIREN_INT16, 16, {4, 5, 4, 3, 2, 1, 1, 1}, 16, 2, -1};
}

static siren_status read_bytes(const uint8_t *bytes, size_t n_bytes, siren_series *series) {
    file_put(scratch_path("case"), bytes, n_bytes);
    return siren_nifti_read(scratch_path("case"), SIZE_MAX, series);
}

/* Expects `status` of a file with these bytes and, in its message, the file's name and `said`. */
static void expect(siren_status expected, const char *said, const uint8_t *bytes, size_t n_bytes) {
    siren_series series = {.header = (uint8_t *)1};
    siren_status status = read_bytes(bytes, n_bytes, &series);
    if (status != expected || !strstr(siren_message(), said) || !strstr(siren_message(), "case: "))
        fail_msg("expected %s with \"%s\", got %s: %s", siren_status_name(expected), said,
                 siren_status_name(status), siren_message());
    assert_ptr_equal(series.header, (uint8_t *)1);
}

/* The same for the bytes as they are and compressed. */
static void expect_both(siren_status status, const char *said, const uint8_t *bytes, size_t n_bytes) {
    uint8_t packed[NIFTI_MOST_BYTES + 512];
    expect(status, said, bytes, n_bytes);
    expect(status, said, packed, gzip_make(bytes, n_bytes, packed));
}

#define FOR_EACH_KIND(version, swapped)                                                                      \
    for (int version = 1; version <= 2; version++)                                                           \
        for (int swapped = 0; swapped < 2; swapped++)

static void truncated_anywhere(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES], packed[NIFTI_MOST_BYTES + 256];
    siren_geometry g;
    FOR_EACH_KIND(version, swapped) {
        nifti_recipe recipe = recipe_of(version, swapped);
        const size_t n_bytes = nifti_make(&recipe, bytes), n_packed = gzip_make(bytes, n_bytes, packed);
        for (size_t n = 0; n < n_bytes; n++) {
            expect(SIREN_CORRUPT, "", bytes, n);
            assert_int_equal(siren_nifti_read_geometry(scratch_path("case"), &g),
                             n < NIFTI_HEADER_BYTES(version) ? SIREN_CORRUPT : SIREN_OK);
        }
        for (size_t n = 0; n < n_packed; n++) expect(SIREN_CORRUPT, "", packed, n);
    }
}

/* Reads damaged bytes; where that succeeds the reading must be what the bytes say. */
static void survive(const uint8_t *stored, size_t n_stored, const uint8_t *bytes, size_t n_bytes) {
    siren_series series;
    siren_status status = read_bytes(stored, n_stored, &series);
    if (status == SIREN_CORRUPT || status == SIREN_UNSUPPORTED) {
        assert_non_null(strstr(siren_message(), "case: "));
        return;
    }
    assert_siren_ok(status);
    const siren_geometry *g = &series.geometry;
    const size_t size = siren_datatype_size(g->datatype), n_voxels = siren_geometry_voxels(g);
    assert_int_equal(g->voxel_offset + n_voxels * size + series.n_tail, n_bytes);
    assert_memory_equal(series.header, bytes, g->voxel_offset);
    if (g->swapped) siren_datatype_swap(g->datatype, series.voxels, n_voxels);
    assert_memory_equal(series.voxels, bytes + g->voxel_offset, n_voxels * size);
    if (series.n_tail > 0)
        assert_memory_equal(series.tail, bytes + g->voxel_offset + n_voxels * size, series.n_tail);
    assert_true(isfinite(g->slope) && isfinite(g->inter) && g->slope != 0);
    siren_series_free(&series);
}

static siren_status read_and_free(const uint8_t *bytes, size_t n_bytes) {
    siren_series series = {0};
    siren_status status = read_bytes(bytes, n_bytes, &series);
    siren_series_free(&series);
    return status;
}

/* Whole, with a tail, as the bytes are and compressed. */
static void survive_both(const uint8_t *bytes, size_t n_bytes) {
    uint8_t packed[NIFTI_MOST_BYTES + 512];
    survive(bytes, n_bytes, bytes, n_bytes);
    survive(packed, gzip_make(bytes, n_bytes, packed), bytes, n_bytes);
}

static void any_byte_of_the_header_flipped(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES], packed[NIFTI_MOST_BYTES + 256];
    FOR_EACH_KIND(version, swapped) {
        nifti_recipe recipe = recipe_of(version, swapped);
        const size_t n_bytes = nifti_make(&recipe, bytes);
        for (size_t at = 0; at < NIFTI_HEADER_BYTES(version) + 4; at++)
            for (unsigned bit = 0; bit <= 8; bit++) {
                const uint8_t mask = bit == 8 ? 0xff : (uint8_t)(1u << bit);
                bytes[at] ^= mask;
                survive(bytes, n_bytes, bytes, n_bytes);
                survive(packed, gzip_make(bytes, n_bytes, packed), bytes, n_bytes);
                bytes[at] ^= mask;
            }
    }
}

static void any_byte_of_the_gzip_stream_flipped(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES], packed[NIFTI_MOST_BYTES + 256];
    nifti_recipe recipe = recipe_of(1, true);
    const size_t n_bytes = nifti_make(&recipe, bytes), n_packed = gzip_make(bytes, n_bytes, packed);
    for (size_t at = 0; at < n_packed; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            packed[at] ^= (uint8_t)(1u << bit);
            survive(packed, n_packed, bytes, n_bytes);
            packed[at] ^= (uint8_t)(1u << bit);
        }
}

static void wrong_checksum_or_length(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES], packed[NIFTI_MOST_BYTES + 256];
    nifti_recipe recipe = recipe_of(1, false);
    const size_t n_packed = gzip_make(bytes, nifti_make(&recipe, bytes), packed);
    packed[n_packed - 8] ^= 1;
    expect(SIREN_CORRUPT, "incorrect data check", packed, n_packed);
    packed[n_packed - 8] ^= 1;
    packed[n_packed - 1] ^= 1;
    expect(SIREN_CORRUPT, "incorrect length check", packed, n_packed);
}

/* After the image they are its tail; bytes after the gzip stream are no part of any. */
static void trailing_bytes(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES], packed[2 * NIFTI_MOST_BYTES];
    FOR_EACH_KIND(version, swapped) {
        nifti_recipe recipe = recipe_of(version, swapped);
        const size_t n_bytes = nifti_make(&recipe, bytes), extra[] = {1, 2, 77};
        for (size_t i = 0; i < 3; i++) {
            char said[32];
            snprintf(said, sizeof said, ": %zu byte%s ", extra[i], siren_plural(extra[i]));
            memset(bytes + n_bytes, 0, extra[i]);
            bytes[n_bytes + extra[i] - 1] = 1;
            survive_both(bytes, n_bytes + extra[i]);
            assert_siren_ok(read_and_free(bytes, n_bytes + extra[i]));
            const size_t n_packed = gzip_make(bytes, n_bytes, packed);
            memset(packed + n_packed, 'x', extra[i]);
            expect(SIREN_CORRUPT, said, packed, n_packed + extra[i]);
            /* A second member with more data belongs to the stream. */
            const size_t n_more = gzip_make(bytes + n_bytes, extra[i], packed + n_packed);
            survive(packed, n_packed + n_more, bytes, n_bytes + extra[i]);
            assert_siren_ok(read_and_free(packed, n_packed + n_more));
            /* Zeros that something follows are no padding. */
            memset(packed + n_packed, 0, extra[i]);
            packed[n_packed + extra[i] - 1] = 1;
            expect(SIREN_CORRUPT, said, packed, n_packed + extra[i]);
        }
    }
}

static char warned[1024]; /* the last warning */
static void hear(void *user, siren_log_level level, const char *message) {
    (void)user;
    if (level == SIREN_LOG_WARNING) snprintf(warned, sizeof warned, "%s", message);
}

/* 20 MiB of zeros behind a small image: counting stops, and memory stays small. */
static void bombs(void **state) {
    (void)state;
    nifti_recipe recipe = recipe_of(1, false);
    const size_t n_bytes = (size_t)20 << 20;
    uint8_t *bytes = calloc(n_bytes, 1), *packed = malloc(n_bytes + 256), head[NIFTI_MOST_BYTES];
    assert_true(bytes && packed);
    nifti_make(&recipe, head);
    memcpy(bytes, head, sizeof head);
    const size_t n_packed = gzip_make(bytes, n_bytes, packed);
    free(bytes);
    packed = realloc(packed, n_packed);
    expect(SIREN_UNSUPPORTED, "follow the voxels", packed, n_packed);
    siren_series series;
    siren_set_log(hear, NULL);
    assert_siren_ok(siren_nifti_read_for(SIREN_NIFTI_JUDGED, scratch_path("case"), SIZE_MAX, &series));
    siren_set_log(NULL, NULL);
    assert_non_null(strstr(warned, "at least 10"));
    siren_series_free(&series);
    free(packed);
    /* The same as a sparse file of 1 TiB, which nobody reads to its end. */
    file_put(scratch_path("case"), head, sizeof head);
    assert_int_equal(truncate(scratch_path("case"), (off_t)1 << 40), 0);
    assert_int_equal(siren_nifti_read(scratch_path("case"), SIZE_MAX, &series), SIREN_UNSUPPORTED);
    assert_siren_ok(siren_nifti_read_for(SIREN_NIFTI_JUDGED, scratch_path("case"), SIZE_MAX, &series));
    siren_series_free(&series);
}

static void put_dim(const nifti_recipe *r, uint8_t *bytes, size_t axis, int64_t value) {
    if (r->version == 1)
        nifti_put_integer(bytes + 40 + 2 * axis, 2, r->swapped, value);
    else
        nifti_put_integer(bytes + 16 + 8 * axis, 8, r->swapped, value);
}

static void sizes_that_lie(void **state) {
    (void)state;
    static const struct {
        int64_t n_axes, length;
        const char *said;
    } cases[] = {
        {0, 2, "dim[0] is 0"}, {-1, 2, "dim[0] is -1"}, {8, 2, "dim[0] is 8"},
        {4, 0, "dim[1] is 0"}, {4, -7, "dim[1] is -7"}, {4, 32767, "declare"},
        {7, 32767, "declare"}, {7, 32, "declares"},     {4, 6, "header declares 3152"},
    };
    uint8_t bytes[NIFTI_MOST_BYTES];
    FOR_EACH_KIND(version, swapped)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nifti_recipe recipe = recipe_of(version, swapped);
        recipe.extension = version == 1 ? 208 : 16; /* voxels from byte 560 */
        const size_t n_bytes = nifti_make(&recipe, bytes);
        put_dim(&recipe, bytes, 0, cases[i].n_axes);
        for (size_t axis = 1; axis <= 7; axis++) put_dim(&recipe, bytes, axis, cases[i].length);
        expect_both(SIREN_CORRUPT, cases[i].said, bytes, n_bytes);
        for (size_t axis = 1; axis <= 4; axis++) put_dim(&recipe, bytes, axis, 3); /* fewer than there are */
        put_dim(&recipe, bytes, 0, 4);
        survive_both(bytes, n_bytes);
    }
    nifti_recipe recipe = recipe_of(2, false);
    const size_t n_bytes = nifti_make(&recipe, bytes);
    static const struct {
        int64_t n_volumes, nz;
        const char *said;
    } lengths[] = {{INT64_MAX, 1, "2^63-1"},
                   {INT64_MAX, INT64_MAX, "2^63-1"},
                   {(int64_t)1 << 32, (int64_t)1 << 32, "2^63-1"},
                   {INT64_MAX / 40 + 1, 1, "2^63-1"}, /* more than 2^63 bytes, less than 2^64 */
                   {INT64_MAX / 240, 1, "header declares"}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        put_dim(&recipe, bytes, 4, lengths[i].n_volumes);
        put_dim(&recipe, bytes, 3, lengths[i].nz);
        expect(SIREN_CORRUPT, lengths[i].said, bytes, n_bytes);
    }
    put_dim(&recipe, bytes, 4, INT64_MIN);
    expect_both(SIREN_CORRUPT, "dim[4] is -9223372036854775808", bytes, n_bytes);
}

static void offsets_that_lie(void **state) {
    (void)state;
    static const double reals[] = {NAN, -NAN, INFINITY, -INFINITY, -1,   1,
                                   347, 340,  -352,     9.3e18,    3e38, 0x1p63};
    static const int64_t integers[] = {-1, 1, 536, 539, INT64_MIN, INT64_MAX, INT64_MAX - 240};
    static const double elsewhere[] = {348, 351, 351.5, 352.5, 353, 360, 400, 2000, 1e6, 1e15, 9e18};
    uint8_t bytes[NIFTI_MOST_BYTES];
    for (int swapped = 0; swapped < 2; swapped++) {
        nifti_recipe recipe = recipe_of(1, swapped);
        size_t n_bytes = nifti_make(&recipe, bytes);
        for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
            nifti_put_real(bytes + 108, 4, swapped, reals[i]);
            expect_both(SIREN_CORRUPT, "vox_offset", bytes, n_bytes);
        }
        for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
            nifti_put_real(bytes + 108, 4, swapped, elsewhere[i]);
            if (elsewhere[i] > 400)
                expect_both(SIREN_CORRUPT, "", bytes, n_bytes);
            else
                survive_both(bytes, n_bytes);
        }
        recipe = recipe_of(2, swapped);
        n_bytes = nifti_make(&recipe, bytes);
        for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
            nifti_put_integer(bytes + 168, 8, swapped, integers[i]);
            expect_both(SIREN_CORRUPT, i == 6 ? "declares 9223372036854775807" : "vox_offset", bytes,
                        n_bytes);
        }
        for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
            nifti_put_integer(bytes + 168, 8, swapped, (int64_t)elsewhere[i] + 192);
            if (elsewhere[i] > 400)
                expect_both(SIREN_CORRUPT, "", bytes, n_bytes);
            else
                survive_both(bytes, n_bytes);
        }
    }
}

static void types_that_are_not_read(void **state) {
    (void)state;
    static const struct {
        int datatype, bitpix;
        siren_status status;
        const char *said;
    } cases[] = {
        {1, 1, SIREN_UNSUPPORTED, "binary"},          {32, 64, SIREN_UNSUPPORTED, "complex64"},
        {128, 24, SIREN_UNSUPPORTED, "RGB "},         {1536, 128, SIREN_UNSUPPORTED, "float128"},
        {1792, 128, SIREN_UNSUPPORTED, "complex128"}, {2048, 256, SIREN_UNSUPPORTED, "complex256"},
        {2304, 32, SIREN_UNSUPPORTED, "RGBA"},        {0, 16, SIREN_CORRUPT, "datatype 0"},
        {-4, 16, SIREN_CORRUPT, "datatype -4"},       {5, 16, SIREN_CORRUPT, "datatype 5"},
    };
    uint8_t bytes[NIFTI_MOST_BYTES];
    FOR_EACH_KIND(version, swapped)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nifti_recipe recipe = recipe_of(version, swapped);
        const size_t n_bytes = nifti_make(&recipe, bytes), at = version == 1 ? 70 : 12;
        nifti_put_integer(bytes + at, 2, swapped, cases[i].datatype);
        nifti_put_integer(bytes + at + 2, 2, swapped, cases[i].bitpix);
        expect_both(cases[i].status, cases[i].said, bytes, n_bytes);
    }
}

static void files_that_are_something_else(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES];
    FOR_EACH_KIND(version, swapped) {
        nifti_recipe recipe = recipe_of(version, swapped);
        const size_t n_bytes = nifti_make(&recipe, bytes), magic = version == 1 ? 344 : 4;
        bytes[magic + 1] = 'i';
        uint8_t *vox_offset = bytes + (version == 1 ? 108 : 168), before[8];
        memcpy(before, vox_offset, 8);
        memset(vox_offset, 0, version == 1 ? 4 : 8); /* as it is in pairs */
        expect_both(SIREN_UNSUPPORTED, "pair", bytes, n_bytes);
        memcpy(vox_offset, before, 8);
        memset(bytes + magic, 0, 4);
        expect_both(version == 1 ? SIREN_UNSUPPORTED : SIREN_CORRUPT,
                    version == 1 ? "ANALYZE" : "is not a NIfTI file", bytes, n_bytes);
    }
    nifti_recipe recipe = recipe_of(2, false);
    const size_t n_bytes = nifti_make(&recipe, bytes);
    memcpy(bytes + 8, "\n\n\x1a\n", 4);
    expect_both(SIREN_CORRUPT, "binary mode", bytes, n_bytes);
    memset(bytes, ' ', sizeof bytes);
    expect_both(SIREN_CORRUPT, "is not a NIfTI file", bytes, sizeof bytes);
    expect_both(SIREN_CORRUPT, "is not a NIfTI file", bytes, 1);
    expect_both(SIREN_CORRUPT, "is not a NIfTI file", bytes, 0);
}

static void paths_that_are_no_files(void **state) {
    (void)state;
    siren_series series;
    siren_geometry g;
    assert_int_equal(siren_nifti_read(scratch_path("missing.nii"), SIZE_MAX, &series), SIREN_SYSTEM);
    assert_non_null(strstr(siren_message(), "missing.nii"));
    assert_int_equal(siren_nifti_read(scratch_folder(), SIZE_MAX, &series), SIREN_USAGE);
    assert_int_equal(siren_nifti_read("/dev/zero", SIZE_MAX, &series), SIREN_USAGE);
    assert_int_equal(mkfifo(scratch_path("fifo.nii"), 0600), 0);
    alarm(20); /* ends the test where opening the FIFO waits */
    assert_int_equal(siren_nifti_read(scratch_path("fifo.nii"), SIZE_MAX, &series), SIREN_USAGE);
    assert_int_equal(siren_nifti_read_geometry(scratch_path("fifo.nii"), &g), SIREN_USAGE);
    alarm(0);
}

/* Fields that the program does not act on may hold anything. */
static void nonsense_elsewhere_does_not_matter(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES];
    FOR_EACH_KIND(version, swapped) {
        nifti_recipe recipe = recipe_of(version, swapped);
        const size_t n_bytes = nifti_make(&recipe, bytes);
        const size_t ranges[2][3][2] = {{{56, 70}, {76, 108}, {124, 344}},
                                        {{80, 168}, {192, 400}, {400, 540}}};
        for (size_t i = 0; i < 3; i++)
            memset(bytes + ranges[version - 1][i][0], 0xff,
                   ranges[version - 1][i][1] - ranges[version - 1][i][0]);
        siren_series series;
        assert_siren_ok(read_bytes(bytes, n_bytes, &series));
        assert_memory_equal(series.header, bytes, series.geometry.voxel_offset);
        siren_geometry g = series.geometry;
        uint8_t *header = NULL;
        assert_siren_ok(siren_nifti_subseries_header(series.header, &g, 1, 1, 1, &header));
        free(header);
        siren_series_free(&series);
    }
}

static int teardown(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

int main(void) {
#ifndef SIREN_WITH_ASAN
    const struct rlimit cap = {(rlim_t)192 << 20, (rlim_t)192 << 20};
    if (setrlimit(RLIMIT_AS, &cap) != 0) return 1;
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(any_byte_of_the_header_flipped),
        cmocka_unit_test(any_byte_of_the_gzip_stream_flipped),
        cmocka_unit_test(wrong_checksum_or_length),
        cmocka_unit_test(trailing_bytes),
        cmocka_unit_test(bombs),
        cmocka_unit_test(sizes_that_lie),
        cmocka_unit_test(offsets_that_lie),
        cmocka_unit_test(types_that_are_not_read),
        cmocka_unit_test(files_that_are_something_else),
        cmocka_unit_test(paths_that_are_no_files),
        cmocka_unit_test(nonsense_elsewhere_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
