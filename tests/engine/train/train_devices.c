/* Several devices at once: how they are chosen and split, and that threads on each train to the bits of one alone. */
#include "tests/shared/devices.h"
#include "engine/train/trainer.h"
#include "host/threads.h"
#include "tests/shared/oracle.h"

#include <math.h>

enum { NX = 31, NY = 17, POINTS = NX * NY, OUTPUTS = 9, EPOCHS = 5, ROUNDS = 4, PARTS = 2 };

static char place[64]; /* of the test device */
static float coordinates[POINTS * 2], targets[POINTS * OUTPUTS];

static char *choice(const char *format) {
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof texts[0], format, place, place);
    return text;
}

/* Ends the test where the device has no parts, as Oclgrind and most GPUs. */
static siren_device **open_parts(unsigned n_parts) {
    siren_device **devices = NULL;
    size_t n = 0;
    char text[80];
    snprintf(text, sizeof text, "%s/%u", place, n_parts);
    if (siren_devices_open(text, &devices, &n) != SIREN_OK) skip_case(siren_message());
    assert_int_equal(n, n_parts);
    return devices;
}

static void chosen_one_by_one_or_all(void **state) {
    (void)state;
    siren_device_facts *list = NULL;
    siren_device **devices = NULL;
    size_t n_list = 0, n = 0, at = 0;
    assert_siren_ok(siren_device_list(&list, &n_list));
    assert_siren_ok(siren_devices_open("all", &devices, &n));
    for (size_t i = 0; i < n_list; i++) {
        if (!list[i].available) continue;
        assert_true(at < n);
        assert_string_equal(siren_device_get_facts(devices[at])->place, list[i].place);
        assert_string_equal(siren_device_get_facts(devices[at++])->name, list[i].name);
    }
    assert_int_equal(at, n);
    siren_devices_close(devices, n);
    const char *const ones[] = {NULL, "", choice("%s"), choice("%s/1")};
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
        assert_siren_ok(siren_devices_open(ones[i], &devices, &n));
        assert_int_equal(n, 1);
        if (i >= 2) assert_string_equal(siren_device_get_facts(devices[0])->place, place);
        siren_devices_close(devices, n);
    }
    if (n_list > 1) {
        char both[130];
        snprintf(both, sizeof both, "%s,%s", list[1].place, list[0].place);
        assert_siren_ok(siren_devices_open(both, &devices, &n));
        assert_int_equal(n, 2);
        assert_string_equal(siren_device_get_facts(devices[0])->place, list[1].place);
        siren_devices_close(devices, n);
    }
    free(list);
}

static void bad_choices_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *choice, *message;
        siren_status status;
    } bad[] = {{"%s,%s", "named twice", SIREN_USAGE},
               {"%s/2,%s", "named twice", SIREN_USAGE},
               {"%s/0", "does not split into 0 parts", SIREN_USAGE},
               {"%s/1000000", "does not split into 1000000 parts; ask for 1 to", SIREN_USAGE},
               {"%s/99999999999999999999999", "does not split into", SIREN_USAGE},
               {"%s,nothing-like-it", "matches 'nothing-like-it'", SIREN_NO_DEVICE},
               {"%s,", "matches ''", SIREN_NO_DEVICE},
               {"%s/x", "matches '", SIREN_NO_DEVICE},
               {"all/2", "matches 'all/2'", SIREN_NO_DEVICE},
               {"99:0", "matches '99:0'", SIREN_NO_DEVICE}};
    siren_device **devices = NULL, *one = NULL;
    size_t n = 77;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        siren_status status = siren_devices_open(choice(bad[i].choice), &devices, &n);
        if (i == 1 && strstr(siren_message(), "does not split")) continue; /* a device without parts */
        assert_int_equal(status, bad[i].status);
        if (!strstr(siren_message(), bad[i].message))
            fail_msg("%s: %s", choice(bad[i].choice), siren_message());
    }
    assert_null(devices);
    assert_int_equal(n, 77);
    /* What runs on one device says so. */
    const char *const several[] = {"all", choice("%s/2"), choice("%s,%s"), "cpu/2"};
    for (size_t i = 0; i < sizeof several / sizeof *several; i++) {
        assert_int_equal(siren_device_open(several[i], &one), SIREN_USAGE);
        assert_non_null(strstr(siren_message(), "names several devices"));
    }
    assert_null(one);
}

