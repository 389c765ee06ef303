/* engine/settings: every row is parsed and written alike, and stands in docs/ as the table has it.
 * `unit_settings --write` rewrites what docs/ says of settings. */
#include "tests/shared/testing.h"

#include "engine/options.h"
#include "formats/config.h"
#include "engine/model/network.h"
#include "tests/shared/nifti_files.h"

#include <math.h>

/* ---- values ---- */

/* A value of each row that is not its default. */
static const char *const others[][2] = {{"model", "mlp-tanh"},
                                        {"layers", "7"},
                                        {"width", "48"},
                                        {"weights", "int11"},
                                        {"seed", "18446744073709551615"},
                                        {"lr", "0.0015"},
                                        {"w0", "12.5"},
                                        {"blocks", "patch:8x9x10"},
                                        {"axis", "x"},
                                        {"slices", "3:"},
                                        {"epochs", "10000000"},
                                        {"points_per_epoch", "1073741823"},
                                        {"minibatches", "2"},
                                        {"scaling", "range"},
                                        {"packing", "coded"},
                                        {"optimiser", "soap"},
                                        {"schedule", "cosine"},
                                        {"warmup", "20"},
                                        {"beta1", "0.8"},
                                        {"beta2", "0.95"},
                                        {"refresh", "5"},
                                        {"effort", "9"},
                                        {"access", "series"}};

static const char *other_of(const char *key) {
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i][0], key) == 0) return others[i][1];
    return NULL;
}

static void every_row_is_parsed_and_formatted(void **state) {
    (void)state;
    const siren_settings standard = siren_settings_defaults();
    const siren_setting *s;
    char text[SIREN_SETTING_CHARS];
    for (size_t i = 0; (s = siren_setting_at(i)); i++) {
        siren_settings settings = standard, copy = standard;
        const char *other = other_of(s->key);
        assert_string_equal(siren_setting_format(s, &standard, text), s->standard);
        if (!other) continue;
        assert_siren_ok(siren_setting_parse(s, s->key, other, &settings));
        assert_string_equal(siren_setting_format(s, &settings, text), other);
        assert_int_not_equal(siren_setting_compare(s, &settings, &standard), 0);
        siren_setting_copy(s, &settings, &copy);
        assert_int_equal(siren_setting_compare(s, &settings, &copy), 0);
        const siren_setting *t;
        for (size_t k = 0; (t = siren_setting_at(k)); k++) /* and no other field changed */
            assert_true(k == i || siren_setting_compare(t, &copy, &standard) == 0);
        assert_siren_ok(siren_setting_parse(s, s->key, s->standard, &settings));
        assert_int_equal(siren_setting_compare(s, &settings, &standard), 0);
        assert_ptr_equal(siren_setting_find(s->key), s);
        if (s->option) assert_ptr_equal(siren_setting_find(s->option), s);
    }
    s = siren_setting_find("model");
    for (size_t i = 0; siren_model_name(i); i++) assert_non_null(strstr(s->values, siren_model_name(i)));
    assert_null(siren_setting_find("nonsense"));
    assert_null(siren_setting_find(""));
    assert_null(siren_setting_find(NULL));
}

static void refuse(const char *key, const char *text, const char *part) {
    siren_settings settings = siren_settings_defaults();
    assert_int_equal(siren_setting_parse(siren_setting_find(key), key, text, &settings), SIREN_USAGE);
    if (!strstr(siren_message(), part)) fail_msg("'%s' is not in: %s", part, siren_message());
}

static void values_out_of_range_are_refused(void **state) {
    (void)state;
    refuse("model", "siren",
           "model is 'siren' but must be auto, transform, predictive, or a network: siren-2d, siren-2d-relu, "
           "siren-2d-leaky, siren-2d-tanh, mlp-relu, mlp-tanh, "
           "mlp-siren, mlp-siren-last, siren-3d or siren-nd");
    refuse("layers", "33", "layers is 33 but must be from 1 to 32");
    refuse("width", "8", "width is 8 but must be from 16 to 1024");
    refuse("weights", "int5", "weights is 'int5' but must be float32 or one of int6 to int12");
    refuse("seed", "18446744073709551616", "seed is 18446744073709551616 but");
    refuse("lr", "nan", "lr is 'nan' but must be a number from 1e-12 to 1");
    refuse("axis", "xy", "axis is 'xy' but must be x, y or z");
    refuse("slices", "4:4", "slices is 4:4, an empty range");
    refuse("blocks", "patch:8x8x18446744073709551616x", "but must be slice, volume, or patch:XxYxZ");
    refuse("blocks", "patch:8x 8x8", "but must be");
    refuse("scaling", "minmax", "scaling is 'minmax' but must be robust or range");
    refuse("optimiser", "sgd", "optimiser is 'sgd' but must be adam or soap");
    refuse("schedule", "step", "schedule is 'step' but must be constant, cosine or linear");
    refuse("epochs", "0", "epochs is 0 but must be from 1 to 10000000");
    refuse("epochs", "all", "epochs is 'all' but must be a whole number");
}

