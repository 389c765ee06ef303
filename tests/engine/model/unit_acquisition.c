/* Coordinates of volumes: the table, its section, and coordinates of samples. */
#include "engine/model/acquisition.h"
#include "tests/shared/testing.h"

#include <math.h>

static const char good[] = "TE\tb\tgx\n60\t0\t0\n80\t1000\t-0.5\n100\t500\t1e-1\n";

static uint8_t *parse(const char *text, size_t n_volumes, size_t *n_bytes) {
    uint8_t *section = NULL;
    assert_siren_ok(siren_acquisition_parse("t.tsv", text, strlen(text), n_volumes, &section, n_bytes));
    return section;
}

static void the_table_is_kept(void **state) {
    (void)state;
    static const double values[3][3] = {{60, 0, 0}, {80, 1000, -0.5}, {100, 500, 0.1}};
    static const char *const names[] = {"TE", "b", "gx"};
    siren_acquisition a;
    size_t n_bytes;
    char name[SIREN_ACQUISITION_NAME];
    uint8_t *section = parse(good, 3, &n_bytes);
    assert_siren_ok(siren_acquisition_view("t.siren", 3, section, n_bytes, &a));
    assert_int_equal(a.n_axes, 3);
    for (uint32_t axis = 0; axis < 3; axis++) {
        assert_string_equal(siren_acquisition_name(&a, axis, name), names[axis]);
        for (size_t v = 0; v < 3; v++) assert_true(siren_acquisition_value(&a, v, axis) == values[v][axis]);
    }
    free(section);
    /* Lines that end as on other systems, and blank ones behind the last, are the same table. */
    size_t n_other;
    uint8_t *first = parse(good, 3, &n_bytes),
            *other = parse("TE\tb\tgx\r\n60\t0\t0\r\n80\t1e3\t-.5\r\n100\t500\t0.1\r\n\n \n", 3, &n_other);
    assert_int_equal(n_bytes, n_other);
    assert_memory_equal(first, other, n_bytes);
    free(first);
    free(other);
}

/* Sample by sample, against the formula in double precision. */
static void samples_are_points_in_volumes(void **state) {
    (void)state;
    const uint32_t inside[] = {1, 4, 5};
    const siren_block box = {.nx = 3, .ny = 2, .nz = 2},
                      some = {.nx = 3, .ny = 2, .nz = 2, .inside = inside, .n_inside = 3};
    siren_acquisition a;
    size_t n_bytes;
    uint8_t *section = parse(good, 3, &n_bytes);
    assert_siren_ok(siren_acquisition_view("t.siren", 3, section, n_bytes, &a));
    assert_int_equal(siren_samples_of_point(&a, 3), 3);
    for (int masked = 0; masked < 2; masked++)
        for (size_t begin = 0; begin < 3; begin++)
            for (size_t end = begin + 1; end <= 3; end++)
                for (uint32_t n_space = 2; n_space <= 3; n_space++) {
                    const siren_block *block = masked ? &some : &box;
                    const uint32_t n_inputs = n_space + 3;
                    size_t n = end - begin, n_points = siren_block_points(block), n_samples = n * n_points;
                    float all[36 * 6], one[6], place[3];
                    siren_sample_coordinates(block, &a, (siren_span){begin, end}, n_inputs, 0, n_samples,
                                             all);
                    for (size_t s = 0; s < n_samples; s++) {
                        const size_t volume = begin + s % n;
                        siren_block_coordinates(block, n_space, s / n, 1, place);
                        assert_memory_equal(all + s * n_inputs, place, n_space * sizeof *place);
                        for (uint32_t axis = 0; axis < 3; axis++) {
                            double v = siren_acquisition_value(&a, volume, axis),
                                   expected =
                                       2 * (v - a.minimum[axis]) / (a.maximum[axis] - a.minimum[axis]) - 1;
                            assert_true(fabs((double)all[s * n_inputs + n_space + axis] - expected) < 1e-7);
                        }
                        siren_sample_coordinates(block, &a, (siren_span){begin, end}, n_inputs, s, 1, one);
                        assert_memory_equal(one, all + s * n_inputs, n_inputs * sizeof *one);
                    }
                }
    /* The extremes are exact. */
    float corner[5];
    siren_sample_coordinates(&box, &a, (siren_span){0, 3}, 5, 0, 1, corner);
    assert_true(corner[2] == -1 && corner[3] == -1);
    siren_sample_coordinates(&box, &a, (siren_span){0, 3}, 5, 2, 1, corner);
    assert_true(corner[2] == 1 && corner[4] == 1);
    free(section);
    /* Without coordinates of volumes they are those of points. */
    const siren_acquisition none = {.section = NULL};
    float plain[12 * 3], expected[12 * 3];
    siren_sample_coordinates(&box, &none, (siren_span){0, 3}, 3, 0, 12, plain);
    siren_block_coordinates(&box, 3, 0, 12, expected);
    assert_memory_equal(plain, expected, sizeof plain);
    assert_int_equal(siren_samples_of_point(&none, 3), 1);
}

