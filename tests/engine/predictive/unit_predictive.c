/* engine/predictive: every type, size, mask and odd value comes back, exactly or within the bound; hostile bytes end
 * in a reading or in CORRUPT.
 *     unit_predictive write NUMBER    a case for the second decoder (predictive_model.py) */
#include "tests/shared/testing.h"
#include "tests/shared/random_numbers.h"
#include "engine/coding/range_coder.h"
#include "engine/predictive/predictive.h"
#include "engine/predictive/stored_value.h"
#include "formats/series.h"

#include <math.h>
#include <sys/resource.h>

static const siren_datatype types[] = {SIREN_UINT8,  SIREN_INT8,  SIREN_INT16,  SIREN_UINT16,  SIREN_INT32,
                                       SIREN_UINT32, SIREN_INT64, SIREN_UINT64, SIREN_FLOAT32, SIREN_FLOAT64};

static size_t n_voxels(const siren_predictive_plan *plan) {
    return plan->n_volumes * plan->nz * plan->ny * plan->nx;
}
static size_t n_voxel_bytes(const siren_predictive_plan *plan) {
    return n_voxels(plan) * siren_datatype_size(plan->datatype);
}

/* What voxels are filled with. */
typedef enum { SMOOTH, NOISE, ANY_BITS, CONSTANT, EXTREMES, ODD, N_FILLS } fill_kind;

static void fill(const siren_predictive_plan *plan, fill_kind kind, void *voxels) {
    bool is_float = plan->datatype == SIREN_FLOAT32 || plan->datatype == SIREN_FLOAT64;
    size_t size = siren_datatype_size(plan->datatype), plane = plan->nx * plan->ny;
    for (size_t i = 0; i < n_voxels(plan); i++) {
        uint8_t *to = (uint8_t *)voxels + i * size;
        size_t x = i % plan->nx, y = i / plan->nx % plan->ny, v = i / plane / plan->nz;
        double value =
            60 + 40 * sin((double)x / 3 + (double)v) * cos((double)y / 4) + (double)random_bits(8) / 64;
        uint64_t bits = random_bits(64);
        static const double odd[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1e-310, -1e-40, 1e30, -3.5, 1e300};
        switch (kind) {
        case SMOOTH:
            if (is_float && i % 3 && plan->nx % 2 == 0)
                value *= 1.001234567; /* else perhaps rounded: see below */
            if (plan->nx % 2) value = rint(value);
            siren_datatype_from_double(plan->datatype, &value, 1, to);
            break;
        case NOISE:
            value = (double)random_bits(7) - (is_float ? 50 : 0);
            siren_datatype_from_double(plan->datatype, &value, 1, to);
            break;
        case ANY_BITS:
            memcpy(to, &bits, size);
            break; /* floats: every kind of NaN */
        case CONSTANT:
            value = 7;
            siren_datatype_from_double(plan->datatype, &value, 1, to);
            break;
        case EXTREMES:
            bits = bits >> 63 ? UINT64_MAX : 0;
            if (random_bits(1) && !is_float) bits ^= (uint64_t)1 << (8 * size - 1);
            memcpy(to, (const uint8_t *)&bits + (siren_datatype_size(plan->datatype) - size), size);
            break;
        default:
            value = odd[random_bits(16) % 10];
            if (plan->datatype == SIREN_FLOAT32) {
                float narrow = (float)value;
                memcpy(to, &narrow, size);
            } else if (is_float)
                memcpy(to, &value, size);
            else
                memcpy(to, &bits, size);
            if (is_float && random_bits(2) == 0) memcpy(to, &bits, size);
        }
    }
}

/* True where b is a within the bound: by value, and by bits for what has none. */
static bool is_within(const siren_predictive_plan *plan, const uint8_t *a, const uint8_t *b) {
    size_t size = siren_datatype_size(plan->datatype);
    if (memcmp(a, b, size) == 0) return true;
    if (plan->bound == 0) return false;
    if (plan->datatype == SIREN_INT64 || plan->datatype == SIREN_UINT64) {
        uint64_t u, v;
        memcpy(&u, a, 8), memcpy(&v, b, 8);
        if (plan->datatype == SIREN_INT64) u ^= (uint64_t)1 << 63, v ^= (uint64_t)1 << 63;
        return (double)(u > v ? u - v : v - u) <= plan->bound;
    }
    double x, y;
    siren_datatype_to_double(plan->datatype, a, 1, &x);
    siren_datatype_to_double(plan->datatype, b, 1, &y);
    return isfinite(x) && isfinite(y) && fabs(x - y) <= plan->bound;
}

