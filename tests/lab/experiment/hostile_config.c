/* Configuration and experiment files that are wrong: each is refused with one sentence that names the place, the
 * value and the way out. With a folder as argument it writes the cases there: seeds for tests/fuzz, and for the
 * comparison with the schema in unit_experiment_schema.sh. */
#include "tests/shared/testing.h"
#include "lab/experiment/experiment.h"
#include "tests/shared/nifti_files.h"

#include <unistd.h>

typedef struct {
    const char *text;
    siren_status status;
    /* all of it after "FILE: "; {settings} and {whole} stand for the keys of a trial, targets included, and of all
     * trials */
    const char *message;
} refusal;

/* Appends the message, with its keys, to `out`. */
static void expand(const char *message, char *out, size_t size) {
    static const char *const marks[] = {"{settings}", "{whole}"};
    for (; *message && strlen(out) + 1 < size; message++) {
        size_t length = strlen(out), mark = 0;
        while (mark < 2 && strncmp(message, marks[mark], strlen(marks[mark])) != 0) mark++;
        if (mark == 2) {
            snprintf(out + length, size - length, "%c", *message);
            continue;
        }
        const siren_setting *s;
        for (size_t i = 0; (s = siren_setting_at(i)); i++)
            if (siren_setting_is_value(s) && (mark == 0 || s->share != SIREN_SHARE_BY_NETWORK))
                length += (size_t)snprintf(out + length, size - length, "%s%s",
                                           out[length - 1] == ' ' ? "" : ", ", s->key);
        if (mark == 0)
            snprintf(out + length, size - length, ", ratio, size, psnr, max_error, noise, lossless");
        message += strlen(marks[mark]) - 1;
    }
}

static void check_refusal(const char *text, size_t length, siren_status status, const char *message) {
    siren_experiment *x = NULL;
    char expected[SIREN_MESSAGE_BYTES];
    const char *path = scratch_path("bad.json");
    file_put(path, text, length);
    snprintf(expected, sizeof expected, "%s: ", path);
    expand(message, expected, sizeof expected);
    siren_status got = siren_experiment_read(path, NULL, SIREN_MAX_TRIALS, &x);
    assert_null(x);
    if (got != status || strcmp(siren_message(), expected) != 0)
        fail_msg("%.60s\n  expected %d '%s'\n  got      %d '%s'", text, status, expected, got,
                 siren_message());
}

static const char *corpus; /* folder that the cases are written to; NULL: they are checked */

/* One file for each case, numbered. */
static void write_case(const char *text, size_t length) {
    static int number;
    char path[4096];
    snprintf(path, sizeof path, "%s/%03d.json", corpus, number++);
    file_put(path, text, length);
}

static void check_refusals(const refusal *cases, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *text = cases[i].text;
        if (corpus)
            write_case(text, strlen(text));
        else
            check_refusal(text, strlen(text), cases[i].status, cases[i].message);
    }
}
#define CHECK(cases) check_refusals(cases, sizeof(cases) / sizeof *(cases))