static void expect_refusal(const char *text, size_t n_text, const char *part) {
    uint8_t *section = NULL;
    size_t n_bytes;
    assert_int_equal(siren_acquisition_parse("t.tsv", text, n_text, 3, &section, &n_bytes), SIREN_CORRUPT);
    assert_null(section);
    if (!strstr(siren_message(), part) || !strstr(siren_message(), "t.tsv"))
        fail_msg("'%s' is not in: %s", part, siren_message());
}

static void bad_tables_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "is empty"},
        {" \n\n", "is empty"},
        {"TE\n60\n80\n", "has 2 rows of coordinates for a series of 3 volumes"},
        {"TE\n60\n80\n90\n100\n", "has 4 rows of coordinates"},
        {"TE\n60\n80\nn/a\n", "line 4, column 1 is 'n/a', which is no finite number"},
        {"TE\n60\n80\nnan\n", "no finite number"},
        {"TE\tb\n60\t0\n80\tinf\n90\t1\n", "line 3, column 2 is 'inf'"},
        {"TE\tb\n60\t0\n80\n90\t1\n", "line 3 has fewer cells than its 2 columns"},
        {"TE\n60\n80\t2\n90\n", "line 3 has more cells than its 1 column"},
        {"TE\tTE\n60\t1\n80\t2\n90\t3\n", "two columns TE"},
        {"TE\t\n60\t1\n80\t2\n90\t3\n", "column 2 is called ''"},
        {"60\t1 2\n80\t2\n90\t3\n1\t1\n", "column 2 is called '1 2'"},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddd\n1\n2\n3\n", "column 1 is called"},
        {"TE\tb\n60\t7\n80\t7\n90\t7\n", "column b is 7 in every volume"},
        {"TE\n-1e308\n1e308\n0\n", "spans more than numbers hold"},
        {"a\tb\tc\td\te\tf\tg\th\ti\tj\tk\tl\tm\tn\n", "more than 13 columns"},
        {"TE\n\n60\n80\n90\n", "line 2, column 1 is ''"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refusal(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    expect_refusal("TE\n6\0\n80\n90\n", 13, "has bytes that no table has");
    uint8_t *section = NULL;
    size_t n_bytes;
    assert_int_equal(siren_acquisition_read("no_such.tsv", 3, &section, &n_bytes), SIREN_SYSTEM);
}

/* Sections of every length, of other volumes, and with any byte changed: refused, or a view that can be used. */
static void damaged_sections_are_harmless(void **state) {
    (void)state;
    const siren_block point = {.nx = 1, .ny = 1, .nz = 1};
    size_t n_bytes;
    uint8_t *section = parse(good, 3, &n_bytes), *copy = malloc(n_bytes + 8);
    siren_acquisition a;
    memset(copy, 0, n_bytes + 8);
    memcpy(copy, section, n_bytes);
    for (size_t n = 0; n <= n_bytes + 8; n++)
        if (n != n_bytes) assert_int_equal(siren_acquisition_view("a.siren", 3, copy, n, &a), SIREN_CORRUPT);
    for (size_t v = 0; v < 9; v++)
        if (v != 3) assert_int_equal(siren_acquisition_view("a.siren", v, copy, n_bytes, &a), SIREN_CORRUPT);
    for (size_t i = 0; i < n_bytes; i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            float coordinates[2 + SIREN_MAX_ACQUISITION];
            char name[SIREN_ACQUISITION_NAME];
            copy[i] = (uint8_t)byte;
            if (siren_acquisition_view("a.siren", 3, copy, n_bytes, &a) == SIREN_OK)
                for (uint32_t axis = 0; axis < a.n_axes; axis++) {
                    siren_acquisition_name(&a, axis, name);
                    siren_sample_coordinates(&point, &a, (siren_span){0, 3}, 2 + a.n_axes, 1, 1, coordinates);
                    assert_true(fabsf(coordinates[2 + axis]) <= 1);
                }
            copy[i] = section[i];
        }
    free(section);
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_kept),
        cmocka_unit_test(samples_are_points_in_volumes),
        cmocka_unit_test(bad_tables_are_refused),
        cmocka_unit_test(damaged_sections_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