/* A network that nobody trained: of weights to any magnitude, or of small ones, with which mixtures are sane. */
static void make_network(bool wild, siren_context_network *out) {
    *out = (siren_context_network){
        .widths = {SIREN_FEATURES, 16 + 16 * (uint32_t)random_bits(1), 16, SIREN_MIXTURE_OUTPUTS}};
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t i = 0; i <= out->widths[l]; i++)
            for (size_t j = 0; j < out->widths[l + 1]; j++) {
                int32_t weight = (int32_t)random_bits(11) - 1024;
                out->weights[l][i][j] = (int16_t)(wild ? (weight == -1024 ? 0 : weight) : weight / 64);
            }
}

/* Encodes and decodes as the plan says; returns the number of bytes. */
static size_t comes_back_so(const siren_predictive_plan *plan, const void *voxels) {
    size_t size = siren_datatype_size(plan->datatype), n_bytes = 0;
    uint8_t *bytes = NULL, *decoded = malloc(n_voxel_bytes(plan));
    siren_predictive_plan without_bound = *plan;
    without_bound.bound = 0;
    memset(decoded, 0x5A, n_voxel_bytes(plan));
    assert_siren_ok(siren_predictive_encode(plan, voxels, &bytes, &n_bytes));
    uint8_t *exact = malloc(n_bytes); /* for AddressSanitizer */
    memcpy(exact, bytes, n_bytes);
    free(bytes);
    assert_siren_ok(siren_predictive_decode(&without_bound, "block", exact, n_bytes, decoded));
    size_t places = plan->nx * plan->ny * plan->nz;
    for (size_t i = 0; i < n_voxels(plan); i++) {
        const uint8_t *a = (const uint8_t *)voxels + i * size, *b = decoded + i * size;
        if (plan->inside && !plan->inside[i % places]) {
            for (size_t k = 0; k < size; k++) assert_int_equal(b[k], 0x5A);
        } else if (!is_within(plan, a, b))
            fail_msg("%s, bound %g, voxel %zu differs", siren_datatype_name(plan->datatype), plan->bound, i);
    }
    free(exact), free(decoded);
    return n_bytes;
}

/* The same with networks as well; returns the number of bytes without. */
static size_t comes_back(const siren_predictive_plan *plan, const void *voxels) {
    siren_context_network network;
    siren_predictive_plan with = *plan;
    with.network = &network;
    for (int wild = 0; wild < 2; wild++) {
        make_network(wild, &network);
        comes_back_so(&with, voxels);
    }
    return comes_back_so(plan, voxels);
}

static void every_type_comes_back(void **unused) {
    (void)unused;
    for (size_t t = 0; t < 10; t++)
        for (size_t n = 1; n <= 9; n++)
            for (int kind = 0; kind < N_FILLS; kind++) {
                random_state = t * 100 + n * 10 + (size_t)kind;
                siren_predictive_plan plan = {
                    types[t], n, 1 + random_bits(3), 1 + random_bits(1), 1 + random_bits(3), NULL, 0, NULL};
                void *voxels = malloc(n_voxel_bytes(&plan));
                fill(&plan, (fill_kind)kind, voxels);
                comes_back(&plan, voxels);
                free(voxels);
            }
}

static void many_volumes_come_back(void **unused) {
    (void)unused;
    static const size_t counts[] = {1, 2, 3, 8, 9, 10, 33, 70};
    for (size_t i = 0; i < 8; i++)
        for (size_t nz = 1; nz <= 3; nz++) {
            siren_predictive_plan plan = {types[i], 13, 11, nz, counts[i], NULL, 0, NULL};
            void *voxels = malloc(n_voxel_bytes(&plan));
            fill(&plan, SMOOTH, voxels);
            comes_back(&plan, voxels);
            free(voxels);
        }
}

static void masks_come_back(void **unused) {
    (void)unused;
    uint8_t inside[9 * 8 * 2];
    for (unsigned density = 0; density <= 4; density++)
        for (size_t t = 0; t < 10; t++) {
            siren_predictive_plan plan = {types[t], 9, 8, 2, 5, inside, 0, NULL};
            void *voxels = malloc(n_voxel_bytes(&plan));
            for (size_t i = 0; i < sizeof inside; i++) inside[i] = random_bits(2) < density;
            fill(&plan, t % 2 ? SMOOTH : ODD, voxels);
            comes_back(&plan, voxels);
            free(voxels);
        }
    /* What is outside costs nothing. */
    siren_predictive_plan plan = {SIREN_INT16, 9, 8, 2, 5, inside, 0, NULL};
    int16_t voxels[9 * 8 * 2 * 5];
    fill(&plan, ANY_BITS, voxels);
    memset(inside, 0, sizeof inside);
    assert_true(comes_back(&plan, voxels) < 16);
}

