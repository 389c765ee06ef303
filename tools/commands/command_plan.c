/* sirencl plan */
#include "engine/model/blocks.h"
#include "tools/common/compress_options.h"
#include "tools/tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 8

/* Rows of the table. */
typedef struct {
    siren_compress_options rows[MOST_ROWS];
    size_t n;
    bool networks; /* some row is of networks */
} planned_rows;

/* Options as they were given, with another model and target; left out where these two contradict each other, with
 * *refused. */
static siren_status add_row(const siren_compress_options *given, const char *model, siren_target target,
                            double amount, planned_rows *out) {
    siren_compress_options o = *given;
    const siren_setting *s = siren_setting_find("model");
    if (target != SIREN_TARGET_NONE) {
        o.target = target;
        o.amount = amount;
        o.percent = false;
    }
    if (model) SIREN_TRY(siren_setting_parse(s, "--model", model, &o.settings));
    if (siren_options_settle(&o) != SIREN_OK) return SIREN_OK;
    out->networks = out->networks || siren_options_coding(&o) == SIREN_CODING_NETWORK;
    out->rows[out->n++] = o;
    return SIREN_OK;
}

/* Of a target: every model that meets it. Without one, usual choices. Of a model: it alone. */
static siren_status make_rows(const siren_compress_options *given, planned_rows *out) {
    static const char *const models[] = {SIREN_MODEL_PREDICTIVE, SIREN_MODEL_TRANSFORM, "siren-2d",
                                         "siren-2d-relu"};
    static const struct {
        const char *model;
        siren_target target;
        double amount;
    } usual[] = {
        {SIREN_MODEL_PREDICTIVE, SIREN_TARGET_LOSSLESS, 0}, {SIREN_MODEL_TRANSFORM, SIREN_TARGET_NOISE, 1},
        {SIREN_MODEL_TRANSFORM, SIREN_TARGET_RATIO, 10},    {SIREN_MODEL_TRANSFORM, SIREN_TARGET_RATIO, 30},
        {SIREN_USUAL_NETWORK, SIREN_TARGET_RATIO, 10},      {SIREN_USUAL_NETWORK, SIREN_TARGET_RATIO, 30}};
    if (siren_setting_is_given(&given->settings, "model")) {
        SIREN_TRY(add_row(given, NULL, SIREN_TARGET_NONE, 0, out));
    } else if (given->target != SIREN_TARGET_NONE) {
        for (size_t i = 0; i < sizeof models / sizeof *models; i++)
            SIREN_TRY(add_row(given, models[i], SIREN_TARGET_NONE, 0, out));
    } else {
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
            SIREN_TRY(add_row(given, usual[i].model, usual[i].target, usual[i].amount, out));
    }
    return out->n > 0 ? SIREN_OK : siren_fail(SIREN_USAGE, "%s", siren_message());
}

static char *name_of(const siren_choice *c, char out[64]) {
    const char *model = c->coding == SIREN_CODING_PREDICTIVE  ? SIREN_MODEL_PREDICTIVE
                        : c->coding == SIREN_CODING_TRANSFORM ? SIREN_MODEL_TRANSFORM
                                                              : c->options.settings.model;
    if (c->coding == SIREN_CODING_NETWORK && c->width)
        snprintf(out, 64, "%s %ux%u", model, c->layers, c->width);
    else
        snprintf(out, 64, "%s", model);
    return out;
}

static char *target_of(const siren_choice *c, char out[64]) {
    char amount[SIREN_SETTING_CHARS];
    const char *name = siren_target_name(c->options.target);
    if (c->options.target == SIREN_TARGET_LOSSLESS || !name)
        snprintf(out, 64, "%s%s", name ? "--" : "as set", name ? name : "");
    else
        snprintf(out, 64, "--%s %s", name, siren_target_format(&c->options, amount));
    return out;
}

static void print_table(const siren_plan *plan) {
    char model[64], target[64], size[32], time[32], psnr[32];
    printf("%-22s %-18s %10s %8s %12s %10s\n", "model", "target", "size", "ratio", "PSNR", "time");
    for (size_t i = 0; i < plan->n; i++) {
        const siren_choice *c = &plan->choices[i];
        if (*c->reason) {
            printf("%-22s %-18s %s\n", name_of(c, model), target_of(c, target), c->reason);
            continue;
        }
        snprintf(psnr, sizeof psnr, isinf(c->psnr) ? "exact" : "%s%.1f dB", c->psnr_is_least ? "> " : "",
                 c->psnr);
        printf("%-22s %-18s %10s %8.2f %12s %10s\n", name_of(c, model), target_of(c, target),
               siren_format_bytes((double)c->n_bytes, size), c->ratio, psnr,
               siren_format_seconds(c->seconds, time));
    }
}

