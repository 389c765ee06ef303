/* compress encodes in the background: the records are those of blocks trained and encoded one after the other,
 * whichever thread is interrupted or fails. */
#include "tests/shared/devices.h"
#include "engine/archive/coded_record.h"
#include "engine/encode/encoder.h"
#include "formats/nifti.h"
#include "tests/shared/nifti_files.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* More slices than one batch of any family; slice 4 is constant. */
enum { NX = 5, NY = 4, NZ = 11, NV = 4, SLICE = NX * NY, CONSTANT = 4 };

static siren_compress_options quick(void) {
    siren_compress_options options = siren_compress_defaults();
    options.settings.layers = 2;
    options.settings.width = 24;
    options.settings.epochs = 5;
    options.settings.packing = SIREN_PACKING_SMALLEST;
    options.overwrite = true;
    return options;
}

static void make_image(const char *path) {
    nifti_recipe recipe = {
        .version = 1, .datatype = 16, .bitpix = 32, .dim = {4, NX, NY, NZ, NV, 1, 1, 1}, .slope = 1};
    uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe);
    assert_true(n <= sizeof bytes);
    for (int i = 0; i < SLICE * NZ * NV; i++)
        nifti_put_real(bytes + offset + 4 * i, 4, false,
                       i / SLICE % NZ == CONSTANT ? 7 : 100 + 50 * sin(0.3 * i));
    file_put(path, bytes, n);
}

static siren_status compress(const siren_compress_options *options, siren_progress_fn progress, void *user) {
    return siren_compress_file(device, scratch_path("image.nii"), scratch_path("a.siren"), options, progress,
                               user, NULL);
}

static void records_are_those_of_blocks_alone(void **state) {
    (void)state;
    siren_compress_options options = quick();
    siren_archive *archive = NULL;
    siren_series series = {.voxels = NULL};
    siren_layout layout;
    siren_encoder *encoder = NULL;
    siren_settings encoding = options.settings;
    atomic_bool stop;
    encoding.packing = SIREN_PACKING_SMALLEST;
    atomic_init(&stop, false);
    make_image(scratch_path("image.nii"));
    assert_siren_ok(compress(&options, NULL, NULL));
    assert_siren_ok(siren_archive_open(scratch_path("a.siren"), &archive));
    assert_siren_ok(siren_layout_read(archive, &layout));
    assert_siren_ok(siren_nifti_read(scratch_path("image.nii"), SIZE_MAX, &series));
    assert_int_equal(siren_archive_n_records(archive), NZ);
    siren_encoder_plan plan = {.series = &series, .layout = &layout, .settings = &options.settings};
    assert_siren_ok(siren_encoder_create(device, &plan, &encoder));
    for (size_t z = 0; z < NZ; z++) {
        const siren_index_entry *entry = &siren_archive_index(archive)[z];
        siren_training training = {z, options.settings.seed, 3e-4f};
        siren_trained *trained = NULL;
        siren_encoded encoded;
        uint8_t *record;
        size_t n_record;
        assert_siren_ok(siren_encoder_train(encoder, &training, 1, NULL, NULL, NULL, &trained));
        assert_int_equal(trained->n, 1);
        assert_int_equal(trained->blocks[0].constant, z == CONSTANT);
        assert_siren_ok(siren_trained_encode(trained, 0, &encoding, &stop, &encoded));
        assert_int_equal(entry->decoded_crc, encoded.entry.decoded_crc);
        assert_true(entry->mse == encoded.entry.mse);
        assert_int_equal(entry->bytes, encoded.n_packed);
        assert_siren_ok(siren_record_load("block", &layout, archive, z, &record, &n_record));
        assert_int_equal(n_record, encoded.n_unpacked);
        if (z > 0) /* in the order of the slices */
            assert_true(entry->offset == entry[-1].offset + entry[-1].bytes);
        free(record);
        siren_encoded_free(&encoded);
        siren_trained_free(trained);
    }
    siren_encoder_free(encoder);
    siren_series_free(&series);
    siren_archive_close(archive);
}

/* What is trained outlives its encoder, and is given up when nobody wants it. */
static void trained_blocks_stand_alone(void **state) {
    (void)state;
    siren_compress_options options = quick();
    siren_archive *archive = NULL;
    siren_series series = {.voxels = NULL};
    siren_layout layout;
    siren_encoder *encoder = NULL;
    siren_training trainings[NZ];
    siren_trained *trained = NULL;
    siren_encoded encoded = {.packed = NULL};
    siren_settings encoding = options.settings;
    atomic_bool stop;
    encoding.packing = SIREN_PACKING_SMALLEST;
    atomic_init(&stop, true);
    make_image(scratch_path("image.nii"));
    assert_siren_ok(compress(&options, NULL, NULL));
    assert_siren_ok(siren_archive_open(scratch_path("a.siren"), &archive));
    assert_siren_ok(siren_layout_read(archive, &layout));
    assert_siren_ok(siren_nifti_read(scratch_path("image.nii"), SIZE_MAX, &series));
    for (size_t z = 0; z < NZ; z++) trainings[z] = (siren_training){z, options.settings.seed, 3e-4f};
    siren_encoder_plan plan = {.series = &series, .layout = &layout, .settings = &options.settings};
    assert_siren_ok(siren_encoder_create(device, &plan, &encoder));
    assert_siren_ok(siren_encoder_train(encoder, trainings, NZ, NULL, NULL, NULL, &trained));
    siren_encoder_free(encoder);
    for (size_t i = 0; i < trained->n; i++) {
        const siren_index_entry *entry = &siren_archive_index(archive)[i];
        if (!trained->blocks[i].constant)
            assert_int_equal(siren_trained_encode(trained, i, &encoding, &stop, &encoded), SIREN_CANCELLED);
        assert_null(encoded.packed);
        atomic_store(&stop, false);
        assert_siren_ok(siren_trained_encode(trained, i, &encoding, &stop, &encoded));
        assert_int_equal(entry->decoded_crc, encoded.entry.decoded_crc);
        siren_encoded_free(&encoded);
        atomic_store(&stop, true);
    }
    siren_trained_free(trained);
    siren_series_free(&series);
    siren_archive_close(archive);
}

