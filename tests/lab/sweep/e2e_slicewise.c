/* lab/sweep/slicewise: one slice's figures whatever the blocks are, and what is refused.
 *
 *   e2e_slicewise ARCHIVE IMAGE MASK    prints the figures, for the oracle of e2e_slicewise_numpy.sh */
#include "tests/shared/devices.h"
#include "lab/sweep/slicewise.h"
#include "formats/nifti.h"
#include "tests/shared/nifti_files.h"

#include <math.h>

enum { NX = 9, NY = 7, NZ = 3, NV = 4, SLICE = NX * NY, POINTS = SLICE * NZ };

/* Slice 1 is constant; volume 2 is constant in slice 2. */
static double voxel(int x, int y, int z, int v) {
    if (z == 1) return 3 + v;
    if (z == 2 && v == 2) return 42.5;
    return 100 + 50 * sin(0.7 * x + 0.4 * y + v) + 9 * z;
}

static void make_archive(const char *image, const char *archive, const char *model, siren_block_kind blocks) {
    nifti_recipe recipe = {
        .version = 1, .datatype = 16, .bitpix = 32, .dim = {4, NX, NY, NZ, NV, 1, 1, 1}, .slope = 1};
    static uint8_t bytes[NIFTI_MOST_BYTES];
    siren_compress_options options = siren_compress_defaults();
    size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe);
    for (int i = 0; i < POINTS * NV; i++)
        nifti_put_real(bytes + offset + 4 * i, 4, false,
                       voxel(i % NX, i / NX % NY, i / SLICE % NZ, i / POINTS));
    file_put(image, bytes, n);
    options.settings.model = model;
    options.settings.blocks = blocks;
    options.settings.patch[0] = 4, options.settings.patch[1] = 3, options.settings.patch[2] = 2;
    options.settings.layers = 2;
    options.settings.width = 24;
    options.settings.epochs = 20;
    options.overwrite = true;
    assert_siren_ok(siren_compress_file(device, image, archive, &options, NULL, NULL, NULL));
}

/* On the device and on the host: the same bits. A mask of all points changes nothing. */
static void figures_are_the_same_everywhere(void **state) {
    (void)state;
    const char *image = scratch_path("image.nii"), *archive = scratch_path("image.siren");
    uint8_t mask[POINTS];
    memset(mask, 1, sizeof mask);
    for (siren_block_kind kind = SIREN_BLOCK_SLICE; kind <= SIREN_BLOCK_PATCH; kind++) {
        siren_series series;
        siren_slice_fidelity *a, *b;
        size_t n_a = 0, n_b = 0;
        make_archive(image, archive, kind == SIREN_BLOCK_SLICE ? "siren-2d" : "siren-3d", kind);
        assert_siren_ok(siren_nifti_read(image, SIZE_MAX, &series));
        assert_siren_ok(siren_slicewise(device, archive, &series, mask, SIZE_MAX, NULL, NULL, &a, &n_a));
        assert_siren_ok(siren_slicewise(NULL, archive, &series, NULL, SIZE_MAX, NULL, NULL, &b, &n_b));
        assert_true(n_a == NZ && n_b == NZ);
        for (size_t z = 0; z < NZ; z++) {
            assert_true(a[z].z == z && a[z].constant == (z == 1) && a[z].honest.n == SLICE * NV);
            assert_memory_equal(&a[z].honest, &b[z].honest, sizeof a[z].honest);
            assert_memory_equal(&a[z].honest, &a[z].honest_masked, sizeof a[z].honest);
            assert_memory_equal(&a[z].published, &b[z].published, sizeof a[z].published);
            assert_memory_equal(&a[z].published, &a[z].published_masked, sizeof a[z].published);
            assert_true(b[z].honest_masked.n == 0 && isnan(b[z].honest_masked.mse));
        }
        free(a);
        free(b);
        siren_series_free(&series);
    }
}

