/* tools/common/command_line: one table parses and explains the command line. */
#include "tests/shared/testing.h"
#include "host/names.h"
#include "tools/common/command_help.h"

#include <math.h>

typedef struct {
    const char *model, *folder;
    uint32_t width;
    size_t epochs, memory;
    uint64_t seed;
    float rate;
    double snr;
    siren_span slices;
    bool force;
    siren_help help;
    siren_common_options common;
    const char *files[2];
} values;

static const values defaults = {
    .model = "siren-2d", .width = 256, .epochs = 2000, .rate = 3e-4f, .memory = (size_t)3 << 30};

/* argv[0] is the command's name, as dispatch hands it over. */
static siren_status parse(values *v, int argc, const char *const *argv) {
    char *copy[16];
    const siren_option options[] = {
        {"model", "NAME", "kind", SIREN_OPTION_TEXT, &v->model, 0, 0},
        {"output", "DIR", "folder", SIREN_OPTION_TEXT, &v->folder, 0, 0},
        {"width", "N", "units", SIREN_OPTION_UINT32, &v->width, 16, 1024},
        {"epochs", "N", "steps", SIREN_OPTION_SIZE, &v->epochs, 1, 1e6},
        {"seed", "N", "start", SIREN_OPTION_UINT64, &v->seed, 0, 0x1p64},
        {"lr", "X", "rate", SIREN_OPTION_FLOAT, &v->rate, 0, 1},
        {"snr", "X", "noise", SIREN_OPTION_DOUBLE, &v->snr, -5, INFINITY},
        {"slices", "A:B", "slices", SIREN_OPTION_SPAN, &v->slices, 0, 0},
        {"memory", "BYTES", "limit", SIREN_OPTION_BYTES, &v->memory, 1024, 0x1p62},
        {"force", NULL, "replace", SIREN_OPTION_FLAG, &v->force, 0, 0},
        SIREN_COMMON_OPTIONS(v->common),
    };
    const siren_usage usage = {
        "try", "A B", 2, "Tries.", "sirencl try a b", options, sizeof options / sizeof *options, 0};
    for (int i = 0; i < argc; i++) {
        copy[i] = malloc(strlen(argv[i]) + 1);
        strcpy(copy[i], argv[i]);
    }
    *v = defaults;
    siren_status status = siren_options_parse(&usage, argc, copy, v->files, &v->help);
    if (status == SIREN_OK && v->help) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        siren_command_help(&usage, v->help, out);
        fclose(out);
        for (size_t i = 0; i < usage.n_options; i++) assert_non_null(strstr(text, options[i].name));
        assert_non_null(strstr(text, "--width N"));
        assert_non_null(strstr(text, "(default: 256)"));
        assert_non_null(strstr(text, "(default: 0.0003)"));
        assert_non_null(strstr(text, "(default: 3G)"));
        free(text);
    }
    /* Text values point into argv: keep only what a test looks at. */
    v->folder = NULL;
    if (v->model != defaults.model) v->model = strcmp(v->model, "x") == 0 ? "x" : "other";
    for (int i = 0; i < 2; i++)
        if (v->files[i])
            v->files[i] = strcmp(v->files[i], "a") == 0    ? "a"
                          : strcmp(v->files[i], "-b") == 0 ? "-b"
                                                           : "other";
    for (int i = 0; i < argc; i++) free(copy[i]);
    return status;
}
#define PARSE(v, ...)                                                                                        \
    parse(v, sizeof((const char *[]){"try", __VA_ARGS__}) / sizeof(char *),                                  \
          (const char *[]){"try", __VA_ARGS__})
#define REFUSED(part, ...)                                                                                   \
    do {                                                                                                     \
        values refused;                                                                                      \
        assert_int_equal(PARSE(&refused, __VA_ARGS__), SIREN_USAGE);                                         \
        if (!strstr(siren_message(), part)) fail_msg("'%s' lacks '%s'", siren_message(), part);              \
    } while (0)

static void every_type_is_parsed(void **state) {
    (void)state;
    values v;
    assert_siren_ok(PARSE(&v, "--width", "32", "a", "--epochs=7", "--lr", "1e-2", "b", "--force", "--model",
                          "x", "--snr", "-2.5", "--seed", "18446744073709551615"));
    assert_int_equal(v.width, 32);
    assert_int_equal(v.epochs, 7);
    assert_float_equal(v.rate, 0.01f, 0);
    assert_true(v.snr == -2.5);
    assert_true(v.seed == UINT64_MAX);
    assert_true(v.force);
    assert_string_equal(v.model, "x");
    assert_string_equal(v.files[0], "a");
    assert_string_equal(v.files[1], "other");
    assert_siren_ok(PARSE(&v, "a", "b", "--snr", "inf"));
    assert_true(isinf(v.snr));
    assert_int_equal(v.width, 256);
    assert_false(v.force);
}

static void one_dash_names_are_understood(void **state) {
    (void)state;
    values v;
    assert_siren_ok(PARSE(&v, "-force", "a", "-nthreads", "3", "b", "-quiet", "-info"));
    assert_true(v.force && v.common.quiet && v.common.verbose);
    assert_int_equal(v.common.nthreads, 3);
    REFUSED("unknown option -width (did you mean --width?)", "-width", "32", "a", "b");
}