static void parts_of_a_device(void **state) {
    (void)state;
    siren_device *whole = open_test_device(SIREN_FAMILY_CHAIN);
    const siren_device_facts *facts = siren_device_get_facts(whole);
    for (unsigned n = 2; n <= 3 && n <= facts->compute_units; n++) {
        siren_device **devices = open_parts(n);
        for (unsigned i = 0; i < n; i++) {
            const siren_device_facts *part = siren_device_get_facts(devices[i]);
            char expected[128];
            snprintf(expected, sizeof expected, "%s/%u#%u", place, n, i);
            assert_string_equal(part->place, expected);
            assert_string_equal(part->name, facts->name);
            assert_int_equal(part->compute_units, facts->compute_units / n);
            siren_device_inject_failure(devices[i], 0, SIREN_DEVICE);
            assert_int_equal(siren_device_finish(devices[i]), SIREN_DEVICE);
            assert_non_null(strstr(siren_message(), expected));
            assert_non_null(strstr(siren_message(), facts->name));
        }
        siren_devices_close(devices, n);
    }
    siren_device_close(whole);
}

typedef struct {
    siren_device *device;
    uint64_t seed;
    float *best; /* (n_params) */
    float losses[EPOCHS];
    siren_status status;
} training;

/* Kernels built, network trained, everything given back, a few times over. */
static siren_status train_rounds(training *t) {
    siren_network network;
    SIREN_FREE_AT_END float *initial = NULL;
    SIREN_TRY(siren_network_from_model("siren-2d", 2, 48, OUTPUTS, 30.0f, &network));
    SIREN_TRY(
        siren_allocate(&initial, siren_network_n_params(&network), sizeof *initial, "initial parameters"));
    siren_network_initialise(&network, t->seed, 0, initial);
    siren_target_source source = siren_target_array_source(&(siren_target_array){targets, POINTS, OUTPUTS});
    for (int round = 0; round < ROUNDS; round++) {
        SIREN_AT_END(siren_trainer_free_at) siren_trainer *trainer = NULL;
        siren_trainer_plan plan = {.network = &network,
                                   .n_networks = 1,
                                   .n_points = POINTS,
                                   .coordinates = coordinates,
                                   .max_epochs = EPOCHS,
                                   .adam = {1e-3f, 0.9f, 0.999f, 1e-8f}};
        SIREN_TRY(siren_trainer_create(t->device, &plan, &trainer));
        SIREN_TRY(siren_trainer_start(trainer, initial, &source, NULL));
        SIREN_TRY(siren_trainer_run(trainer, EPOCHS, NULL, NULL));
        SIREN_TRY(siren_trainer_history(trainer, t->losses));
        SIREN_TRY(siren_trainer_best(trainer, t->best, NULL));
    }
    return SIREN_OK;
}

static void train(void *user, size_t i) {
    training *t = (training *)user + i;
    t->status = train_rounds(t);
    if (t->status != SIREN_OK) print_message("%s\n", siren_message());
}

static void parts_train_at_once_to_the_bits_of_one_alone(void **state) {
    (void)state;
    siren_network network;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 48, OUTPUTS, 30.0f, &network));
    size_t n_params = siren_network_n_params(&network);
    float *params = calloc(2 * PARTS * n_params, sizeof *params);
    method_coordinates(NX, NY, 1, 2, coordinates);
    for (size_t i = 0; i < (size_t)POINTS * OUTPUTS; i++)
        targets[i] = i % 53 == 0 ? NAN : 0.5f + 0.5f * sinf(0.01f * (float)i);
    siren_device **devices = open_parts(PARTS);
    for (int family = SIREN_FAMILY_CHAIN; family <= SIREN_FAMILY_LAYER; family++) {
        training at_once[PARTS] = {0};
        for (size_t i = 0; i < PARTS; i++) {
            siren_device_set_family(devices[i], (siren_family)family);
            at_once[i] = (training){.device = devices[i], .seed = i, .best = params + i * n_params};
        }
        siren_threads_run(PARTS, train, at_once);
        siren_device *whole = open_test_device((siren_family)family);
        for (size_t i = 0; i < PARTS; i++) {
            training alone = {.device = whole, .seed = i, .best = params + (PARTS + i) * n_params};
            train(&alone, 0);
            assert_siren_ok(alone.status);
            assert_siren_ok(at_once[i].status);
            assert_memory_equal(at_once[i].losses, alone.losses, sizeof alone.losses);
            assert_memory_equal(at_once[i].best, alone.best, n_params * sizeof *params);
            assert_true(alone.losses[EPOCHS - 1] < alone.losses[0]);
        }
        siren_device_close(whole);
    }
    siren_devices_close(devices, PARTS);
    free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chosen_one_by_one_or_all),
        cmocka_unit_test(bad_choices_are_refused),
        cmocka_unit_test(parts_of_a_device),
        cmocka_unit_test(parts_train_at_once_to_the_bits_of_one_alone),
    };
    setenv("POCL_MAX_PTHREAD_COUNT", "4", 0); /* compute units of PoCL, on any number of cores */
    siren_device *whole = open_test_device(SIREN_FAMILY_CHAIN);
    snprintf(place, sizeof place, "%s", siren_device_get_facts(whole)->place);
    siren_device_close(whole);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