/* Thousands of random encodes: no error above the bound. */
static void bounds_are_kept(void **unused) {
    (void)unused;
    static const double bounds[] = {0.01, 0.37, 0.5, 1, 1.99, 2, 3, 10, 100, 1e5, 1e15, 3e18, 1e30, 1e308};
    random_state = 1;
    for (unsigned i = 0; i < 4000; i++) {
        uint8_t inside[7 * 7];
        siren_predictive_plan plan = {
            types[random_bits(16) % 10], 1 + random_bits(16) % 7,        1 + random_bits(16) % 7,      1,
            1 + random_bits(2),          random_bits(2) ? NULL : inside, bounds[random_bits(16) % 14], NULL};
        for (size_t k = 0; k < sizeof inside; k++) inside[k] = random_bits(2) > 0;
        void *voxels = malloc(n_voxel_bytes(&plan));
        fill(&plan, (fill_kind)(random_bits(16) % N_FILLS), voxels);
        comes_back(&plan, voxels);
        free(voxels);
    }
}

static void size_falls_with_the_bound(void **unused) {
    (void)unused;
    for (size_t t = 0; t < 10; t++) {
        siren_predictive_plan plan = {types[t], 32, 32, 1, 6, NULL, 0, NULL};
        void *voxels = malloc(n_voxel_bytes(&plan));
        fill(&plan, SMOOTH, voxels);
        size_t lossless = comes_back(&plan, voxels);
        assert_true(lossless < 32 * 32 * 6 * (t < 8 ? 5 : 56) / 8);
        plan.bound = 2;
        assert_true(comes_back(&plan, voxels) < (t < 8 ? lossless * 7 / 10 : lossless / 3));
        free(voxels);
    }
}

/* Sparse patterns of floats that have a form of their own. */
static void floats_take_the_form_that_suits(void **unused) {
    (void)unused;
    siren_predictive_plan plan = {SIREN_FLOAT32, 40, 40, 1, 4, NULL, 0, NULL};
    float voxels[40 * 40 * 4];
    int16_t integers[40 * 40 * 4];
    fill(&plan, NOISE, voxels);
    for (size_t i = 0; i < 6400; i++) integers[i] = (int16_t)voxels[i], voxels[i] /= 8;
    plan.datatype = SIREN_INT16;
    size_t as_integers = comes_back(&plan, integers);
    plan.datatype = SIREN_FLOAT32;
    assert_true(comes_back(&plan, voxels) <= as_integers + 16); /* in eighths, as integers */
    for (size_t i = 0; i < 6400; i++) voxels[i] = (float)(integers[i] + 53) * 0.0137f;
    assert_true(comes_back(&plan, voxels) <= as_integers + 32); /* integers times a step */
    for (size_t i = 0; i < 6400; i++) voxels[i] = (float)((double)(integers[i] + 90) * (double)0.0137f);
    assert_true(comes_back(&plan, voxels) <= as_integers + 32);
    for (size_t i = 0; i < 6400; i++) voxels[i] = (float)integers[i];
    plan.bound = 1;
    size_t bounded = comes_back(&plan, voxels);
    plan.datatype = SIREN_INT16;
    assert_true(bounded <= comes_back(&plan, integers) + 16);
    plan.datatype = SIREN_FLOAT32;
    plan.bound = 0;
    for (size_t i = 0; i < 6400; i++)
        if (i % 40 < 20) voxels[i] = NAN;
    assert_true(comes_back(&plan, voxels) < as_integers * 11 / 20 + 200);
}

/* A few absurd values are exceptions, and cost what these take: the others' form does not follow them. */
static void absurd_values_do_not_choose_the_form(void **unused) {
    (void)unused;
    static const float absurd[] = {1e30f, -3e38f, 1e9f, -4e8f};
    siren_predictive_plan plan = {SIREN_FLOAT32, 40, 40, 1, 4, NULL, 0, NULL};
    float voxels[40 * 40 * 4];
    for (int fine = 0; fine < 2; fine++) {
        fill(&plan, SMOOTH, voxels);
        for (size_t i = 0; i < 6400 && !fine; i++) voxels[i] = rintf(voxels[i]);
        plan.bound = fine ? 0.5 : 0; /* within a bound, and integers bit for bit */
        const size_t without = comes_back(&plan, voxels);
        for (size_t i = 0; i < 4; i++) {
            const float kept = voxels[1000 * i + 77];
            voxels[1000 * i + 77] = absurd[i];
            assert_true(comes_back(&plan, voxels) <= without + 40);
            voxels[1000 * i + 77] = kept;
        }
    }
    int32_t integers[40 * 40 * 4];
    plan.datatype = SIREN_INT32;
    plan.bound = 2;
    for (size_t i = 0; i < 6400; i++) integers[i] = (int32_t)voxels[i];
    const size_t without = comes_back(&plan, integers);
    integers[77] = INT32_MAX;
    assert_true(comes_back(&plan, integers) <= without + 40);
}

