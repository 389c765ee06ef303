/* A device that is full: batches are halved, then memory for training, with a warning and without any other trace;
 * where nothing is left to give up, the device is named and no file appears. */
#include "tests/shared/devices.h"
#include "lab/sweep/sweep.h"
#include "tests/shared/nifti_files.h"

#include <glob.h>
#include <math.h>
#include <unistd.h>

enum { NX = 33, NY = 29, NZ = 8, NV = 3, VALUES = NX * NY * NZ * NV };

static void make_image(const char *path) {
    static uint8_t bytes[NIFTI_MOST_BYTES + VALUES];
    const int dims[] = {NX, NY, NZ, NV};
    nifti_recipe recipe = {
        .version = 1, .datatype = 2, .bitpix = 8, .dim = {4, 1, 1, 1, 1, 1, 1, 1}, .slope = 1};
    size_t offset = nifti_make(&recipe, bytes) - 1;
    for (int axis = 0; axis < 4; axis++)
        nifti_put_integer(bytes + 42 + 2 * axis, 2, false, (uint64_t)dims[axis]);
    for (int i = 0; i < VALUES; i++)
        bytes[offset + (size_t)i] = (uint8_t)(100 + 50 * sin(0.3 * (i % NX) + 0.01 * i));
    file_put(path, bytes, offset + VALUES);
}

/* Warnings of the last run: fewer networks at once, less memory for one, its targets left on the host. */
static size_t n_fewer, n_less, n_anew;
static size_t least_room; /* with which a run ended well */

static void hear(void *user, siren_log_level level, const char *message) {
    (void)user;
    if (level != SIREN_LOG_WARNING) return;
    const bool fewer = strstr(message, " at once"), less = strstr(message, " bytes of memory for training"),
               anew = strstr(message, " read anew in each epoch");
    n_fewer += fewer;
    n_less += less;
    n_anew += anew;
    if ((fewer || less || anew) && !strstr(message, siren_device_get_facts(device)->name))
        fail_msg("without the device's name: %s", message);
}

/* Gives the device more and more room, until `run` needs no warning. It compares what it makes with what it made
 * without a limit. */
static void with_ever_more_room(siren_status (*run)(bool limited), bool late) {
    size_t n_failed = 0, n_halved = 0; /* runs */
    assert_siren_ok(run(false));
    least_room = 0;
    for (size_t room = (size_t)1 << 16;; room += room / 2) {
        n_fewer = n_less = n_anew = 0;
        siren_device_limit_room(device, room, late);
        siren_status status = run(true);
        siren_device_limit_room(device, 0, false);
        if (status != SIREN_OK) {
            n_failed++;
            continue;
        }
        if (least_room == 0) least_room = room;
        if (n_fewer + n_less + n_anew == 0) break;
        n_halved += n_fewer > 0;
    }
    assert_true(n_failed > 0);
    if (siren_device_get_facts(device)->family == SIREN_FAMILY_LAYER) assert_true(n_halved > 0);
}

static void expect_same_files(const char *path, const char *other) {
    size_t n = 0, n_other = 0;
    uint8_t *bytes = file_get(path, &n), *others = file_get(other, &n_other);
    assert_int_equal(n, n_other);
    assert_memory_equal(bytes, others, n);
    free(bytes), free(others);
}

static siren_status compress(bool limited) {
    siren_compress_options options = siren_compress_defaults();
    const char *archive = scratch_path(limited ? "limited.siren" : "free.siren");
    options.settings.layers = 1;
    options.settings.width = 16;
    options.settings.epochs = 2;
    unlink(archive);
    siren_status status =
        siren_compress_file(device, scratch_path("image.nii"), archive, &options, NULL, NULL, NULL);
    if (status == SIREN_OK) {
        expect_same_files(archive, scratch_path("free.siren"));
        return status;
    }
    assert_int_equal(status, SIREN_DEVICE_MEMORY);
    assert_non_null(strstr(siren_message(), siren_device_get_facts(device)->name));
    assert_false(file_exists(archive));
    return status;
}

