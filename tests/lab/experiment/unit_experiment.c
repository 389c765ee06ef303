/* lab/experiment/experiment: what a file means, trial by trial, and how it is refused. */
#include "tests/shared/testing.h"
#include "lab/experiment/experiment.h"
#include "tests/shared/nifti_files.h"

static siren_status read_text(const char *text, const char *image, size_t max_trials,
                              siren_experiment **out) {
    const char *path = scratch_path("try.json");
    file_put(path, text, strlen(text));
    return siren_experiment_read(path, image, max_trials, out);
}

static siren_experiment *accept(const char *text) {
    siren_experiment *x = NULL;
    if (read_text(text, NULL, SIREN_MAX_TRIALS, &x) != SIREN_OK) fail_msg("%s: %s", text, siren_message());
    return x;
}

static void check_names(const char *text, const char *const *names, size_t n) {
    siren_experiment *x = accept(text);
    for (size_t i = 0; i < n && i < x->n_trials; i++) assert_string_equal(x->trials[i].name, names[i]);
    assert_int_equal(x->n_trials, n);
    siren_experiment_free(x);
}
#define CHECK_NAMES(text, ...)                                                                               \
    do {                                                                                                     \
        static const char *const names_[] = {__VA_ARGS__};                                                   \
        check_names(text, names_, sizeof names_ / sizeof *names_);                                           \
    } while (0)

static void least_file_has_the_paper_s_defaults(void **state) {
    (void)state;
    siren_experiment *x = accept("{\"grid\": {\"model\": \"siren-2d\"}}");
    const siren_trial *t = x->trials;
    assert_int_equal(x->n_trials, 1);
    assert_string_equal(x->name, "try");
    assert_string_equal(x->description, "");
    assert_int_equal(x->n_inputs, 1);
    assert_string_equal(x->inputs->name, "phantom");
    assert_null(x->inputs->image);
    assert_int_equal(x->inputs->phantom.nx, 140);
    assert_int_equal(x->inputs->phantom.nz, 96);
    assert_int_equal(x->inputs->phantom.n_shells, 2);
    assert_int_equal(x->inputs->phantom.shells[1].n, 64);
    assert_int_equal(x->log_interval, 10);
    assert_true(x->keep_archives && x->keep_curves);
    assert_string_equal(t->name, "siren-2d-3x256-int8-seed0");
    assert_int_equal(t->settings.layers, 3);
    assert_int_equal(t->settings.width, 256);
    assert_int_equal(t->settings.epochs, 2000);
    assert_int_equal(t->settings.points_per_epoch, 0);
    assert_int_equal(t->settings.blocks, SIREN_BLOCK_SLICE);
    assert_int_equal(t->settings.axis, SIREN_AXIS_Z);
    assert_int_equal(t->settings.slices.end, 0);
    assert_true(t->settings.rate == 3e-4f && t->settings.w0 == 30.0f);
    siren_network network;
    assert_siren_ok(siren_trial_network(t, 69, 0, &network));
    assert_int_equal(siren_network_n_params(&network), 150085);
    assert_int_equal(siren_trial_network(t, 0, 0, &network), SIREN_USAGE);
    siren_experiment_free(x);
}

static void grids_are_products_in_order(void **state) {
    (void)state;
    CHECK_NAMES("{\"grid\": {\"model\": [\"siren-2d\", \"siren-3d\"], \"width\": [64, 32], \"seed\": [3, 1], "
                "\"weights\": \"float32\", \"layers\": 4}}",
                "siren-2d-4x64-float32-seed3", "siren-2d-4x64-float32-seed1", "siren-2d-4x32-float32-seed3",
                "siren-2d-4x32-float32-seed1", "siren-3d-4x64-float32-seed3", "siren-3d-4x64-float32-seed1",
                "siren-3d-4x32-float32-seed3", "siren-3d-4x32-float32-seed1");
}

