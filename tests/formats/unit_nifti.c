/* formats/nifti and formats/series: round trips over types, versions and byte orders, headers of subseries
 * and of new images, conversions, and files and values that nibabel made (tests/golden/make_nifti.py). */
#include "tests/shared/testing.h"
#include "tests/shared/nifti_files.h"
#include "formats/nifti.h"

#include <math.h>
#include <zlib.h>

#define NO_LIMIT SIZE_MAX

static const struct {
    siren_datatype datatype;
    int bits;
    const char *name;
} types[] = {{SIREN_UINT8, 8, "uint8"},     {SIREN_INT8, 8, "int8"},      {SIREN_UINT16, 16, "uint16"},
             {SIREN_INT16, 16, "int16"},    {SIREN_UINT32, 32, "uint32"}, {SIREN_INT32, 32, "int32"},
             {SIREN_UINT64, 64, "uint64"},  {SIREN_INT64, 64, "int64"},   {SIREN_FLOAT32, 32, "float32"},
             {SIREN_FLOAT64, 64, "float64"}};
#define N_TYPES (sizeof types / sizeof *types)

static nifti_recipe recipe_of(int version, bool swapped, size_t type, size_t extension) {
    return (nifti_recipe){
        version, swapped, (int)types[type].datatype, types[type].bits, {4, 5, 4, 3, 2, 1, 1, 1}, extension,
        2,       -1};
}

/* Writes `series` slice by slice, the last one first. */
static void write_series(const char *path, const siren_series *series) {
    const siren_geometry *g = &series->geometry;
    const size_t slice_bytes = g->nx * g->ny * siren_datatype_size(g->datatype);
    siren_nifti_writer *writer = NULL;
    assert_siren_ok(siren_nifti_writer_open(path, true, g, series->header, &writer));
    for (size_t i = g->nz * g->n_volumes; i-- > 0;)
        assert_siren_ok(siren_nifti_writer_slice(writer, i / g->nz, i % g->nz,
                                                 (const uint8_t *)series->voxels + i * slice_bytes));
    assert_siren_ok(siren_nifti_writer_commit(writer));
}

static void every_kind_of_file_comes_back(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES], packed[NIFTI_MOST_BYTES + 256];
    for (int version = 1; version <= 2; version++)
        for (int swapped = 0; swapped < 2; swapped++)
            for (size_t type = 0; type < N_TYPES; type++)
                for (size_t extension = 0; extension <= 64; extension += 64) {
                    nifti_recipe recipe = recipe_of(version, swapped, type, extension);
                    const size_t n_bytes = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe);
                    const size_t size = (size_t)types[type].bits / 8;
                    file_put(scratch_path("in.nii"), bytes, n_bytes);
                    file_put(scratch_path("in.nii.gz"), packed, gzip_make(bytes, n_bytes, packed));
                    siren_series plain, unpacked;
                    assert_siren_ok(siren_nifti_read(scratch_path("in.nii"), n_bytes, &plain));
                    assert_siren_ok(siren_nifti_read(scratch_path("in.nii.gz"), n_bytes, &unpacked));
                    const siren_geometry *g = &plain.geometry;
                    assert_int_equal(g->version, version);
                    assert_int_equal(g->swapped, swapped);
                    assert_int_equal(g->datatype, types[type].datatype);
                    assert_int_equal(g->voxel_offset, offset);
                    assert_true(g->nx == 5 && g->ny == 4 && g->nz == 3 && g->n_volumes == 2);
                    assert_true(g->slope == 2 && g->inter == -1);
                    assert_memory_equal(plain.header, bytes, offset);
                    assert_memory_equal(unpacked.header, bytes, offset);
                    for (size_t i = 0; i < 120; i++)
                        for (size_t k = 0; k < size; k++)
                            assert_int_equal(((uint8_t *)plain.voxels)[i * size + k],
                                             bytes[offset + i * size + (swapped ? size - 1 - k : k)]);
                    assert_memory_equal(plain.voxels, unpacked.voxels, 120 * size);

                    write_series(scratch_path("out.nii"), &plain);
                    size_t n_out;
                    uint8_t *out = file_get(scratch_path("out.nii"), &n_out);
                    assert_int_equal(n_out, n_bytes);
                    assert_memory_equal(out, bytes, n_bytes);
                    free(out);
                    write_series(scratch_path("out.nii.gz"), &plain);
                    siren_series again;
                    assert_siren_ok(siren_nifti_read(scratch_path("out.nii.gz"), n_bytes, &again));
                    assert_memory_equal(again.header, bytes, offset);
                    assert_memory_equal(again.voxels, plain.voxels, 120 * size);
                    siren_series_free(&again);
                    siren_series_free(&plain);
                    siren_series_free(&unpacked);
                }
}

