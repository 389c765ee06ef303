/* A compression that ends before its time goes on where it was, to the bytes of one that did not; what it keeps for
 * that is nobody else's, and its loss never more than the training of the blocks lost. */
#include "tests/shared/devices.h"
#include "engine/encode/journal.h"
#include "formats/nifti.h"
#include "tests/shared/nifti_files.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* More slices than two batches of any family, of which one is constant; and some before them that are left out. */
enum { NX = 5, NY = 4, FIRST = 2, N = 19, NZ = FIRST + N, NV = 4, SLICE = NX * NY, CONSTANT = 4, EPOCHS = 5 };

static siren_compress_options quick(void) {
    siren_compress_options options = siren_compress_defaults();
    options.settings.layers = 1;
    options.settings.width = 16;
    options.settings.epochs = EPOCHS;
    options.settings.slices = (siren_span){FIRST, NZ};
    options.overwrite = options.resume = true;
    return options;
}

static void make_image(double shift) {
    nifti_recipe recipe = {
        .version = 1, .datatype = 16, .bitpix = 32, .dim = {4, NX, NY, NZ, NV, 1, 1, 1}, .slope = 1};
    static uint8_t bytes[NIFTI_MOST_BYTES + 4 * SLICE * NZ * NV];
    size_t offset = NIFTI_VOXEL_OFFSET(&recipe);
    recipe.dim[3] = 1; /* its voxels are random, and there is no room for more */
    nifti_make(&recipe, bytes);
    nifti_put_integer(bytes + 40 + 2 * 3, 2, false, NZ);
    for (int i = 0; i < SLICE * NZ * NV; i++)
        nifti_put_real(bytes + offset + 4 * i, 4, false,
                       i / SLICE % NZ == CONSTANT ? 7 : shift + 50 * sin(0.3 * i));
    file_put(scratch_path("image.nii"), bytes, offset + 4 * SLICE * NZ * NV);
}

static siren_status compress(const siren_compress_options *options, const char *archive,
                             siren_progress_fn progress, void *user) {
    return siren_compress_file(device, scratch_path("image.nii"), scratch_path(archive), options, progress,
                               user, NULL);
}

/* ---- what happened ---- */

static size_t n_resumed,
    n_warnings; /* since the last reset: blocks of an earlier run, and warnings of other things */
static char warning[SIREN_MESSAGE_BYTES];

static void watch(void *user, siren_log_level level, const char *message) {
    (void)user;
    if (level != SIREN_LOG_WARNING || sscanf(message, "goes on with %zu of", &n_resumed) == 1) return;
    n_warnings++;
    snprintf(warning, sizeof warning, "%s", message);
}

static void reset(void) { n_resumed = n_warnings = 0; }

/* Stops once so many epochs are done. */
static bool stop_at(void *user, double done, double total, const char *what) {
    (void)total;
    (void)what;
    return done < *(double *)user;
}

static uint8_t *whole; /* the archive of a run without interruption */
static size_t n_whole;

static void make_whole(void) {
    siren_compress_options options = quick();
    unlink(scratch_path("a.siren")); /* of a case that failed */
    unlink(scratch_path("a.siren.part"));
    make_image(100);
    free(whole);
    reset();
    assert_siren_ok(compress(&options, "whole.siren", NULL, NULL));
    whole = file_get(scratch_path("whole.siren"), &n_whole);
    assert_int_equal(n_resumed + n_warnings, 0);
    assert_false(file_exists(scratch_path("whole.siren.part")));
}

static void assert_whole(const char *archive) {
    size_t n;
    uint8_t *bytes = file_get(scratch_path(archive), &n);
    assert_int_equal(n, n_whole);
    assert_memory_equal(bytes, whole, n);
    free(bytes);
    assert_int_equal(unlink(scratch_path(archive)), 0);
    assert_false(file_exists(scratch_path("a.siren.part")));
}

/* Interrupts until so many blocks are kept, and returns how many are. */
static size_t keep_some(size_t n) {
    siren_compress_options options = quick();
    double epochs = (double)(n * EPOCHS);
    size_t kept = 0;
    options.anew = true;
    siren_status status = compress(&options, "a.siren", stop_at, &epochs);
    assert_int_equal(status, SIREN_CANCELLED);
    const char *tells = strstr(siren_message(), ".part keeps ");
    if (tells) assert_int_equal(sscanf(tells, ".part keeps %zu of 19 slices", &kept), 1);
    assert_int_equal(file_exists(scratch_path("a.siren.part")), kept > 0);
    assert_false(file_exists(scratch_path("a.siren")));
    return kept;
}

/* Stands where the archive is to appear. */
static bool block_name(void *user, double done, double total, const char *what) {
    (void)user;
    (void)what;
    if (done >= total) mkdir(scratch_path("a.siren"), 0777);
    return true;
}

