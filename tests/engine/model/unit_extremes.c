/* engine/model/extremes: the rule of docs/numerics.md, against itself written out for all pairs of tails, and sets of
 * which it is known what is exceptional. */
#include "tests/shared/testing.h"

#include "engine/model/extremes.h"

#include <float.h>
#include <math.h>

enum { MOST = 3000 };

typedef struct {
    double minimum, maximum;
    size_t n;
} answer;

static answer ask(const double *values, size_t n) {
    siren_extremes extremes;
    answer a;
    assert_siren_ok(siren_extremes_create(n, &extremes));
    for (int again = 0; again < 2; again++) { /* one set after another leaves nothing */
        siren_extremes_begin(&extremes);
        siren_extremes_add(&extremes, values, n / 3);
        siren_extremes_add(&extremes, values + n / 3, n - n / 3);
        if (siren_extremes_suspect(&extremes)) siren_extremes_show(&extremes, values, n);
        a.n = siren_extremes_range(&extremes, &a.minimum, &a.maximum);
    }
    siren_extremes_free(&extremes);
    return a;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The rule as the page has it. */
static answer oracle(const double *values, size_t n_all) {
    static double s[MOST];
    size_t n = 0, n_different = 0, best = 0, most;
    for (size_t i = 0; i < n_all; i++)
        if (isfinite(values[i])) s[n++] = values[i];
    if (n == 0) return (answer){INFINITY, -INFINITY, 0};
    qsort(s, n, sizeof *s, compare);
    answer a = {s[0], s[n - 1], 0};
    for (most = 0; (most + 1) * (most + 1) <= n && 16 * (most + 1) <= n;) most++;
    if (most == 0) return a;
    for (size_t i = most; i < n - most; i++) n_different += i == most || s[i] != s[i - 1];
    for (size_t high = 0; high <= most; high++)
        for (size_t low = 0; low + high <= most; low++) {
            double range = s[n - 1 - high] - s[low];
            if (n_different < 16) range = fmax(range, 255);
            double gap = (1 + ((double)(high + low) - 1) / 8) * range;
            if (high && !(s[n - high] - s[n - 1 - high] > gap)) continue;
            if (low && !(s[low] - s[low - 1] > gap)) continue;
            if (high + low > best) {
                best = high + low;
                a = (answer){s[low], s[n - 1 - high], best};
            }
        }
    return a;
}

static uint64_t state = 1;
static double uniform(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53;
}

static void expect(const double *values, size_t n, size_t n_apart) {
    answer a = ask(values, n), b = oracle(values, n);
    assert_int_equal(a.n, b.n);
    assert_true(a.minimum == b.minimum && a.maximum == b.maximum);
    if (n_apart != SIZE_MAX) assert_int_equal(a.n, n_apart);
}

static void random_sets_follow_the_rule(void **unused) {
    (void)unused;
    static double values[MOST];
    size_t n_flagged = 0;
    for (int round = 0; round < 2000; round++) {
        size_t n = 1 + (size_t)(uniform() * (round % 10 ? 300 : MOST - 1)), n_hot = (size_t)(uniform() * 14);
        double levels = exp2(1 + 10 * uniform()), wide = uniform() * 6;
        for (size_t i = 0; i < n; i++) values[i] = floor(uniform() * levels);
        for (size_t i = 0; i < n_hot; i++)
            values[(size_t)(uniform() * (double)n)] =
                (uniform() < 0.7 ? 1 : -1) * levels * exp(wide * uniform());
        if (round % 3 == 0) values[n / 2] = NAN;
        if (round % 5 == 0) values[n / 3] = INFINITY;
        expect(values, n, SIZE_MAX);
        n_flagged += ask(values, n).n > 0;
    }
    assert_true(n_flagged > 300 && n_flagged < 1700);
}

static void fill(double *values, size_t n) {
    for (size_t i = 0; i < n; i++) values[i] = floor(1000 * uniform());
}

static void hot_values_are_exceptional(void **unused) {
    (void)unused;
    static double v[1024];
    static const double hot[] = {32767, -32768, 1e30, -FLT_MAX, DBL_MAX, -DBL_MAX, 2001, -1002};
    for (size_t i = 0; i < sizeof hot / sizeof *hot; i++) {
        fill(v, 1024);
        v[77 * i] = hot[i];
        expect(v, 1024, 1);
    }
    for (size_t i = 0; i < 8; i++) v[77 * i] = hot[i];
    expect(v, 1024, SIZE_MAX); /* of all sizes, the smallest of them too near for so many */
    fill(v, 1024);
    v[0] = DBL_MAX, v[1] = -DBL_MAX;
    expect(v, 1024, 2);
    fill(v, 1024);
    for (size_t i = 0; i < 32; i++) v[2 * i] = 30000 + (double)i; /* a cluster, as many as may be */
    expect(v, 1024, 32);
    v[99] = 30000;
    expect(v, 1024, 0);
    for (size_t i = 0; i < 1024; i++) v[i] = 7;
    v[3] = 32767; /* in the void */
    expect(v, 1024, 1);
}

static void usual_sets_have_no_exceptional_values(void **unused) {
    (void)unused;
    static double v[1024];
    fill(v, 1024);
    expect(v, 1024, 0);
    for (size_t i = 0; i < 1024; i++) v[i] = i < 512 ? uniform() : 1000; /* half and half */
    expect(v, 1024, 0);
    for (size_t i = 0; i < 1024; i++) v[i] = i == 5; /* a mask of one voxel */
    expect(v, 1024, 0);
    for (size_t i = 0; i < 1024; i++) v[i] = i < 3 ? 255 : (double)(i % 7); /* labels */
    expect(v, 1024, 0);
    for (size_t i = 0; i < 1024; i++) v[i] = i < 20 ? 1400 + 30 * (double)i : 600 * uniform(); /* fluid */
    expect(v, 1024, 0);
    for (size_t i = 0; i < 1024; i++)
        v[i] = i < 25 ? 40 + 20 * (double)i : 20 * uniform(); /* the head's end */
    expect(v, 1024, 0);
    for (size_t i = 0; i < 1024; i++) v[i] = 3;
    expect(v, 1024, 0);
    for (size_t i = 0; i < 15; i++) v[i] = i ? 3 + uniform() : 32767; /* too few to say */
    expect(v, 15, 0);
    for (size_t i = 0; i < 1024; i++) v[i] = NAN;
    expect(v, 1024, 0);
    expect(v, 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_sets_follow_the_rule),
        cmocka_unit_test(hot_values_are_exceptional),
        cmocka_unit_test(usual_sets_have_no_exceptional_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