static void wrong_plans_are_refused(void **unused) {
    (void)unused;
    uint8_t voxel = 0, *bytes = NULL;
    size_t n_bytes = 0;
    const siren_predictive_plan wrong[] = {
        {SIREN_UINT8, 1, 1, 1, 1, NULL, -1, NULL},      {SIREN_UINT8, 1, 1, 1, 1, NULL, NAN, NULL},
        {SIREN_UINT8, 0, 1, 1, 1, NULL, 0, NULL},       {SIREN_UINT8, 1, 1, 1, 0, NULL, 0, NULL},
        {(siren_datatype)3, 1, 1, 1, 1, NULL, 0, NULL}, {SIREN_UINT8, SIZE_MAX, 2, 1, 1, NULL, 0, NULL}};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(siren_predictive_encode(&wrong[i], &voxel, &bytes, &n_bytes), SIREN_USAGE);
    assert_null(bytes);
}

static void hostile_bytes_end(void **unused) {
    (void)unused;
    for (size_t t = 0; t < 10; t++) {
        siren_predictive_plan plan = {types[t], 12, 10, 1, 4, NULL, t == 8 ? 0.5 : 0, NULL};
        uint8_t *bytes = NULL, *voxels = malloc(n_voxel_bytes(&plan)),
                *decoded = malloc(n_voxel_bytes(&plan));
        size_t n_bytes = 0;
        siren_context_network network;
        make_network(t % 4 == 2, &network);
        if (t % 2) plan.network = &network;
        fill(&plan, t == 9 ? ODD : SMOOTH, voxels);
        assert_siren_ok(siren_predictive_encode(&plan, voxels, &bytes, &n_bytes));
        for (size_t n = 0; n < n_bytes; n++) {
            uint8_t *part = malloc(n ? n : 1);
            memcpy(part, bytes, n);
            assert_int_equal(siren_predictive_decode(&plan, "block", part, n, decoded), SIREN_CORRUPT);
            free(part);
        }
        for (unsigned i = 0; i < 2000; i++) {
            uint8_t *changed = malloc(n_bytes);
            memcpy(changed, bytes, n_bytes);
            for (unsigned k = 0; k <= i % 4; k++)
                changed[random_bits(32) % (i % 2 ? n_bytes : 24)] = (uint8_t)random_bits(8);
            siren_status status = siren_predictive_decode(&plan, "block", changed, n_bytes, decoded);
            assert_true(status == SIREN_OK || status == SIREN_CORRUPT);
            for (size_t k = 0; k < n_bytes; k++) changed[k] = (uint8_t)random_bits(8);
            status = siren_predictive_decode(&plan, "block", changed, n_bytes, decoded);
            assert_true(status == SIREN_OK || status == SIREN_CORRUPT);
            free(changed);
        }
        free(bytes), free(voxels), free(decoded);
    }
}

#define MANY_VOLUMES ((size_t)1 << 20)

/* What a block's bytes begin with: integers 0 to `span`. */
static void put_head(siren_range_encoder *encoder, uint64_t span) {
    siren_integer_model model[2];
    siren_integer_models_begin(model, 2);
    siren_range_encoder_begin(encoder);
    siren_range_put_bits(encoder, SIREN_FORM_INTEGER, 2);
    siren_range_put_bits(encoder, 0, 1);
    siren_magnitude_put(encoder, model, 0);
    siren_range_put_bits(encoder, 0, 64);
    siren_magnitude_put(encoder, model, span);
}

static size_t largest_so_far(void) {
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (size_t)usage.ru_maxrss * 1024;
}

