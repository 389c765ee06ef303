/* The self-test's known answers, recomputed by the double-precision reference, and the self-test itself on each family.
 * With the argument "print", writes engine/care/selftest_answers.h. */
#include "tests/shared/devices.h"
#include "engine/care/selftest.h"
#include "engine/calls.h"
#include "tests/shared/oracle.h"

#include <math.h>

static void answers(const siren_selftest_case *c, double *losses, double *gradient) {
    siren_network network;
    float *coordinates, *targets, *params;
    method_training training;
    assert_siren_ok(siren_selftest_problem(c, &network, &coordinates, &targets, &params));
    oracle_start(&training, &network, params, (double)SIREN_SELFTEST_RATE);
    oracle_loss(&network, training.params, c->nx * c->ny, coordinates, targets, training.gradient);
    for (unsigned direction = 0; direction < 2; direction++)
        gradient[direction] = siren_selftest_project(training.gradient, training.n_params, direction, NULL);
    for (int epoch = 0; epoch < SIREN_SELFTEST_EPOCHS; epoch++)
        losses[epoch] = method_epoch(&training, c->nx * c->ny, coordinates, targets);
    method_end(&training);
    free(coordinates), free(targets), free(params);
}

static void answers_are_the_references(void **state) {
    (void)state;
    for (size_t i = 0; i < siren_n_selftest_cases; i++) {
        const siren_selftest_case *c = &siren_selftest_cases[i];
        double losses[SIREN_SELFTEST_EPOCHS], gradient[2];
        answers(c, losses, gradient);
        for (int epoch = 0; epoch < SIREN_SELFTEST_EPOCHS; epoch++)
            assert_true(fabs(losses[epoch] / c->losses[epoch] - 1) < 1e-9);
        for (int d = 0; d < 2; d++) assert_true(fabs(gradient[d] / c->gradient[d] - 1) < 1e-9);
    }
}

static void show(void *user, const char *name, double difference, double bound, bool passed) {
    ++*(size_t *)user;
    if (!passed) print_message("%s: %g, bound %g\n", name, difference, bound);
}

/* Of each kernel family, and with CLBlast's products. */
static void kernels_know_the_answers(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        siren_family family = i == 0 ? SIREN_FAMILY_CHAIN : SIREN_FAMILY_LAYER;
        device = open_test_device(family);
        if (i == 2) siren_device_set_gemm(device, SIREN_GEMM_CLBLAST);
        size_t n = 0;
        if (family >= first_family(device)) {
            assert_siren_ok(siren_selftest(device, show, &n));
            assert_int_equal(n, 1 + 3 * siren_n_selftest_cases); /* loops, and three answers of each */
        }
        siren_device_close(device);
    }
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "print") == 0) {
        for (size_t i = 0; i < siren_n_selftest_cases; i++) {
            const siren_selftest_case *c = &siren_selftest_cases[i];
            double l[SIREN_SELFTEST_EPOCHS], g[2];
            answers(c, l, g);
            printf("{\"%s\", %u, %u, %u, %zu, %zu, {%.12g, %.12g, %.12g, %.12g}, {%.12g, %.12g}},\n",
                   c->model, c->n_hidden, c->width, c->n_outputs, c->nx, c->ny, l[0], l[1], l[2], l[3], g[0],
                   g[1]);
        }
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_references),
        cmocka_unit_test(kernels_know_the_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