static void malformed_json_has_line_and_column(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"", SIREN_CORRUPT, "line 1, column 1: the file ends before its JSON does"},
        {" \n\n  ", SIREN_CORRUPT, "line 3, column 3: the file ends before its JSON does"},
        {"{", SIREN_CORRUPT, "line 1, column 2: the file ends before its JSON does"},
        {"{\"a\": 1,}", SIREN_CORRUPT, "line 1, column 9: a key in double quotes is expected here"},
        {"{\"a\": 1 \"b\": 2}", SIREN_CORRUPT, "line 1, column 9: a comma or } is expected here"},
        {"{\"a\"\n 1}", SIREN_CORRUPT, "line 2, column 2: a colon is expected here"},
        {"{a: 1}", SIREN_CORRUPT, "line 1, column 2: a key in double quotes or } is expected here"},
        {"[1, 2\n,\n  3", SIREN_CORRUPT, "line 3, column 4: the file ends before its JSON does"},
        {"[1, 2]]", SIREN_CORRUPT, "line 1, column 7: nothing more is expected here"},
        {"{} {}", SIREN_CORRUPT, "line 1, column 4: nothing more is expected here"},
        {"{\"a\": tru}", SIREN_CORRUPT,
         "line 1, column 7: no value of JSON: a number, a text in double quotes, true, false or null"},
        {"{\"a\": True}", SIREN_CORRUPT,
         "line 1, column 7: no value of JSON: a number, a text in double quotes, true, false or null"},
        {"{\"a\": NaN}", SIREN_CORRUPT,
         "line 1, column 7: no value of JSON: a number, a text in double quotes, true, false or null"},
        {"{\"a\": 'b'}", SIREN_CORRUPT,
         "line 1, column 7: no value of JSON: a number, a text in double quotes, true, false or null"},
        {"{\"a\": \"b", SIREN_CORRUPT, "line 1, column 7: a text that is never closed: its end would be \""},
        {"{\"a\": \"b\nc\"}", SIREN_CORRUPT,
         "line 1, column 7: a text that is never closed: its end would be \""},
        {"{\"a\": \"\tb\"}", SIREN_CORRUPT,
         "line 1, column 8: control character 0x09 in a text: write it as \\u0009"},
        {"{\"a\": \"\\x\"}", SIREN_CORRUPT, "line 1, column 8: an escape that JSON does not have"},
        {"{\"a\": \"b\\", SIREN_CORRUPT,
         "line 1, column 7: a text that is never closed: its end would be \""},
        {"{\"a\": \"\\u12\"}", SIREN_CORRUPT, "line 1, column 8: an escape that JSON does not have"},
        {"{\"a\": \"\\ud800\"}", SIREN_CORRUPT, "line 1, column 8: an escape that JSON does not have"},
        {"{\"a\": \"x\\u0000y\"}", SIREN_CORRUPT, "line 1, column 9: \\u0000 in a text, which would end it"},
        {"{\"a\": \"\xff\"}", SIREN_CORRUPT,
         "line 1, column 8: byte 0xff is no UTF-8: save the file in that encoding"},
        {"{\"a\": \"\xc0\x80\"}", SIREN_CORRUPT,
         "line 1, column 8: byte 0xc0 is no UTF-8: save the file in that encoding"},
        {"{ // \xe4\n}", SIREN_CORRUPT,
         "line 1, column 6: byte 0xe4 is no UTF-8: save the file in that encoding"},
        {"{\"a\": 1}\x1b", SIREN_CORRUPT, "line 1, column 9: nothing more is expected here"},
        {"/* \n\n", SIREN_CORRUPT, "line 1, column 1: a comment that is never closed: its end would be */"},
        {"{} /", SIREN_CORRUPT, "line 1, column 4: a '/' that begins no comment"},
        {"{} / 2", SIREN_CORRUPT, "line 1, column 4: a '/' that begins no comment"},
        {"/* a /* b */ */ {}", SIREN_CORRUPT,
         "line 1, column 14: no value of JSON: a number, a text in double quotes, true, false or null"},
        {"// {\n/* x\ny */ {\"a\": /* \xc3\xa4 */ }", SIREN_CORRUPT,
         "line 3, column 21: a value is expected here"},
    };
    CHECK(cases);
}

static void numbers_are_those_of_json(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"[01]", SIREN_CORRUPT, "line 1, column 2: no number as JSON writes them: like 3, -0.5 or 3e-4"},
        {"[-]", SIREN_CORRUPT, "line 1, column 2: no number as JSON writes them: like 3, -0.5 or 3e-4"},
        {"[1.]", SIREN_CORRUPT, "line 1, column 2: no number as JSON writes them: like 3, -0.5 or 3e-4"},
        {"[.5]", SIREN_CORRUPT,
         "line 1, column 2: no value of JSON: a number, a text in double quotes, true, false or null"},
        {"[+1]", SIREN_CORRUPT,
         "line 1, column 2: no value of JSON: a number, a text in double quotes, true, false or null"},
        {"[1e]", SIREN_CORRUPT, "line 1, column 2: no number as JSON writes them: like 3, -0.5 or 3e-4"},
        {"[1e+]", SIREN_CORRUPT, "line 1, column 2: no number as JSON writes them: like 3, -0.5 or 3e-4"},
        {"[0x10]", SIREN_CORRUPT, "line 1, column 2: no number as JSON writes them: like 3, -0.5 or 3e-4"},
        {"[1_000]", SIREN_CORRUPT, "line 1, column 2: no number as JSON writes them: like 3, -0.5 or 3e-4"},
        {"[1e999]", SIREN_CORRUPT, "line 1, column 2: a number that is too large for double precision"},
        {"[-1e999]", SIREN_CORRUPT, "line 1, column 2: a number that is too large for double precision"},
        {"[Infinity]", SIREN_CORRUPT,
         "line 1, column 2: no value of JSON: a number, a text in double quotes, true, false or null"},
        {"[1-1]", SIREN_CORRUPT, "line 1, column 2: no number as JSON writes them: like 3, -0.5 or 3e-4"},
        {"[0.00000000000000000000000000000000000000000000000000000000000000000000000000000001]",
         SIREN_CORRUPT, "line 1, column 2: a number of 82 characters: write at most 63"},
    };
    CHECK(cases);
}

#define GRID "\"grid\": {\"model\": \"siren-2d\"}"

