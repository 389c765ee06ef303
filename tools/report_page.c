#include "tools/report_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run_folder.h"
#include "host/file.h"
#include "tools/html.h"
#include "tools/terminal.h"

#define MOST_NAMED 20 /* missing trials that are named */

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:76rem;margin:2rem "
    "auto;padding:0 1rem}"
    "h1{font-size:1.7rem;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-bottom:1px solid "
    "#ddd}"
    "h3{font-size:1rem;margin:1.4rem 0 .4rem}"
    "figure{margin:1.2rem 0;break-inside:avoid}figure svg{display:block;max-width:100%;height:auto}"
    "figcaption{max-width:56rem;margin-top:.5rem;color:#444;font-size:.9rem}"
    ".table{overflow-x:auto}table{border-collapse:collapse;font-size:.82rem}"
    "th,td{padding:.2rem .5rem;text-align:left;border-bottom:1px solid #e4e4e4}td{white-space:nowrap}"
    "thead th{border-bottom:1.5px solid #555;vertical-align:bottom}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}"
    "pre,code{font:.85rem/1.45 ui-monospace,monospace}"
    "pre{background:#f5f5f5;padding:.6rem .8rem;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".note{border-left:4px solid #E69F00;background:#fdf6e7;padding:.5rem .8rem;margin:.8rem 0}"
    ".bad{color:#a33000;font-weight:600}.facts td{white-space:normal;overflow-wrap:anywhere}"
    "@page{margin:15mm}@media "
    "print{body{margin:0;max-width:none;font-size:10pt}.table{overflow:visible}table{font-size:7.5pt}"
    "th,td{padding:.1rem .3rem}tr{break-inside:avoid}thead{display:table-header-group}}";

/* ---- values of experiment.json and environment.json ---- */

/* Empty where the value is no text. */
static const char *text_of(siren_value value) {
    const char *text = "";
    if (siren_value_is_string(value)) siren_value_string(value, &text);
    return text;
}

static const char *member_text(siren_value object, const char *key) {
    return text_of(siren_value_member(object, key));
}

static siren_value environment_member(const siren_report_run *run, const char *key) {
    if (!run->environment) return (siren_value){NULL, NULL};
    return siren_value_member(siren_config_root(run->environment), key);
}

static siren_value experiment_member(const siren_report_run *run, const char *key) {
    return siren_value_member(siren_config_root(run->experiment), key);
}

/* A line of a table of facts; none where the text is empty. */
static void fact(FILE *out, const char *name, const char *text) {
    if (!*text) return;
    fprintf(out, "<tr><th scope=\"row\">%s</th><td>", name);
    siren_html_text(out, text);
    fputs("</td></tr>\n", out);
}

static void count_fact(FILE *out, const char *name, siren_value value) {
    uint64_t number = 0;
    char text[32];
    if (!siren_value_exists(value) || siren_value_integer(value, 0, UINT64_MAX, &number) != SIREN_OK) return;
    fact(out, name, siren_format_integer(number, text));
}

/* ---- head ---- */

void siren_report_count(const siren_report_run *run, size_t *n_trials, size_t *n_missing) {
    *n_trials = *n_missing = 0;
    for (siren_value v = siren_value_first(experiment_member(run, "trials")); siren_value_exists(v);
         v = siren_value_next(v)) {
        ++*n_trials;
        *n_missing += !siren_report_run_find(run, member_text(v, "trial"));
    }
}

static void write_missing(FILE *out, const siren_report_run *run) {
    size_t n_trials, n_missing, named = 0;
    siren_report_count(run, &n_trials, &n_missing);
    if (n_missing == 0) return;
    fprintf(out,
            "<p class=\"note\">The run is not complete: %zu of %zu trials are missing. Run the sweep again "
            "to finish it: ",
            n_missing, n_trials);
    for (siren_value v = siren_value_first(experiment_member(run, "trials"));
         siren_value_exists(v) && named < MOST_NAMED; v = siren_value_next(v)) {
        const char *name = member_text(v, "trial");
        if (siren_report_run_find(run, name)) continue;
        fputs(named++ ? ", " : "", out);
        siren_html_text(out, *name ? name : "(without a name)");
    }
    fputs(named < n_missing ? ", and more.</p>\n" : ".</p>\n", out);
}

static void write_diverged(FILE *out, const siren_report_run *run) {
    size_t n = 0;
    for (size_t i = 0; i < run->n_trials; i++) n += strcmp(run->trials[i].status, "ok") != 0;
    if (n > 0)
        fprintf(out,
                "<p class=\"note\">%zu of %zu finished trials diverged: they are in the table, but in no "
                "figure.</p>\n",
                n, run->n_trials);
}

static void write_head(FILE *out, const siren_report_run *run) {
    const char *name = text_of(experiment_member(run, "name")),
               *command = text_of(environment_member(run, "command"));
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
          "'unsafe-inline'; "
          "img-src data:\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          out);
    siren_html_text(out, *name ? name : "sirencl");
    fprintf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<header>\n<h1>", style);
    siren_html_text(out, *name ? name : "sirencl");
    fputs("</h1>\n<p>", out);
    siren_html_text(out, text_of(experiment_member(run, "description")));
    fputs("</p>\n", out);
    if (*command) {
        fputs("<p>The command that makes this run again:</p>\n<pre>", out);
        siren_html_text(out, command);
        fputs("</pre>\n", out);
    }
    fputs("</header>\n<main>\n", out);
    write_missing(out, run);
    write_diverged(out, run);
}

/* ---- figures ---- */

static void write_figures(FILE *out, const siren_report_figures *figures) {
    const char *input = NULL;
    bool several =
        figures->n > 0 && strcmp(figures->figures[0].input, figures->figures[figures->n - 1].input) != 0;
    if (figures->n == 0) return;
    fputs("<section>\n<h2>Figures</h2>\n", out);
    if (figures->note) {
        fputs("<p class=\"note\">", out);
        siren_html_text(out, figures->note);
        fputs("</p>\n", out);
    }
    for (size_t i = 0; i < figures->n; i++) {
        const siren_report_figure *figure = &figures->figures[i];
        if (several && (!input || strcmp(input, figure->input) != 0)) {
            fputs("<h3>", out);
            siren_html_text(out, figure->input);
            fputs("</h3>\n", out);
        }
        input = figure->input;
        if (!figure->svg) continue;
        char prefix[32];
        snprintf(prefix, sizeof prefix, "f%zu-", i + 1);
        fputs("<figure>\n", out);
        siren_html_svg(out, figure->svg, prefix, figure->caption);
        fputs("\n<figcaption>", out);
        siren_html_text(out, figure->caption);
        fputs("</figcaption>\n</figure>\n", out);
    }
    if (figures->n_other > 0)
        fprintf(out,
                "<p>%zu trials are in the table only: their learning rate, w0 or number of epochs is not "
                "that of the first "
                "trial of their kind.</p>\n",
                figures->n_other);
    fputs("</section>\n", out);
}

/* ---- table of trials ---- */

static void write_ratio(FILE *out, double ratio) {
    if (!isnan(ratio)) fprintf(out, ratio < 1000 ? "%#.4g" : "%.0f", ratio);
}

static void write_decibels(FILE *out, double mean, double std) {
    if (isnan(mean)) return;
    fprintf(out, "%.2f", mean);
    if (!isnan(std)) fprintf(out, " ± %.2f", std);
}

static void write_count(FILE *out, double count) {
    char text[32];
    if (count >= 0 && count < 0x1p63) fputs(siren_format_integer((uint64_t)count, text), out);
}

static void cell_input(FILE *out, const siren_report_trial *t) { siren_html_text(out, t->input); }
static void cell_model(FILE *out, const siren_report_trial *t) { siren_html_text(out, t->series); }
static void cell_shape(FILE *out, const siren_report_trial *t) {
    fprintf(out, "%g × %g", t->layers, t->width);
}
static void cell_weights(FILE *out, const siren_report_trial *t) { siren_html_text(out, t->weights); }
static void cell_rate(FILE *out, const siren_report_trial *t) { siren_html_text(out, t->rate); }
static void cell_w0(FILE *out, const siren_report_trial *t) { siren_html_text(out, t->w0); }
static void cell_epochs(FILE *out, const siren_report_trial *t) { siren_html_text(out, t->epochs); }
static void cell_seed(FILE *out, const siren_report_trial *t) { siren_html_text(out, t->seed); }
static void cell_ratio(FILE *out, const siren_report_trial *t) { write_ratio(out, t->ratio); }
static void cell_ratio_float32(FILE *out, const siren_report_trial *t) { write_ratio(out, t->ratio_float32); }
static void cell_psnr(FILE *out, const siren_report_trial *t) { write_decibels(out, t->psnr, t->psnr_std); }
static void cell_published(FILE *out, const siren_report_trial *t) {
    write_decibels(out, t->published, t->published_std);
}
static void cell_masked(FILE *out, const siren_report_trial *t) {
    write_decibels(out, t->masked, t->masked_std);
}
static void cell_bytes(FILE *out, const siren_report_trial *t) { write_count(out, t->bytes); }
static void cell_parameters(FILE *out, const siren_report_trial *t) { write_count(out, t->parameters); }
static void cell_seconds(FILE *out, const siren_report_trial *t) {
    if (!isnan(t->train_seconds)) fprintf(out, "%.1f", t->train_seconds);
}
static void cell_rate_of_training(FILE *out, const siren_report_trial *t) {
    if (t->train_seconds > 0 && t->train_flop >= 0)
        fprintf(out, "%.1f", t->train_flop / t->train_seconds / 1e9);
}
static void cell_status(FILE *out, const siren_report_trial *t) {
    bool ok = strcmp(t->status, "ok") == 0;
    fputs(ok ? "" : "<span class=\"bad\">", out);
    siren_html_text(out, t->status);
    fputs(ok ? "" : "</span>", out);
}

typedef struct {
    const char *heading;
    void (*write)(FILE *out, const siren_report_trial *trial);
    bool number,
        setting; /* setting: left out where all trials have the same, which stands above the table then */
} table_column;

static const table_column table_columns[] = {
    {"input", cell_input, false, true},
    {"model", cell_model, false, false},
    {"layers × units", cell_shape, true, false},
    {"weights", cell_weights, false, false},
    {"learning rate", cell_rate, true, true},
    {"w0", cell_w0, true, true},
    {"epochs", cell_epochs, true, true},
    {"seed", cell_seed, true, true},
    {"ratio to stored", cell_ratio, true, false},
    {"ratio to float32", cell_ratio_float32, true, false},
    {"PSNR / dB", cell_psnr, true, false},
    {"published PSNR / dB", cell_published, true, false},
    {"PSNR in mask / dB", cell_masked, true, false},
    {"archive / bytes", cell_bytes, true, false},
    {"parameters", cell_parameters, true, false},
    {"training / s", cell_seconds, true, false},
    {"GFLOP/s", cell_rate_of_training, true, false},
    {"status", cell_status, false, false},
};
#define N_COLUMNS (sizeof table_columns / sizeof *table_columns)

static int by_network(const void *a, const void *b) {
    const siren_report_trial *x = *(const siren_report_trial *const *)a,
                             *y = *(const siren_report_trial *const *)b;
    int order = strcmp(x->input, y->input);
    if (!order) order = strcmp(x->series, y->series);
    if (!order) order = (x->layers > y->layers) - (x->layers < y->layers);
    if (!order) order = (x->width > y->width) - (x->width < y->width);
    if (!order) order = (x->bits > y->bits) - (x->bits < y->bits);
    return order ? order : (x > y) - (x < y);
}

/* Whether the column has cells that are not empty, and cells that differ; `scratch` is a stream of its
 * own. */
static void look_at_column(const siren_report_run *run, const table_column *column, FILE *scratch,
                           char *const *text, bool *present, bool *varies) {
    char first[128] = "";
    *present = *varies = false;
    for (size_t i = 0; i < run->n_trials; i++) {
        rewind(scratch);
        column->write(scratch, &run->trials[i]);
        fputc('\0', scratch);
        fflush(scratch);
        if (ferror(scratch)) return;
        if (i == 0) snprintf(first, sizeof first, "%s", *text);
        *present = *present || **text;
        *varies = *varies || strncmp(first, *text, sizeof first - 1) != 0;
    }
}

static void write_settings(FILE *out, const siren_report_run *run, const bool *constant) {
    bool first = true;
    for (size_t i = 0; i < N_COLUMNS; i++) {
        if (!constant[i]) continue;
        fprintf(out, first ? "<p>All trials: %s " : ", %s ", table_columns[i].heading);
        table_columns[i].write(out, &run->trials[0]);
        first = false;
    }
    fputs(first ? "" : ".</p>\n", out);
}

static siren_status write_trials(FILE *out, const siren_report_run *run) {
    siren_status status = SIREN_OK;
    const siren_report_trial **sorted = NULL;
    bool shown[N_COLUMNS], constant[N_COLUMNS];
    char *text = NULL;
    size_t length = 0;
    FILE *scratch = NULL;
    if (run->n_trials == 0) {
        fputs("<p class=\"note\">No trial has finished.</p>\n", out);
        return SIREN_OK;
    }
    SIREN_TRY(siren_allocate(&sorted, run->n_trials, sizeof *sorted, "the table of trials"));
    for (size_t i = 0; i < run->n_trials; i++) sorted[i] = &run->trials[i];
    qsort(sorted, run->n_trials, sizeof *sorted, by_network);
    scratch = open_memstream(&text, &length);
    if (!scratch) SIREN_TRY(siren_fail(SIREN_SYSTEM, "out of memory: cannot write the table of trials"));
    for (size_t i = 0; i < N_COLUMNS; i++) {
        bool present, varies;
        look_at_column(run, &table_columns[i], scratch, &text, &present, &varies);
        shown[i] = present && (varies || !table_columns[i].setting);
        constant[i] = present && !shown[i];
    }
    fputs("<section>\n<h2>Trials</h2>\n", out);
    write_settings(out, run, constant);
    fputs("<div class=\"table\">\n<table id=\"trials\">\n<thead><tr>", out);
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (shown[i])
            fprintf(out, "<th scope=\"col\"%s>%s</th>", table_columns[i].number ? " class=\"n\"" : "",
                    table_columns[i].heading);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t row = 0; row < run->n_trials; row++) {
        fputs("<tr>", out);
        for (size_t i = 0; i < N_COLUMNS; i++) {
            if (!shown[i]) continue;
            fputs(table_columns[i].number ? "<td class=\"n\">" : "<td>", out);
            table_columns[i].write(out, sorted[row]);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n</div>\n<p>PSNR: mean ± standard deviation over slices, of the exact decode "
          "of the archive; "
          "published: with the clamping of the published code. The ratio is the size of the voxels, in their "
          "stored type or as "
          "float32, to that of the archive.</p>\n</section>\n",
          out);
done:
    if (scratch) fclose(scratch);
    free(text);
    free(sorted);
    return status;
}

/* ---- inputs, devices, configuration ---- */

static void write_inputs(FILE *out, const siren_report_run *run) {
    fputs("<section>\n<h2>Inputs</h2>\n", out);
    for (siren_value v = siren_value_first(experiment_member(run, "inputs")); siren_value_exists(v);
         v = siren_value_next(v)) {
        const char *name = member_text(v, "name");
        fputs("<h3>", out);
        siren_html_text(out, name);
        fputs("</h3>\n<table class=\"facts\">\n", out);
        for (siren_value w = siren_value_first(environment_member(run, "inputs")); siren_value_exists(w);
             w = siren_value_next(w)) {
            if (strcmp(member_text(w, "name"), name) != 0) continue;
            fact(out, "image", member_text(w, "image"));
            fact(out, "mask", member_text(w, "mask"));
        }
        bool first = true;
        for (siren_value d = siren_value_first(siren_value_member(v, "dims")); siren_value_exists(d);
             d = siren_value_next(d)) {
            uint64_t size = 0;
            siren_value_integer(d, 0, UINT64_MAX, &size);
            fprintf(out, first ? "<tr><th scope=\"row\">size</th><td>%llu" : " × %llu",
                    (unsigned long long)size);
            first = false;
        }
        fputs(first ? "" : "</td></tr>\n", out);
        fact(out, "voxels", member_text(v, "datatype"));
        fact(out, "SHA-256 of the image", member_text(v, "sha256"));
        fact(out, "SHA-256 of the mask", member_text(v, "mask_sha256"));
        fputs("</table>\n", out);
    }
    fputs("</section>\n", out);
}

static void write_environment(FILE *out, const siren_report_run *run) {
    fputs("<section>\n<h2>Devices and versions</h2>\n", out);
    if (!run->environment) {
        fputs("<p class=\"note\">environment.json is missing.</p>\n</section>\n", out);
        return;
    }
    fputs("<table class=\"facts\">\n", out);
    fact(out, "sirencl", text_of(environment_member(run, "sirencl")));
    fact(out, "date", text_of(environment_member(run, "date")));
    count_fact(out, "processors", environment_member(run, "processors"));
    for (siren_value v = siren_value_first(environment_member(run, "devices")); siren_value_exists(v);
         v = siren_value_next(v)) {
        fact(out, "device", member_text(v, "name"));
        fact(out, "platform", member_text(v, "platform"));
        fact(out, "driver", member_text(v, "driver"));
        fact(out, "kernel family", member_text(v, "family"));
        count_fact(out, "compute units", siren_value_member(v, "compute_units"));
    }
    fputs("</table>\n</section>\n", out);
}

static siren_status write_configuration(FILE *out, const siren_report_run *run) {
    char *path = NULL, *text = NULL;
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    siren_status status = SIREN_OK;
    SIREN_TRY(siren_run_path(&path, run->folder, "experiment.json"));
    SIREN_TRY(siren_file_read(path, SIREN_CONFIG_MAX_BYTES, &bytes, &n_bytes));
    SIREN_TRY(siren_text_make(&text, "%.*s", (int)n_bytes, (const char *)bytes));
    fputs("<section>\n<h2>Resolved configuration</h2>\n<details>\n<summary>experiment.json</summary>\n<pre>",
          out);
    siren_html_text(out, text);
    fputs("</pre>\n</details>\n</section>\n", out);
done:
    free(path);
    free(text);
    free(bytes);
    return status;
}

siren_status siren_report_page_make(const siren_report_run *run, const siren_report_figures *figures,
                                    char **text, size_t *n_bytes) {
    char *page = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&page, &length);
    if (!out) return siren_fail(SIREN_SYSTEM, "out of memory: cannot write a page");
    write_head(out, run);
    write_figures(out, figures);
    siren_status status = write_trials(out, run);
    write_inputs(out, run);
    write_environment(out, run);
    if (status == SIREN_OK) status = write_configuration(out, run);
    fprintf(out, "</main>\n<footer>\n<p>Written by sirencl report %s.</p>\n</footer>\n</body>\n</html>\n",
            siren_version());
    bool whole = !ferror(out);
    whole = fclose(out) == 0 && whole;
    if (status == SIREN_OK && !whole) status = siren_fail(SIREN_SYSTEM, "out of memory: cannot write a page");
    if (status != SIREN_OK) {
        free(page);
        return status;
    }
    *text = page;
    *n_bytes = length;
    return SIREN_OK;
}