static void gzip_output_is_deterministic_and_anonymous(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES];
    nifti_recipe recipe = recipe_of(1, false, 3, 16);
    file_put(scratch_path("in.nii"), bytes, nifti_make(&recipe, bytes));
    siren_series series;
    assert_siren_ok(siren_nifti_read(scratch_path("in.nii"), NO_LIMIT, &series));
    write_series(scratch_path("one.nii.gz"), &series);
    write_series(scratch_path("another_name.nii.gz"), &series);
    size_t n_one, n_two;
    uint8_t *one = file_get(scratch_path("one.nii.gz"), &n_one),
            *two = file_get(scratch_path("another_name.nii.gz"), &n_two);
    assert_int_equal(n_one, n_two);
    assert_memory_equal(one, two, n_one);
    const uint8_t expected[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
    assert_memory_equal(one, expected, sizeof expected);
    free(one);
    free(two);
    siren_series_free(&series);
}

static void slices_not_written_are_zero(void **state) {
    (void)state;
    const char *names[2] = {"gaps.nii", "gaps.nii.gz"};
    siren_geometry g;
    uint8_t header[352];
    const double size[3] = {1, 1, 1};
    const int16_t slice[4] = {1, -2, 3, -4};
    for (int i = 0; i < 2; i++) {
        siren_nifti_writer *writer = NULL;
        assert_siren_ok(siren_nifti_new_header(SIREN_INT16, 2, 2, 3, 2, size, &g, header));
        assert_siren_ok(siren_nifti_writer_open(scratch_path(names[i]), false, &g, header, &writer));
        assert_siren_ok(siren_nifti_writer_slice(writer, 1, 0, slice));
        assert_int_equal(siren_nifti_writer_slice(writer, 2, 0, slice), SIREN_USAGE);
        assert_int_equal(siren_nifti_writer_slice(writer, 0, 3, slice), SIREN_USAGE);
        assert_siren_ok(siren_nifti_writer_commit(writer));
        siren_series series;
        assert_siren_ok(siren_nifti_read(scratch_path(names[i]), NO_LIMIT, &series));
        int16_t expected[24] = {0};
        memcpy(expected + 12, slice, sizeof slice);
        assert_memory_equal(series.voxels, expected, sizeof expected);
        siren_series_free(&series);
    }
}

static void writer_refuses_and_leaves_nothing(void **state) {
    (void)state;
    siren_geometry g;
    uint8_t header[352];
    const double size[3] = {1, 1, 1};
    siren_nifti_writer *writer = NULL;
    assert_siren_ok(siren_nifti_new_header(SIREN_UINT8, 2, 2, 1, 1, size, &g, header));
    assert_int_equal(siren_nifti_writer_open(scratch_path("a.img"), false, &g, header, &writer), SIREN_USAGE);
    assert_int_equal(siren_nifti_writer_open(scratch_path("a.nii.bz2"), false, &g, header, &writer),
                     SIREN_USAGE);
    assert_int_equal(siren_nifti_writer_open(scratch_path("no/such/folder.nii"), false, &g, header, &writer),
                     SIREN_SYSTEM);
    assert_null(writer);
    assert_siren_ok(siren_nifti_writer_open(scratch_path("b.nii"), false, &g, header, &writer));
    siren_nifti_writer_discard(writer);
    assert_false(file_exists(scratch_path("b.nii")));
    siren_nifti_writer_discard(NULL);
    file_put(scratch_path("b.nii"), "mine", 4);
    writer = NULL;
    assert_int_equal(siren_nifti_writer_open(scratch_path("b.nii"), false, &g, header, &writer), SIREN_USAGE);
    assert_null(writer);
}