/* Where the blocks are slices, the honest form is the archive's own figure. */
static void slices_have_the_archives_figures(void **state) {
    (void)state;
    const char *image = scratch_path("image.nii"), *archive = scratch_path("image.siren");
    siren_series series;
    siren_archive_info info;
    siren_slice_fidelity *slices;
    size_t n = 0;
    make_archive(image, archive, "siren-2d", SIREN_BLOCK_SLICE);
    assert_siren_ok(siren_nifti_read(image, SIZE_MAX, &series));
    assert_siren_ok(siren_info(archive, &info));
    assert_siren_ok(siren_slicewise(device, archive, &series, NULL, SIZE_MAX, NULL, NULL, &slices, &n));
    assert_true(info.blocks[0].mse > 1e-6 && fabs(slices[0].honest.mse / info.blocks[0].mse - 1) < 1e-6);
    /* A constant volume is stored as such and has no error here, but what the network gives for it has. */
    assert_true(slices[1].honest.mse == 0 && slices[2].honest.mse <= info.blocks[2].mse);
    free(slices);
    siren_archive_info_free(&info);
    siren_series_free(&series);
}

static bool cancel(void *user, double done, double total, const char *what) {
    (void)what;
    *(double *)user = done;
    return done < total - 1;
}

static void what_cannot_be_compared_is_refused(void **state) {
    (void)state;
    const char *image = scratch_path("image.nii"), *archive = scratch_path("image.siren");
    siren_series series;
    siren_slice_fidelity *slices = NULL;
    size_t n = 77, n_bytes;
    double done = 0;
    make_archive(image, archive, "siren-3d", SIREN_BLOCK_PATCH);
    assert_siren_ok(siren_nifti_read(image, SIZE_MAX, &series));
    assert_int_equal(
        siren_slicewise(device, archive, &series, NULL, 2 * 2 * SLICE * NV * 4 - 1, NULL, NULL, &slices, &n),
        SIREN_UNSUPPORTED);
    assert_non_null(strstr(siren_message(), "2 at once"));
    assert_int_equal(siren_slicewise(device, archive, &series, NULL, SIZE_MAX, cancel, &done, &slices, &n),
                     SIREN_CANCELLED);
    assert_true(done == 2);
    series.geometry.nx--;
    assert_int_equal(siren_slicewise(device, archive, &series, NULL, SIZE_MAX, NULL, NULL, &slices, &n),
                     SIREN_USAGE);
    series.geometry.nx++;
    series.geometry.datatype = SIREN_INT32;
    assert_int_equal(siren_slicewise(device, archive, &series, NULL, SIZE_MAX, NULL, NULL, &slices, &n),
                     SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "of int32"));
    series.geometry.datatype = SIREN_FLOAT32;
    uint8_t *bytes = file_get(archive, &n_bytes);
    bytes[n_bytes / 2] ^= 1;
    file_put(archive, bytes, n_bytes);
    assert_int_equal(siren_slicewise(device, archive, &series, NULL, SIZE_MAX, NULL, NULL, &slices, &n),
                     SIREN_CORRUPT);
    assert_true(!slices && n == 77);
    free(bytes);
    siren_series_free(&series);
}

static void print_figures(const char *form, const siren_slice_fidelity *slice, const siren_fidelity *f) {
    printf("%s %zu %d %zu %.17g %.17g %.17g %.17g\n", form, slice->z, slice->constant, f->n, f->mse, f->psnr,
           f->psnr_published, f->psnr_clamped);
}

static siren_status print_archive(char **argv) {
    SIREN_AT_END(siren_series_free) siren_series series = {.voxels = NULL}, mask = {.voxels = NULL};
    SIREN_FREE_AT_END siren_slice_fidelity *slices = NULL;
    size_t n = 0;
    SIREN_TRY(siren_nifti_read(argv[2], SIZE_MAX, &series));
    SIREN_TRY(siren_nifti_read(argv[3], SIZE_MAX, &mask));
    SIREN_TRY(siren_slicewise(NULL, argv[1], &series, mask.voxels, SIZE_MAX, NULL, NULL, &slices, &n));
    for (size_t i = 0; i < n; i++) {
        print_figures("honest", &slices[i], &slices[i].honest);
        print_figures("honest_masked", &slices[i], &slices[i].honest_masked);
        print_figures("published", &slices[i], &slices[i].published);
        print_figures("published_masked", &slices[i], &slices[i].published_masked);
    }
    return SIREN_OK;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_the_same_everywhere),
        cmocka_unit_test(slices_have_the_archives_figures),
        cmocka_unit_test(what_cannot_be_compared_is_refused),
    };
    if (argc == 4) {
        siren_status status = print_archive(argv);
        if (status != SIREN_OK) fprintf(stderr, "%s\n", siren_message());
        return siren_exit_code(status);
    }
    int failed = run_on_family(SIREN_FAMILY_CHAIN, tests, sizeof tests / sizeof *tests);
    scratch_remove();
    return failed;
}