static void grids_and_trials_follow_each_other_for_each_input(void **state) {
    (void)state;
    CHECK_NAMES("{\"inputs\": [\"a.nii\", {\"phantom\": {}}],"
                " \"grid\": [{\"model\": \"siren-2d\"}, {\"model\": \"mlp-relu\", \"weights\": [\"int6\", "
                "\"int12\"]}],"
                " \"trials\": [{\"model\": \"mlp-tanh\", \"width\": 16}]}",
                "a-siren-2d-3x256-int8-seed0", "a-mlp-relu-3x256-int6-seed0", "a-mlp-relu-3x256-int12-seed0",
                "a-mlp-tanh-3x16-int8-seed0", "phantom-siren-2d-3x256-int8-seed0",
                "phantom-mlp-relu-3x256-int6-seed0", "phantom-mlp-relu-3x256-int12-seed0",
                "phantom-mlp-tanh-3x16-int8-seed0");
}

static void names_tell_what_is_unusual(void **state) {
    (void)state;
    CHECK_NAMES(
        "{\"blocks\": {\"range\": [4, 8]}, \"grid\": ["
        "{\"model\": \"siren-2d\", \"lr\": [3e-4, 0.001], \"w0\": [30, 12.5]},"
        "{\"model\": \"siren-3d\", \"lr\": [3e-4, 2e-4]},"
        "{\"model\": \"siren-3d\", \"width\": 32, \"blocks\": {\"kind\": \"patch\", \"size\": [8, 9, 10]}},"
        "{\"model\": \"siren-2d\", \"width\": 32, \"epochs\": 5, \"points_per_epoch\": 100},"
        "{\"model\": \"siren-2d\", \"blocks\": {\"axis\": \"x\", \"range\": [1, 2]}},"
        "{\"name\": \"mine\", \"model\": \"mlp-relu\", \"seed\": [0, 1]}]}",
        "siren-2d-3x256-int8-seed0", "siren-2d-3x256-int8-seed0-w0_12.5", "siren-2d-3x256-int8-seed0-lr0.001",
        "siren-2d-3x256-int8-seed0-lr0.001-w0_12.5", "siren-3d-3x256-int8-seed0-lr0.0003",
        "siren-3d-3x256-int8-seed0", "siren-3d-3x32-int8-seed0-patch8x9x10",
        "siren-2d-3x32-int8-seed0-epochs5-points100", "siren-2d-3x256-int8-seed0-axisx-slices1to2",
        "mine-int8-seed0", "mine-int8-seed1");
}

/* Every setting may stand in the whole, but for the network's, and be listed in a grid. */
static void settings_stand_in_the_whole_and_in_lists(void **state) {
    (void)state;
    CHECK_NAMES("{\"weights\": \"int6\", \"lr\": 0.01, \"seed\": 7, \"epochs\": 50, \"grid\": ["
                "{\"model\": \"siren-2d\", \"epochs\": [25, 50], \"points_per_epoch\": [8, 9], \"exclude\": "
                "[{\"epochs\": 25, \"points_per_epoch\": 9}]},"
                "{\"model\": \"siren-3d\", \"lr\": [0.01, 2e-4], \"seed\": 8, \"weights\": \"int7\"}]}",
                "siren-2d-3x256-int6-seed7-epochs25-points8", "siren-2d-3x256-int6-seed7-points8",
                "siren-2d-3x256-int6-seed7-points9", "siren-3d-3x256-int7-seed8",
                "siren-3d-3x256-int7-seed8-lr0.0002");
}

/* Targets of all keys are one axis, the fastest; what trains nothing is done once, whatever lists of settings there
 * are. */
static void targets_are_swept(void **state) {
    (void)state;
    CHECK_NAMES(
        "{\"seed\": 3, \"blocks\": {\"range\": [1, 2]}, \"grid\": [{\"model\": [\"auto\", \"transform\", "
        "\"siren-2d-relu\"], \"weights\": [\"int7\", \"int8\"], \"ratio\": [8, 12.5], \"psnr\": 40, "
        "\"exclude\": [{\"model\": \"siren-2d-relu\", \"psnr\": 40}, {\"model\": \"auto\", \"ratio\": 8}]},"
        "{\"model\": \"predictive\", \"max_error\": [2, \"0.5%\"], \"lossless\": true},"
        "{\"model\": \"predictive\", \"effort\": [3, 5], \"lr\": [0.01, 0.02], \"noise\": 2},"
        "{\"model\": \"siren-2d\", \"layers\": [3, 4], \"size\": \"2K\"},"
        "{\"model\": \"siren-2d\", \"width\": 16, \"max_error\": 5},"
        "{\"name\": \"mine\", \"model\": \"transform\", \"noise\": 1, \"blocks\": {\"range\": [0, 2]}}]}",
        "auto-ratio12.5", "auto-psnr40", "transform-ratio8", "transform-ratio12.5", "transform-psnr40",
        "siren-2d-relu-ratio8-int7-seed3", "siren-2d-relu-ratio12.5-int7-seed3",
        "siren-2d-relu-ratio8-int8-seed3", "siren-2d-relu-ratio12.5-int8-seed3", "predictive-max-error2",
        "predictive-max-error0.5percent", "predictive-lossless", "predictive-noise2-effort3",
        "predictive-noise2", "siren-2d-size2048-int8-seed3", "siren-2d-4layers-size2048-int8-seed3",
        "siren-2d-3x16-max-error5-int8-seed3", "mine-noise1-slices0to2");
}