static void two_dashes_end_options(void **state) {
    (void)state;
    values v;
    assert_siren_ok(PARSE(&v, "--", "a", "-b"));
    assert_string_equal(v.files[1], "-b");
    REFUSED("unknown option -b", "a", "-b");
    assert_siren_ok(PARSE(&v, "a", "-"));
    assert_string_equal(v.files[1], "other");
}

static void help_wins_unless_it_is_a_value(void **state) {
    (void)state;
    values v;
    assert_siren_ok(PARSE(&v, "--nonsense", "--width", "0", "-h"));
    assert_true(v.help);
    assert_siren_ok(PARSE(&v, "--model", "--help", "a", "b"));
    assert_false(v.help);
    assert_siren_ok(PARSE(&v, "a", "--", "--help"));
    assert_false(v.help);
    assert_siren_ok(PARSE(&v, "--help"));
    assert_true(v.help);
}

static void wrong_lines_are_refused(void **state) {
    (void)state;
    REFUSED("a file name is empty", "a", "");
    REFUSED("a file name is empty", "--", "", "b");
    REFUSED("--output is empty, as where a variable is not set; give --output DIR, or leave it out", "-o", "",
            "a", "b");
    REFUSED("--output is empty", "a", "b", "--output=");
    REFUSED("unknown option --widht (did you mean --width?)", "--widht", "32", "a", "b");
    REFUSED("unknown option --epoch (did you mean --epochs?)", "--epoch=3", "a", "b");
    REFUSED("unknown option --zzzzzzzz;", "--zzzzzzzz", "a", "b");
    REFUSED("--width needs a value", "a", "b", "--width");
    REFUSED("--force takes no value", "a", "b", "--force=1");
    REFUSED("a file name is missing", "a");
    REFUSED("'c' is too much", "a", "b", "c");
    REFUSED("--width is 8 but must be from 16 to 1024", "--width", "8", "a", "b");
    REFUSED("--width is 4294967552 but", "--width", "4294967552", "a", "b");
    REFUSED("--width is '-1' but must be a whole number", "--width", "-1", "a", "b");
    REFUSED("--width is '32x'", "--width", "32x", "a", "b");
    REFUSED("--width is ''", "--width=", "a", "b");
    REFUSED("--seed is 18446744073709551616 but", "--seed", "18446744073709551616", "a", "b");
    REFUSED("--lr is 'nan'", "--lr", "nan", "a", "b");
    REFUSED("--lr is 2 but must be from 0 to 1", "--lr", "2", "a", "b");
    REFUSED("--lr is '1e-3 '", "--lr", "1e-3 ", "a", "b");
}

static void spans(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t begin, end;
    } good[] = {{"3:8", 3, 8}, {"3:", 3, 0}, {":8", 0, 8}, {":", 0, 0},
                {"7", 7, 8},   {"0", 0, 1},  {"0:1", 0, 1}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        siren_span span = {99, 99};
        assert_siren_ok(siren_parse_span("--slices", good[i].text, &span));
        assert_int_equal(span.begin, good[i].begin);
        assert_int_equal(span.end, good[i].end);
    }
    static const char *const bad[] = {
        "",
        "a",
        "5:5",
        "5:4",
        "0:0",
        ":0",
        "1:2:3",
        "-1:2",
        "1.5:2",
        " 1:2",
        "1:99999999999999999999",
        "1111111111111111111111111111111111111111111111111111111111111111111111"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        siren_span span = {99, 99};
        assert_int_equal(siren_parse_span("--slices", bad[i], &span), SIREN_USAGE);
        assert_int_equal(span.begin, 99);
    }
}

static void byte_counts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
    } good[] = {{"1500000", 1500000},        {"2K", 2048},
                {"1.5M", 1572864},           {"16G", (size_t)16 << 30},
                {"16GiB", (size_t)16 << 30}, {"16GB", (size_t)16 << 30},
                {"1t", (size_t)1 << 40}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t bytes = 0;
        assert_siren_ok(siren_parse_bytes("--memory", good[i].text, 1024, 0x1p62, &bytes));
        assert_int_equal(bytes, good[i].bytes);
    }
    static const char *const bad[] = {"",    "G",   "-1G",  "1X",       "1GG",  "1Gi",
                                      "nan", "inf", "1023", "9999999T", "1e999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t bytes = 7;
        assert_int_equal(siren_parse_bytes("--memory", bad[i], 1024, 0x1p62, &bytes), SIREN_USAGE);
        assert_int_equal(bytes, 7);
    }
}

static void nearest_names(void **state) {
    (void)state;
    static const char *const names[] = {"compress", "decompress", "info", "verify", "bench"};
    assert_string_equal(siren_nearest_name("compres", names, 5), "compress");
    assert_string_equal(siren_nearest_name("decompres", names, 5), "decompress");
    assert_string_equal(siren_nearest_name("dec", names, 5), "decompress");
    assert_string_equal(siren_nearest_name("inof", names, 5), "info");
    assert_null(siren_nearest_name("quux", names, 5));
    assert_null(siren_nearest_name("", names, 5));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_parsed),
        cmocka_unit_test(one_dash_names_are_understood),
        cmocka_unit_test(two_dashes_end_options),
        cmocka_unit_test(help_wins_unless_it_is_a_value),
        cmocka_unit_test(wrong_lines_are_refused),
        cmocka_unit_test(spans),
        cmocka_unit_test(byte_counts),
        cmocka_unit_test(nearest_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
