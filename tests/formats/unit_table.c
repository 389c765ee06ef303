/* formats/number and formats/table: numbers and tables as text. */
#include "tests/shared/testing.h"
#include "formats/number.h"
#include "formats/table.h"
#include "tests/shared/nifti_files.h"

#include <float.h>
#include <math.h>

static void numbers_come_back(void **state) {
    (void)state;
    static const double numbers[] = {0,       0.1,      1.0 / 3,  1e-300, 123456789.123456789,
                                     DBL_MAX, -DBL_MIN, 5e-324,   1e6,    -0.0,
                                     42,      INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[SIREN_NUMBER_BYTES];
        double back = NAN;
        assert_true(siren_number_parse(siren_number_format(numbers[i], text), &back));
        assert_memory_equal(&back, &numbers[i], sizeof back);
    }
    char text[SIREN_NUMBER_BYTES];
    assert_string_equal(siren_number_format(0.1, text), "0.1");
    assert_string_equal(siren_number_format(NAN, text), "nan");
}

static void other_texts_are_no_numbers(void **state) {
    (void)state;
    static const char *const texts[] = {"",    " 1", "1 ",     "0x10", "nan",   "infinity", "INF", "+inf",
                                        "1,5", "1e", "1e999",  "--1",  "1.2.3", "e5",       "-",   "1f",
                                        "1\n", "١",  "-1e999", ".",    "inf3",  "1_000"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value = 7;
        if (siren_number_parse(texts[i], &value)) fail_msg("'%s' was taken for %g", texts[i], value);
        assert_true(value == 7);
    }
}

static void the_locale_does_not_matter(void **state) {
    (void)state;
    use_comma_locale();
    char text[SIREN_NUMBER_BYTES];
    double back = 0;
    bool parsed = siren_number_parse(siren_number_format(1.5, text), &back);
    setlocale(LC_ALL, "C");
    assert_true(parsed && back == 1.5);
    assert_string_equal(text, "1.5");
}

static void a_table_is_written_and_read(void **state) {
    (void)state;
    siren_table *table = NULL;
    static const char *const columns[] = {"trial", "psnr", "bytes"};
    assert_siren_ok(siren_table_create(columns, 3, &table));
    assert_int_equal(siren_table_rows(table), 0);
    siren_table_add_text(table, "siren-2d-3x256");
    siren_table_add_number(table, INFINITY);
    siren_table_add_integer(table, UINT64_MAX);
    siren_table_add_text(table, NULL);
    siren_table_add_number(table, NAN);
    siren_table_add_number(table, 0.1);
    char *text = NULL;
    size_t n_bytes = 0;
    assert_siren_ok(siren_table_text(table, &text, &n_bytes));
    assert_string_equal(text, "trial,psnr,bytes\nsiren-2d-3x256,inf,18446744073709551615\n,,0.1\n");
    assert_int_equal(n_bytes, strlen(text));
    free(text);
    assert_siren_ok(siren_table_write(table, scratch_path("t.csv"), false));
    assert_int_equal(siren_table_write(table, scratch_path("t.csv"), false), SIREN_USAGE);
    assert_siren_ok(siren_table_write(table, scratch_path("t.csv"), true));
    siren_table_free(table);

    size_t psnr = 9;
    double value = 0;
    assert_siren_ok(siren_table_read(scratch_path("t.csv"), &table));
    assert_int_equal(siren_table_rows(table), 2);
    assert_siren_ok(siren_table_find(table, "psnr", &psnr));
    assert_int_equal(psnr, 1);
    assert_string_equal(siren_table_cell(table, 0, 2), "18446744073709551615");
    assert_string_equal(siren_table_cell(table, 1, 0), "");
    assert_siren_ok(siren_table_number(table, 0, psnr, &value));
    assert_true(value == INFINITY);
    assert_siren_ok(siren_table_number(table, 1, psnr, &value));
    assert_true(isnan(value));
    assert_siren_ok(siren_table_number(table, 1, 2, &value));
    assert_true(value == 0.1);
    /* What was read can be continued. */
    for (int i = 0; i < 3000; i++) siren_table_add_integer(table, (uint64_t)i);
    assert_int_equal(siren_table_rows(table), 1002);
    assert_string_equal(siren_table_cell(table, 1001, 2), "2999");
    assert_string_equal(siren_table_cell(table, 0, 0), "siren-2d-3x256");
    siren_table_free(table);
}

static void what_fails_is_remembered(void **state) {
    (void)state;
    static const char *const columns[] = {"a", "b"}, *const twice[] = {"a", "a"}, *const bad[] = {"a", "b,c"};
    siren_table *table = NULL;
    char *text = NULL;
    size_t n_bytes = 0;
    assert_int_equal(siren_table_create(columns, 0, &table), SIREN_USAGE);
    assert_int_equal(siren_table_create(twice, 2, &table), SIREN_USAGE);
    assert_int_equal(siren_table_create(bad, 2, &table), SIREN_USAGE);
    assert_null(table);
    static const char *const cells[] = {"x,y", "\"x\"", "x\ny", "x\r", "\x7f"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        assert_siren_ok(siren_table_create(columns, 2, &table));
        siren_table_add_text(table, cells[i]);
        siren_table_add_text(table, "y");
        assert_int_not_equal(siren_table_text(table, &text, &n_bytes), SIREN_OK);
        siren_table_free(table);
        table = NULL;
    }
    assert_siren_ok(siren_table_create(columns, 2, &table));
    siren_table_add_text(table, "half a row");
    assert_int_equal(siren_table_rows(table), 0);
    assert_int_equal(siren_table_write(table, scratch_path("half.csv"), false), SIREN_USAGE);
    assert_false(file_exists(scratch_path("half.csv")));
    assert_null(text);
    siren_table_free(table);
}

