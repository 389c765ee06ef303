/* engine/archive/sidecar: the trace is put at an object's end, and nothing else is touched. */
#include "tests/shared/testing.h"

#include "engine/archive/sidecar.h"

#define TRACE "\n  \"LossyImageCompression\": \"01\"\n"

static void traces_stand_at_the_end(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected; /* NULL: left as it is */
    } cases[] = {{"{}", "{" TRACE "}"},
                 {" {\n}\n", " {" TRACE "}\n"},
                 {"{\"a\": 1}", "{\"a\": 1," TRACE "}"},
                 {"{\n  \"a\": {\"b\": []}\n}\r\n\n", "{\n  \"a\": {\"b\": []}," TRACE "}\r\n\n"},
                 {"\xef\xbb\xbf{\"a\": 1}", "\xef\xbb\xbf{\"a\": 1," TRACE "}"},
                 {"{\"LossyImageCompression\": \"01\"}", NULL},
                 {"{\"LossyImageCompression\": \"00\"}", "{\"LossyImageCompression\": \"01\"}"},
                 {"{\"a\": {\"LossyImageCompression\" :\n\"00\"}, \"LossyImageCompression\":\"00\" }",
                  "{\"a\": {\"LossyImageCompression\" :\n\"01\"}, \"LossyImageCompression\":\"01\"}"},
                 {"{\"a\": {\"LossyImageCompression\": \"00\"}}",
                  "{\"a\": {\"LossyImageCompression\": \"01\"}," TRACE "}"},
                 {"{\"LossyImageCompression", NULL},
                 {"{\"LossyImageCompression\":}", NULL},
                 {"{\"a\": 1,}", NULL},
                 {"[1]", NULL},
                 {"}", NULL},
                 {"{", NULL},
                 {"", NULL},
                 {" \n", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text), n_out = 0;
        uint8_t *text = malloc(n ? n : 1),
                *out = NULL; /* no byte more: a sanitizer sees what is read beyond */
        memcpy(text, cases[i].text, n);
        assert_siren_ok(siren_sidecar_trace(text, n, TRACE, &out, &n_out));
        if (!cases[i].expected != !out) fail_msg("'%s'", cases[i].text);
        if (out) assert_int_equal(n_out, strlen(cases[i].expected));
        if (out) assert_memory_equal(out, cases[i].expected, n_out);
        free(text);
        free(out);
    }
}

/* Members that stand there keep their place: no key is given twice. */
static void members_are_not_repeated(void **state) {
    (void)state;
    static const char text[] = "{\"LossyImageCompressionMethod\": \"x\", \"LossyImageCompression\": \"00\"}",
                      trace[] =
                          "\n  \"LossyImageCompression\": \"01\",\n  \"LossyImageCompressionRatio\": 7,\n"
                          "  \"LossyImageCompressionMethod\": \"y\"\n",
                      expected[] =
                          "{\"LossyImageCompressionMethod\": \"x\", \"LossyImageCompression\": \"01\","
                          "\n  \"LossyImageCompressionRatio\": 7\n}";
    uint8_t *out = NULL;
    size_t n_out = 0;
    assert_siren_ok(siren_sidecar_trace((const uint8_t *)text, strlen(text), trace, &out, &n_out));
    assert_int_equal(n_out, strlen(expected));
    assert_memory_equal(out, expected, n_out);
    free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(traces_stand_at_the_end),
                                       cmocka_unit_test(members_are_not_repeated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
