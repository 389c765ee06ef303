/* formats/config: JSON texts. */
#include "tests/testing.h"
#include "formats/config.h"

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
        cmocka_unit_test(members_nest_and_keep_order),
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(text_is_valid_utf8),
        cmocka_unit_test(too_deep_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