static bool count_down(void *user, double done, double total, const char *what) {
    int *left = user;
    (void)what;
    assert_true(done <= total);
    return --*left > 0;
}

static void interrupted_anywhere_leaves_nothing(void **state) {
    (void)state;
    siren_compress_options options = quick();
    siren_status status = SIREN_CANCELLED;
    int n = 1;
    make_image(scratch_path("image.nii"));
    for (; status != SIREN_OK; n++) {
        int left = n;
        unlink(scratch_path("a.siren"));
        status = compress(&options, count_down, &left);
        if (status == SIREN_OK) break;
        assert_int_equal(status, SIREN_CANCELLED);
        assert_true(left <= 0);
        assert_false(file_exists(scratch_path("a.siren")));
    }
    assert_true(n > 3);
}

/* A limit on the size of files stands for a full disk: a record fails to be written while others train. */
static void a_failed_record_ends_the_training(void **state) {
    (void)state;
    siren_compress_options options = quick();
    struct rlimit before, small;
    size_t n = 0, n_written = 0;
    make_image(scratch_path("image.nii"));
    assert_siren_ok(compress(&options, NULL, NULL));
    free(file_get(scratch_path("a.siren"), &n));
    unlink(scratch_path("a.siren"));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (size_t eighth = 1; eighth < 8; eighth++) {
        small = before;
        small.rlim_cur = n * eighth / 8;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        siren_status status = compress(&options, NULL, NULL);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(status, SIREN_SYSTEM);
        assert_non_null(strstr(siren_message(), "writing failed"));
        assert_false(file_exists(scratch_path("a.siren")));
        n_written++;
    }
    assert_int_equal(n_written, 7);
}

static void a_failing_device_ends_the_encoding(void **state) {
    (void)state;
    siren_compress_options options = quick();
    make_image(scratch_path("image.nii"));
    fail_every_call(scratch_path("image.nii"), scratch_path("a.siren"), &options);
}

/* A batch being encoded counts: what is refused is refused before anything is trained, and above that the bytes are the
 * same. */
static void memory_counts_the_background(void **state) {
    (void)state;
    siren_compress_options options = quick();
    siren_archive *archive = NULL;
    siren_layout layout;
    size_t n, n_small, refused = 0;
    make_image(scratch_path("image.nii"));
    assert_siren_ok(compress(&options, NULL, NULL));
    uint8_t *wanted = file_get(scratch_path("a.siren"), &n);
    assert_siren_ok(siren_archive_open(scratch_path("a.siren"), &archive));
    assert_siren_ok(siren_layout_read(archive, &layout));
    size_t least = 4 * SLICE * NZ * NV + siren_trained_bytes(&layout, 1);
    assert_true(siren_trained_bytes(&layout, 2) ==
                siren_trained_bytes(&layout, 1) + siren_network_n_params(&layout.network) * sizeof(float));
    siren_archive_close(archive);
    unlink(scratch_path("a.siren"));
    for (options.memory_limit = least;; options.memory_limit += options.memory_limit / 4) {
        siren_status status = compress(&options, NULL, NULL);
        if (status == SIREN_OK) break;
        assert_int_equal(status, SIREN_UNSUPPORTED);
        assert_non_null(strstr(siren_message(), "--memory"));
        assert_false(file_exists(scratch_path("a.siren")));
        refused++;
    }
    assert_true(refused > 0);
    uint8_t *small = file_get(scratch_path("a.siren"), &n_small);
    assert_int_equal(n, n_small);
    assert_memory_equal(wanted, small, n);
    free(wanted), free(small);
}

static long resident_bytes(void) {
    long n_total, n_resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_int_equal(fscanf(file, "%ld %ld", &n_total, &n_resident), 2);
    fclose(file);
    return n_resident * sysconf(_SC_PAGESIZE);
}

static bool stop_at_once(void *user, double done, double total, const char *what) {
    long *resident = user;
    (void)done, (void)total, (void)what;
    *resident = resident_bytes();
    return false;
}

/* Many epochs take time, not memory: a loss of each would take 40 MB. */
static void memory_is_that_of_few_epochs(void **state) {
    (void)state;
    siren_compress_options options = quick();
    long before, during = 0;
    make_image(scratch_path("image.nii"));
    assert_siren_ok(compress(&options, NULL, NULL));
    unlink(scratch_path("a.siren"));
    options.settings.epochs = 10000000;
    options.memory_limit = 32 << 20;
    before = resident_bytes();
    assert_int_equal(compress(&options, stop_at_once, &during), SIREN_CANCELLED);
    assert_true(during > 0 && during - before < 20 << 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_those_of_blocks_alone),
        cmocka_unit_test(trained_blocks_stand_alone),
        cmocka_unit_test(interrupted_anywhere_leaves_nothing),
        cmocka_unit_test(a_failed_record_ends_the_training),
        cmocka_unit_test(a_failing_device_ends_the_encoding),
        cmocka_unit_test(memory_is_that_of_few_epochs),
        cmocka_unit_test(memory_counts_the_background),
    };
    scratch_folder();
    int failed = run_on_families(tests, sizeof tests / sizeof *tests);
    scratch_remove();
    return failed;
}