static void open_choices_are_resolved(void **state) {
    (void)state;
    siren_settings settings = siren_settings_defaults();
    siren_settings_resolve(&settings, 3);
    assert_true(settings.rate == 2e-4f);
    assert_int_equal(settings.blocks, SIREN_BLOCK_VOLUME);
    settings = siren_settings_defaults();
    siren_settings_resolve(&settings, 2);
    assert_true(settings.rate == 3e-4f);
    assert_true(settings.schedule == SIREN_SCHEDULE_CONSTANT && settings.warmup == 1);
    assert_int_equal(settings.blocks, SIREN_BLOCK_SLICE);
    settings = siren_settings_defaults();
    settings.optimiser = SIREN_OPTIMISER_SOAP;
    siren_settings_resolve(&settings, 3);
    assert_true(settings.rate == 3e-3f && settings.schedule == SIREN_SCHEDULE_COSINE &&
                settings.warmup == 20);
    const struct {
        const char *model;
        uint32_t layers, width;
        float rate;
    } soap[] = {{"siren-2d", 3, 128, 0.75f / 128}, {"siren-2d", 2, 512, 0.75f / 512},
                {"siren-2d", 3, 40, 12e-3f},       {"siren-2d", 4, 128, 0.3f / 128},
                {"siren-2d", 5, 40, 6e-3f},        {"siren-2d", 6, 128, 3e-3f},
                {"siren-2d-relu", 3, 128, 3e-3f}};
    for (size_t i = 0; i < sizeof soap / sizeof *soap; i++) {
        settings = siren_settings_defaults();
        settings.optimiser = SIREN_OPTIMISER_SOAP;
        settings.model = soap[i].model, settings.layers = soap[i].layers, settings.width = soap[i].width;
        siren_settings_resolve(&settings, 2);
        assert_true(settings.rate == soap[i].rate && settings.gain_epochs == 0);
        assert_int_equal(settings.schedule, i < 5 ? SIREN_SCHEDULE_LINEAR : SIREN_SCHEDULE_COSINE);
        settings.rate = 0, settings.minibatches = 4;
        siren_settings_resolve(&settings, 2);
        assert_true(settings.rate == soap[i].rate / 2);
    }
    settings.until_gain = 0.1f;
    siren_settings_resolve(&settings, 2);
    assert_int_equal(settings.gain_epochs, 100);
    assert_siren_ok(siren_setting_parse(siren_setting_find("points-per-epoch"), "points", "0", &settings));
    assert_int_equal(settings.points_per_epoch, 0);
}

/* Options of networks for a ratio, with one more setting said, settled. */
static siren_compress_options sized_with(const char *key, const char *text) {
    siren_compress_options o = siren_compress_defaults();
    o.target = SIREN_TARGET_RATIO, o.amount = 20;
    assert_siren_ok(siren_setting_parse(siren_setting_find("model"), "model", "siren-2d", &o.settings));
    if (key) assert_siren_ok(siren_setting_parse(siren_setting_find(key), key, text, &o.settings));
    assert_siren_ok(siren_options_settle(&o));
    return o;
}

static siren_settings paced(const siren_compress_options *o, size_t n_points) {
    siren_settings settings = o->settings;
    siren_settings_resolve(&settings, 2);
    siren_options_pace(o, n_points, &settings);
    return settings;
}

static void steps_of_sized_networks_go_by_the_points(void **state) {
    (void)state;
    siren_compress_options o = sized_with("until_gain", "0.1");
    siren_settings few = paced(&o, 999), many = paced(&o, 1000);
    assert_true(few.minibatches == 1 && few.epochs == 500 && few.gain_epochs == 25 && few.layers == 5);
    assert_true(many.minibatches == 2 && many.epochs == 1000 && many.gain_epochs == 50);
    many = paced(&o, 16000);
    assert_true(many.minibatches == 4 && many.epochs == 2000 && many.gain_epochs == 100);
    many = paced(&o, 15999);
    siren_settings_widen(&few, 91);
    siren_settings_widen(&many, 91);
    assert_true(few.rate == 0.3f / 91 && many.rate == few.rate / sqrtf(2));
    const char *const said[][2] = {
        {"points_per_epoch", "3000"}, {"epochs", "70"}, {"lr", "1e-3"}, {"minibatches", "1"}};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        o = sized_with(said[i][0], said[i][1]);
        few = paced(&o, 100), many = paced(&o, 100000);
        assert_int_equal(siren_settings_compare(&few, &many, SIREN_SHARE_BY_NETWORK), 0);
    }
    char number[16];
    snprintf(number, sizeof number, " %d ", SIREN_LEAST_MINIBATCH);
    assert_non_null(strstr(siren_setting_find("minibatches")->help, number));
}