/* All of them: only the archive's name could not be had. */
static size_t keep_all(void) {
    siren_compress_options options = quick();
    size_t kept = 0;
    assert_int_equal(compress(&options, "a.siren", block_name, NULL), SIREN_SYSTEM);
    assert_int_equal(rmdir(scratch_path("a.siren")), 0);
    assert_int_equal(sscanf(strstr(siren_message(), ".part keeps "), ".part keeps %zu of 19 slices", &kept),
                     1);
    return kept;
}

/* ---- cases ---- */

static void it_goes_on_from_every_block(void **state) {
    (void)state;
    siren_compress_options options = quick();
    size_t most = 0;
    make_whole();
    for (size_t n = 0; n <= N; n += 1 + n / 2) {
        size_t kept = keep_some(n);
        if (kept > most) most = kept;
        reset();
        assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
        assert_int_equal(n_resumed, kept);
        assert_int_equal(n_warnings, 0);
        assert_whole("a.siren");
    }
    assert_true(most > 0); /* with batches of 8, 0 or 8 */
}

/* Interrupted, resumed and interrupted again, whatever batches that makes. */
static void it_goes_on_again_and_again(void **state) {
    (void)state;
    siren_compress_options options = quick();
    size_t rounds = 0;
    make_whole();
    reset();
    for (double epochs = 1; epochs < N * EPOCHS; epochs += 3 * EPOCHS + 1, rounds++)
        assert_int_equal(compress(&options, "a.siren", stop_at, &epochs), SIREN_CANCELLED);
    assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
    assert_true(n_resumed > 0);
    assert_int_equal(rounds, 6);
    assert_whole("a.siren");
}

/* What a torn write takes is trained again, alone or in whatever batch the gap makes, and nothing else is. */
static void torn_journals_cost_their_blocks_alone(void **state) {
    (void)state;
    siren_compress_options options = quick();
    size_t n, n_lost = 0, kept;
    make_whole();
    kept = keep_all();
    uint8_t *journal = file_get(scratch_path("a.siren.part"), &n), *torn = malloc(n);
    assert_non_null(torn);
    srand(2);
    for (int round = 0; round < 28; round++) {
        size_t at = (size_t)rand() % n, length = n - at < 3 ? n - at : 3;
        memcpy(torn, journal, n);
        for (size_t i = 0; i < length; i++) torn[at + i] ^= (uint8_t)(1 + rand() % 255);
        if (round % 4 == 0) { /* two gaps */
            size_t other = (size_t)rand() % n;
            torn[other] ^= 1;
        }
        file_put(scratch_path("a.siren.part"), torn, round % 4 == 1 ? at : n);
        reset();
        assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
        assert_int_equal(n_warnings, 0);
        if (round % 4 != 1)
            assert_true(n_resumed + 2 + (round % 4 == 0) >= kept); /* three bytes may stand in two */
        n_lost += kept - n_resumed;
        assert_whole("a.siren");
    }
    assert_true(n_lost > 0);
    free(torn);
    free(journal);
}

static void other_work_is_neither_taken_nor_lost(void **state) {
    (void)state;
    siren_compress_options options = quick();
    size_t n, m, kept;
    make_whole();
    kept = keep_some(N / 2);
    uint8_t *journal = file_get(scratch_path("a.siren.part"), &n), *after;
    for (int what = 0; what < 3; what++) {
        static const char *const told[] = {"'epochs 5' instead of 'epochs 6'", "'voxels ",
                                           "'weights int8' instead of"};
        siren_compress_options other = quick();
        if (what == 0) other.settings.epochs++;
        make_image(what == 1 ? 101 : 100);
        if (what == 2) other.settings.weight_bits = 9;
        assert_int_equal(compress(&other, "a.siren", NULL, NULL), SIREN_USAGE);
        assert_non_null(strstr(siren_message(), told[what]));
        assert_non_null(strstr(siren_message(), "--no-resume"));
        after = file_get(scratch_path("a.siren.part"), &m);
        assert_true(m == n && memcmp(after, journal, n) == 0);
        free(after);
        assert_false(file_exists(scratch_path("a.siren")));
    }
    free(journal);
    make_image(100);
    options.memory_limit = 1 << 26; /* decides no bytes */
    reset();
    assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
    assert_int_equal(n_resumed, kept);
    assert_whole("a.siren");
    keep_some(N / 2);
    options.anew = true;
    reset();
    assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
    assert_int_equal(n_resumed, 0);
    assert_whole("a.siren");
}

