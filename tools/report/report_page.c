#include "tools/report/report_page.h"

#include <math.h>
#include <string.h>

#include "lab/run/run_folder.h"
#include "host/file.h"
#include "tools/report/html.h"
#include "tools/report/report_tables.h"
#include "tools/report/report_trials.h"
#include "tools/common/terminal.h"

#define MOST_NAMED 20 /* missing trials that are named */

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

/* Calls `visit` with the name of each trial that the experiment asks for, networks and baselines. */
static void each_trial(const siren_report_run *run, void (*visit)(void *user, const char *name), void *user) {
    static const char *const lists[] = {"trials", "baselines"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (siren_value v = siren_value_first(experiment_member(run, lists[i])); siren_value_exists(v);
             v = siren_value_next(v))
            visit(user, member_text(v, "trial"));
}

typedef struct {
    const siren_report_run *run;
    FILE *out;
    size_t n_trials, n_missing;
} listing;

static void count_trial(void *user, const char *name) {
    listing *l = user;
    l->n_trials++;
    l->n_missing += !siren_report_run_find(l->run, name);
}

void siren_report_count(const siren_report_run *run, size_t *n_trials, size_t *n_missing) {
    listing l = {.run = run};
    each_trial(run, count_trial, &l);
    *n_trials = l.n_trials;
    *n_missing = l.n_missing;
}

static void name_missing(void *user, const char *name) {
    listing *l = user;
    if (siren_report_run_find(l->run, name) || l->n_missing == MOST_NAMED) return;
    fputs(l->n_missing++ ? ", " : "", l->out);
    siren_html_text(l->out, *name ? name : "(without a name)");
}

static void write_missing(FILE *out, const siren_report_run *run) {
    size_t n_trials, n_missing;
    siren_report_count(run, &n_trials, &n_missing);
    if (n_missing == 0) return;
    fprintf(out,
            "<p class=\"note\">The run is not complete: it lacks %zu of %zu trial%s. Run the sweep again "
            "to finish it: ",
            n_missing, n_trials, siren_plural(n_trials));
    listing l = {.run = run, .out = out};
    each_trial(run, name_missing, &l);
    fputs(l.n_missing < n_missing ? ", and more.</p>\n" : ".</p>\n", out);
}

static void write_diverged(FILE *out, const siren_report_run *run) {
    size_t n = 0;
    for (size_t i = 0; i < run->n_trials; i++) n += strcmp(run->trials[i].status, "diverged") == 0;
    if (n > 0)
        fprintf(out,
                "<p class=\"note\">Diverged, and therefore in the table but in no figure: %zu of %zu "
                "finished trial%s.</p>\n",
                n, run->n_trials, siren_plural(run->n_trials));
}

static void write_head(FILE *out, const siren_report_run *run) {
    const char *name = text_of(experiment_member(run, "name")),
               *command = text_of(environment_member(run, "command"));
    siren_html_begin(out, *name ? name : "sirencl");
    siren_html_between(out, "<p>", text_of(experiment_member(run, "description")), "</p>\n");
    if (*command)
        siren_html_between(out, "<p>The command that makes this run again:</p>\n<pre>", command, "</pre>\n");
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
    if (figures->note) siren_html_between(out, "<p class=\"note\">", figures->note, "</p>\n");
    for (size_t i = 0; i < figures->n; i++) {
        const siren_report_figure *figure = &figures->figures[i];
        if (several && (!input || strcmp(input, figure->input) != 0))
            siren_html_between(out, "<h3>", figure->input, "</h3>\n");
        input = figure->input;
        if (figure->note) siren_html_between(out, "<p class=\"note\">", figure->note, "</p>\n");
        if (!figure->svg) continue;
        char prefix[32];
        snprintf(prefix, sizeof prefix, "f%zu-", i + 1);
        fprintf(out, "<figure class=\"%s\">\n", figure->name);
        siren_html_svg(out, figure->svg, prefix, figure->caption);
        siren_html_between(out, "\n<figcaption>", figure->caption, "</figcaption>\n</figure>\n");
    }
    if (figures->n_other > 0)
        fprintf(
            out,
            "<p>In figures of training or in the table only: %zu trial%s trained otherwise than the first "
            "trial of the same kind.</p>\n",
            figures->n_other, siren_plural(figures->n_other));
    fputs("</section>\n", out);
}

/* ---- inputs, devices, configuration ---- */

static void write_inputs(FILE *out, const siren_report_run *run) {
    fputs("<section>\n<h2>Inputs</h2>\n", out);
    for (siren_value v = siren_value_first(experiment_member(run, "inputs")); siren_value_exists(v);
         v = siren_value_next(v)) {
        const char *name = member_text(v, "name");
        siren_html_between(out, "<h3>", name, "</h3>\n<table class=\"facts\">\n");
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
    SIREN_FREE_AT_END char *path = NULL, *text = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    SIREN_TRY(siren_run_path(&path, run->folder, "experiment.json"));
    SIREN_TRY(siren_file_read(path, SIREN_CONFIG_MAX_BYTES, &bytes, &n_bytes));
    SIREN_TRY(siren_text_make(&text, "%.*s", (int)n_bytes, (const char *)bytes));
    fputs("<section>\n<h2>Resolved configuration</h2>\n<details>\n<summary>experiment.json</summary>\n<pre>",
          out);
    siren_html_text(out, text);
    fputs("</pre>\n</details>\n</section>\n", out);
    return SIREN_OK;
}

siren_status siren_report_page_make(const siren_report_run *run, const siren_report_figures *figures,
                                    const siren_report_claim *claims, size_t n_claims, char **text,
                                    size_t *n_bytes) {
    SIREN_FREE_AT_END char *page = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&page, &length);
    if (!out) return siren_fail(SIREN_SYSTEM, "out of memory: cannot write a page");
    write_head(out, run);
    write_figures(out, figures);
    siren_report_tables_write(out, run);
    siren_report_claims_write(out, claims, n_claims);
    siren_status status = siren_report_trials_write(out, run);
    write_inputs(out, run);
    write_environment(out, run);
    if (status == SIREN_OK) status = write_configuration(out, run);
    fputs("</main>\n", out);
    siren_html_end(out, "report");
    bool whole = !ferror(out);
    whole = fclose(out) == 0 && whole;
    if (status != SIREN_OK) return status;
    if (!whole) return siren_fail(SIREN_SYSTEM, "out of memory: cannot write a page");
    *text = SIREN_TAKE(page);
    *n_bytes = length;
    return SIREN_OK;
}
