#include "tools/report/report_trials.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report/html.h"
#include "tools/common/terminal.h"

/* ---- cells ---- */

static void write_ratio(FILE *out, double ratio) { fprintf(out, ratio < 1000 ? "%#.4g" : "%.0f", ratio); }

static void write_decibels(FILE *out, double mean, double std) {
    fprintf(out, "%.2f", mean);
    if (!isnan(std)) fprintf(out, " ± %.2f", std);
}

static void write_count(FILE *out, double count) {
    char text[32];
    if (count >= 0 && count < 0x1p63) fputs(siren_format_integer((uint64_t)count, text), out);
}

static void shape(FILE *out, const siren_report_trial *t) { fprintf(out, "%g × %g", t->layers, t->width); }
static void ratio(FILE *out, const siren_report_trial *t) { write_ratio(out, t->ratio); }
static void ratio_float32(FILE *out, const siren_report_trial *t) { write_ratio(out, t->ratio_float32); }
static void ratio_gzip(FILE *out, const siren_report_trial *t) { write_ratio(out, t->ratio_gzip); }
static void psnr(FILE *out, const siren_report_trial *t) { write_decibels(out, t->psnr, t->psnr_std); }
static void published(FILE *out, const siren_report_trial *t) {
    write_decibels(out, t->published, t->published_std);
}
static void masked(FILE *out, const siren_report_trial *t) { write_decibels(out, t->masked, t->masked_std); }
static void bytes(FILE *out, const siren_report_trial *t) { write_count(out, t->bytes); }
static void reached(FILE *out, const siren_report_trial *t) { fprintf(out, "%.6g", t->reached); }
static void epochs_run(FILE *out, const siren_report_trial *t) { fprintf(out, "%.0f", t->epochs_run); }
static void parameters(FILE *out, const siren_report_trial *t) { write_count(out, t->parameters); }
static void seconds(FILE *out, const siren_report_trial *t) {
    if (!t->baseline) fprintf(out, "%.1f", t->train_seconds);
}
static void flop_rate(FILE *out, const siren_report_trial *t) {
    if (t->train_seconds > 0) fprintf(out, "%.1f", t->train_flop / t->train_seconds / 1e9);
}
/* Without the hyphen before it. */
static void training(FILE *out, const siren_report_trial *t) {
    siren_html_text(out, t->training + strspn(t->training, "-"));
}
static void status_of(FILE *out, const siren_report_trial *t) {
    bool ok = strcmp(t->status, "ok") == 0;
    fputs(ok ? "" : "<span class=\"bad\">", out);
    siren_html_text(out, t->status);
    fputs(ok ? "" : "</span>", out);
}

/* ---- columns ---- */

/* Where all trials that have a value have the same. */
typedef enum {
    SHOWN,  /* the column stands there all the same */
    HIDDEN, /* it is left out */
    SAID    /* it is left out, and the value stands above the table */
} if_equal;

/* A text, or a number that is NaN where missing. */
typedef struct {
    const char *heading;
    if_equal if_equal;
    bool is_number;
    size_t member;                                             /* offset in siren_report_trial */
    void (*write)(FILE *out, const siren_report_trial *trial); /* NULL: the text as it is */
} table_column;

#define TEXT(heading, if_equal, member, write)                                                               \
    { heading, if_equal, false, offsetof(siren_report_trial, member), write }
#define NUMBER(heading, member, write)                                                                       \
    { heading, SHOWN, true, offsetof(siren_report_trial, member), write }
static const table_column columns[] = {
    TEXT("input", HIDDEN, input, NULL),
    TEXT("model", SHOWN, label, NULL),
    NUMBER("layers × units", layers, shape),
    TEXT("weights", SHOWN, weights, NULL),
    TEXT("learning rate", SAID, rate, NULL),
    TEXT("w0", SAID, w0, NULL),
    TEXT("epochs", SAID, epochs, NULL),
    NUMBER("epochs run", epochs_run, epochs_run),
    TEXT("seed", SAID, seed, NULL),
    TEXT("training", HIDDEN, training, training),
    TEXT("target", SHOWN, target, NULL),
    NUMBER("reached", reached, reached),
    TEXT("coded by", SHOWN, coding, NULL),
    NUMBER("ratio to stored", ratio, ratio),
    NUMBER("ratio to float32", ratio_float32, ratio_float32),
    NUMBER("ratio to .nii.gz", ratio_gzip, ratio_gzip),
    NUMBER("PSNR / dB", psnr, psnr),
    NUMBER("published PSNR / dB", published, published),
    NUMBER("PSNR in mask / dB", masked, masked),
    NUMBER("archive / bytes", bytes, bytes),
    NUMBER("parameters", parameters, parameters),
    NUMBER("training / s", train_seconds, seconds),
    NUMBER("GFLOP/s", train_flop, flop_rate),
    TEXT("status", SHOWN, status, status_of),
};
#define N_COLUMNS (sizeof columns / sizeof *columns)