/* gzip as other programs make it: several members, an empty last one, zeros after the end. */
static void gzip_members_are_joined(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES], packed[3 * (NIFTI_MOST_BYTES + 256)];
    nifti_recipe recipe = recipe_of(1, false, 3, 0);
    const size_t n_bytes = nifti_make(&recipe, bytes), cuts[3] = {1, 350, 400};
    for (size_t i = 0; i < 3; i++) {
        size_t n = gzip_make(bytes, cuts[i], packed);
        n += gzip_make(bytes + cuts[i], n_bytes - cuts[i], packed + n);
        n += gzip_make(bytes, 0, packed + n);
        memset(packed + n, 0, 512);
        for (size_t zeros = 0; zeros <= 512; zeros += 512) {
            siren_series series;
            file_put(scratch_path("members.nii.gz"), packed, n + zeros);
            assert_siren_ok(siren_nifti_read(scratch_path("members.nii.gz"), NO_LIMIT, &series));
            assert_memory_equal(series.header, bytes, 352);
            assert_memory_equal(series.voxels, bytes + 352, n_bytes - 352);
            siren_series_free(&series);
        }
    }
}

static void axes_are_flattened_or_filled(void **state) {
    (void)state;
    static const struct {
        int64_t dim[8];
        size_t nx, ny, nz, n_volumes;
    } cases[] = {
        {{1, 7, -3, 0, 9, 0, 0, 0}, 7, 1, 1, 1}, {{2, 7, 3, 0, 0, 0, 0, 0}, 7, 3, 1, 1},
        {{3, 7, 3, 2, -5, 9, 9, 9}, 7, 3, 2, 1}, {{4, 7, 3, 2, 5, 9, 9, 9}, 7, 3, 2, 5},
        {{5, 7, 3, 2, 1, 5, 0, 0}, 7, 3, 2, 5},  {{7, 2, 1, 2, 3, 2, 1, 4}, 2, 1, 2, 24},
        {{4, 1, 1, 1, 1, 0, 0, 0}, 1, 1, 1, 1},
    };
    uint8_t bytes[NIFTI_MOST_BYTES];
    for (int version = 1; version <= 2; version++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            nifti_recipe recipe = recipe_of(version, i % 2, 0, 0);
            memcpy(recipe.dim, cases[i].dim, sizeof recipe.dim);
            siren_geometry g;
            file_put(scratch_path("axes.nii"), bytes, nifti_make(&recipe, bytes));
            siren_series series;
            assert_siren_ok(siren_nifti_read_geometry(scratch_path("axes.nii"), &g));
            assert_siren_ok(siren_nifti_read(scratch_path("axes.nii"), NO_LIMIT, &series));
            assert_true(g.nx == cases[i].nx && g.ny == cases[i].ny && g.nz == cases[i].nz &&
                        g.n_volumes == cases[i].n_volumes);
            siren_series_free(&series);
        }
}

static void scaling_is_taken_as_nibabel_takes_it(void **state) {
    (void)state;
    static const struct {
        double slope, inter, expected_slope, expected_inter;
    } cases[] = {{0, 5, 1, 0}, {NAN, NAN, 1, 0}, {INFINITY, 3, 1, 0}, {0.5, 3, 0.5, 3}, {-2, 0, -2, 0}};
    uint8_t bytes[NIFTI_MOST_BYTES];
    siren_geometry g;
    for (int version = 1; version <= 2; version++) {
        nifti_recipe recipe = recipe_of(version, version == 2, 3, 0);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            recipe.slope = cases[i].slope;
            recipe.inter = cases[i].inter;
            assert_siren_ok(siren_nifti_parse("case", bytes, nifti_make(&recipe, bytes), &g));
            assert_true(g.slope == cases[i].expected_slope && g.inter == cases[i].expected_inter);
        }
        recipe.slope = 1;
        recipe.inter = NAN;
        assert_int_equal(siren_nifti_parse("case", bytes, nifti_make(&recipe, bytes), &g), SIREN_CORRUPT);
    }
}

static void offset_zero_is_right_after_the_header(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES];
    for (int version = 1; version <= 2; version++) {
        nifti_recipe recipe = recipe_of(version, false, 3, 0);
        const size_t n_bytes = nifti_make(&recipe, bytes);
        if (version == 1)
            nifti_put_real(bytes + 108, 4, false, 0);
        else
            nifti_put_integer(bytes + 168, 8, false, 0);
        file_put(scratch_path("zero.nii"), bytes, n_bytes);
        siren_series series;
        assert_siren_ok(siren_nifti_read(scratch_path("zero.nii"), NO_LIMIT, &series));
        assert_int_equal(series.geometry.voxel_offset, NIFTI_VOXEL_OFFSET(&recipe));
        assert_memory_equal(series.header, bytes, NIFTI_VOXEL_OFFSET(&recipe));
        write_series(scratch_path("zero_out.nii"), &series);
        size_t n_out;
        uint8_t *out = file_get(scratch_path("zero_out.nii"), &n_out);
        assert_int_equal(n_out, n_bytes);
        assert_memory_equal(out, bytes, n_bytes);
        free(out);
        siren_series_free(&series);
    }
}