static void rules_exclude_what_matches_all_their_values(void **state) {
    (void)state;
    CHECK_NAMES("{\"inputs\": [\"a.nii\", \"b.nii\"], \"grid\": {\"model\": [\"siren-2d\", \"mlp-relu\"], "
                "\"width\": [32, 64], \"lr\": [3e-4, 1e-3], \"exclude\": ["
                "{\"model\": \"mlp-relu\", \"width\": 64}, {\"lr\": [1e-3], \"width\": [32]}, "
                "{\"model\": \"siren-2d\", \"lr\": 3e-4, \"input\": \"b\"}]}}",
                "a-siren-2d-3x32-int8-seed0", "a-siren-2d-3x64-int8-seed0",
                "a-siren-2d-3x64-int8-seed0-lr0.001", "a-mlp-relu-3x32-int8-seed0",
                "b-siren-2d-3x64-int8-seed0-lr0.001", "b-mlp-relu-3x32-int8-seed0");
}

/* The published MLPs have a hidden layer more than they say; "hidden" counts what is there. */
static void hidden_counts_all_hidden_layers(void **state) {
    (void)state;
    siren_experiment *x =
        accept("{\"grid\": {\"model\": [\"siren-2d\", \"mlp-relu\", \"mlp-siren-last\"], \"hidden\": 3}}");
    for (size_t i = 0; i < 3; i++) assert_int_equal(x->trials[i].network.n_layers, 4);
    assert_string_equal(x->trials[1].name, "mlp-relu-2x256-int8-seed0");
    siren_experiment_free(x);
    x = accept("{\"grid\": {\"model\": [\"siren-2d\", \"mlp-relu\"], \"layers\": 3}}");
    assert_int_equal(x->trials[0].network.n_layers, 4);
    assert_int_equal(x->trials[1].network.n_layers, 5);
    siren_experiment_free(x);
}

static void networks_without_sine_run_once_whatever_w0(void **state) {
    (void)state;
    CHECK_NAMES("{\"grid\": {\"model\": [\"mlp-tanh\", \"mlp-siren\"], \"w0\": [10, 20]}}",
                "mlp-tanh-3x256-int8-seed0", "mlp-siren-3x256-int8-seed0-w0_10",
                "mlp-siren-3x256-int8-seed0-w0_20");
}

static void layers_can_be_listed(void **state) {
    (void)state;
    siren_experiment *x = accept(
        "{\"trials\": [{\"network\": {\"hidden\": [{\"width\": 64, \"activation\": \"sine\", \"w0\": 20},"
        " {\"width\": 32, \"activation\": \"sine\"}]}},"
        "{\"network\": {\"hidden\": [{\"width\": 8, \"activation\": \"tanh\"}, {\"width\": 96, "
        "\"activation\": \"sine\","
        " \"init\": \"linear\"}], \"output\": {\"activation\": \"relu\"}}, \"blocks\": {\"kind\": "
        "\"volume\"}}]}");
    const siren_trial *t = &x->trials[0];
    const siren_layer sine[] = {{64, SIREN_SINE, 20, SIREN_INIT_FIRST_SINE},
                                {32, SIREN_SINE, 30, SIREN_INIT_HIDDEN_SINE},
                                {0, SIREN_IDENTITY, 30, SIREN_INIT_HIDDEN_SINE}};
    const siren_layer mixed[] = {{8, SIREN_TANH, 1, SIREN_INIT_LINEAR},
                                 {96, SIREN_SINE, 30, SIREN_INIT_LINEAR},
                                 {0, SIREN_RELU, 1, SIREN_INIT_LINEAR}};
    assert_string_equal(t->name, "custom-2x64-int8-seed0");
    assert_string_equal(t->settings.model, "custom");
    assert_true(t->settings.w0 == 20);
    assert_int_equal(t->network.n_inputs, 2);
    assert_memory_equal(t->network.layers, sine, sizeof sine);
    t = &x->trials[1];
    assert_string_equal(t->name, "custom-2x96-int8-seed0");
    assert_int_equal(t->network.n_inputs, 3);
    assert_true(t->settings.rate == 2e-4f && t->settings.w0 == 30);
    assert_memory_equal(t->network.layers, mixed, sizeof mixed);
    siren_experiment_free(x);
}

