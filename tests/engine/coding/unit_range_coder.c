/* engine/coding/range_coder: what is coded comes back, at the length that the probabilities promise; damage is found;
 * and the slow model in Python (range_coder_model.py) makes and reads the same bytes.
 *     unit_range_coder write SEED STEPS BYTES   random steps, a line each, and the bytes that they give
 *     unit_range_coder read STEPS BYTES         fails unless the bytes give the steps */
#include "tests/shared/testing.h"
#include "tests/shared/random_numbers.h"
#include "engine/coding/range_coder.h"

#include <inttypes.h>
#include <math.h>

#define N_MODELS 4

/* One of: b PROBABILITY BIT, a MODEL BIT, i MODEL VALUE, m MODEL MAGNITUDE, r N_BITS VALUE. */
typedef struct {
    char kind;
    unsigned which;
    uint64_t value;
} coding_step;

typedef struct {
    siren_bit_model bits[N_MODELS];
    siren_integer_model integers[N_MODELS];
} models;

static void begin(models *all) {
    siren_bit_models_begin(all->bits, N_MODELS);
    siren_integer_models_begin(all->integers, N_MODELS);
}

static void put(siren_range_encoder *encoder, models *all, const coding_step *step) {
    switch (step->kind) {
    case 'b':
        siren_range_put(encoder, step->which, step->value);
        break;
    case 'a':
        siren_bit_put(encoder, &all->bits[step->which], step->value);
        break;
    case 'i':
        siren_integer_put(encoder, &all->integers[step->which], (int64_t)step->value);
        break;
    case 'm':
        siren_magnitude_put(encoder, &all->integers[step->which], step->value);
        break;
    default:
        siren_range_put_bits(encoder, step->value, step->which);
    }
}

static uint64_t get(siren_range_decoder *decoder, models *all, const coding_step *step) {
    switch (step->kind) {
    case 'b':
        return siren_range_get(decoder, step->which);
    case 'a':
        return siren_bit_get(decoder, &all->bits[step->which]);
    case 'i':
        return (uint64_t)siren_integer_get(decoder, &all->integers[step->which]);
    case 'm':
        return siren_magnitude_get(decoder, &all->integers[step->which]);
    default:
        return siren_range_get_bits(decoder, step->which);
    }
}

static coding_step random_step(void) {
    coding_step step = {"baimr"[random_bits(16) % 5], (unsigned)random_bits(2), 0};
    if (step.kind == 'b') {
        static const unsigned extremes[] = {1, 2, 16, 32768, 65520, 65534, 65535};
        step.which = random_bits(2) ? (unsigned)random_bits(16) | 1 : extremes[random_bits(16) % 7];
        step.value = random_bits(16) < step.which;
    } else if (step.kind == 'a')
        step.value = random_bits(4) < 5 * (step.which + 1u);
    else if (step.kind == 'r') {
        step.which = (unsigned)random_bits(16) % 65;
        step.value = random_bits(step.which);
    } else {
        step.value = random_bits(random_bits(3) ? 4 * step.which + 1 : (unsigned)random_bits(16) % 65);
        if (step.kind == 'i' && random_bits(1)) step.value = 0 - step.value;
    }
    return step;
}

static void code(const coding_step *steps, size_t n, uint8_t **bytes, size_t *n_bytes) {
    siren_range_encoder encoder;
    models all;
    begin(&all);
    siren_range_encoder_begin(&encoder);
    for (size_t i = 0; i < n; i++) put(&encoder, &all, &steps[i]);
    assert_siren_ok(siren_range_encoder_finish(&encoder, bytes, n_bytes));
}

static siren_status decode(const coding_step *steps, size_t n, const uint8_t *bytes, size_t n_bytes,
                           bool *equal) {
    siren_range_decoder decoder;
    models all;
    begin(&all);
    siren_range_decoder_begin(&decoder, bytes, n_bytes);
    *equal = true;
    for (size_t i = 0; i < n; i++) *equal &= get(&decoder, &all, &steps[i]) == steps[i].value;
    return siren_range_decoder_finish(&decoder, "stream");
}

static void steps_come_back(void **unused) {
    (void)unused;
    coding_step steps[3000];
    for (random_state = 1; random_state < 400; random_state++) {
        uint64_t seed = random_state;
        size_t n = seed % 10 == 0 ? 3000 : seed % 50, n_bytes = 0;
        for (size_t i = 0; i < n; i++) steps[i] = random_step();
        uint8_t *bytes = NULL;
        bool equal = false;
        code(steps, n, &bytes, &n_bytes);
        assert_siren_ok(decode(steps, n, bytes, n_bytes, &equal));
        assert_true(equal);
        free(bytes);
        random_state = seed;
    }
}

static void extreme_integers_come_back(void **unused) {
    (void)unused;
    const uint64_t values[] = {
        0, 1, 13, 14, 15, 16, 17, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX, UINT64_MAX - 1};
    coding_step steps[22];
    for (size_t i = 0; i < 22; i++) steps[i] = (coding_step){i % 2 ? 'i' : 'm', 0, values[i / 2]};
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    bool equal = false;
    code(steps, 22, &bytes, &n_bytes);
    assert_siren_ok(decode(steps, 22, bytes, n_bytes, &equal));
    assert_true(equal);
    free(bytes);
}

/* Ones of probability 65535/65536 leave `low` at its place while the range shrinks; zeros of 1/65536 push it to
 * carry. */
