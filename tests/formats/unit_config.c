/* formats/config: JSON texts, written and read. What is refused stands in hostile_config.c. */
#include "tests/shared/testing.h"
#include "formats/config.h"
#include "formats/number.h"

#include <math.h>

static char *text_of(siren_json *json) {
    char *text = NULL;
    assert_siren_ok(siren_json_text(json, &text));
    siren_json_free(json);
    /* Indentation is cJSON's business. */
    size_t to = 0;
    for (size_t i = 0; text[i]; i++)
        if (text[i] != '\t' && text[i] != '\n') text[to++] = text[i];
    text[to] = '\0';
    return text;
}

static void members_nest_and_keep_order(void **state) {
    (void)state;
    siren_json *json = NULL;
    assert_siren_ok(siren_json_create(&json));
    siren_json_string(json, "b", "x");
    siren_json_begin_array(json, "a");
    siren_json_integer(json, NULL, UINT64_MAX);
    siren_json_begin_object(json, NULL);
    siren_json_bool(json, "yes", true);
    siren_json_end(json);
    siren_json_end(json);
    siren_json_string(json, "none", NULL);
    char *text = text_of(json);
    assert_string_equal(text, "{\"b\":\"x\",\"a\":[18446744073709551615, {\"yes\":true}],\"none\":null}");
    free(text);
}

static void numbers_come_back(void **state) {
    (void)state;
    static const double numbers[] = {0.1,  1.0 / 3, 1e-300, 123456789.123456789, 0x1.fffffffffffffp+1023,
                                     -0.0, 5e-324,  42};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        siren_json *json = NULL;
        assert_siren_ok(siren_json_create(&json));
        siren_json_number(json, "x", numbers[i]);
        char *text = text_of(json);
        double back = strtod(strchr(text, ':') + 1, NULL);
        assert_memory_equal(&back, &numbers[i], sizeof back);
        free(text);
    }
    static const double odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        siren_json *json = NULL;
        assert_siren_ok(siren_json_create(&json));
        siren_json_number(json, "x", odd[i]);
        char *text = text_of(json);
        assert_string_equal(text, "{\"x\":null}");
        free(text);
    }
}

static void floats_come_back_short(void **state) {
    (void)state;
    static const struct {
        float value;
        const char *text;
    } rows[] = {{3e-4f, "0.0003"},
                {0.999f, "0.999"},
                {1e-8f, "1e-08"},
                {30, "30"},
                {0x1.fffffep127f, "3.4028235e+38"}};
    char text[SIREN_NUMBER_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(siren_number_format_float(rows[i].value, text), rows[i].text);
}

/* Numbers are those of Python's json module. */
static void values_are_read(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf/* a */ {// b\n\"n\": [1, -2.5e-3, 1.0, 9007199254740991, 0.1],\n"
                               "\"s\": \"/*\\u00e4\\n//\", \"t\": true, \"o\": {\"x\": null}}";
    static const double numbers[] = {1, -0.0025, 1, 9007199254740991.0, 0.1};
    siren_config *config = NULL;
    assert_siren_ok(siren_config_parse("t", text, sizeof text - 1, &config));
    siren_value root = siren_config_root(config), n = siren_value_member(root, "n"), v = siren_value_first(n);
    assert_int_equal(siren_value_count(n), 5);
    for (size_t i = 0; i < 5; i++, v = siren_value_next(v)) {
        double number = 0;
        assert_siren_ok(siren_value_number(v, -1, 1e300, &number));
        assert_memory_equal(&number, &numbers[i], sizeof number);
    }
    assert_false(siren_value_exists(v));
    uint64_t integer = 7;
    v = siren_value_first(n);
    assert_siren_ok(siren_value_integer(siren_value_next(siren_value_next(v)), 0, 1, &integer));
    assert_int_equal(integer, 1);
    assert_siren_ok(siren_value_integer(siren_value_member(root, "none"), 0, 0, &integer));
    assert_int_equal(integer, 1);
    const char *string = NULL;
    assert_siren_ok(siren_value_string(siren_value_member(root, "s"), &string));
    assert_string_equal(string, "/*\xc3\xa4\n//");
    bool truth = false;
    assert_siren_ok(siren_value_bool(siren_value_member(root, "t"), &truth));
    assert_true(truth);
    assert_int_equal(
        siren_value_number(siren_value_member(siren_value_member(root, "o"), "x"), 0, 1, &(double){0}),
        SIREN_USAGE);
    assert_string_equal(siren_message(), "t: o.x is null: give a number from 0 to 1");
    siren_config_free(config);
}

static void text_is_valid_utf8(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"a\"\\\n\x01", "a\\\"\\\\\\n\\u0001"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff.nii", "\xef\xbf\xbd.nii"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* cut off */
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        siren_json *json = NULL;
        assert_siren_ok(siren_json_create(&json));
        siren_json_string(json, "s", pairs[i][0]);
        char *text = text_of(json), expected[64];
        snprintf(expected, sizeof expected, "{\"s\":\"%s\"}", pairs[i][1]);
        assert_string_equal(text, expected);
        free(text);
    }
}

static void too_deep_is_reported(void **state) {
    (void)state;
    siren_json *json = NULL;
    char *text = NULL;
    assert_siren_ok(siren_json_create(&json));
    for (int i = 0; i < 40; i++) siren_json_begin_object(json, "x");
    siren_json_number(json, "y", 1);
    for (int i = 0; i < 40; i++) siren_json_end(json);
    assert_int_equal(siren_json_text(json, &text), SIREN_SYSTEM);
    assert_null(text);
    siren_json_free(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_nest_and_keep_order), cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(floats_come_back_short),      cmocka_unit_test(values_are_read),
        cmocka_unit_test(text_is_valid_utf8),          cmocka_unit_test(too_deep_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