static void paths_are_relative_to_the_file(void **state) {
    (void)state;
    siren_experiment *x = accept("{\"input\": {\"image\": \"data/sub 1.nii.gz\", \"mask\": \"/m.nii\"}, "
                                 "\"grid\": {\"model\": \"siren-2d\"}}");
    char expected[4096];
    snprintf(expected, sizeof expected, "%s/data/sub 1.nii.gz", scratch_folder());
    assert_string_equal(x->inputs->image, expected);
    assert_string_equal(x->inputs->mask, "/m.nii");
    assert_string_equal(x->inputs->name, "sub-1");
    assert_false(x->inputs->train_on_mask);
    siren_experiment_free(x);
    x = accept("{\"inputs\": [{\"image\": \"a.nii\", \"mask\": \"m.nii\", \"mask_use\": \"train\"},"
               " {\"phantom\": {}, \"mask_use\": \"train\"}, {\"name\": \"p\", \"phantom\": {}, "
               "\"mask_use\": \"figures\"}], \"grid\": {\"model\": \"siren-2d\"}}");
    assert_true(x->inputs[0].train_on_mask && x->inputs[1].train_on_mask && !x->inputs[2].train_on_mask);
    siren_experiment_free(x);
}

static void command_line_replaces_the_only_input(void **state) {
    (void)state;
    siren_experiment *x = NULL;
    const char *phantom =
        "{\"input\": {\"phantom\": {\"dims\": [8, 9, 10]}}, \"grid\": {\"model\": \"siren-2d\"}}";
    assert_siren_ok(read_text(phantom, "a/dwi.nii", 1, &x));
    assert_string_equal(x->inputs->image, "a/dwi.nii");
    assert_string_equal(x->inputs->name, "dwi");
    assert_null(x->inputs->phantom.shells);
    siren_experiment_free(x);
    const char *named = "{\"inputs\": [{\"name\": \"s1\", \"image\": \"x.nii\", \"mask\": \"/m.nii\"}],"
                        " \"grid\": {\"model\": \"siren-2d\"}}";
    assert_siren_ok(read_text(named, "dwi.nii", 1, &x));
    assert_string_equal(x->inputs->name, "s1");
    assert_string_equal(x->inputs->mask, "/m.nii");
    siren_experiment_free(x);
    x = NULL;
    assert_int_equal(read_text("{\"inputs\": [\"a.nii\", \"b.nii\"], \"grid\": {\"model\": \"siren-2d\"}}",
                               "c.nii", 9, &x),
                     SIREN_USAGE);
    assert_null(x);
    assert_non_null(strstr(siren_message(), "2 inputs"));
}

static char *written(const siren_trial *trial) {
    siren_json *json = NULL;
    char *text = NULL;
    assert_siren_ok(siren_json_create(&json));
    siren_trial_write(trial, json);
    assert_siren_ok(siren_json_text(json, &text));
    siren_json_free(json);
    size_t to = 0;
    for (size_t i = 0; text[i]; i++)
        if (!strchr("\t\n ", text[i])) text[to++] = text[i];
    text[to] = '\0';
    return text;
}