static void carries_run_through(void **unused) {
    (void)unused;
    static coding_step steps[20000];
    for (unsigned kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < 20000; i++)
            steps[i] = (coding_step){'b', kind ? 1 : 65535, kind ? i % 9999 == 9998 : i % 9999 != 9998};
        uint8_t *bytes = NULL;
        size_t n_bytes = 0;
        bool equal = false;
        code(steps, 20000, &bytes, &n_bytes);
        assert_siren_ok(decode(steps, 20000, bytes, n_bytes, &equal));
        assert_true(equal);
        assert_true(n_bytes <= 2 + 2 + 4 + 2);
        free(bytes);
    }
}

/* Within 0.1 % of the entropy for fixed probabilities; models that have to learn them lose 0.008 bits a bit. */
static void length_is_the_entropy(void **unused) {
    (void)unused;
    static coding_step steps[200000];
    const unsigned ones[] = {655, 6554, 20000, 32768, 60000, 65000};
    for (size_t o = 0; o < 6; o++) {
        size_t n_ones = 0;
        for (size_t i = 0; i < 200000; i++) {
            steps[i] = (coding_step){'b', ones[o], random_bits(16) < ones[o]};
            n_ones += steps[i].value;
        }
        double p = ones[o] / 65536.0,
               entropy = -(double)n_ones * log2(p) - (200000 - (double)n_ones) * log2(1 - p);
        for (int adaptive = 0; adaptive < 2; adaptive++) {
            uint8_t *bytes = NULL;
            size_t n_bytes = 0;
            for (size_t i = 0; adaptive && i < 200000; i++) steps[i].kind = 'a', steps[i].which = 0;
            code(steps, 200000, &bytes, &n_bytes);
            assert_true((double)n_bytes * 8 < (adaptive ? entropy + 1600 : 1.001 * entropy) + 24);
            free(bytes);
        }
    }
}

/* No truncation and no appended byte passes; a changed byte gives other values or a failure. */
static void damage_is_found(void **unused) {
    (void)unused;
    coding_step steps[200];
    random_state = 77;
    for (size_t i = 0; i < 200; i++) steps[i] = random_step();
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    bool equal = false;
    code(steps, 200, &bytes, &n_bytes);
    for (size_t n = 0; n < n_bytes; n++) {
        uint8_t *part = malloc(n + 1); /* of the exact size, for AddressSanitizer */
        memcpy(part, bytes, n);
        uint8_t *exact = n ? realloc(part, n) : part;
        assert_int_equal(decode(steps, 200, exact, n, &equal), SIREN_CORRUPT);
        free(exact);
    }
    uint8_t *longer = calloc(n_bytes + 1, 1);
    memcpy(longer, bytes, n_bytes);
    assert_int_equal(decode(steps, 200, longer, n_bytes + 1, &equal), SIREN_CORRUPT);
    for (size_t i = 0; i < n_bytes; i++) {
        longer[i] ^= (uint8_t)(1 + random_bits(7));
        assert_true(decode(steps, 200, longer, n_bytes, &equal) == SIREN_CORRUPT || !equal);
        longer[i] = bytes[i];
    }
    free(longer), free(bytes);
}

static void hostile_bytes_end(void **unused) {
    (void)unused;
    for (unsigned fill = 0; fill < 4; fill++) {
        uint8_t bytes[64];
        for (size_t i = 0; i < 64; i++)
            bytes[i] = (uint8_t)(fill == 0 ? 0 : fill == 1 ? 255 : random_bits(8));
        siren_range_decoder decoder;
        models all;
        begin(&all);
        siren_range_decoder_begin(&decoder, bytes, fill == 3 ? 0 : 64);
        for (size_t i = 0; i < 100000; i++) (void)siren_integer_get(&decoder, &all.integers[i % N_MODELS]);
        assert_true(siren_range_decoder_is_short(&decoder) || fill == 1 || fill == 0);
        assert_int_equal(siren_range_decoder_finish(&decoder, "stream"), SIREN_CORRUPT);
    }
}

static int write_steps(uint64_t seed, const char *steps_path, const char *bytes_path) {
    static coding_step steps[2000];
    uint8_t *bytes = NULL;
    size_t n_bytes = 0, n = seed == 0 ? 0 : 2000;
    FILE *text = fopen(steps_path, "w"), *binary = fopen(bytes_path, "wb");
    random_state = seed;
    if (!text || !binary) return 1;
    for (size_t i = 0; i < n; i++) {
        steps[i] = random_step();
        fprintf(text, "%c %u %" PRIu64 "\n", steps[i].kind, steps[i].which, steps[i].value);
    }
    code(steps, n, &bytes, &n_bytes);
    fwrite(bytes, 1, n_bytes, binary);
    free(bytes);
    return fclose(text) | fclose(binary);
}

static int read_steps(const char *steps_path, const char *bytes_path) {
    static coding_step steps[10000];
    static uint8_t bytes[1 << 20];
    size_t n = 0;
    bool equal = false;
    FILE *text = fopen(steps_path, "r"), *binary = fopen(bytes_path, "rb");
    if (!text || !binary) return 1;
    while (n < 10000 &&
           fscanf(text, " %c %u %" SCNu64, &steps[n].kind, &steps[n].which, &steps[n].value) == 3)
        n++;
    size_t n_bytes = fread(bytes, 1, sizeof bytes, binary);
    fclose(text), fclose(binary);
    return decode(steps, n, bytes, n_bytes, &equal) != SIREN_OK || !equal;
}

int main(int argc, char **argv) {
    if (argc == 5 && strcmp(argv[1], "write") == 0)
        return write_steps(strtoull(argv[2], NULL, 10), argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "read") == 0) return read_steps(argv[2], argv[3]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_come_back),     cmocka_unit_test(extreme_integers_come_back),
        cmocka_unit_test(carries_run_through), cmocka_unit_test(length_is_the_entropy),
        cmocka_unit_test(damage_is_found),     cmocka_unit_test(hostile_bytes_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