static void wrong_values_have_a_path(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"[]", SIREN_USAGE,
         "the document is a list of 0 values: give an object with {whole}, $schema, name, description, "
         "input, "
         "inputs, blocks, grid, trials, baselines, log_interval, outputs, evaluate, panel, glyphs or claims"},
        {"null", SIREN_USAGE,
         "the document is null: give an object with {whole}, $schema, name, description, input, "
         "inputs, blocks, grid, trials, baselines, log_interval, outputs, evaluate, panel, glyphs or claims"},
        {"{}", SIREN_USAGE, "the document lacks grid, trials or baselines: what to do"},
        {"{\"grid\": {}, \"grid\": {}}", SIREN_CORRUPT, "grid is given twice: leave one out"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"width\": 1, \"seed\": 3, \"width\": 2}}", SIREN_CORRUPT,
         "grid.width is given twice: leave one out"},
        {"{\"grdi\": {}}", SIREN_USAGE,
         "grdi is no known key: did you mean grid? Known here: {whole}, $schema, name, description, input, "
         "inputs, blocks, grid, trials, baselines, log_interval, outputs, evaluate, panel, glyphs or claims"},
        {"{\"\\u001b[31m\": {}}", SIREN_USAGE,
         "?[31m is no known key: Known here: {whole}, $schema, name, description, input, "
         "inputs, blocks, grid, trials, baselines, log_interval, outputs, evaluate, panel, glyphs or claims"},
        {"{\"grid\": {\"models\": \"siren-2d\"}}", SIREN_USAGE,
         "grid.models is no known key: did you mean model? Known here: name, network, hidden, {settings}, "
         "blocks or exclude"},
        {"{\"grid\": {\"model\": \"siren2d\"}}", SIREN_USAGE,
         "grid.model is \"siren2d\": give siren-2d, siren-2d-relu, siren-2d-leaky, siren-2d-tanh, mlp-relu, "
         "mlp-tanh, "
         "mlp-siren, mlp-siren-last, siren-3d, siren-nd, auto, transform or predictive"},
        {"{\"grid\": {\"model\": [\"siren-2d\", \"SIREN-2d\"]}}", SIREN_USAGE,
         "grid.model[1] is \"SIREN-2d\": give siren-2d, siren-2d-relu, siren-2d-leaky, siren-2d-tanh, "
         "mlp-relu, mlp-tanh, "
         "mlp-siren, mlp-siren-last, siren-3d, siren-nd, auto, transform or predictive"},
        {"{\"grid\": {\"model\": \"transform\"}}", SIREN_USAGE,
         "grid asks for model transform, which needs a target: ratio, size, psnr, max_error, noise or "
         "lossless"},
        {"{\"grid\": {\"model\": \"auto\", \"ratio\": [8, 0.5]}}", SIREN_USAGE,
         "grid.ratio[1] is 0.5: give a number from 1 to 1e+09"},
        {"{\"grid\": {\"model\": \"auto\", \"ratio\": []}}", SIREN_USAGE,
         "grid.ratio is a list of 0 values: give at least one value"},
        {"{\"grid\": {\"model\": \"auto\", \"size\": \"2Q\"}}", SIREN_USAGE,
         "grid.size is \"2Q\": give a number of bytes, or one like \"512K\" or \"2M\""},
        {"{\"grid\": {\"model\": \"auto\", \"max_error\": \"5\"}}", SIREN_USAGE,
         "grid.max_error is \"5\": give a number, or at most 100 percent like \"2%\""},
        {"{\"grid\": {\"model\": \"auto\", \"lossless\": false}}", SIREN_USAGE,
         "grid.lossless is false: leave it out, or give true"},
        {"{\"grid\": {\"model\": \"auto\", \"noise\": \"1\"}}", SIREN_USAGE,
         "grid.noise is \"1\": give a number from 0.001 to 1e+09"},
        {"{\"trials\": [{\"model\": \"auto\", \"ratio\": 8, \"psnr\": 40}]}", SIREN_USAGE,
         "trials[0].psnr is a second target, and a trial has one: leave one out"},
        {"{\"trials\": [{\"model\": \"auto\", \"ratio\": [8]}]}", SIREN_USAGE,
         "trials[0].ratio is a list of 1 value: give one value: lists of values belong into \"grid\""},
        {"{\"grid\": {\"model\": \"siren-2d\", \"width\": 8, \"psnr\": 40}}", SIREN_USAGE,
         "grid.width is 8: leave it out: the target tells the width"},
        {"{\"grid\": {\"model\": \"transform\", \"lossless\": true}}", SIREN_USAGE,
         "grid asks for model transform with a target of other models: --lossless is not met by the "
         "transform: "
         "leave out --model, or give predictive; or exclude it"},
        {"{\"blocks\": {\"axis\": \"x\"}, \"grid\": {\"model\": \"transform\", \"ratio\": 8}}", SIREN_USAGE,
         "grid has a target, which needs slices along z"},
        {"{\"grid\": {\"network\": {\"hidden\": [{\"width\": 8, \"activation\": \"relu\"}]}, \"ratio\": 8}}",
         SIREN_USAGE, "grid.network lists layers, but a target belongs to a model that is named"},
        {"{\"grid\": {\"model\": []}}", SIREN_USAGE,
         "grid.model is a list of 0 values: give at least one value"},
        {"{\"grid\": []}", SIREN_USAGE, "grid leaves no trial: list more, or exclude less"},
        {"{\"grid\": 7}", SIREN_USAGE,
         "grid is 7: give an object with name, network, hidden, {settings}, blocks or exclude"},
        {"{\"grid\": [{\"model\": \"siren-2d\"}, {\"width\": 7}]}", SIREN_USAGE,
         "grid[1] lacks model, or network with a list of layers"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"width\": [64, 128, 2048]}}", SIREN_USAGE,
         "grid.width[2] is 2048: give a whole number from 1 to 1024"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"width\": 12.5}}", SIREN_USAGE,
         "grid.width is 12.5: give a whole number from 1 to 1024"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"width\": 0}}", SIREN_USAGE,
         "grid.width is 0: give a whole number from 1 to 1024"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"width\": \"64\"}}", SIREN_USAGE,
         "grid.width is \"64\": give a whole number from 1 to 1024"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"width\": {\"values\": [1]}}}", SIREN_USAGE,
         "grid.width is an object: give a whole number from 1 to 1024"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"layers\": 33}}", SIREN_USAGE,
         "grid.layers is 33: give a whole number from 1 to 32"},
        {"{\"grid\": {\"model\": \"mlp-relu\", \"layers\": 32}}", SIREN_USAGE,
         "grid asks for an impossible network: model mlp-relu cannot have 32 hidden layers: give 1 to 31"},
        {"{\"grid\": {\"model\": \"mlp-relu\", \"hidden\": 1}}", SIREN_USAGE,
         "grid.hidden lists 1, but mlp-relu has at least 2 hidden layers"},
        {"{\"grid\": {\"model\": \"mlp-relu\", \"hidden\": 2, \"layers\": 1}}", SIREN_USAGE,
         "grid.layers and hidden exclude each other"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"weights\": \"int5\"}}", SIREN_USAGE,
         "grid.weights is \"int5\": give float32 or one of int6 to int12"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"weights\": 8}}", SIREN_USAGE,
         "grid.weights is 8: give a text in double quotes, not an empty one"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"seed\": -1}}", SIREN_USAGE,
         "grid.seed is -1: give a whole number from 0 to 9007199254740991"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"seed\": 9007199254740992}}", SIREN_USAGE,
         "grid.seed is 9007199254740992: give a whole number from 0 to 9007199254740991"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"lr\": 0}}", SIREN_USAGE,
         "grid.lr is 0: give a number from 1e-12 to 1"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"lr\": [3e-4, 2]}}", SIREN_USAGE,
         "grid.lr[1] is 2: give a number from 1e-12 to 1"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"w0\": 1e5}}", SIREN_USAGE,
         "grid.w0 is 100000: give a number from 0.001 to 10000"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"seed\": [1, 1]}}", SIREN_USAGE,
         "grid makes the trial siren-2d-3x256-int8-seed1, which is the same as siren-2d-3x256-int8-seed1: "
         "leave one out, or exclude it"},
        {"{\"grid\": [{\"model\": \"siren-2d\"}, {\"model\": \"siren-2d\", \"hidden\": 3, \"name\": \"b\"}]}",
         SIREN_USAGE,
         "grid[1] makes the trial b-int8-seed0, which is the same as siren-2d-3x256-int8-seed0: leave one "
         "out, or exclude it"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"name\": \"a\", \"width\": [16, 32]}}", SIREN_USAGE,
         "grid makes the trial a-int8-seed0, whose name a different trial has: give one of them a \"name\""},
        {"{\"grid\": {\"model\": \"siren-2d\", \"name\": \"../a\"}}", SIREN_USAGE,
         "grid.name is \"../a\": give at most 64 letters, digits, '-', '_' and '.', beginning with a letter "
         "or digit"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"exclude\": [{\"model\": \"siren-2d\"}]}}", SIREN_USAGE,
         "grid leaves no trial: list more, or exclude less"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"exclude\": [{\"width\": 16}]}}", SIREN_USAGE,
         "grid.exclude[0] excludes nothing: no trial has all its values"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"exclude\": [{}]}}", SIREN_USAGE,
         "grid.exclude[0] is empty and would exclude every trial"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"exclude\": {\"width\": 16}}}", SIREN_USAGE,
         "grid.exclude is an object: give a list of rules: [{\"model\": ...}]"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"exclude\": [{\"hidden\": 16}]}}", SIREN_USAGE,
         "grid.exclude[0].hidden is no known key: Known here: {settings} or input"},
        {"{\"grid\": {\"model\": \"siren-2d\", \"exclude\": [{\"input\": \"b\"}]}}", SIREN_USAGE,
         "grid.exclude[0].input is \"b\": no input has this name"},
        {"{\"trials\": []}", SIREN_USAGE, "trials leaves no trial: list more, or exclude less"},
        {"{\"trials\": {\"model\": \"siren-2d\"}}", SIREN_USAGE,
         "trials is an object: give a list of trials"},
        {"{\"trials\": [{\"model\": \"siren-2d\", \"seed\": [1, 2]}]}", SIREN_USAGE,
         "trials[0].seed is a list of 2 values: give one value: lists of values belong into \"grid\""},
        {"{\"trials\": [{\"model\": \"siren-2d\", \"exclude\": []}]}", SIREN_USAGE,
         "trials[0].exclude is no known key: Known here: name, network, hidden, {settings} or blocks"},
        {"{\"epochs\": 0, " GRID "}", SIREN_USAGE, "epochs is 0: give a whole number from 1 to 10000000"},
        {"{\"epochs\": 1e9, " GRID "}", SIREN_USAGE,
         "epochs is 1000000000: give a whole number from 1 to 10000000"},
        {"{\"points_per_epoch\": 0, " GRID "}", SIREN_USAGE,
         "points_per_epoch is 0: give a whole number from 1 to 1073741823"},
        {"{\"log_interval\": true, " GRID "}", SIREN_USAGE,
         "log_interval is true: give a whole number from 1 to 10000000"},
        {"{\"outputs\": {\"archives\": 1}, " GRID "}", SIREN_USAGE,
         "outputs.archives is 1: give true or false"},
        {"{\"outputs\": {\"archive\": true}, " GRID "}", SIREN_USAGE,
         "outputs.archive is no known key: did you mean archives? Known here: archives, curves or "
         "restored"},
        {"{\"name\": \"a b\", " GRID "}", SIREN_USAGE,
         "name is \"a b\": give at most 64 letters, digits, '-', '_' and '.', beginning with a letter or "
         "digit"},
        {"{\"name\": \"\", " GRID "}", SIREN_USAGE,
         "name is \"\": give a text in double quotes, not an empty one"},
        {"{\"description\": [\"a\"], " GRID "}", SIREN_USAGE,
         "description is a list of 1 value: give a text in double quotes, not an empty one"},
        {"{\"baselines\": {\"method\": \"xz\"}}", SIREN_USAGE,
         "baselines is an object: give a list: [{\"method\": \"jpeg2000\", \"ratios\": [5, "
         "10]}]"},
        {"{\"baselines\": [\"xz\"]}", SIREN_USAGE,
         "baselines[0] is \"xz\": give an object with method, per, ratios, match, rates, distances, "
         "errors, psnrs or fwhm"},
        {"{\"baselines\": [{\"method\": \"jpeg2000\", \"ratio\": 3}]}", SIREN_USAGE,
         "baselines[0].ratio is no known key: did you mean ratios? Known here: method, per, ratios, match, "
         "rates, distances, errors, psnrs or fwhm"},
        {"{\"baselines\": [{\"method\": \"jpeg2000\", \"ratios\": [3, 1e7]}]}", SIREN_USAGE,
         "baselines[0].ratios[1] is 10000000: give a number from 0.01 to 1e+06"},
        {"{\"baselines\": [{\"method\": \"smooth\", \"fwhm\": [3, 0]}]}", SIREN_USAGE,
         "baselines[0].fwhm[1] is 0: give a number from 0.01 to 1000"},
        {"{\"baselines\": [{\"method\": \"mppca\", \"fwhm\": 3}]}", SIREN_USAGE,
         "baselines[0].fwhm is 3: leave it out: the method mppca has no fwhm"},
        {"{\"baselines\": [{\"method\": \"transform\"}]}", SIREN_USAGE,
         "baselines[0] lacks ratios, psnrs or match: the method transform does nothing without"},
        {"{\"baselines\": [{\"method\": \"transform\", \"psnrs\": [30, 201]}]}", SIREN_USAGE,
         "baselines[0].psnrs[1] is 201: give a number from 1 to 200"},
        {"{\"baselines\": [{\"method\": \"jpegls\", \"ratios\": 3}]}", SIREN_USAGE,
         "baselines[0].ratios is 3: leave it out: the method jpegls has no ratios"},
        {"{\"baselines\": [{\"method\": \"jpegxl\", \"distances\": 0}]}", SIREN_USAGE,
         "baselines[0].distances is 0: give a number from 0.01 to 15"},
        {"{\"baselines\": [{\"method\": \"zfp\", \"per\": \"patch\"}]}", SIREN_USAGE,
         "baselines[0].per is \"patch\": give slice or volume"},
    };
    CHECK(cases);
}