static char warned[4096]; /* all warnings, a line each */
static size_t n_warned;
static void hear(void *user, siren_log_level level, const char *message) {
    (void)user;
    if (level != SIREN_LOG_WARNING) return;
    const size_t used = n_warned == 0 ? 0 : strlen(warned);
    snprintf(warned + used, sizeof warned - used, "%s\n", message);
    n_warned++;
}

/* Reads FILE with the status, the number of warnings and a part of the last one or of the message. */
static void expect_read(siren_nifti_use use, const char *file, siren_status status, size_t n,
                        const char *said, siren_series *series) {
    n_warned = 0;
    warned[0] = 0;
    siren_set_log(hear, NULL);
    siren_status got = siren_nifti_read_for(use, scratch_path(file), NO_LIMIT, series);
    siren_set_log(NULL, NULL);
    if (got != status || n_warned != n || !strstr(got == SIREN_OK ? warned : siren_message(), said))
        fail_msg("%s: expected %s, %zu warnings, \"%s\"; got %s (%s), %zu: %s", file,
                 siren_status_name(status), n, said, siren_status_name(got),
                 got == SIREN_OK ? "" : siren_message(), n_warned, warned);
}

/* sizeof_hdr against the mark of NIfTI-1, which binds, and the mark of a pair's header where the voxels follow it; the
 * byte order then is dim[0]'s. NIfTI-2's mark alone is no header. */
static void identity_is_the_marks(void **state) {
    (void)state;
    static const int32_t sizes[] = {0,  -1, 344, 349, 540, INT32_MAX, 0x5C010000 /* 348 in the other order */,
                                    348};
    uint8_t bytes[NIFTI_MOST_BYTES];
    for (int swapped = 0; swapped < 2; swapped++) {
        nifti_recipe recipe = recipe_of(1, swapped, 3, 16);
        const size_t n_bytes = nifti_make(&recipe, bytes);
        siren_series series;
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const bool wrong = sizes[i] != 348;
            nifti_put_integer(bytes, 4, swapped, sizes[i]);
            bytes[345] = wrong ? '+' : 'i';
            file_put(scratch_path("identity.nii"), bytes, n_bytes);
            expect_read(SIREN_NIFTI_STORED, "identity.nii", SIREN_OK, 1,
                        wrong ? "sizeof_hdr is " : "has the mark of a .hdr/.img pair", &series);
            assert_true(series.geometry.version == 1 && series.geometry.swapped == swapped);
            uint8_t *header = NULL;
            siren_geometry part = series.geometry;
            assert_siren_ok(siren_nifti_subseries_header(series.header, &part, 1, 1, 1, &header));
            assert_memory_equal(header + 344, "n+1", 4);
            nifti_put_integer(bytes, 4, swapped, 348);
            assert_memory_equal(header, bytes, 4);
            free(header);
            siren_series_free(&series);
        }
        nifti_put_real(bytes + 108, 4, swapped, 0);
        file_put(scratch_path("identity.nii"), bytes, n_bytes);
        expect_read(SIREN_NIFTI_STORED, "identity.nii", SIREN_UNSUPPORTED, 0, "pair", &series);
        recipe = recipe_of(2, swapped, 3, 16);
        const size_t n_second = nifti_make(&recipe, bytes);
        bytes[5] = 'i';
        nifti_put_integer(bytes, 4, !swapped, 540);
        file_put(scratch_path("identity.nii"), bytes, n_second);
        expect_read(SIREN_NIFTI_STORED, "identity.nii", SIREN_OK, 2, "has the mark of a .hdr/.img pair",
                    &series);
        assert_true(series.geometry.version == 2 && series.geometry.swapped == swapped);
        siren_series_free(&series);
        file_put(scratch_path("identity.nii"), bytes, nifti_make(&recipe, bytes));
        nifti_put_integer(bytes, 4, swapped, 0);
        file_put(scratch_path("identity.nii"), bytes, NIFTI_VOXEL_OFFSET(&recipe));
        expect_read(SIREN_NIFTI_STORED, "identity.nii", SIREN_CORRUPT, 0, "neither 348 nor 540", &series);
    }
}