/* A few bytes say that all values are one number: no lattice and no predictors, some 300 bytes a volume here. */
static void one_number_costs_no_lattice(void **unused) {
    (void)unused;
    const siren_predictive_plan plan = {SIREN_UINT8, 1, 1, 1, MANY_VOLUMES, NULL, 0, NULL};
    uint8_t *bytes = NULL, *voxels = malloc(MANY_VOLUMES);
    siren_range_encoder encoder;
    size_t n_bytes = 0;
    memset(voxels, 1, MANY_VOLUMES);
    put_head(&encoder, 0);
    assert_siren_ok(siren_range_encoder_finish(&encoder, &bytes, &n_bytes));
    const size_t before = largest_so_far();
    assert_siren_ok(siren_predictive_decode(&plan, "block", bytes, n_bytes, voxels));
    assert_true(largest_so_far() - before < 64 * MANY_VOLUMES);
    for (size_t i = 0; i < MANY_VOLUMES; i++) assert_int_equal(voxels[i], 0);
    free(bytes), free(voxels);
}

/* The order that takes the last volume each time: in quadratic time this is a minute. */
static void an_order_of_many_volumes_ends_in_time(void **unused) {
    (void)unused;
    const siren_predictive_plan plan = {SIREN_UINT8, 1, 1, 1, MANY_VOLUMES, NULL, 0, NULL};
    uint8_t *bytes = NULL, *voxels = malloc(MANY_VOLUMES);
    siren_range_encoder encoder;
    siren_integer_model model;
    size_t n_bytes = 0;
    siren_integer_models_begin(&model, 1);
    put_head(&encoder, 1);
    for (size_t left = MANY_VOLUMES; left-- > 0;) siren_magnitude_put(&encoder, &model, left);
    siren_integer_models_begin(&model, 1);
    siren_magnitude_put(&encoder, &model, 1); /* what cannot be, of references, where none is */
    assert_siren_ok(siren_range_encoder_finish(&encoder, &bytes, &n_bytes));
    const double begin = siren_processor_clock();
    assert_int_equal(siren_predictive_decode(&plan, "block", bytes, n_bytes, voxels), SIREN_CORRUPT);
    assert_true(siren_processor_clock() - begin < 10);
    assert_non_null(strstr(siren_message(), "volume 0 has"));
    free(bytes), free(voxels);
}

/* For the second decoder: plan, mask, voxels and bytes of case `number` to files of this folder. */
static int write_case(uint64_t number) {
    random_state = number;
    uint8_t inside[16 * 12 * 2], *bytes = NULL;
    siren_predictive_plan plan = {
        types[number % 10],       1 + random_bits(4),         1 + random_bits(16) % 12,  1 + random_bits(1),
        1 + random_bits(16) % 11, number % 3 ? NULL : inside, number % 4 == 3 ? 1.5 : 0, NULL};
    void *voxels = malloc(n_voxel_bytes(&plan));
    size_t n_bytes = 0, places = plan.nx * plan.ny * plan.nz;
    for (size_t i = 0; i < sizeof inside; i++) inside[i] = number % 3 || random_bits(3) > 1;
    fill(&plan, (fill_kind)(number / 10 % N_FILLS), voxels);
    siren_context_network network;
    uint8_t *section = NULL;
    size_t n_section = 0;
    if (number % 2) { /* odd numbers have a network */
        make_network(number % 5 == 1, &network);
        plan.network = &network;
        if (siren_context_encode(&network, &section, &n_section) != SIREN_OK) return 1;
    }
    if (siren_predictive_encode(&plan, voxels, &bytes, &n_bytes) != SIREN_OK) return 1;
    FILE *file = fopen("plan", "w");
    fprintf(file, "%s %zu %zu %zu %zu %g\n", siren_datatype_name(plan.datatype), plan.nx, plan.ny, plan.nz,
            plan.n_volumes, plan.bound);
    fclose(file);
    file = fopen("mask", "wb"), fwrite(inside, 1, places, file), fclose(file);
    file = fopen("voxels", "wb"), fwrite(voxels, 1, n_voxel_bytes(&plan), file), fclose(file);
    file = fopen("bytes", "wb"), fwrite(bytes, 1, n_bytes, file), fclose(file);
    file = fopen("network", "wb"), fwrite(section, 1, n_section, file), fclose(file);
    free(voxels), free(bytes), free(section);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "write") == 0) return write_case(strtoull(argv[2], NULL, 10));
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_type_comes_back),
                                       cmocka_unit_test(many_volumes_come_back),
                                       cmocka_unit_test(masks_come_back),
                                       cmocka_unit_test(bounds_are_kept),
                                       cmocka_unit_test(size_falls_with_the_bound),
                                       cmocka_unit_test(floats_take_the_form_that_suits),
                                       cmocka_unit_test(absurd_values_do_not_choose_the_form),
                                       cmocka_unit_test(wrong_plans_are_refused),
                                       cmocka_unit_test(hostile_bytes_end),
                                       cmocka_unit_test(one_number_costs_no_lattice),
                                       cmocka_unit_test(an_order_of_many_volumes_ends_in_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
