#include "tools/report/report_tables.h"

#include <math.h>
#include <string.h>

#include "tools/report/html.h"

static const struct {
    const char *name, *heading;
} metrics[] = {{"md", "MD"},       {"fa", "FA"},   {"rish0", "RISH0"},
               {"rish2", "RISH2"}, {"fod", "FOD"}, {"intensity", "intensity"}};
#define N_METRICS (sizeof metrics / sizeof *metrics)

static const struct {
    const char *name, *heading;
} regions[] = {{"wm", "WM"}, {"gm", "GM"}, {"csf", "CSF"}, {"brain", "brain"}, {"all", "all voxels"}};
#define N_REGIONS (sizeof regions / sizeof *regions)

/* Whether any trial was judged so; `region` NULL: in any. */
static bool has(const siren_report_run *run, const siren_report_trial *trial, const char *metric,
                const char *region) {
    for (size_t i = 0; i < run->n_judged; i++) {
        const siren_report_judged *judged = &run->judged[i];
        if ((!trial || judged->trial == trial) && strcmp(judged->metric, metric) == 0 &&
            (!region || strcmp(judged->region, region) == 0))
            return true;
    }
    return false;
}

/* "siren-2d 3 × 256 int8, ratio 3.77" */
static void write_method(FILE *out, const siren_report_trial *trial) {
    siren_html_text(out, trial->label);
    if (!trial->baseline) {
        fprintf(out, " %g × %g ", trial->layers, trial->width);
        siren_html_text(out, trial->weights);
    }
    if (!isnan(trial->ratio)) fprintf(out, ", ratio %.3g", trial->ratio);
}

static void write_head(FILE *out, const siren_report_run *run, const char *id, const char *first,
                       const char *second) {
    fprintf(out,
            "<div class=\"table\">\n<table id=\"%s\">\n<thead><tr><th scope=\"col\">%s</th><th "
            "scope=\"col\">%s</th>",
            id, first, second);
    for (size_t m = 0; m < N_METRICS; m++)
        if (has(run, NULL, metrics[m].name, NULL))
            fprintf(out, "<th scope=\"col\" class=\"n\">%s</th>", metrics[m].heading);
    fputs("</tr></thead>\n<tbody>\n", out);
}

static void write_cells(FILE *out, const siren_report_run *run, const siren_report_trial *trial,
                        const char *region) {
    for (size_t m = 0; m < N_METRICS; m++) {
        if (!has(run, NULL, metrics[m].name, NULL)) continue;
        const siren_report_judged *judged = siren_report_run_judged(run, trial, metrics[m].name, region);
        fputs("<td class=\"n\">", out);
        if (judged && !isnan(judged->mean)) fprintf(out, "%.3g ± %.3g", judged->mean, judged->std);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

/* Whether no trial before it is of its input. */
static bool is_first_of_input(const siren_report_run *run, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (strcmp(run->trials[k].input, run->trials[i].input) == 0) return false;
    return true;
}

static void write_methods(FILE *out, const siren_report_run *run, const char *input) {
    for (int baseline = 1; baseline >= 0; baseline--)
        for (size_t i = 0; i < run->n_trials; i++) {
            const siren_report_trial *trial = &run->trials[i];
            if (trial->baseline != baseline || strcmp(trial->input, input) != 0) continue;
            for (size_t r = 0; r < N_REGIONS; r++) {
                if (!has(run, trial, "intensity", regions[r].name)) continue;
                fputs("<tr><td>", out);
                write_method(out, trial);
                fprintf(out, "</td><td>%s</td>", regions[r].heading);
                write_cells(out, run, trial, regions[r].name);
            }
        }
}

/* Networks by the inputs that they were trained on. */
static void write_inputs(FILE *out, const siren_report_run *run) {
    write_head(out, run, "table2", "input", "network");
    for (size_t i = 0; i < run->n_trials; i++) {
        const siren_report_trial *trial = &run->trials[i];
        const char *region = has(run, trial, "intensity", "brain") ? "brain" : "all";
        if (trial->baseline || !has(run, trial, "intensity", region)) continue;
        siren_html_between(out, "<tr><td>", trial->input, "</td><td>");
        write_method(out, trial);
        fputs("</td>", out);
        write_cells(out, run, trial, region);
    }
    fputs("</tbody>\n</table>\n</div>\n", out);
}

void siren_report_tables_write(FILE *out, const siren_report_run *run) {
    size_t n_inputs = 0;
    if (run->n_judged == 0) return;
    for (size_t i = 0; i < run->n_trials; i++) n_inputs += is_first_of_input(run, i);
    fputs(
        "<section>\n<h2>Relative errors</h2>\n<p>Mean ± standard deviation over voxels of |x − x'| / |x|, x "
        "of the original and x' of what the method restored. A few voxels where x is small can govern a "
        "mean: evaluation.csv has medians.</p>\n",
        out);
    for (size_t i = 0; i < run->n_trials; i++) {
        char id[32] = "table1";
        if (!is_first_of_input(run, i)) continue;
        if (n_inputs > 1) {
            siren_html_between(out, "<h3>", run->trials[i].input, "</h3>\n");
            snprintf(id, sizeof id, "table1-%zu", i);
        }
        write_head(out, run, id, "method", "region");
        write_methods(out, run, run->trials[i].input);
        fputs("</tbody>\n</table>\n</div>\n", out);
    }
    if (n_inputs > 1) {
        fputs("<h3>All inputs, in the brain</h3>\n", out);
        write_inputs(out, run);
    }
    fputs("</section>\n", out);
}