static void resolved_settings_are_written_in_full(void **state) {
    (void)state;
    siren_experiment *x = accept(
        "{\"blocks\": {\"range\": [40, 44]}, \"grid\": [{\"model\": \"mlp-siren\", \"layers\": 1, "
        "\"width\": 16, \"weights\": \"float32\"}, {\"model\": \"siren-3d\", \"layers\": 1, "
        "\"width\": 16, \"blocks\": {\"kind\": \"patch\"}, \"points_per_epoch\": 9, \"scaling\": "
        "\"range\"}, {\"model\": \"siren-2d\", \"layers\": 1, \"width\": 16, \"optimiser\": \"soap\"}]}");
    char *text = written(&x->trials[0]);
    assert_string_equal(
        text,
        "{\"model\":\"mlp-siren\",\"layers\":1,\"width\":16,\"network\":{\"inputs\":2,\"hidden\":["
        "{\"width\":16,\"activation\":\"sine\",\"w0\":30,\"init\":\"first-sine\"},"
        "{\"width\":16,\"activation\":\"relu\",\"init\":\"linear\"}],"
        "\"output\":{\"activation\":\"identity\",\"init\":\"linear\"}},\"weights\":\"float32\",\"seed\":0,"
        "\"lr\":0.0003,\"adam\":{\"beta1\":0.9,\"beta2\":0.999,\"epsilon\":1e-08},\"epochs\":2000,"
        "\"scaling\":\"robust\",\"blocks\":{\"kind\":\"slice\",\"axis\":\"z\",\"range\":[40,44]}}");
    free(text);
    text = written(&x->trials[1]);
    assert_non_null(strstr(
        text, "\"points_per_epoch\":9,\"blocks\":{\"kind\":\"patch\",\"size\":[16,16,16],\"axis\":\"z\","));
    free(text);
    text = written(&x->trials[2]);
    assert_non_null(strstr(
        text,
        "\"lr\":0.012,\"soap\":{\"beta1\":0.9,\"beta2\":0.9,\"epsilon\":1e-08,\"refresh\":10},\"epochs\":"
        "2000,"
        "\"scaling\":\"robust\",\"optimiser\":\"soap\",\"schedule\":\"linear\",\"warmup\":20,\"blocks\""));
    free(text);
    siren_experiment_free(x);
}

static void number_of_trials_is_limited(void **state) {
    (void)state;
    siren_experiment *x = NULL;
    const char *text =
        "{\"grid\": [{\"model\": \"siren-2d\", \"seed\": [1, 2, 3]}, {\"model\": \"siren-3d\"}]}";
    assert_int_equal(read_text(text, NULL, 3, &x), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "try.json: grid[1] makes more than 3 trials"));
    assert_null(x);
    assert_siren_ok(read_text(text, NULL, 4, &x));
    siren_experiment_free(x);
}

static void check_baselines(const char *text, const char *const *names, size_t n) {
    siren_experiment *x = accept(text);
    for (size_t i = 0; i < n && i < x->n_baselines; i++) assert_string_equal(x->baselines[i].name, names[i]);
    assert_int_equal(x->n_baselines, n);
    siren_experiment_free(x);
}

static void baselines_follow_the_trials(void **state) {
    (void)state;
    static const char *const names[] = {"a-jpeg2000-slice-ratio4",
                                        "a-jpeg2000-slice-ratio8.5",
                                        "a-xz",
                                        "jpeg2000-volume-like-a-siren-2d-3x256-int8-seed0",
                                        "b-jpeg2000-slice-ratio4",
                                        "b-jpeg2000-slice-ratio8.5",
                                        "b-xz",
                                        "jpeg2000-volume-like-b-siren-2d-3x256-int8-seed0"};
    check_baselines(
        "{\"inputs\": [\"a.nii\", \"b.nii\"], \"grid\": {\"model\": \"siren-2d\"}, \"baselines\": ["
        "{\"method\": \"jpeg2000\", \"ratios\": [4, 8.5]}, {\"method\": \"xz\"},"
        "{\"method\": \"jpeg2000\", \"per\": \"volume\", \"match\": \"trials\"}]}",
        names, 8);
    static const char *const alone[] = {"zfp-volume-rate6", "zfp-slice", "smooth", "smooth-fwhm2",
                                        "smooth-fwhm3.5"};
    check_baselines(
        "{\"baselines\": [{\"method\": \"zfp\", \"per\": \"volume\", \"rates\": 6}, {\"method\": \"zfp\"},"
        "{\"method\": \"smooth\"}, {\"method\": \"smooth\", \"fwhm\": [2, 3.5]}]}",
        alone, 5);
}

