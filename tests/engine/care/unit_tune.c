/* engine/care/tune_rounds: what measurements in rounds say, on made-up times; engine/kernels/known_devices. */
#include "engine/kernels/known_devices.h"
#include "engine/care/tune.h"
#include "host/rng.h"
#include "tests/shared/testing.h"

#include <math.h>

enum { CANDIDATES = 8, USUAL = 1, TRIALS = 2000 };

static siren_tune_times times[CANDIDATES];

static void clear(void) {
    for (size_t i = 0; i < CANDIDATES; i++) siren_tune_times_clear(&times[i]);
}

/* Every candidate's own time, disturbed by up to `noise` of it, in every round that it is still in. */
static void measure(const double own[CANDIDATES], double noise, uint32_t trial) {
    clear();
    for (size_t round = 0; round < SIREN_TUNE_ROUNDS; round++)
        for (size_t i = 0; i < CANDIDATES; i++) {
            if (i != USUAL && !siren_tune_promises(times, CANDIDATES, i, round)) continue;
            for (siren_width_class shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
                times[i].seconds[round][shape] =
                    own[i] * (1 + noise * (double)siren_rng_uniform((siren_rng){3, trial, (uint32_t)shape},
                                                                    round * CANDIDATES + i));
        }
}

static void nothing_measured(void **state) {
    (void)state;
    clear();
    assert_int_equal(siren_tune_choose(times, CANDIDATES, USUAL, SIREN_WIDTH_WIDE), CANDIDATES);
    assert_true(isinf(siren_tune_least(&times[0], SIREN_WIDTH_WIDE)));
}

/* A default that fails everywhere leaves the quickest of the others. */
static void without_the_default(void **state) {
    (void)state;
    clear();
    times[5].seconds[0][SIREN_WIDTH_MEDIUM] = 2;
    times[6].seconds[0][SIREN_WIDTH_MEDIUM] = 1.99;
    times[6].seconds[1][SIREN_WIDTH_MEDIUM] = 9;
    assert_int_equal(siren_tune_choose(times, CANDIDATES, USUAL, SIREN_WIDTH_MEDIUM), 6);
    assert_int_equal(siren_tune_choose(times, CANDIDATES, USUAL, SIREN_WIDTH_NARROW), CANDIDATES);
}

static void little_gains_are_left(void **state) {
    (void)state;
    double own[CANDIDATES] = {1, 1, 1, 0.98, 1, 1.5, 1, 1};
    measure(own, 0, 0);
    assert_int_equal(siren_tune_choose(times, CANDIDATES, USUAL, SIREN_WIDTH_NARROW), USUAL);
    own[3] = 0.96;
    own[2] = 0.95;
    measure(own, 0, 0);
    assert_int_equal(siren_tune_choose(times, CANDIDATES, USUAL, SIREN_WIDTH_NARROW), 2);
    /* Measured once, by luck, when nothing disturbed; the default never was. */
    own[2] = own[3] = 1;
    measure(own, 0, 0);
    for (size_t round = 0; round < SIREN_TUNE_ROUNDS; round++) times[USUAL].seconds[round][0] = 1.2;
    for (size_t round = 1; round < SIREN_TUNE_ROUNDS; round++) times[4].seconds[round][0] = 1.3;
    for (size_t i = 0; i < CANDIDATES; i++)
        if (i != 4 && i != USUAL) siren_tune_times_clear(&times[i]);
    assert_int_equal(siren_tune_choose(times, CANDIDATES, USUAL, SIREN_WIDTH_NARROW), USUAL);
    /* The default's own times do not agree. */
    for (size_t round = 0; round < SIREN_TUNE_ROUNDS; round++) {
        times[USUAL].seconds[round][0] = 1.2 + 0.4 * (double)round;
        times[4].seconds[round][0] = 1;
    }
    assert_true(fabs(siren_tune_gain_needed(&times[USUAL], SIREN_WIDTH_NARROW) - 0.25) < 1e-9);
    assert_int_equal(siren_tune_choose(times, CANDIDATES, USUAL, SIREN_WIDTH_NARROW), USUAL);
}

/* What takes far longer is dropped, but not for one bad round; what is quick for one shape only stays. */
static void the_hopeless_are_dropped(void **state) {
    (void)state;
    const double own[CANDIDATES] = {1, 1, 2, 1, 1, 1, 1, 1};
    measure(own, 0, 0);
    assert_false(siren_tune_promises(times, CANDIDATES, 2, 1));
    assert_true(isnan(times[2].seconds[1][0]));
    times[2].seconds[0][SIREN_WIDTH_WIDE] = 1.4;
    assert_true(siren_tune_promises(times, CANDIDATES, 2, 1));
    assert_false(siren_tune_promises(times, CANDIDATES, 2, 4));
    assert_true(siren_tune_promises(times, CANDIDATES, 3, 4));
}

/* Steps that take up to twice as long as they should hardly ever let a slower candidate in; calm ones show the
 * quicker. */
static void noise(void **state) {
    (void)state;
    const double slower[CANDIDATES] = {1.1, 1, 1.05, 1.1, 1.2, 1.3, 1.15, 1.07},
                 quicker[CANDIDATES] = {1.1, 1, 1.05, 0.9, 1.2, 1.3, 1.15, 1.07};
    size_t n_worse = 0, n_much_worse = 0, n_found = 0;
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        measure(slower, 1.0, trial);
        size_t chosen = siren_tune_choose(times, CANDIDATES, USUAL, SIREN_WIDTH_MEDIUM);
        n_worse += slower[chosen] > 1;
        n_much_worse += slower[chosen] > 1.1;
        measure(quicker, 0.03, trial);
        n_found += siren_tune_choose(times, CANDIDATES, USUAL, SIREN_WIDTH_MEDIUM) == 3;
    }
    if (getenv("SIREN_TEST_VERBOSE"))
        print_message("%zu of %d chose a slower one, %zu a much slower one; %zu found the quicker\n", n_worse,
                      TRIALS, n_much_worse, n_found);
    assert_true(n_worse < TRIALS / 10 && n_much_worse < TRIALS / 50);
    assert_int_equal(n_found, TRIALS);
}