static void blocks_inputs_and_networks_are_checked(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"{\"blocks\": \"slice\", " GRID "}", SIREN_USAGE,
         "blocks is \"slice\": give an object with kind, size, axis or range"},
        {"{\"blocks\": {\"kind\": \"slices\"}, " GRID "}", SIREN_USAGE,
         "blocks.kind is \"slices\": give slice, volume or patch"},
        {"{\"blocks\": {\"kind\": \"patch\"}, " GRID "}", SIREN_USAGE,
         "grid asks for model siren-2d, which maps 2 coordinates, but blocks of kind patch have 3"},
        {"{\"blocks\": {\"size\": [8, 8, 8]}, " GRID "}", SIREN_USAGE,
         "blocks.size is a list of 3 values: leave it out: only kind \"patch\" has a size"},
        {"{\"blocks\": {\"kind\": \"patch\", \"size\": [8, 8]}, " GRID "}", SIREN_USAGE,
         "blocks.size is a list of 2 values: give the voxels along x, y and z: [16, 16, 16]"},
        {"{\"blocks\": {\"kind\": \"patch\", \"size\": [8, 8, 0]}, " GRID "}", SIREN_USAGE,
         "blocks.size[2] is 0: give a whole number from 1 to 1073741823"},
        {"{\"blocks\": {\"axis\": \"t\"}, " GRID "}", SIREN_USAGE, "blocks.axis is \"t\": give x, y or z"},
        {"{\"blocks\": {\"range\": [4, 4]}, " GRID "}", SIREN_USAGE,
         "blocks.range goes from 4 to 4, which leaves no slice: the second number is the one after the last "
         "slice"},
        {"{\"blocks\": {\"range\": 4}, " GRID "}", SIREN_USAGE,
         "blocks.range is 4: give the first slice and the one after the last: [40, 44]"},
        {"{\"blocks\": {\"range\": [4, -1]}, " GRID "}", SIREN_USAGE,
         "blocks.range[1] is -1: give a whole number from 1 to 1073741823"},
        {"{\"input\": 3, " GRID "}", SIREN_USAGE,
         "input is 3: give an object with name, image, mask, mask_use, phantom, bval, bvec, tissues or "
         "volume_coordinates"},
        {"{\"input\": {}, " GRID "}", SIREN_USAGE, "input needs either image or phantom"},
        {"{\"input\": \"\", " GRID "}", SIREN_USAGE,
         "input is \"\": give a text in double quotes, not an empty one"},
        {"{\"input\": \"a.nii\", \"inputs\": [\"b.nii\"], " GRID "}", SIREN_USAGE,
         "input and inputs exclude each other"},
        {"{\"inputs\": [], " GRID "}", SIREN_USAGE,
         "inputs is a list of 0 values: give a list of 1 to 1000 inputs"},
        {"{\"inputs\": [\"a/x.nii\", \"b/x.nii.gz\"], " GRID "}", SIREN_USAGE,
         "inputs[1] is named x as another input is: give it a name of its own"},
        {"{\"input\": {\"image\": \"a.nii\", \"phantom\": {}}, " GRID "}", SIREN_USAGE,
         "input needs either image or phantom"},
        {"{\"input\": {\"mask\": \"a.nii\", \"phantom\": {}}, " GRID "}", SIREN_USAGE,
         "input.mask is \"a.nii\": leave it out: a phantom comes with its own mask"},
        {"{\"input\": {\"mask_use\": \"train\", \"image\": \"a.nii\"}, " GRID "}", SIREN_USAGE,
         "input.mask_use is \"train\": leave it out, or give a mask"},
        {"{\"input\": {\"bval\": \"a.bval\", \"image\": \"a.nii\"}, " GRID "}", SIREN_USAGE,
         "input has only one of bval and bvec: give both, or none"},
        {"{\"input\": {\"tissues\": {\"wn\": \"a.nii\"}, \"image\": \"a.nii\"}, " GRID "}", SIREN_USAGE,
         "input.tissues.wn is no known key: did you mean wm? Known here: wm, gm or csf"},
        {"{\"input\": {\"tissues\": {}, \"phantom\": {}}, " GRID "}", SIREN_USAGE,
         "input.tissues is an object: leave it out: a phantom comes with its own"},
        {"{\"evaluate\": true, " GRID "}", SIREN_USAGE,
         "evaluate is true: give an object with tissues, diffusion or fod"},
        {"{\"evaluate\": {\"diffusion\": false, \"fod\": true}, " GRID "}", SIREN_USAGE,
         "evaluate.fod is true: leave it out: no diffusion metrics are wanted"},
        {"{\"evaluate\": {}, \"blocks\": {\"axis\": \"x\"}, " GRID "}", SIREN_USAGE,
         "evaluate needs slices along z: leave it out, or the axis of the blocks"},
        {"{\"panel\": 40, " GRID "}", SIREN_USAGE,
         "panel is 40: give an object with slice, volume, x, y or results"},
        {"{\"panel\": {\"z\": 40}, " GRID "}", SIREN_USAGE,
         "panel.z is no known key: did you mean x? Known here: slice, volume, x, y or results"},
        {"{\"panel\": {\"slice\": -1}, " GRID "}", SIREN_USAGE,
         "panel.slice is -1: give a whole number from 0 to 1073741823"},
        {"{\"panel\": {\"x\": 7}, " GRID "}", SIREN_USAGE,
         "panel.x is 7: give the first voxel and the one after the last: [40, 44]"},
        {"{\"panel\": {\"y\": [9, 9]}, " GRID "}", SIREN_USAGE,
         "panel.y goes from 9 to 9, which leaves no voxel: the second number is the one after the last "
         "voxel"},
        {"{\"panel\": {\"results\": \"a\"}, " GRID "}", SIREN_USAGE,
         "panel.results is \"a\": give a list of names of trials"},
        {"{\"panel\": {\"results\": [\"siren-2d\"]}, " GRID "}", SIREN_USAGE,
         "panel.results[0] is \"siren-2d\": no trial has this name; 'sirencl sweep FILE --dry-run' lists "
         "them"},
        {"{\"panel\": {\"results\": [\"siren-2d-3x256-int8-seed0\", \"siren-2d-3x256-int8-seed0\"]}, " GRID
         "}",
         SIREN_USAGE, "panel.results[1] is \"siren-2d-3x256-int8-seed0\": it is listed before: leave it out"},
        {"{\"panel\": {\"slice\": 9, \"results\": [\"siren-2d-3x256-int8-seed0\"]}, \"blocks\": {\"range\": "
         "[2, "
         "6]}, " GRID "}",
         SIREN_USAGE,
         "panel.results[0] is \"siren-2d-3x256-int8-seed0\": its slices lack slice 9: leave it out, or give "
         "another "
         "slice"},
        {"{\"panel\": {\"slice\": 1}, \"blocks\": {\"range\": [2, 6]}, " GRID "}", SIREN_USAGE,
         "panel has nothing to show: no trial restores such a slice with loss"},
        {"{\"panel\": {\"results\": [\"a0-int8-seed0\", \"a0-int8-seed1\", \"a0-int8-seed2\", "
         "\"a0-int8-seed3\", \"a0-int8-seed4\", \"a0-int8-seed5\", \"a0-int8-seed6\", \"a0-int8-seed7\", "
         "\"a0-int8-seed8\"]}, \"grid\": {\"name\": \"a0\", \"model\": \"siren-2d\", \"seed\": [0, 1, 2, 3, "
         "4, 5, "
         "6, 7, 8]}}",
         SIREN_USAGE,
         "panel.results[8] is \"a0-int8-seed8\": a figure has room for 8 results of an input: leave some "
         "out"},
        {"{\"panel\": {}, \"outputs\": {\"archives\": false}, " GRID "}", SIREN_USAGE,
         "outputs.archives is false: leave it out: a panel shows what archives decode to"},
        {"{\"panel\": {}, \"blocks\": {\"axis\": \"x\"}, " GRID "}", SIREN_USAGE,
         "panel needs slices along z: leave it out, or the axis of the blocks"},
        {"{\"glyphs\": {\"volume\": 0}, \"evaluate\": {}, " GRID "}", SIREN_USAGE,
         "glyphs.volume is no known key: Known here: slice, x, y or results"},
        {"{\"glyphs\": {}, " GRID "}", SIREN_USAGE,
         "glyphs shows what evaluations make of tensors and fibre orientations: add \"evaluate\": {\"fod\": "
         "true}, "
         "or leave it out"},
        {"{\"glyphs\": {}, \"evaluate\": {\"diffusion\": false}, " GRID "}", SIREN_USAGE,
         "glyphs shows what evaluations make of tensors and fibre orientations: add \"evaluate\": {\"fod\": "
         "true}, "
         "or leave it out"},
        {"{\"input\": {\"mask_use\": \"both\", \"phantom\": {}}, " GRID "}", SIREN_USAGE,
         "input.mask_use is \"both\": give figures or train"},
        {"{\"input\": {\"name\": \".\", \"phantom\": {}}, " GRID "}", SIREN_USAGE,
         "input.name is \".\": give at most 64 letters, digits, '-', '_' and '.', beginning with a letter or "
         "digit"},
        {"{\"input\": {\"phantom\": {\"dims\": [8, 8]}}, " GRID "}", SIREN_USAGE,
         "input.phantom.dims is a list of 2 values: give the voxels along x, y and z: [140, 140, 96]"},
        {"{\"input\": {\"phantom\": {\"dims\": [8, 8, 5000]}}, " GRID "}", SIREN_USAGE,
         "input.phantom.dims[2] is 5000: give a whole number from 1 to 4096"},
        {"{\"input\": {\"phantom\": {\"shells\": []}}, " GRID "}", SIREN_USAGE,
         "input.phantom.shells is a list of 0 values: give 1 to 64 shells [b, volumes]: [[0, 5], [1000, "
         "64]]"},
        {"{\"input\": {\"phantom\": {\"shells\": [[0, 5], 1000]}}, " GRID "}", SIREN_USAGE,
         "input.phantom.shells[1] is 1000: give the b-value in s/mm^2 and the number of volumes: [1000, 64]"},
        {"{\"input\": {\"phantom\": {\"shells\": [[0, 4000], [1, 97]]}}, " GRID "}", SIREN_USAGE,
         "input.phantom.shells has 4097 volumes, more than the limit of 4096"},
        {"{\"input\": {\"phantom\": {\"snr\": -1}}, " GRID "}", SIREN_USAGE,
         "input.phantom.snr is -1: give a number from 0 to 1e+09"},
        {"{\"input\": {\"phantom\": {\"datatype\": \"int8\"}}, " GRID "}", SIREN_USAGE,
         "input.phantom.datatype is \"int8\": give int16, uint16 or float32"},
        {"{\"trials\": [{\"network\": {\"hidden\": []}}]}", SIREN_USAGE,
         "trials[0].network.hidden is a list of 0 values: give a list of 1 to 32 layers"},
        {"{\"trials\": [{\"network\": {\"output\": {}}}]}", SIREN_USAGE,
         "trials[0].network lacks hidden, the list of its hidden layers"},
        {"{\"trials\": [{\"network\": {\"hidden\": 3}}]}", SIREN_USAGE,
         "trials[0].network.hidden is 3: give a list of 1 to 32 layers"},
        {"{\"trials\": [{\"network\": {\"hidden\": [{\"width\": 8}]}}]}", SIREN_USAGE,
         "trials[0].network.hidden[0] lacks activation"},
        {"{\"trials\": [{\"network\": {\"hidden\": [{\"activation\": \"sine\"}]}}]}", SIREN_USAGE,
         "trials[0].network.hidden[0] lacks width"},
        {"{\"trials\": [{\"network\": {\"hidden\": [{\"width\": 8, \"activation\": \"gelu\"}]}}]}",
         SIREN_USAGE,
         "trials[0].network.hidden[0].activation is \"gelu\": give identity, sine, relu, tanh or leaky-relu"},
        {"{\"trials\": [{\"network\": {\"hidden\": [{\"width\": 8, \"activation\": \"relu\", \"w0\": "
         "30}]}}]}",
         SIREN_USAGE,
         "trials[0].network.hidden[0].w0 is 30: leave it out: it belongs to activation sine or init "
         "hidden-sine"},
        {"{\"trials\": [{\"network\": {\"hidden\": [{\"width\": 8, \"activation\": \"sine\"}], \"output\": "
         "{\"width\": 3}}}]}",
         SIREN_USAGE, "trials[0].network.output.width is no known key: Known here: activation, w0 or init"},
        {"{\"trials\": [{\"width\": 8, \"network\": {\"hidden\": [{\"width\": 8, \"activation\": "
         "\"sine\"}]}}]}",
         SIREN_USAGE, "trials[0].width and network exclude each other"},
    };
    CHECK(cases);
}