static void numbers_are_checked(void **state) {
    (void)state;
    siren_settings settings = siren_settings_defaults();
    assert_siren_ok(siren_settings_check(&settings));
    settings.epochs = 0;
    assert_int_equal(siren_settings_check(&settings), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "epochs is 0 but must be from 1 to 10000000"));
    settings = siren_settings_defaults();
    settings.rate = NAN;
    assert_int_equal(siren_settings_check(&settings), SIREN_USAGE);
    settings.rate = -1;
    assert_int_equal(siren_settings_check(&settings), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "lr is -1 but must be from 1e-12 to 1"));
}

static void trials_share_what_their_settings_allow(void **state) {
    (void)state;
    const siren_settings a = siren_settings_defaults();
    siren_settings b = a;
    b.layers = 9;
    assert_int_equal(siren_settings_compare(&a, &b, SIREN_SHARE_TRAINING), 0);
    b.weight_bits = 0;
    assert_int_equal(siren_settings_compare(&a, &b, SIREN_SHARE_BATCH), 0);
    assert_int_not_equal(siren_settings_compare(&a, &b, SIREN_SHARE_TRAINING), 0);
    b.seed = 1;
    assert_int_equal(siren_settings_compare(&a, &b, SIREN_SHARE_NOTHING), 0);
    assert_int_not_equal(siren_settings_compare(&a, &b, SIREN_SHARE_BATCH), 0);
    b.points_per_epoch = 5;
    assert_int_not_equal(siren_settings_compare(&a, &b, SIREN_SHARE_NOTHING), 0);
}

/* ---- docs ---- */

/* A part of a file that is made from the rows: what stands between two texts, the first of which follows an anchor. */
typedef struct {
    const char *file, *anchor, *after, *before;
    void (*make)(FILE *out);
} part;

static bool of_whole(const siren_setting *s) {
    return siren_setting_is_value(s) && s->share != SIREN_SHARE_BY_NETWORK;
}

static bool is_number(const siren_setting *s) { return siren_setting_is_number(s); }
static double most(const siren_setting *s) { return fmin(s->maximum, SIREN_CONFIG_MAX_INTEGER); }

static void make_page(FILE *out) {
    const siren_setting *s;
    char text[SIREN_SETTING_CHARS];
    for (size_t i = 0; (s = siren_setting_at(i)); i++) {
        if (!siren_setting_is_value(s)) continue;
        fprintf(out, "| `%s` | %s%s%s | ", s->key, s->unit ? s->unit : "", s->unit ? " " : "", s->help);
        if (is_number(s))
            fprintf(out, "%.16g to %.16g", s->minimum, most(s));
        else
            fprintf(out, "%s", siren_setting_range(s, text));
        fprintf(out, " | %s | ", strcmp(s->key, "model") == 0 ? "must be given" : s->standard);
        if (s->option) fprintf(out, "`--%s`", s->option);
        if (s->option && s->least_option > 0) fprintf(out, ", at least %g", s->least_option);
        fprintf(out, s->provenance ? " | provenance `%s` | " : " | its network or records | ", s->provenance);
        if (!s->suffix)
            fprintf(out, "before all else |\n");
        else if (s->flags & SIREN_SETTING_NAMED)
            fprintf(out, "always: `%s%s` |\n", s->suffix, s->standard);
        else
            fprintf(out, "`%s` |\n", s->suffix);
    }
}

static void make_definitions(FILE *out) {
    const siren_setting *s;
    for (size_t i = 0; (s = siren_setting_at(i)); i++) {
        if (!siren_setting_is_value(s)) continue;
        fprintf(out, "    \"%s\": {\n      ", s->key);
        if (s->type == SIREN_SETTING_MODEL) {
            fprintf(out, "\"enum\": [");
            for (size_t k = 0; siren_model_name(k); k++) fprintf(out, "\"%s\", ", siren_model_name(k));
            fprintf(out, "\"auto\", \"transform\", \"predictive\"],\n");
        } else if (s->type == SIREN_SETTING_WEIGHTS) {
            fprintf(out, "\"enum\": [\"float32\"");
            for (int bits = 6; bits <= 12; bits++) fprintf(out, ", \"int%d\"", bits);
            fprintf(out, "],\n");
        } else if (s->type == SIREN_SETTING_CHOICE) {
            fprintf(out, "\"enum\": [");
            const char *const *first = s->names + (s->unset ? 1 : 0);
            for (const char *const *name = first; *name; name++)
                fprintf(out, "%s\"%s\"", name > first ? ", " : "", *name);
            fprintf(out, "],\n");
        } else {
            fprintf(out, "\"type\": \"%s\", \"minimum\": %.16g, \"maximum\": %.16g,\n",
                    s->type == SIREN_SETTING_FLOAT ? "number" : "integer", s->minimum, most(s));
        }
        fprintf(out, "      \"description\": \"%s%s%s", s->unit ? s->unit : "", s->unit ? " " : "", s->help);
        if (s->type != SIREN_SETTING_MODEL) fprintf(out, "; default: %s", s->standard);
        fprintf(out,
                "\"\n    },\n    \"%s-list\": {\"anyOf\": [{\"$ref\": \"#/$defs/%s\"}, {\"type\": \"array\", "
                "\"minItems\": 1, \"items\": "
                "{\"$ref\": \"#/$defs/%s\"}}]},\n",
                s->key, s->key, s->key);
    }
}