static void a_second_process_is_refused(void **state) {
    (void)state;
    siren_compress_options options = quick();
    siren_journal *held = NULL;
    make_whole();
    keep_some(N / 2);
    unlink(scratch_path("a.siren.part"));
    assert_siren_ok(siren_journal_open(scratch_path("a.siren.part"), "its facts\n", false, &held));
    for (int anew = 0; anew < 2; anew++) {
        options.anew = anew;
        assert_int_equal(compress(&options, "a.siren", NULL, NULL), SIREN_USAGE);
        assert_non_null(strstr(siren_message(), "is making this archive"));
        assert_true(file_exists(scratch_path("a.siren.part")));
    }
    siren_journal_close(held, true);
    assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
    assert_whole("a.siren");
}

/* Where nothing can be kept, that is a warning. */
static void it_trains_without_a_journal(void **state) {
    (void)state;
    siren_compress_options options = quick();
    make_whole();
    file_put(scratch_path("a.siren.part"), "a letter", 8);
    reset();
    assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
    assert_int_equal(n_warnings, 1);
    assert_non_null(strstr(warning, "left alone"));
    assert_int_equal(unlink(scratch_path("a.siren.part")), 0);
    assert_whole("a.siren");

    char name[253] = ""; /* with ".part" it is longer than names may be */
    memset(name, 'a', sizeof name - 1);
    reset();
    assert_siren_ok(compress(&options, name, NULL, NULL));
    assert_int_equal(n_warnings, 1);
    assert_whole(name);

    options.resume = false; /* the library's default */
    keep_some(N / 2);
    size_t n, m;
    uint8_t *before = file_get(scratch_path("a.siren.part"), &n);
    reset();
    assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
    assert_int_equal(n_resumed + n_warnings, 0);
    uint8_t *after = file_get(scratch_path("a.siren.part"), &m);
    assert_true(m == n && memcmp(after, before, n) == 0);
    free(before);
    free(after);
    assert_int_equal(unlink(scratch_path("a.siren.part")), 0);
    assert_whole("a.siren");
}

/* The journal is larger than the archive: between both sizes the disk is full for it alone, below for both, and what
 * it has by then serves the next run. */
static void a_full_disk_loses_no_block(void **state) {
    (void)state;
    siren_compress_options options = quick();
    struct rlimit before, small;
    size_t n, alone = 0, n_taken = 0;
    make_whole();
    assert_int_equal(keep_all(), N);
    free(file_get(scratch_path("a.siren.part"), &n));
    assert_int_equal(unlink(scratch_path("a.siren.part")), 0);
    assert_true(n > n_whole);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (size_t tenth = 1; tenth < 10; tenth++) {
        small = before;
        small.rlim_cur = n * tenth / 10;
        reset();
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        siren_status status = compress(&options, "a.siren", NULL, NULL);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        if (status == SIREN_OK) {
            alone++;
            assert_true(n_warnings <= 1);
            assert_non_null(strstr(warning, "are lost if the run is interrupted"));
            assert_whole("a.siren");
            continue;
        }
        assert_int_equal(status, SIREN_SYSTEM);
        assert_false(file_exists(scratch_path("a.siren")));
        reset();
        assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
        n_taken += n_resumed > 0;
        assert_whole("a.siren");
    }
    assert_true(alone > 0 && n_taken > 0);
}

static void a_failing_device_leaves_what_was_done(void **state) {
    (void)state;
    siren_compress_options options = quick();
    size_t n_taken = 0;
    make_whole();
    for (long nth = 5; nth < 4000; nth = 2 * nth + 1) {
        siren_device_inject_failure(device, nth, SIREN_DEVICE);
        siren_status status = compress(&options, "a.siren", NULL, NULL);
        siren_device_inject_failure(device, 0, SIREN_OK);
        reset();
        if (status == SIREN_OK) {
            assert_whole("a.siren");
            break;
        }
        assert_int_equal(status, SIREN_DEVICE);
        bool kept = strstr(siren_message(), ".part keeps") != NULL;
        assert_int_equal(kept, file_exists(scratch_path("a.siren.part")));
        assert_siren_ok(compress(&options, "a.siren", NULL, NULL));
        assert_int_equal(kept, n_resumed > 0);
        n_taken += kept;
        assert_whole("a.siren");
    }
    assert_true(n_taken > 0);
}

int main(void) {
    siren_set_log(watch, NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_goes_on_from_every_block),
                                       cmocka_unit_test(it_goes_on_again_and_again),
                                       cmocka_unit_test(torn_journals_cost_their_blocks_alone),
                                       cmocka_unit_test(other_work_is_neither_taken_nor_lost),
                                       cmocka_unit_test(a_second_process_is_refused),
                                       cmocka_unit_test(it_trains_without_a_journal),
                                       cmocka_unit_test(a_full_disk_loses_no_block),
                                       cmocka_unit_test(a_failing_device_leaves_what_was_done)};
    int failed = run_on_families(tests, sizeof tests / sizeof *tests);
    free(whole);
    scratch_remove();
    return failed;
}