static void bytes_that_are_no_text_are_refused(void **state) {
    (void)state;
    check_refusal("{\"a\": 1}\0", 9, SIREN_CORRUPT, "line 1, column 9: a NUL byte: this is no text");
    check_refusal("\0", 1, SIREN_CORRUPT, "line 1, column 1: a NUL byte: this is no text");
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    enum { MANY = 200000 };
    char *text = malloc(MANY);
    assert_non_null(text);
    memset(text, '[', MANY);
    check_refusal(text, MANY, SIREN_CORRUPT, "line 1, column 33: nested deeper than 32");
    free(text);
}

static void large_files_are_refused(void **state) {
    (void)state;
    siren_experiment *x = NULL;
    file_put(scratch_path("large.json"), "{", 1);
    assert_int_equal(truncate(scratch_path("large.json"), (off_t)SIREN_CONFIG_MAX_BYTES + 1), 0);
    assert_int_equal(siren_experiment_read(scratch_path("large.json"), NULL, 1, &x), SIREN_UNSUPPORTED);
    assert_non_null(strstr(siren_message(), "large.json"));
    assert_int_equal(siren_experiment_read(scratch_path("none.json"), NULL, 1, &x), SIREN_SYSTEM);
    assert_null(x);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        corpus = argv[1];
        malformed_json_has_line_and_column(NULL);
        numbers_are_those_of_json(NULL);
        wrong_values_have_a_path(NULL);
        blocks_inputs_and_networks_are_checked(NULL);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_json_has_line_and_column),
        cmocka_unit_test(numbers_are_those_of_json),
        cmocka_unit_test(wrong_values_have_a_path),
        cmocka_unit_test(blocks_inputs_and_networks_are_checked),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(large_files_are_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
