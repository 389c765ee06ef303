/* engine/encode/context_trainer: the loss is a code length, its gradient that of finite differences; training finds
 * what there is to be found, and the same with any number of threads. */
#include "tests/shared/context_gradient.h"
#include "tests/shared/testing.h"

#include "engine/encode/context_trainer.h"

#include <math.h>

static uint64_t state = 7;
static double uniform(void) { /* splitmix64, 0 to 1 */
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* Values around a center that the first feature tells, with a width that the second does. */
static siren_context_examples make_examples(size_t n) {
    siren_context_examples examples = {
        .n = n, .features = calloc(n, SIREN_FEATURES), .targets = calloc(n, 2 * sizeof *examples.targets)};
    for (size_t e = 0; e < n; e++) {
        int8_t *features = examples.features + e * SIREN_FEATURES;
        for (size_t i = 0; i < SIREN_FEATURES; i++) features[i] = (int8_t)(uniform() * 64 - 32);
        double u = uniform(), logistic = log(u / (1 - u)), half = .02 + .2 * (double)(e % 3);
        double x = (features[0] > 0 ? features[0] / 16. : 0) + exp(features[1] / 16. - 2) * logistic;
        examples.targets[2 * e] = (float)(rint(x / half / 2) * half * 2);
        examples.targets[2 * e + 1] = (float)(e % 7 ? half : -half);
    }
    return examples;
}

static void examples_free(siren_context_examples *examples) {
    free(examples->features), free(examples->targets);
}

/* Mean code length in bits without learning anything: a logistic distribution of the best scale. */
static double plain_bits(const siren_context_examples *examples) {
    double best = INFINITY;
    for (double s = .02; s < 20; s *= 1.1) {
        double sum = 0;
        for (size_t e = 0; e < examples->n; e++) {
            double y = examples->targets[2 * e], half = examples->targets[2 * e + 1];
            double upper = 1 / (1 + exp(-(y + fabs(half)) / s)),
                   lower = half < 0 ? 0 : 1 / (1 + exp(-(y - half) / s));
            sum -= log2(fmax(upper - lower, 1e-7));
        }
        best = fmin(best, sum / (double)examples->n);
    }
    return best;
}

static void gradient_is_that_of_finite_differences(void **unused) {
    (void)unused;
    siren_context_examples examples = make_examples(128);
    check_context_gradient(SIREN_CONTEXT_OF_VOXELS, &examples, (const uint32_t[]){32, 16}, .1);
    examples_free(&examples);
}

static void learns_and_repeats(void **unused) {
    (void)unused;
    siren_context_examples examples = make_examples(20000);
    siren_context_training training = {.widths = {16, 16}, .n_steps = 600, .rate = .01f, .seed = 3};
    siren_context_network all, one;
    double bits, again;
    assert_siren_ok(siren_context_train(&examples, &training, &all, &bits));
    assert_true(bits < plain_bits(&examples) - .3);
    assert_siren_ok(siren_limit_processors(1));
    assert_siren_ok(siren_context_train(&examples, &training, &one, &again));
    assert_siren_ok(siren_limit_processors(0));
    assert_memory_equal(&all, &one, sizeof one);
    training.seed = 4;
    assert_siren_ok(siren_context_train(&examples, &training, &one, &again));
    assert_memory_not_equal(&all, &one, sizeof one);
    /* Fewer examples than a batch. */
    examples.n = 100;
    training.n_steps = 3;
    assert_siren_ok(siren_context_train(&examples, &training, &one, NULL));
    assert_true(siren_context_check(&one));
    examples_free(&examples);
}

static bool refuse(void *user, double done, double total, const char *what) {
    (void)user, (void)done, (void)total, (void)what;
    return false;
}

static void can_be_stopped(void **unused) {
    (void)unused;
    siren_context_examples examples = make_examples(2000);
    siren_context_training training = {
        .widths = {16, 16}, .n_steps = 100000, .rate = .01f, .progress = refuse};
    siren_context_network network;
    assert_int_equal(siren_context_train(&examples, &training, &network, NULL), SIREN_CANCELLED);
    examples_free(&examples);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradient_is_that_of_finite_differences),
                                       cmocka_unit_test(learns_and_repeats),
                                       cmocka_unit_test(can_be_stopped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