static siren_status print_json(const char *image, const siren_plan *plan) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    char text[64];
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "image", image);
    siren_json_integer(json, "bytes_stored", plan->stored_bytes);
    siren_json_begin_array(json, "sigma");
    for (size_t v = 0; v < plan->n_volumes; v++) siren_json_number(json, NULL, plan->sigmas[v]);
    siren_json_end(json);
    siren_json_begin_array(json, "choices");
    for (size_t i = 0; i < plan->n; i++) {
        const siren_choice *c = &plan->choices[i];
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "model", name_of(c, text));
        siren_json_string(json, "target", target_of(c, text));
        siren_json_integer(json, "layers", c->layers);
        siren_json_integer(json, "width", c->width);
        siren_json_integer(json, "bytes", c->n_bytes);
        siren_json_number(json, "ratio", c->ratio);
        siren_json_number(json, "psnr", c->psnr);
        siren_json_bool(json, "psnr_is_least", c->psnr_is_least);
        siren_json_number(json, "seconds", c->seconds);
        siren_json_string(json, "reason", c->reason);
        siren_json_end(json);
    }
    siren_json_end(json);
    return siren_tool_print_json(json);
}

/* How many rows are left. */
static size_t leave_networks_out(planned_rows *rows) {
    size_t kept = 0;
    for (size_t i = 0; i < rows->n; i++)
        if (siren_options_coding(&rows->rows[i]) != SIREN_CODING_NETWORK) rows->rows[kept++] = rows->rows[i];
    return rows->n = kept;
}

/* Where a driver fails that nobody asked for, what needs none is planned. */
static siren_status open_trainer(const char *choice, bool named, planned_rows *rows, siren_device **out) {
    char reason[SIREN_MESSAGE_BYTES];
    siren_terminal_hint("; --device host leaves networks out");
    siren_status status = siren_tool_open_device(choice, true, out);
    if (status == SIREN_OK) status = siren_tool_prepare_trainer(*out, false);
    const bool failed = status == SIREN_NO_DEVICE || status == SIREN_DEVICE ||
                        status == SIREN_DEVICE_MEMORY || status == SIREN_WRONG_DEVICE;
    if (!failed || named) return status;
    snprintf(reason, sizeof reason, "%s", siren_message());
    siren_device_close(*out);
    *out = NULL;
    if (leave_networks_out(rows) == 0) return siren_fail(status, "%s", reason);
    siren_terminal_warn("%s; networks are left out (--device host does so without this warning)", reason);
    return SIREN_OK;
}

siren_status siren_tool_plan(int argc, char **argv) {
    siren_wanted given = siren_wanted_defaults();
    siren_common_options common = {0};
    planned_rows rows = {.n = 0};
    const char *files[1], *choice = NULL;
    bool json = false;
    const siren_option own[] = {
        SIREN_TEXT("device", "D", SIREN_DEVICE_HELP ";\n'host' leaves networks out", &choice),
        SIREN_FLAG("json", "machine-readable, with the noise's sigma of each volume", &json),
        SIREN_COMMON_OPTIONS(common),
    };
    const size_t n_own = sizeof own / sizeof *own;
    siren_option options[SIREN_MOST_WANTED_OPTIONS + sizeof own / sizeof *own];
    const siren_usage usage = {.command = "plan",
                               .arguments = "IN.nii[.gz]",
                               .n_arguments = 1,
                               .summary = "Tells what compress would make of the image: model, size, PSNR "
                                          "and time for each choice, as some "
                                          "slices tell.\n"
                                          "Without a target usual choices are compared; with one, all models "
                                          "that meet it; with --model that "
                                          "one.",
                               .example = "sirencl plan --ratio 20 dwi.nii.gz",
                               .options = options,
                               .n_options = siren_wanted_options(&given, own, n_own, options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;
    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    SIREN_AT_END(siren_plan_free) siren_plan plan = {.n = 0};
    const char *wanted = choice ? choice : getenv("SIRENCL_DEVICE");
    siren_terminal_catch_interrupt();
    SIREN_TRY(siren_wanted_read(&given));
    SIREN_TRY(make_rows(&given.made, &rows));
    if (wanted && strcmp(wanted, "host") == 0) {
        if (leave_networks_out(&rows) == 0)
            return siren_fail(SIREN_USAGE, "device host trains no networks; give another, or another model");
    } else if (rows.networks) {
        SIREN_TRY(open_trainer(choice, wanted && *wanted, &rows, &device));
    }
    SIREN_TRY(siren_plan_file(device, files[0], rows.rows, rows.n, siren_terminal_progress, NULL, &plan));
    siren_terminal_end_progress();
    if (json) return print_json(files[0], &plan);
    print_table(&plan);
    return SIREN_OK;
}