/* A baseline takes the slices of the trial that it is matched to, else those of the whole. */
static void baselines_take_slices(void **state) {
    (void)state;
    siren_experiment *x = accept(
        "{\"blocks\": {\"axis\": \"y\", \"range\": [2, 5]}, \"trials\": [{\"model\": \"siren-2d\", "
        "\"blocks\": "
        "{\"axis\": \"x\", \"range\": [7, 8]}}], \"outputs\": {\"restored\": true}, \"baselines\": ["
        "{\"method\": \"jpeg2000\", \"match\": \"trials\"}, {\"method\": \"jpeg2000\", \"rates\": 3}]}");
    const siren_baseline_trial *matched = &x->baselines[0], *free_one = &x->baselines[1];
    assert_true(x->keep_restored);
    assert_int_equal(matched->matched, 0);
    assert_int_equal(matched->axis, SIREN_AXIS_X);
    assert_int_equal(matched->slices.begin, 7);
    assert_int_equal(free_one->matched, SIREN_NO_TRIAL);
    assert_int_equal(free_one->axis, SIREN_AXIS_Y);
    assert_int_equal(free_one->slices.end, 5);
    assert_true(free_one->quality == 3 && free_one->ratio == 0);
    siren_experiment_free(x);
}

static void refuse_baselines(const char *baselines, const char *part) {
    char text[512];
    siren_experiment *x = NULL;
    snprintf(text, sizeof text, "{\"baselines\": %s}", baselines);
    assert_int_equal(read_text(text, NULL, 5, &x), SIREN_USAGE);
    if (!strstr(siren_message(), part)) fail_msg("%s: '%s' is not in: %s", text, part, siren_message());
    assert_null(x);
}

static void impossible_baselines_are_refused(void **state) {
    (void)state;
    refuse_baselines("[]", "give a list");
    refuse_baselines("[{}]", "baselines[0] lacks method");
    refuse_baselines("[{\"method\": \"jpeg\"}]", "jpeg2000");
    refuse_baselines("[{\"method\": \"xz\", \"ratios\": 3}]", "the method xz has no ratios");
    refuse_baselines("[{\"method\": \"xz\", \"per\": \"slice\"}]", "the method xz has no per");
    refuse_baselines("[{\"method\": \"zfp\", \"ratios\": 3, \"rates\": 3}]", "more than one of");
    refuse_baselines("[{\"method\": \"zfp\", \"ratios\": [3, 0]}]", "ratios[1] is 0");
    refuse_baselines("[{\"method\": \"zfp\", \"ratios\": []}]", "at least one number");
    refuse_baselines("[{\"method\": \"zfp\", \"match\": \"trials\"}]", "no trials to match");
    refuse_baselines("[{\"method\": \"zfp\", \"match\": \"all\"}]", "match");
    refuse_baselines("[{\"method\": \"xz\"}, {\"method\": \"xz\"}]", "makes the trial xz twice");
    refuse_baselines("[{\"method\": \"zfp\", \"ratios\": [1, 2, 3, 4, 5, 6]}]", "makes more than 5 trials");
}

/* Given files: reads each and prints its status and message, for unit_experiment_schema.sh to compare with the
 * schema. */
static int judge(int n, char **paths) {
    for (int i = 0; i < n; i++) {
        siren_experiment *x = NULL;
        siren_status status = siren_experiment_read(paths[i], NULL, SIREN_MAX_TRIALS, &x);
        printf("%s\t%s\t%s\n", paths[i], siren_status_name(status),
               status == SIREN_OK ? "" : siren_message());
        siren_experiment_free(x);
    }
    return 0;
}

static const char *shown_name(const siren_experiment *x, siren_figure_kind kind, size_t i) {
    const size_t number = x->figures[kind].results[i];
    return number < x->n_trials ? x->trials[number].name : x->baselines[number - x->n_trials].name;
}