static void damage_is_located(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n_bytes; /* 0: up to the zero */
        const char *part;
    } cases[] = {
        {"", 0, "is empty"},
        {"a,b", 0, "ends within a line"},
        {"a,b\n1,2\n3", 0, "ends within a line"},
        {"a,b\n1\n", 0, "line 2 has 1 cells, but the header has 2"},
        {"a,b\n1,2\n1,2,3\n", 0, "line 3 has 3 cells"},
        {"a,b\n\n", 0, "line 2 has 1 cells"},
        {"a,,b\n", 0, "line 1, column 2"},
        {"\n", 0, "line 1, column 1"},
        {"a,b,a\n", 0, "line 1, column 3: the name 'a'"},
        {"a,b\n1,\"2\"\n", 0, "line 2, cell 2: holds the byte 0x22"},
        {"a,b\r\n1,2\r\n", 0, "line 1, cell 2: holds the byte 0x0d"},
        {"a,b\n1,\0\n", 8, "line 2, cell 2: holds the byte 0x00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        siren_table *table = NULL;
        const char *path = scratch_path("damaged.csv");
        file_put(path, cases[i].bytes, cases[i].n_bytes ? cases[i].n_bytes : strlen(cases[i].bytes));
        assert_int_equal(siren_table_read(path, &table), SIREN_CORRUPT);
        assert_null(table);
        if (!strstr(siren_message(), cases[i].part) || !strstr(siren_message(), path))
            fail_msg("'%s' is not in: %s", cases[i].part, siren_message());
    }
    char header[4096] = "";
    for (int i = 0; i < SIREN_TABLE_MOST_COLUMNS + 1; i++) sprintf(header + strlen(header), "c%d,", i);
    strcpy(header + strlen(header) - 1, "\n");
    file_put(scratch_path("wide.csv"), header, strlen(header));
    siren_table *table = NULL;
    assert_int_equal(siren_table_read(scratch_path("wide.csv"), &table), SIREN_CORRUPT);
    assert_int_equal(siren_table_read(scratch_path("none.csv"), &table), SIREN_SYSTEM);
    assert_null(table);
}

static void odd_numbers_are_located(void **state) {
    (void)state;
    siren_table *table = NULL;
    size_t column = 9;
    double value = 7;
    file_put(scratch_path("odd.csv"), "a,psnr\n1,2\n3,<b>\n", 17);
    assert_siren_ok(siren_table_read(scratch_path("odd.csv"), &table));
    assert_int_equal(siren_table_find(table, "mse", &column), SIREN_CORRUPT);
    assert_non_null(strstr(siren_message(), "odd.csv: line 1: has no column 'mse'"));
    assert_int_equal(column, 9);
    assert_int_equal(siren_table_number(table, 1, 1, &value), SIREN_CORRUPT);
    assert_non_null(strstr(siren_message(), "odd.csv: line 3, column psnr: '<b>' is no number"));
    assert_true(value == 7);
    siren_table_free(table);
}

/* Whatever stands in a file: every cell of what is read is text, and writing it gives the file's bytes. */
static void random_damage_is_found_or_harmless(void **state) {
    (void)state;
    static const char good[] = "trial,psnr,bytes\na-1,29.5,100\nb-2,,\nc-3,inf,7\n";
    static const char bytes[] = ",\n\"\0\r.x";
    uint32_t random = 1;
    size_t n_read = 0;
    for (int round = 0; round < 3000; round++) {
        char damaged[sizeof good];
        memcpy(damaged, good, sizeof good);
        size_t length = sizeof good - 1;
        for (int change = 0; change < 1 + round % 3; change++) {
            random = random * 1664525u + 1013904223u;
            const size_t at = (random >> 8) % length;
            if (random >> 30)
                damaged[at] = bytes[(random >> 20) % (sizeof bytes - 1)];
            else
                length = at + 1;
        }
        siren_table *table = NULL;
        file_put(scratch_path("random.csv"), damaged, length);
        if (siren_table_read(scratch_path("random.csv"), &table) != SIREN_OK) {
            assert_null(table);
            continue;
        }
        char *text = NULL;
        size_t n_bytes = 0;
        assert_siren_ok(siren_table_text(table, &text, &n_bytes));
        assert_int_equal(n_bytes, length);
        assert_memory_equal(text, damaged, length);
        free(text);
        siren_table_free(table);
        n_read++;
    }
    assert_in_range(n_read, 100, 2900);
}

static int clean(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_back),          cmocka_unit_test(other_texts_are_no_numbers),
        cmocka_unit_test(the_locale_does_not_matter), cmocka_unit_test(a_table_is_written_and_read),
        cmocka_unit_test(what_fails_is_remembered),   cmocka_unit_test(damage_is_located),
        cmocka_unit_test(odd_numbers_are_located),    cmocka_unit_test(random_damage_is_found_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