static void make_properties(FILE *out, int indent, bool whole, const char *list) {
    const siren_setting *s;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (siren_setting_is_value(s) && (!whole || of_whole(s)))
            fprintf(out, "%*s\"%s\": {\"$ref\": \"#/$defs/%s%s\"},\n", indent, "", s->key, s->key, list);
}
static void make_whole(FILE *out) { make_properties(out, 4, true, ""); }
static void make_trial(FILE *out) { make_properties(out, 8, false, ""); }
static void make_lists(FILE *out) { make_properties(out, 8, false, "-list"); }

static void make_network(FILE *out) {
    const siren_setting *s;
    fprintf(out, "          \"properties\": {");
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (s->share == SIREN_SHARE_BY_NETWORK) fprintf(out, "\"%s\": false, ", s->key);
    fprintf(out, "\"hidden\": false}\n");
}

#define SCHEMA "experiment.schema.json"
static const part parts[] = {
    {"experiments.md", "## Settings", "|---|---|---|---|---|---|---|\n", "\nA model without", make_page},
    {SCHEMA, "\"properties\"", "\"blocks\": {\"$ref\": \"#/$defs/blocks\"},\n", "    \"log_interval\"",
     make_whole},
    {SCHEMA, "\"$defs\"", "\"maximum\": 9007199254740991},\n", "\n    \"input\": {", make_definitions},
    {SCHEMA, "\"modelOrNetwork\": {", "\"required\": [\"network\"],\n", "        }\n", make_network},
    {SCHEMA, "    \"grid\": {\n      \"type\"", "\"#/$defs/network\"},\n", "        \"blocks\"", make_lists},
    {SCHEMA, "    \"trial\": {\n      \"type\"", "\"#/$defs/network\"},\n", "        \"blocks\"", make_trial},
    {SCHEMA, "    \"rule\": {\n", "\"properties\": {\n", "        \"input\"", make_lists}};

static const char *docs_path(const char *file, char path[4096]) {
    const char *golden = getenv("SIREN_GOLDEN");
    snprintf(path, 4096, "%s/../../docs/%s", golden ? golden : "tests/golden", file);
    return path;
}

/* Where the part stands in the file's text. */
static void find_part(const part *p, char *text, char **begin, char **end) {
    char *anchor = strstr(text, p->anchor);
    *begin = anchor ? strstr(anchor, p->after) : NULL;
    *end = *begin ? strstr(*begin + strlen(p->after), p->before) : NULL;
    if (!*end) fail_msg("%s: lacks '%s', or what should follow it", p->file, p->anchor);
    *begin += strlen(p->after);
}

static void docs_have_every_row(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char path[4096], *begin, *end, *made = NULL;
        size_t n_made = 0, n_text = 0;
        uint8_t *bytes = file_get(docs_path(parts[i].file, path), &n_text);
        char *text = calloc(n_text + 1, 1);
        memcpy(text, bytes, n_text);
        free(bytes);
        FILE *out = open_memstream(&made, &n_made);
        parts[i].make(out);
        fclose(out);
        find_part(&parts[i], text, &begin, &end);
        if (state && *state) {
            FILE *file = fopen(path, "wb");
            fprintf(file, "%.*s%s%s", (int)(begin - text), text, made, end);
            fclose(file);
        } else if (strncmp(begin, made, n_made) != 0 || begin + n_made != end) {
            fail_msg(
                "%s is not what the rows of engine/settings.c say: run unit_settings --write. It lacks:\n%s",
                path, made);
        }
        free(made);
        free(text);
    }
}

int main(int argc, char **argv) {
    static bool rewriting = true;
    const struct CMUnitTest write[] = {cmocka_unit_test_prestate(docs_have_every_row, &rewriting)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_parsed_and_formatted),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(open_choices_are_resolved),
        cmocka_unit_test(steps_of_sized_networks_go_by_the_points),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(trials_share_what_their_settings_allow),
        cmocka_unit_test(docs_have_every_row),
    };
    if (argc > 1 && strcmp(argv[1], "--write") == 0) return cmocka_run_group_tests(write, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