/* A fraction of a byte is none: nibabel, MRtrix3 and nifti_clib take the whole part. A part's header says so. */
static void a_fraction_of_a_byte_is_a_warning(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES], *header = NULL;
    for (int swapped = 0; swapped < 2; swapped++) {
        nifti_recipe recipe = recipe_of(1, swapped, 3, 16);
        const size_t n_bytes = nifti_make(&recipe, bytes);
        const double offset = (double)NIFTI_VOXEL_OFFSET(&recipe);
        siren_series series;
        nifti_put_real(bytes + 108, 4, swapped, offset + .75);
        file_put(scratch_path("fraction.nii"), bytes, n_bytes);
        expect_read(SIREN_NIFTI_STORED, "fraction.nii", SIREN_OK, 1, ".75; voxels are taken from byte ",
                    &series);
        assert_int_equal(series.geometry.voxel_offset, NIFTI_VOXEL_OFFSET(&recipe));
        assert_memory_equal(series.header, bytes, NIFTI_VOXEL_OFFSET(&recipe));
        siren_geometry part = series.geometry;
        assert_siren_ok(siren_nifti_subseries_header(series.header, &part, 1, 1, 1, &header));
        nifti_put_real(bytes + 108, 4, swapped, offset);
        assert_memory_equal(header + 108, bytes + 108, 4);
        free(header);
        siren_series_free(&series);
        nifti_put_real(bytes + 108, 4, swapped, 347.75);
        file_put(scratch_path("fraction.nii"), bytes, n_bytes);
        expect_read(SIREN_NIFTI_STORED, "fraction.nii", SIREN_CORRUPT, 0, "vox_offset is 347.75", &series);
    }
}

/* bitpix against the datatype, and an axis of 0: the datatype binds, and nifti_clib takes 0 for 1. */
static void redundant_fields_are_a_warning(void **state) {
    (void)state;
    static const struct {
        int64_t bitpix, dim[8], nz, nv;
        size_t n;
        const char *said;
    } cases[] = {
        {0, {4, 5, 4, 3, 2, 1, 1, 1}, 3, 2, 1, "bitpix is 0, but a voxel of datatype 4 (int16) has 16 bits"},
        {8, {4, 5, 4, 3, 2, 1, 1, 1}, 3, 2, 1, "bitpix is 8,"},
        {-16, {4, 5, 4, 3, 2, 1, 1, 1}, 3, 2, 1, "bitpix is -16,"},
        {32767, {3, 5, 4, 3, 0, 0, 0, 0}, 3, 1, 1, "bitpix is 32767,"},
        {16, {4, 5, 4, 6, 0, 0, 0, 0}, 6, 1, 1, "dim[4] is 0, but dim[0] counts 4 axes; it is taken as 1"},
        {16, {3, 5, 4, 0, 7, 7, 7, 7}, 1, 1, 1, "dim[3] is 0"},
        {16, {2, 5, 0, 0, 0, 0, 0, 0}, 1, 1, 1, "dim[2] is 0"},
        {16, {7, 5, 4, 3, 0, 2, 0, 0}, 3, 2, 3, "dim[7] is 0"},
        {64, {5, 5, 4, 3, 0, 2, 0, 0}, 3, 2, 2, "dim[4] is 0"},
        {16, {4, 5, 4, 6, -1, 0, 0, 0}, 6, 1, 1, "dim[4] is -1, but dim[0] counts 4 axes; it is taken as 1"},
        {16, {7, 5, 4, 3, 2, -1, -1, -1}, 3, 2, 3, "dim[6] is -1"},
        {16, {3, 5, 4, 3, 0, 0, 0, 0}, 3, 1, 0, ""},
    };
    uint8_t bytes[NIFTI_MOST_BYTES];
    for (int version = 1; version <= 2; version++)
        for (int swapped = 0; swapped < 2; swapped++)
            for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                nifti_recipe recipe = recipe_of(version, swapped, 3, 16);
                const size_t offset = NIFTI_VOXEL_OFFSET(&recipe), width = version == 1 ? 2 : 8,
                             bitpix = version == 1 ? 72 : 14, dim = version == 1 ? 40 : 16;
                siren_series series, again;
                nifti_make(&recipe, bytes);
                nifti_put_integer(bytes + bitpix, 2, swapped, cases[i].bitpix);
                for (size_t k = 0; k < 8; k++)
                    nifti_put_integer(bytes + dim + k * width, width, swapped, cases[i].dim[k]);
                const size_t ny = cases[i].dim[2] ? 4 : 1, nz = (size_t)cases[i].nz, nv = (size_t)cases[i].nv,
                             n_bytes = offset + 2 * 5 * ny * nz * nv;
                file_put(scratch_path("fields.nii"), bytes, n_bytes);
                expect_read(SIREN_NIFTI_JUDGED, "fields.nii", SIREN_OK, cases[i].n, cases[i].said, &series);
                siren_series_free(&series);
                expect_read(SIREN_NIFTI_DECODED, "fields.nii", SIREN_OK, 0, "", &series);
                siren_series_free(&series);
                expect_read(SIREN_NIFTI_STORED, "fields.nii", SIREN_OK, cases[i].n, cases[i].said, &series);
                assert_true(series.geometry.ny == ny && series.geometry.nz == nz &&
                            series.geometry.n_volumes == nv);
                write_series(scratch_path("fields_out.nii"), &series);
                size_t n_out;
                uint8_t *out = file_get(scratch_path("fields_out.nii"), &n_out), *header = NULL;
                assert_int_equal(n_out, n_bytes);
                assert_memory_equal(out, bytes, n_bytes);
                free(out);
                /* A part's header is a new one, and is right. */
                siren_geometry part = series.geometry;
                if (nz > 1) {
                    assert_siren_ok(siren_nifti_subseries_header(series.header, &part, 1, 1, 1, &header));
                    again = (siren_series){.geometry = part, .header = header, .voxels = series.voxels};
                    write_series(scratch_path("part.nii"), &again);
                    free(header);
                    expect_read(SIREN_NIFTI_STORED, "part.nii", SIREN_OK, 0, "", &again);
                    assert_true(again.geometry.nz == 1 && again.geometry.n_volumes == 1);
                    siren_series_free(&again);
                }
                siren_series_free(&series);
            }
}