static const char *text_of(const table_column *column, const siren_report_trial *trial) {
    return *(const char *const *)((const char *)trial + column->member);
}

static bool has_value(const table_column *column, const siren_report_trial *trial) {
    return column->is_number ? !isnan(*(const double *)((const char *)trial + column->member))
                             : *text_of(column, trial) != '\0';
}

static void write_cell(FILE *out, const table_column *column, const siren_report_trial *trial) {
    if (!has_value(column, trial)) return;
    if (column->write)
        column->write(out, trial);
    else
        siren_html_text(out, text_of(column, trial));
}

/* Whether the column is in the table. `*first`: a trial that has a value there; NULL where none has. */
static bool is_shown(const siren_report_run *run, const table_column *column,
                     const siren_report_trial **first) {
    bool varies = false;
    *first = NULL;
    for (size_t i = 0; i < run->n_trials; i++) {
        const siren_report_trial *trial = &run->trials[i];
        if (!has_value(column, trial)) continue;
        if (!*first) *first = trial;
        varies =
            varies || (!column->is_number && strcmp(text_of(column, trial), text_of(column, *first)) != 0);
    }
    return *first && (varies || column->if_equal == SHOWN);
}

/* ---- the table ---- */

static int by_network(const void *a, const void *b) {
    const siren_report_trial *x = *(const siren_report_trial *const *)a,
                             *y = *(const siren_report_trial *const *)b;
    int order = strcmp(x->input, y->input);
    if (!order) order = x->baseline - y->baseline;
    if (!order) order = strcmp(x->series, y->series);
    if (!order) order = (x->layers > y->layers) - (x->layers < y->layers);
    if (!order) order = (x->width > y->width) - (x->width < y->width);
    if (!order) order = (x->bits > y->bits) - (x->bits < y->bits);
    return order ? order : (x > y) - (x < y);
}

static void write_head(FILE *out, const siren_report_run *run, bool *shown) {
    const siren_report_trial *first[N_COLUMNS];
    bool said = false;
    fputs("<section>\n<h2>Trials</h2>\n", out);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        shown[i] = is_shown(run, &columns[i], &first[i]);
        if (shown[i] || !first[i] || columns[i].if_equal != SAID) continue;
        fprintf(out, said ? ", %s " : "<p>All networks: %s ", columns[i].heading);
        write_cell(out, &columns[i], first[i]);
        said = true;
    }
    fputs(said ? ".</p>\n" : "", out);
    fputs("<div class=\"table\">\n<table id=\"trials\">\n<thead><tr>", out);
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (shown[i])
            fprintf(out, "<th scope=\"col\"%s>%s</th>", columns[i].is_number ? " class=\"n\"" : "",
                    columns[i].heading);
    fputs("</tr></thead>\n", out);
}

siren_status siren_report_trials_write(FILE *out, const siren_report_run *run) {
    SIREN_FREE_AT_END const siren_report_trial **sorted = NULL;
    bool shown[N_COLUMNS];
    if (run->n_trials == 0) {
        fputs("<p class=\"note\">No trial has finished.</p>\n", out);
        return SIREN_OK;
    }
    SIREN_TRY(siren_allocate(&sorted, run->n_trials, sizeof *sorted, "the table of trials"));
    for (size_t i = 0; i < run->n_trials; i++) sorted[i] = &run->trials[i];
    qsort(sorted, run->n_trials, sizeof *sorted, by_network);
    write_head(out, run, shown);
    fputs("<tbody>\n", out);
    for (size_t row = 0; row < run->n_trials; row++) {
        fputs("<tr>", out);
        for (size_t i = 0; i < N_COLUMNS; i++) {
            if (!shown[i]) continue;
            fputs(columns[i].is_number ? "<td class=\"n\">" : "<td>", out);
            write_cell(out, &columns[i], sorted[row]);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n</div>\n<p>PSNR: mean ± standard deviation over slices, of what the archive "
          "decodes to; published: with the clamping of the published code. The ratio is the size of the "
          "voxels, in their stored type or as float32, to that of the archive; that to .nii.gz is known "
          "where the "
          "run compares with DEFLATE.</p>\n</section>\n",
          out);
    return SIREN_OK;
}
