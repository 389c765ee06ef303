/* engine/context: networks become bytes and come back, hostile bytes are refused or give a network; the mixture's
 * masses add up; the tables are what their formulas say. (That evaluation is what docs/context.md says,
 * unit_predictive_model.sh shows.) */
#include "tests/shared/testing.h"

#include "engine/context/context_network.h"

#include <math.h>

static uint64_t state;
static uint64_t random_bits(unsigned n) { /* splitmix64 */
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) >> (64 - n);
}

static void make_network(unsigned bits, siren_context_network *out) {
    *out = (siren_context_network){.widths = {SIREN_FEATURES, 16 + 16 * (uint32_t)random_bits(2),
                                              16 + 16 * (uint32_t)random_bits(1), SIREN_MIXTURE_OUTPUTS}};
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t i = 0; i <= out->widths[l]; i++)
            for (size_t j = 0; j < out->widths[l + 1]; j++)
                out->weights[l][i][j] = (int16_t)((int)random_bits(bits) - (1 << (bits - 1)) + 1);
}

static void networks_come_back(void **unused) {
    (void)unused;
    for (unsigned bits = 2; bits <= 10; bits++) {
        siren_context_network network, back;
        uint8_t *bytes;
        size_t n_bytes;
        make_network(bits, &network);
        assert_siren_ok(siren_context_encode(&network, &bytes, &n_bytes));
        assert_siren_ok(siren_context_decode("network", SIREN_CONTEXT_OF_VOXELS, bytes, n_bytes, &back));
        assert_memory_equal(&network, &back, sizeof back);
        /* No longer than its numbers would be as they are, but for what models take to learn. */
        assert_true(n_bytes < siren_context_n_parameters(&network) * (bits + 1) / 8 + 100);
        for (size_t n = 0; n < n_bytes; n += 7) {
            uint8_t *part = malloc(n ? n : 1);
            memcpy(part, bytes, n);
            assert_int_equal(siren_context_decode("network", SIREN_CONTEXT_OF_VOXELS, part, n, &back),
                             SIREN_CORRUPT);
            free(part);
        }
        free(bytes);
    }
}

static void hostile_bytes_end(void **unused) {
    (void)unused;
    for (unsigned run = 0; run < 3000; run++) {
        uint8_t bytes[64];
        siren_context_network network;
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)random_bits(8);
        if (run % 2) bytes[0] = bytes[1] = (uint8_t)(253 - run % 8); /* of right widths */
        siren_status status =
            siren_context_decode("network", SIREN_CONTEXT_OF_VOXELS, bytes, sizeof bytes, &network);
        assert_true(status == SIREN_OK || status == SIREN_CORRUPT);
    }
}

static void tables_are_their_formulas(void **unused) {
    (void)unused;
    static siren_mixture_tables tables;
    siren_mixture_fill(&tables);
    for (int i = 0; i < 514; i++) {
        double exact = 4194304 / (1 + exp(i / 32.));
        assert_true(fabs(exact - floor(exact) - .5) > 1e-6); /* the nearest is beyond doubt */
        assert_int_equal(tables.tail[i], lrint(exact));
    }
    for (int i = 0; i < 1025; i++) {
        double exact = 65536 * exp2(i / 1024.);
        assert_true(fabs(exact - floor(exact) - .5) > 1e-6);
        assert_int_equal(tables.power[i], lrint(exact));
    }
    for (int i = 0; i < 256; i++) {
        double exact = 1024 * log2(1 + i / 256.) - .5;
        assert_true(i == 0 || fabs(exact - rint(exact)) > 1e-6);
        assert_int_equal(tables.logarithm[i], fmin(fmax(ceil(exact), 0), 1023));
    }
    for (uint32_t x = 1; x < 1u << 30; x += 1 + x / 5)
        assert_true(abs(siren_mixture_log(&tables, x) - (int32_t)(1024 * log2(x))) <= 7);
}

/* Against the same in floating point. */
static void mixtures_are_mixtures(void **unused) {
    (void)unused;
    static siren_mixture_tables tables;
    siren_mixture_fill(&tables);
    for (unsigned run = 0; run < 3000; run++) {
        const int32_t largest = 1 + (int32_t)random_bits(1 + run % 22),
                      predicted = (int32_t)random_bits(8) * largest;
        const uint32_t scale = 32 + (uint32_t)random_bits(4 + run % 12);
        int32_t outputs[SIREN_MIXTURE_OUTPUTS];
        for (size_t k = 0; k < 3; k++) {
            outputs[k] = (int32_t)random_bits(run % 5 ? 9 : 13) - (run % 5 ? 256 : 4096);
            outputs[3 + k] = (int32_t)random_bits(9) - 256;
            outputs[6 + k] = (int32_t)random_bits(run % 3 ? 9 : 12) - 256;
        }
        siren_mixture mixture;
        siren_mixture_from(&tables, outputs, predicted, scale, largest, &mixture);
        assert_int_equal(mixture.weight[0] + mixture.weight[1] + mixture.weight[2], 65536);
        double weights[3], sum = 0;
        for (size_t k = 0; k < 3; k++) sum += weights[k] = exp(outputs[6 + k] / 256.);
        uint32_t before = SIREN_MIXTURE_WHOLE;
        for (int i = -40; i <= 40; i++) {
            double edge = predicted / 256. + i * (double)scale / 1024, mass = 0;
            for (size_t k = 0; k < 3; k++) {
                double center = fmin(fmax(predicted / 256. + outputs[k] / 256. * scale / 256, -largest),
                                     2. * largest),
                       s = fmin(fmax(scale / 256. * exp(outputs[3 + k] / 256.), 4 / 256.), 0x1p22);
                mass += weights[k] / sum / (1 + exp((edge - center) / s));
            }
            uint32_t above = siren_mixture_above(&tables, &mixture, (int64_t)floor(edge * 256));
            assert_true(above <= before);
            before = above;
            /* Logarithms in 1/1024, and edges, centers and scales in 1/256. */
            assert_true(fabs(above / (double)SIREN_MIXTURE_WHOLE - mass) < .02);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_come_back), cmocka_unit_test(hostile_bytes_end),
        cmocka_unit_test(tables_are_their_formulas), cmocka_unit_test(mixtures_are_mixtures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