/* Zeros are left out with a warning; other bytes are refused of what is stored, and passed over in what is judged. */
static void bytes_after_the_voxels(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 8, 512, 5000, (1 << 20) - 1};
    static uint8_t bytes[NIFTI_MOST_BYTES + (1 << 20)], packed[2 * sizeof bytes];
    for (int version = 1; version <= 2; version++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (int kind = 0; kind < 4;
                 kind++) { /* zeros, a last byte, a first byte, bytes that are not gzip */
                nifti_recipe recipe = recipe_of(version, version == 2, 3, 16);
                const size_t n_bytes = nifti_make(&recipe, bytes), n = n_bytes + lengths[i];
                char said[64];
                siren_series series;
                memset(bytes + n_bytes, 0, lengths[i]);
                if (kind == 1) bytes[n - 1] = 1;
                if (kind == 2) bytes[n_bytes] = 1;
                if (kind == 3) memset(bytes + n_bytes, 'x', lengths[i]);
                size_t n_packed = gzip_make(bytes, kind == 3 ? n_bytes : n, packed);
                if (kind == 3) memcpy(packed + n_packed, bytes + n_bytes, lengths[i]), n_packed += lengths[i];
                file_put(scratch_path("tail.nii"), bytes, n);
                file_put(scratch_path("tail.nii.gz"), packed, n_packed);
                for (int gzip = 0; gzip < 2; gzip++) {
                    const char *file = gzip ? "tail.nii.gz" : "tail.nii";
                    snprintf(said, sizeof said, ": %zu byte%s ", lengths[i], siren_plural(lengths[i]));
                    expect_read(SIREN_NIFTI_JUDGED, file, SIREN_OK, 1, said, &series);
                    assert_memory_equal(series.header, bytes, series.geometry.voxel_offset);
                    siren_series_free(&series);
                    /* To be stored, all of it is kept but what is no gzip after a gzip stream. */
                    const bool foreign = gzip && kind == 3;
                    expect_read(SIREN_NIFTI_STORED, file, foreign ? SIREN_CORRUPT : SIREN_OK, 0,
                                foreign ? said : "", &series);
                    if (foreign) continue;
                    assert_int_equal(series.n_tail, lengths[i]);
                    assert_memory_equal(series.tail, bytes + n_bytes, lengths[i]);
                    siren_series_free(&series);
                }
                /* The checksum of a stream counts, whatever is read of it. */
                n_packed = gzip_make(bytes, n, packed);
                packed[n_packed - 8] ^= 1;
                file_put(scratch_path("tail.nii.gz"), packed, n_packed);
                expect_read(SIREN_NIFTI_JUDGED, "tail.nii.gz", SIREN_CORRUPT, 0, "incorrect data check",
                            &series);
            }
}