static siren_device_facts facts_of(siren_family family, const char *vendor, const char *name,
                                   unsigned vector_width) {
    siren_device_facts facts = {.family = family, .vector_width = vector_width};
    snprintf(facts.vendor, sizeof facts.vendor, "%s", vendor);
    snprintf(facts.name, sizeof facts.name, "%s", name);
    return facts;
}

/* Names as drivers give them. Every entry is one that tuning could have chosen, and matches something. */
static void known_devices(void **state) {
    (void)state;
    const struct {
        siren_device_facts facts;
        size_t entry;
    } devices[] = {
        {facts_of(SIREN_FAMILY_CHAIN, "AuthenticAMD", "pthread-skylake-avx512-AMD EPYC", 16), 0},
        {facts_of(SIREN_FAMILY_CHAIN, "GenuineIntel", "pthread-skylake-avx512-Intel(R) Xeon(R) Processor",
                  16),
         1},
        {facts_of(SIREN_FAMILY_LAYER, "NVIDIA Corporation", "NVIDIA H200", 1), 2},
        {facts_of(SIREN_FAMILY_LAYER, "NVIDIA Corporation", "NVIDIA H100 80GB HBM3", 1), 3},
        {facts_of(SIREN_FAMILY_LAYER, "Advanced Micro Devices, Inc.", "gfx90a:sramecc+:xnack-", 1), 4},
        {facts_of(SIREN_FAMILY_LAYER, "Intel(R) Corporation", "Intel(R) UHD Graphics 770", 1), 5},
        {facts_of(SIREN_FAMILY_CHAIN, "AuthenticAMD", "pthread-znver2-AMD EPYC 7702", 8), SIZE_MAX},
        {facts_of(SIREN_FAMILY_LAYER, "Oclgrind", "Oclgrind Simulator", 1), SIZE_MAX},
    };
    size_t n_matched = 0;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        const siren_known_device *known = siren_known_device_of(&devices[i].facts);
        assert_ptr_equal(known, devices[i].entry == SIZE_MAX ? NULL : &siren_known_devices[devices[i].entry]);
        n_matched += known != NULL;
    }
    assert_int_equal(n_matched, siren_n_known_devices);
    for (size_t i = 0; i < siren_n_known_devices; i++) {
        size_t n = 0, at = 0;
        const siren_configuration *list = siren_tune_candidates(siren_known_devices[i].family, &n);
        while (at < n && !siren_configuration_equal(&list[at], &siren_known_devices[i].configuration)) at++;
        assert_true(at < n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_measured),
        cmocka_unit_test(without_the_default),
        cmocka_unit_test(little_gains_are_left),
        cmocka_unit_test(the_hopeless_are_dropped),
        cmocka_unit_test(noise),
        cmocka_unit_test(known_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