/* A network and what has its ratio stand side by side, then the others but those without loss; eight of an input. */
static void figures_choose_pairs_first(void **state) {
    (void)state;
    siren_experiment *x = accept(
        "{\"inputs\": [\"a.nii\", \"b.nii\"], \"grid\": {\"model\": \"siren-2d\", \"width\": [16, 32, 64]}, "
        "\"baselines\": [{\"method\": \"deflate\"}, {\"method\": \"smooth\"}, {\"method\": \"jpeg2000\", "
        "\"match\": \"trials\"}, {\"method\": \"jpeg2000\", \"ratios\": [4, 5]}], \"panel\": {}}");
    static const char *const names[] = {"siren-2d-3x16-int8-seed0",
                                        "jpeg2000-slice-like-a-siren-2d-3x16-int8-seed0",
                                        "siren-2d-3x32-int8-seed0",
                                        "jpeg2000-slice-like-a-siren-2d-3x32-int8-seed0",
                                        "siren-2d-3x64-int8-seed0",
                                        "jpeg2000-slice-like-a-siren-2d-3x64-int8-seed0",
                                        "smooth",
                                        "jpeg2000-slice-ratio4"};
    const siren_experiment_figure *panel = &x->figures[SIREN_FIGURE_PANEL];
    assert_true(panel->wanted && !x->figures[SIREN_FIGURE_GLYPHS].wanted && x->keep_restored);
    assert_int_equal(panel->slice, SIREN_MIDDLE_SLICE);
    assert_int_equal(panel->n_results, 16);
    for (size_t i = 0; i < 8; i++) {
        assert_non_null(strstr(shown_name(x, SIREN_FIGURE_PANEL, i), names[i]));
        assert_int_equal(shown_name(x, SIREN_FIGURE_PANEL, i + 8)[0],
                         names[i][0] == 'j' && i != 7 ? 'j' : 'b');
    }
    siren_experiment_free(x);
}

static void figures_show_what_they_list(void **state) {
    (void)state;
    siren_experiment *x =
        accept("{\"blocks\": {\"range\": [4, 10]}, \"grid\": [{\"model\": \"siren-2d\", \"width\": [16, "
               "32]}, {\"model\": "
               "\"mlp-relu\", \"blocks\": {\"range\": [4, 6]}}], \"evaluate\": {}, \"panel\": {\"volume\": "
               "3, \"x\": "
               "[2, 9]}, \"glyphs\": {\"slice\": 5, \"results\": [\"siren-2d-3x32-int8-seed0\"]}}");
    const siren_experiment_figure *panel = &x->figures[SIREN_FIGURE_PANEL],
                                  *glyphs = &x->figures[SIREN_FIGURE_GLYPHS];
    assert_int_equal(panel->slice, 7); /* the middle one, which the third trial has not */
    assert_int_equal(panel->n_results, 2);
    assert_int_equal(panel->volume, 3);
    assert_true(panel->x.begin == 2 && panel->x.end == 9 && panel->y.end == 0);
    assert_int_equal(glyphs->slice, 5);
    assert_int_equal(glyphs->n_results, 1);
    assert_string_equal(shown_name(x, SIREN_FIGURE_GLYPHS, 0), "siren-2d-3x32-int8-seed0");
    siren_experiment_free(x);
}

int main(int argc, char **argv) {
    if (argc > 1) return judge(argc - 1, argv + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_file_has_the_paper_s_defaults),
        cmocka_unit_test(grids_are_products_in_order),
        cmocka_unit_test(grids_and_trials_follow_each_other_for_each_input),
        cmocka_unit_test(names_tell_what_is_unusual),
        cmocka_unit_test(settings_stand_in_the_whole_and_in_lists),
        cmocka_unit_test(targets_are_swept),
        cmocka_unit_test(rules_exclude_what_matches_all_their_values),
        cmocka_unit_test(hidden_counts_all_hidden_layers),
        cmocka_unit_test(networks_without_sine_run_once_whatever_w0),
        cmocka_unit_test(layers_can_be_listed),
        cmocka_unit_test(paths_are_relative_to_the_file),
        cmocka_unit_test(command_line_replaces_the_only_input),
        cmocka_unit_test(resolved_settings_are_written_in_full),
        cmocka_unit_test(number_of_trials_is_limited),
        cmocka_unit_test(baselines_follow_the_trials),
        cmocka_unit_test(baselines_take_slices),
        cmocka_unit_test(impossible_baselines_are_refused),
        cmocka_unit_test(figures_choose_pairs_first),
        cmocka_unit_test(figures_show_what_they_list),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