static void memory_limit_is_kept(void **state) {
    (void)state;
    uint8_t bytes[NIFTI_MOST_BYTES], packed[NIFTI_MOST_BYTES + 256];
    nifti_recipe recipe = recipe_of(1, false, 8, 0);
    const size_t n_bytes = nifti_make(&recipe, bytes);
    siren_series series;
    file_put(scratch_path("limit.nii"), bytes, n_bytes);
    file_put(scratch_path("limit.nii.gz"), packed, gzip_make(bytes, n_bytes, packed));
    assert_int_equal(siren_nifti_read(scratch_path("limit.nii"), n_bytes - 1, &series), SIREN_UNSUPPORTED);
    assert_int_equal(siren_nifti_read(scratch_path("limit.nii.gz"), n_bytes - 1, &series), SIREN_UNSUPPORTED);
    assert_siren_ok(siren_nifti_read(scratch_path("limit.nii.gz"), n_bytes, &series));
    siren_series_free(&series);
}

static void conversions_round_and_clamp(void **state) {
    (void)state;
    const double values[10] = {0.5, 1.5, -0.5, -1.5, NAN, INFINITY, -INFINITY, 1e30, -1e30, 100.4999};
    for (size_t type = 0; type < N_TYPES; type++) {
        const siren_datatype datatype = types[type].datatype;
        assert_int_equal(siren_datatype_size(datatype) * 8, types[type].bits);
        assert_string_equal(siren_datatype_name(datatype), types[type].name);
        uint64_t room[10];
        double back[10];
        siren_datatype_from_double(datatype, values, 10, room);
        siren_datatype_to_double(datatype, room, 10, back);
        if (datatype == SIREN_FLOAT32 || datatype == SIREN_FLOAT64) {
            for (size_t i = 0; i < 10; i++)
                assert_true(isnan(values[i])   ? isnan(back[i])
                            : isinf(values[i]) ? back[i] == values[i]
                                               : fabs(back[i] - values[i]) <= 1e-6 * fabs(values[i]));
            continue;
        }
        const bool is_signed = types[type].name[0] == 'i';
        const double above = ldexp(1, types[type].bits - is_signed),
                     most = types[type].bits == 64 ? above : above - 1;
        const double least = is_signed ? -above : 0;
        const double expected[10] = {0, 2, 0, is_signed ? -2 : 0, 0, most, least, most, least, 100};
        for (size_t i = 0; i < 10; i++) assert_true(back[i] == expected[i]);
    }
    uint64_t most;
    int64_t most_signed;
    const double infinite = INFINITY;
    siren_datatype_from_double(SIREN_UINT64, &infinite, 1, &most);
    siren_datatype_from_double(SIREN_INT64, &infinite, 1, &most_signed);
    assert_true(most == UINT64_MAX && most_signed == INT64_MAX);
    assert_int_equal(siren_datatype_size((siren_datatype)128), 0);
    assert_string_equal(siren_datatype_name((siren_datatype)128), "unknown");
    uint8_t odd[9] = {9, 1, 2, 3, 4, 5, 6, 7, 8};
    const uint8_t reversed[9] = {9, 4, 3, 2, 1, 8, 7, 6, 5};
    siren_datatype_swap(SIREN_FLOAT32, odd + 1, 2);
    assert_memory_equal(odd, reversed, 9);
}

