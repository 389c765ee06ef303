/* formats/json_text and formats/anonymise: JSON changed where it has to be, and byte for byte else. */
#include "tests/shared/testing.h"

#include "formats/anonymise.h"
#include "formats/json_text.h"

#include <string.h>

static bool starts_with_x(void *user, const char *key) {
    *(size_t *)user += *key == 'x';
    return *key == 'x';
}

/* The text without members that begin with x, whose number is compared, too. */
static void check_drop(const char *text, const char *expected, size_t n_expected) {
    uint8_t *out = NULL;
    size_t n = 0, n_dropped = 0;
    assert_siren_ok(siren_json_text_drop("a text", (const uint8_t *)text, strlen(text), starts_with_x,
                                         &n_dropped, &out, &n));
    if (n != strlen(expected) || memcmp(out, expected, n) != 0)
        fail_msg("'%s' became '%.*s', not '%s'", text, (int)n, (const char *)out, expected);
    assert_int_equal(n_dropped, n_expected);
    free(out);
}

static void members_go(void **state) {
    (void)state;
    check_drop("{}", "{}", 0);
    check_drop(" { } \n", " { } \n", 0);
    check_drop("[]", "[]", 0);
    check_drop("7.50", "7.50", 0);
    check_drop("\"x\"", "\"x\"", 0);
    check_drop("{\"x\":1}", "{}", 1);
    check_drop("{\"x\":1,\"y\":2}", "{\"y\":2}", 1);
    check_drop("{\"y\":2,\"x\":1}", "{\"y\":2}", 1);
    check_drop("{\"a\": 1 , \"x\" : 2 ,\n \"b\": 3}", "{\"a\": 1 ,\n \"b\": 3}", 1);
    check_drop("{\"x\":1,\"xx\":{\"x\":1},\"y\":2,\"x3\":[]}", "{\"y\":2}", 3);
    check_drop("{\n  \"a\": 1,\n  \"x\": 2\n}\n", "{\n  \"a\": 1\n}\n", 1);
    check_drop("[{\"x\":1},{\"a\":{\"x\":[1,2],\"b\":[{\"x\":0}]}}]", "[{},{\"a\":{\"b\":[{}]}}]", 3);
    check_drop("{\"\\u0078\":\"}\\\\\\\"\",\"y\":\"{\\\"x\\\":1}\"}", "{\"y\":\"{\\\"x\\\":1}\"}", 1);
    check_drop("{/* \"x\": 1 */\"a\":[1, // {\n 2e0]}", "{            \"a\":[1,     \n 2e0]}", 0);
    check_drop("\xef\xbb\xbf{\"x\":1}", "   {}", 1);
    check_drop("{\"y\":{\"x\":null},\"n\":-1.0E+05,\"t\":true}", "{\"y\":{},\"n\":-1.0E+05,\"t\":true}", 1);
}

static void what_is_no_json_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "{", "{\"x\":1", "{\"x\":1,}", "nul", "{\"a\":\"\\q\"}", "{\"a\":1}{", "{'a':1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint8_t *out = NULL;
        size_t n = 0, n_dropped = 0;
        assert_int_equal(siren_json_text_drop("a text", (const uint8_t *)texts[i], strlen(texts[i]),
                                              starts_with_x, &n_dropped, &out, &n),
                         SIREN_CORRUPT);
        assert_null(out);
    }
}

static void check_merge(size_t n, const char *const *texts, const char *expected) {
    siren_json_source sources[4];
    uint8_t *out = NULL;
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++)
        sources[i] = (siren_json_source){"a text", (const uint8_t *)texts[i], strlen(texts[i])};
    assert_siren_ok(siren_json_text_merge(sources, n, &out, &n_out));
    if (n_out != strlen(expected) || memcmp(out, expected, n_out) != 0)
        fail_msg("merged: '%.*s', not '%s'", (int)n_out, (const char *)out, expected);
    free(out);
}

static void nearer_members_win(void **state) {
    (void)state;
    check_merge(1, (const char *[]){"{}"}, "{\n}\n");
    check_merge(2, (const char *[]){"{\"a\": 1.50, \"b\": [1, 2]}", "{ \"c\" : {\"a\":0} , \"b\":3e1 }"},
                "{\n  \"a\": 1.50,\n  \"b\":3e1,\n  \"c\" : {\"a\":0}\n}\n");
    check_merge(3, (const char *[]){"{\"a\":1}", "{\"a\":2}", "{\"\\u0061\":\"3\"}"},
                "{\n  \"\\u0061\":\"3\"\n}\n");
    const siren_json_source list = {"a list", (const uint8_t *)"[1]", 3};
    uint8_t *out = NULL;
    size_t n;
    assert_int_equal(siren_json_text_merge(&list, 1, &out, &n), SIREN_CORRUPT);
    assert_non_null(strstr(siren_message(), "a list: is no object"));
}

/* What remains of damaged texts is JSON without such members, or there is none. */
static void damaged_texts(void **state) {
    (void)state;
    static const char text[] =
        "{\"a\":{\"x\":[1,{\"xy\":\"}\\\"\"}],\"b\":[true,null,-1.5e3]},\"x\":\"\\u0041\",\"c\":\"x\"}";
    static const char marks[] = "{}[],:\"\\x 1-e.tn/*\n";
    uint32_t random = 1;
    size_t n_sound = 0;
    for (size_t i = 0; i < 20000; i++) {
        char damaged[sizeof text];
        uint8_t *out = NULL, *again = NULL;
        size_t n = 0, n_again = 0, n_dropped = 0, n_left = 0;
        memcpy(damaged, text, sizeof text);
        for (int k = 0; k < 2; k++) {
            random = random * 1664525u + 1013904223u;
            damaged[(random >> 8) % (sizeof text - 1)] = marks[(random >> 20) % (sizeof marks - 1)];
        }
        if (siren_json_text_drop("a text", (const uint8_t *)damaged, sizeof text - 1, starts_with_x,
                                 &n_dropped, &out, &n) != SIREN_OK)
            continue;
        n_sound++;
        if (siren_json_text_drop("what is left", out, n, starts_with_x, &n_left, &again, &n_again) !=
                SIREN_OK ||
            n_left > 0 || n_again != n)
            fail_msg("'%s' became '%.*s'", damaged, (int)n, (const char *)out);
        free(out);
        free(again);
    }
    assert_true(n_sound > 100);
}

/* Names that are parts of others are told apart, and a long list says that it goes on. */
static void what_went_is_told(void **state) {
    (void)state;
    static const char text[] = "{\"OtherPatientNames\":1,\"patientname\":2,\"PatientName2\":3,\"STUDYID\":4,"
                               "\"a\":{\"PatientName\":5}}";
    siren_anonymised told = {.n_tail = 0};
    uint8_t *out = NULL;
    size_t n = 0;
    assert_siren_ok(
        siren_anonymise_sidecar("a text", (const uint8_t *)text, sizeof text - 1, &told, &out, &n));
    assert_string_equal(told.keys, "OtherPatientNames, PatientName, StudyID");
    assert_int_equal(n, strlen("{\"PatientName2\":3,\"a\":{}}"));
    assert_memory_equal(out, "{\"PatientName2\":3,\"a\":{}}", n);
    free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(members_go),
                                       cmocka_unit_test(what_is_no_json_is_refused),
                                       cmocka_unit_test(nearer_members_win), cmocka_unit_test(damaged_texts),
                                       cmocka_unit_test(what_went_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