static void compress_does_with_what_there_is(void **state) {
    (void)state;
    make_image(scratch_path("image.nii"));
    for (int late = 0; late < 2; late++) with_ever_more_room(compress, late);
}

/* Leaves so much room once training is under way. */
static bool fill_up(void *user, double done, double total, const char *what) {
    size_t *room = user;
    (void)total;
    (void)what;
    if (*room > 0 && done > 0) {
        siren_device_limit_room(device, *room, true);
        *room = 0;
    }
    return true;
}

static void a_training_under_way_begins_anew(void **state) {
    (void)state;
    siren_compress_options options = siren_compress_defaults();
    const char *archive = scratch_path("filled.siren");
    assert_true(least_room > 0);
    make_image(scratch_path("image.nii"));
    options.settings.layers = 1;
    options.settings.width = 16;
    options.settings.epochs = 40;
    options.overwrite = true;
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path("free.siren"),
                                        &options, NULL, NULL, NULL));
    for (int some = 0; some < 2; some++) {
        size_t room = some ? least_room : 1;
        n_fewer = n_less = 0;
        unlink(archive);
        siren_status status =
            siren_compress_file(device, scratch_path("image.nii"), archive, &options, fill_up, &room, NULL);
        siren_device_limit_room(device, 0, false);
        assert_int_equal(room, 0);
        /* CPUs of few cores train one at a time, in the least room. */
        if (!some || siren_device_get_facts(device)->family == SIREN_FAMILY_LAYER)
            assert_true(n_fewer + n_less > 0);
        assert_int_equal(status, some ? SIREN_OK : SIREN_DEVICE_MEMORY);
        if (!some) assert_non_null(strstr(siren_message(), "CL_OUT_OF_RESOURCES"));
        assert_int_equal(file_exists(archive), some);
        if (some) expect_same_files(archive, scratch_path("free.siren"));
    }
}

/* ---- sweeps ---- */

static const char sweep_text[] =
    "{\"input\": {\"image\": \"image.nii\"}, \"epochs\": 2, \"log_interval\": 1, "
    "\"grid\": {\"model\": \"siren-2d\", \"layers\": 1, \"width\": 16}}";

static void remove_run(const char *folder) {
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

/* Checksums of the only trial, curves included. */
static char *sums_of(const char *folder, glob_t *found) {
    char pattern[4200];
    snprintf(pattern, sizeof pattern, "%s/trials/*/SHA256SUMS", folder);
    assert_int_equal(glob(pattern, 0, NULL, found), 0);
    assert_int_equal(found->gl_pathc, 1);
    return found->gl_pathv[0];
}

static siren_status sweep(bool limited) {
    siren_experiment *experiment = NULL;
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", scratch_path(limited ? "limited" : "free"));
    siren_sweep_options options = {.folder = folder, .command = "test", .memory_limit = SIZE_MAX};
    remove_run(folder);
    assert_siren_ok(siren_experiment_read(scratch_path("sweep.json"), NULL, SIREN_MAX_TRIALS, &experiment));
    siren_status status = siren_sweep(&device, 1, experiment, &options, NULL, NULL, NULL);
    siren_experiment_free(experiment);
    if (status == SIREN_OK) {
        glob_t one, other;
        expect_same_files(sums_of(folder, &one), sums_of(scratch_path("free"), &other));
        globfree(&one), globfree(&other);
        return status;
    }
    assert_int_equal(status, SIREN_PARTIAL);
    return status;
}

static void sweep_does_with_what_there_is(void **state) {
    (void)state;
    make_image(scratch_path("image.nii"));
    file_put(scratch_path("sweep.json"), sweep_text, strlen(sweep_text));
    with_ever_more_room(sweep, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(compress_does_with_what_there_is),
                                       cmocka_unit_test(a_training_under_way_begins_anew),
                                       cmocka_unit_test(sweep_does_with_what_there_is)};
    siren_set_log(hear, NULL);
    return run_on_families(tests, sizeof tests / sizeof *tests);
}