static void new_headers_are_centred(void **state) {
    (void)state;
    siren_geometry g;
    uint8_t header[352];
    const double size[3] = {2, 1.5, 3}, flat[3] = {2, 0, 3}, vast[3] = {1, 1, 1e300};
    assert_siren_ok(siren_nifti_new_header(SIREN_FLOAT32, 140, 130, 96, 69, size, &g, header));
    assert_true(g.version == 1 && !g.swapped && g.datatype == SIREN_FLOAT32 && g.voxel_offset == 352);
    assert_true(g.nx == 140 && g.ny == 130 && g.nz == 96 && g.n_volumes == 69 && g.slope == 1 &&
                g.inter == 0);
    float srow[12];
    const float expected[12] = {2, 0, 0, -139, 0, 1.5f, 0, -96.75f, 0, 0, 3, -142.5f};
    memcpy(srow, header + 280, sizeof srow);
    assert_memory_equal(srow, expected, sizeof srow);
    assert_int_equal(header[123], 10);
    assert_siren_ok(siren_nifti_new_header(SIREN_UINT8, 4, 4, 4, 1, size, &g, header));
    int16_t n_axes;
    memcpy(&n_axes, header + 40, 2);
    assert_int_equal(n_axes, 3);
    assert_int_equal(siren_nifti_new_header(SIREN_UINT8, 40000, 4, 4, 1, size, &g, header), SIREN_USAGE);
    assert_int_equal(siren_nifti_new_header(SIREN_UINT8, 4, 0, 4, 1, size, &g, header), SIREN_USAGE);
    assert_int_equal(siren_nifti_new_header(SIREN_UINT8, 4, 4, 4, 1, flat, &g, header), SIREN_USAGE);
    assert_int_equal(siren_nifti_new_header(SIREN_UINT8, 4, 4, 4, 1, vast, &g, header), SIREN_USAGE);
    assert_int_equal(siren_nifti_new_header((siren_datatype)3, 4, 4, 4, 1, size, &g, header), SIREN_USAGE);
}

/* For unit_nifti_nibabel.sh: every kind of file with known voxels, in FOLDER. The ith voxel is i - 10.
 */
static void write_for_nibabel(const char *folder) {
    uint8_t bytes[NIFTI_MOST_BYTES];
    char path[1024];
    double values[120];
    for (size_t i = 0; i < 120; i++) values[i] = (double)i - 10;
    for (int version = 1; version <= 2; version++)
        for (int swapped = 0; swapped < 2; swapped++)
            for (size_t type = 0; type < N_TYPES; type++)
                for (int gzip = 0; gzip < 2; gzip++) {
                    nifti_recipe recipe = recipe_of(version, swapped, type, 32);
                    uint64_t voxels[120];
                    siren_series series = {.header = bytes, .voxels = voxels};
                    nifti_make(&recipe, bytes);
                    assert_siren_ok(siren_nifti_parse("made", bytes, sizeof bytes, &series.geometry));
                    siren_datatype_from_double(types[type].datatype, values, 120, voxels);
                    snprintf(path, sizeof path, "%s/%s_%d_%s.nii%s", folder, types[type].name, version,
                             swapped ? "swapped" : "native", gzip ? ".gz" : "");
                    write_series(path, &series);
                }
    const double size[3] = {2, 1.5, 3};
    float voxels[120];
    siren_series series = {.header = bytes, .voxels = voxels};
    siren_datatype_from_double(SIREN_FLOAT32, values, 120, voxels);
    assert_siren_ok(siren_nifti_new_header(SIREN_FLOAT32, 5, 4, 3, 2, size, &series.geometry, bytes));
    snprintf(path, sizeof path, "%s/new.nii", folder);
    write_series(path, &series);
    siren_geometry part = series.geometry;
    uint8_t *header = NULL;
    assert_siren_ok(siren_nifti_subseries_header(bytes, &part, 1, 2, 1, &header));
    series = (siren_series){.geometry = part, .header = header, .voxels = voxels + 20};
    snprintf(path, sizeof path, "%s/part.nii.gz", folder);
    write_series(path, &series);
    free(header);
}

static int teardown(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        write_for_nibabel(argv[2]);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_file_comes_back),
        cmocka_unit_test(gzip_output_is_deterministic_and_anonymous),
        cmocka_unit_test(slices_not_written_are_zero),
        cmocka_unit_test(writer_refuses_and_leaves_nothing),
        cmocka_unit_test(gzip_members_are_joined),
        cmocka_unit_test(axes_are_flattened_or_filled),
        cmocka_unit_test(scaling_is_taken_as_nibabel_takes_it),
        cmocka_unit_test(offset_zero_is_right_after_the_header),
        cmocka_unit_test(identity_is_the_marks),
        cmocka_unit_test(a_fraction_of_a_byte_is_a_warning),
        cmocka_unit_test(a_fraction_of_a_byte_is_a_warning),
        cmocka_unit_test(redundant_fields_are_a_warning),
        cmocka_unit_test(bytes_after_the_voxels),
        cmocka_unit_test(memory_limit_is_kept),
        cmocka_unit_test(conversions_round_and_clamp),
        cmocka_unit_test(new_headers_are_centred),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
