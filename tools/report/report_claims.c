#include "tools/report/report_claims.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/run/run_folder.h"
#include "tools/report/html.h"
#include "lab/report/report_curves.h"
#include "lab/report/report_points.h"

#define RATIO_TOLERANCE 0.02 /* relative, of two ratios that count as equal */
#define PAPER_RATIO 3        /* to float32: from here on networks are said to be better than JPEG2000 */
#define PAPER_POINTS 1881600 /* 140 x 140 x 96 voxels of one volume */

/* What a claim is judged by: a value for each pair of trials that the run has. */
typedef struct {
    const siren_report_run *run;
    double *values; /* (n) */
    size_t n;
    char *basis; /* of the last one */
} comparisons;

static void comparisons_free(comparisons *c) {
    free(c->values);
    free(c->basis);
}

/* A value that does not exist is no comparison. */
static siren_status add(comparisons *c, double value, const siren_report_trial *trial,
                        const siren_report_trial *other) {
    if (isnan(value)) return SIREN_OK;
    double *grown = realloc(c->values, (c->n + 1) * sizeof *grown);
    if (!grown) return siren_fail(SIREN_SYSTEM, "out of memory: the comparisons of a claim");
    c->values = grown;
    c->values[c->n++] = value;
    free(SIREN_TAKE(c->basis));
    return siren_text_make(&c->basis, "%s%s%s", trial->name, other ? " against " : "",
                           other ? other->name : "");
}

/* ---- which trials ---- */

static bool is_model(const siren_report_trial *t, const char *model) { return strcmp(t->model, model) == 0; }

static bool is_ok(const siren_report_trial *t) { return strcmp(t->status, "ok") == 0; }

static siren_value input_of(const siren_report_run *run, const char *name) {
    siren_value list = siren_value_member(siren_config_root(run->experiment), "inputs");
    for (siren_value v = siren_value_first(list); siren_value_exists(v); v = siren_value_next(v)) {
        const char *text = "";
        siren_value value = siren_value_member(v, "name");
        if (siren_value_is_string(value)) siren_value_string(value, &text);
        if (strcmp(text, name) == 0) return v;
    }
    return (siren_value){NULL, NULL};
}

/* Whether its networks were trained on what is inside a mask only. */
static bool is_masked(const siren_report_run *run, const siren_report_trial *t) {
    return siren_value_exists(siren_value_member(input_of(run, t->input), "mask_use"));
}

static const char *image_of(const siren_report_run *run, const siren_report_trial *t) {
    const char *text = "";
    siren_value value = siren_value_member(input_of(run, t->input), "sha256");
    if (siren_value_is_string(value)) siren_value_string(value, &text);
    return text;
}

/* A trial that claims about whole images may use. */
static bool is_usable(const siren_report_run *run, const siren_report_trial *t, const char *model) {
    return is_model(t, model) && is_ok(t) && !is_masked(run, t);
}

/* Networks that differ in their kind only; those of 3 coordinates have a learning rate of their own. */
static bool are_peers(const siren_report_trial *a, const siren_report_trial *b) {
    return is_ok(b) && strcmp(a->input, b->input) == 0 && a->layers == b->layers && a->width == b->width &&
           a->bits == b->bits && strcmp(a->seed, b->seed) == 0 && strcmp(a->epochs, b->epochs) == 0 &&
           (strcmp(a->rate, b->rate) == 0 || is_model(b, "siren-3d"));
}

static const siren_report_trial *peer_of(const siren_report_run *run, const siren_report_trial *t,
                                         const char *model) {
    for (size_t i = 0; i < run->n_trials; i++)
        if (is_model(&run->trials[i], model) && are_peers(t, &run->trials[i])) return &run->trials[i];
    return NULL;
}

/* The successful trial of a method on the same input and as many slices; of JPEG2000 that of the same ratio. */
static const siren_report_trial *method_beside(const siren_report_run *run, const siren_report_trial *t,
                                               const char *method) {
    const bool any_ratio = strcmp(method, "jpeg2000") != 0;
    for (size_t i = 0; i < run->n_trials; i++) {
        const siren_report_trial *other = &run->trials[i];
        if (!is_model(other, method) || !is_ok(other) || strcmp(other->input, t->input) != 0) continue;
        if (any_ratio || (other->slices == t->slices && fabs(other->ratio / t->ratio - 1) <= RATIO_TOLERANCE))
            return other;
    }
    return NULL;
}

/* Whether `t` is what stands for SIREN-2D on its input: nearest to 3 layers of 256 units, then to 8 bits; of several
 * the first. */
static bool is_representative(const siren_report_run *run, const siren_report_trial *t) {
    const double distance = siren_report_distance(t, 3, 256), bits = fabs(t->bits - 8);
    for (size_t i = 0; i < run->n_trials; i++) {
        const siren_report_trial *other = &run->trials[i];
        if (other == t || strcmp(other->input, t->input) != 0 || !is_usable(run, other, "siren-2d")) continue;
        const double d = siren_report_distance(other, 3, 256), b = fabs(other->bits - 8);
        if (d < distance || (d == distance && (b < bits || (b == bits && other < t)))) return false;
    }
    return true;
}

/* ---- the comparisons ---- */

/* Of SIREN-2D `t` and all that a claim compares it with. */
typedef siren_status (*compare_fn)(comparisons *c, const siren_report_trial *t);

static siren_status above_networks(comparisons *c, const siren_report_trial *t) {
    static const char *const models[] = {"mlp-relu", "mlp-tanh", "mlp-siren", "mlp-siren-last"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const siren_report_trial *other = peer_of(c->run, t, models[i]);
        if (other) SIREN_TRY(add(c, t->psnr - other->psnr, t, other));
    }
    return SIREN_OK;
}

static siren_status above_jpeg2000(comparisons *c, const siren_report_trial *t) {
    const siren_report_trial *other = method_beside(c->run, t, "jpeg2000");
    if (!other || !(t->ratio_float32 > PAPER_RATIO)) return SIREN_OK;
    return add(c, t->psnr - other->psnr, t, other);
}

static siren_status above_deflate(comparisons *c, const siren_report_trial *t) {
    const siren_report_trial *other = method_beside(c->run, t, "deflate");
    return other && is_representative(c->run, t) ? add(c, t->ratio / other->ratio, t, other) : SIREN_OK;
}

/* Relative errors of diffusion metrics in each region, as quotients: of the other method to the network, or
 * inverted. */
static siren_status errors_beside(comparisons *c, const siren_report_trial *t, const char *method,
                                  bool inverted) {
    static const char *const metrics[] = {"md", "fa", "rish0", "rish2"};
    static const char *const regions[] = {"wm", "gm", "csf"};
    const siren_report_trial *other = method_beside(c->run, t, method);
    if (!other || !is_representative(c->run, t)) return SIREN_OK;
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++)
        for (size_t r = 0; r < sizeof regions / sizeof *regions; r++) {
            const siren_report_judged *ours = siren_report_run_judged(c->run, t, metrics[m], regions[r]),
                                      *theirs =
                                          siren_report_run_judged(c->run, other, metrics[m], regions[r]);
            if (!ours || !theirs) continue;
            const double quotient = theirs->mean / ours->mean;
            SIREN_TRY(add(c, inverted ? 1 / quotient : quotient, t, other));
        }
    return SIREN_OK;
}

static siren_status errors_below_jpeg2000(comparisons *c, const siren_report_trial *t) {
    return errors_beside(c, t, "jpeg2000", false);
}
static siren_status errors_below_smoothing(comparisons *c, const siren_report_trial *t) {
    return errors_beside(c, t, "smooth", false);
}
static siren_status errors_near_mppca(comparisons *c, const siren_report_trial *t) {
    return errors_beside(c, t, "mppca", true);
}

/* Mean loss of PSNR from one row of the mean curve to the next, 0 where it gains, after half of the epochs. NaN without
 * rows. */
static siren_status fluctuation_of(const siren_report_run *run, const siren_report_trial *t, double *out) {
    siren_report_mean_curve curve = {0};
    double sum = 0;
    size_t n = 0;
    SIREN_TRY(siren_report_mean_curve_read(run, &t, 1, &curve));
    for (size_t i = 1; i < curve.n_rows; i++) {
        const double half = curve.rows[curve.n_rows - 1].epoch / 2,
                     loss = curve.rows[i - 1].psnr - curve.rows[i].psnr;
        if (curve.rows[i - 1].epoch < half || isnan(loss)) continue;
        sum += fmax(loss, 0);
        n++;
    }
    siren_report_mean_curve_free(&curve);
    *out = n > 0 ? sum / (double)n : NAN;
    return SIREN_OK;
}

static siren_status relu_stabilises(comparisons *c, const siren_report_trial *t) {
    const siren_report_trial *other = peer_of(c->run, t, "siren-2d-relu");
    double ours = NAN, theirs = NAN;
    if (!other) return SIREN_OK;
    SIREN_TRY(fluctuation_of(c->run, t, &ours));
    SIREN_TRY(fluctuation_of(c->run, other, &theirs));
    return add(c, theirs / ours, other, t); /* 0 / 0: neither of them fluctuates, which shows nothing */
}

static siren_status hybrid_between(comparisons *c, const siren_report_trial *t) {
    const siren_report_trial *hybrid = peer_of(c->run, t, "mlp-siren"),
                             *relu = peer_of(c->run, t, "mlp-relu");
    if (!hybrid || !relu) return SIREN_OK;
    return add(c, (hybrid->psnr - relu->psnr) / (t->psnr - relu->psnr), hybrid, t);
}

static siren_status volume_below(comparisons *c, const siren_report_trial *t) {
    const siren_report_trial *other = peer_of(c->run, t, "siren-3d");
    if (!other || !(other->ratio > t->ratio)) return SIREN_OK;
    return add(c, t->psnr - other->psnr, t, other);
}

/* The ratio that trials like `t` on the input of `t` have at a PSNR inside the mask: between two of them, linear in its
 * logarithm. NaN where that PSNR is beyond theirs. */
static double ratio_at(const siren_report_run *run, const siren_report_trial *t, double psnr) {
    double below = -INFINITY, above = INFINITY, ratio_below = NAN, ratio_above = NAN;
    for (size_t i = 0; i < run->n_trials; i++) {
        const siren_report_trial *other = &run->trials[i];
        const siren_report_judged *judged = siren_report_run_judged(run, other, "psnr_masked", "brain");
        if (!judged || !is_usable(run, other, "siren-2d") || strcmp(other->input, t->input) != 0 ||
            !siren_report_same_settings(other, t) || other->bits != t->bits || other->layers != t->layers)
            continue;
        if (judged->mean <= psnr && judged->mean > below) {
            below = judged->mean;
            ratio_below = log(other->ratio);
        }
        if (judged->mean >= psnr && judged->mean < above) {
            above = judged->mean;
            ratio_above = log(other->ratio);
        }
    }
    const double share = above > below ? (psnr - below) / (above - below) : 0;
    return exp(ratio_below + share * (ratio_above - ratio_below));
}

/* Of every trial trained inside the mask of the same image, once: with the first like `t`. */
static siren_status masking(comparisons *c, const siren_report_trial *t) {
    if (!is_representative(c->run, t)) return SIREN_OK;
    for (size_t i = 0; i < c->run->n_trials; i++) {
        const siren_report_trial *masked = &c->run->trials[i];
        const siren_report_judged *judged = siren_report_run_judged(c->run, masked, "psnr_masked", "brain");
        if (!judged || !is_model(masked, "siren-2d") || !is_ok(masked) || !is_masked(c->run, masked) ||
            strcmp(image_of(c->run, masked), image_of(c->run, t)) != 0 || masked->bits != t->bits)
            continue;
        SIREN_TRY(add(c, masked->ratio / ratio_at(c->run, t, judged->mean), masked, t));
    }
    return SIREN_OK;
}

/* Volumes of a trial's input; NaN where the experiment does not tell. */
static double volumes_of(const siren_report_run *run, const siren_report_trial *t) {
    siren_value v = siren_value_first(siren_value_member(input_of(run, t->input), "dims"));
    uint64_t n = 0;
    for (int i = 0; i < 3; i++) v = siren_value_next(v);
    bool known = siren_value_integer(v, 1, (uint64_t)SIREN_CONFIG_MAX_INTEGER, &n) == SIREN_OK && n > 0;
    return known ? (double)n : NAN;
}

/* Seconds that as many points as the paper's would take. */
static siren_status decoding(comparisons *c, const siren_report_trial *t) {
    if (!is_representative(c->run, t)) return SIREN_OK;
    const double values = t->series_bytes * t->ratio_float32 / t->ratio / sizeof(float),
                 points = values / volumes_of(c->run, t);
    return add(c, t->decode_seconds * PAPER_POINTS / points, t, NULL);
}

/* ---- the claims ---- */

/* A claim holds where its figure lies between two bounds. */
typedef enum {
    BY_LOWEST,
    BY_MEDIAN,
    BY_ALL
} figure_kind; /* BY_ALL: the lowest and the highest lie there; told: median */

static const struct {
    const char *name, *statement, *unit;
    compare_fn compare;
    figure_kind kind;
    double above, below;
} definitions[] = {
    {"above-networks", "SIREN-2D has a higher PSNR than the other 2-D networks", "dB", above_networks,
     BY_LOWEST, 0, INFINITY},
    {"above-jpeg2000", "SIREN-2D has a higher PSNR than JPEG2000 at ratios above 3", "dB", above_jpeg2000,
     BY_LOWEST, 0, INFINITY},
    {"above-deflate", "SIREN-2D has about 10 times the ratio of DEFLATE", "", above_deflate, BY_LOWEST, 5,
     INFINITY},
    {"errors-below-jpeg2000", "Errors of MD, FA and RISH are 5 to 20 times those of SIREN-2D with JPEG2000",
     "", errors_below_jpeg2000, BY_MEDIAN, 5, INFINITY},
    {"errors-below-smoothing", "Errors of MD, FA and RISH are 5 to 20 times those of SIREN-2D with smoothing",
     "", errors_below_smoothing, BY_MEDIAN, 5, INFINITY},
    {"errors-near-mppca", "Errors of MD, FA and RISH of SIREN-2D are near those of MP-PCA", "",
     errors_near_mppca, BY_MEDIAN, 0, 2},
    {"relu-stabilises", "A ReLU output makes the training of SIREN-2D more stable", "", relu_stabilises,
     BY_MEDIAN, -INFINITY, 1},
    {"hybrid-between", "An MLP with one sine layer lies between the ReLU MLP and SIREN-2D in PSNR", "",
     hybrid_between, BY_ALL, 0, 1},
    {"3d-below-2d", "SIREN-3D has a lower PSNR than SIREN-2D, at a higher ratio", "dB", volume_below,
     BY_LOWEST, 0, INFINITY},
    {"masking", "Leaving out the background multiplies the ratio by 2 to 3", "", masking, BY_MEDIAN, 2,
     INFINITY},
    {"decoding", "A data set of the published size is decoded in about 2 s", "s", decoding, BY_MEDIAN, 0, 4},
};
#define N_CLAIMS (sizeof definitions / sizeof *definitions)

const char *siren_claim_verdict_name(siren_claim_verdict verdict) {
    static const char *const names[] = {"holds", "does not hold", "not tested here"};
    return names[verdict];
}

static void judge(size_t which, comparisons *c, siren_report_claim *claim) {
    const size_t n = claim->n = c->n;
    claim->figure = claim->lowest = claim->highest = NAN;
    claim->verdict = SIREN_CLAIM_UNTESTED;
    if (n == 0) return;
    qsort(c->values, n, sizeof *c->values, siren_ascending);
    const double median = (c->values[(n - 1) / 2] + c->values[n / 2]) / 2, above = definitions[which].above,
                 below = definitions[which].below;
    claim->lowest = c->values[0];
    claim->highest = c->values[n - 1];
    claim->figure = definitions[which].kind == BY_LOWEST ? claim->lowest : median;
    bool holds = claim->figure > above && claim->figure < below;
    if (definitions[which].kind == BY_ALL) holds = claim->lowest > above && claim->highest < below;
    claim->verdict = holds ? SIREN_CLAIM_HOLDS : SIREN_CLAIM_FAILS;
}

static siren_status check(const siren_report_run *run, bool asked, size_t which, siren_report_claim *claim) {
    SIREN_AT_END(comparisons_free) comparisons c = {.run = run};
    claim->name = definitions[which].name;
    claim->statement = definitions[which].statement;
    claim->unit = definitions[which].unit;
    for (size_t i = 0; asked && i < run->n_trials; i++)
        if (is_usable(run, &run->trials[i], "siren-2d"))
            SIREN_TRY(definitions[which].compare(&c, &run->trials[i]));
    judge(which, &c, claim);
    return siren_text_make(&claim->basis, "%s%s", c.n > 1 ? "among others " : "", c.basis ? c.basis : "");
}

siren_status siren_report_claims_check(const siren_report_run *run, siren_report_claim **claims, size_t *n) {
    SIREN_AT_END(siren_report_claims_free_at) siren_report_claim *list = NULL;
    bool asked = false;
    SIREN_TRY(siren_value_bool(siren_value_member(siren_config_root(run->experiment), "claims"), &asked));
    SIREN_TRY(siren_allocate(&list, N_CLAIMS, sizeof *list, "the claims"));
    for (size_t i = 0; i < N_CLAIMS; i++) SIREN_TRY(check(run, asked, i, &list[i]));
    *claims = SIREN_TAKE(list);
    *n = N_CLAIMS;
    return SIREN_OK;
}

void siren_report_claims_free(siren_report_claim *claims) {
    for (size_t i = 0; claims && i < N_CLAIMS; i++) free(claims[i].basis);
    free(claims);
}

/* ---- as a table ---- */

static bool any_tested(const siren_report_claim *claims, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (claims[i].verdict != SIREN_CLAIM_UNTESTED) return true;
    return false;
}

siren_status siren_report_claims_keep(const siren_report_claim *claims, size_t n, const char *folder) {
    static const char *const columns[] = {"claim", "figure", "unit", "lowest", "highest", "pairs", "verdict"};
    SIREN_AT_END(siren_table_free_at) siren_table *table = NULL;
    if (!any_tested(claims, n)) return SIREN_OK;
    SIREN_TRY(siren_table_create(columns, sizeof columns / sizeof *columns, &table));
    for (size_t i = 0; i < n; i++) {
        siren_table_add_text(table, claims[i].name);
        siren_table_add_number(table, claims[i].figure);
        siren_table_add_text(table, claims[i].unit);
        siren_table_add_number(table, claims[i].lowest);
        siren_table_add_number(table, claims[i].highest);
        siren_table_add_integer(table, claims[i].n);
        siren_table_add_text(table, siren_claim_verdict_name(claims[i].verdict));
    }
    return siren_run_write_table(table, folder, "claims.csv");
}

static const char *const headings[] = {"claim", "figure", "of all pairs", "verdict", "trials"};

static void begin_cell(FILE *out, size_t column, const char *class) {
    fprintf(out, "<td class=\"%s\" data-name=\"%s\">", class, headings[column]);
}

static void write_claim(FILE *out, const siren_report_claim *claim) {
    const bool tested = claim->verdict != SIREN_CLAIM_UNTESTED;
    fputs("<tr>", out);
    begin_cell(out, 0, "t");
    fprintf(out, "%s</td>", claim->statement);
    begin_cell(out, 1, "n");
    if (tested) fprintf(out, "%.3g %s", claim->figure, claim->unit);
    fputs("</td>", out);
    begin_cell(out, 2, "n");
    if (claim->n > 1) fprintf(out, "%.3g to %.3g (%zu)", claim->lowest, claim->highest, claim->n);
    fputs("</td>", out);
    begin_cell(out, 3, claim->verdict == SIREN_CLAIM_FAILS ? "bad" : "v");
    fprintf(out, "%s</td>", siren_claim_verdict_name(claim->verdict));
    begin_cell(out, 4, "t");
    siren_html_text(out, claim->basis);
    fputs("</td></tr>\n", out);
}

void siren_report_claims_write(FILE *out, const siren_report_claim *claims, size_t n) {
    if (!any_tested(claims, n)) return;
    fputs("<section>\n<h2>Claims of the paper</h2>\n<p>On this run; docs/claims.md defines figures and "
          "verdicts.</p>\n<div class=\"table\">\n<table id=\"claims\" class=\"cards\">\n<thead><tr>",
          out);
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        fprintf(out, "<th scope=\"col\"%s>%s</th>", i == 1 || i == 2 ? " class=\"n\"" : "", headings[i]);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t i = 0; i < n; i++) write_claim(out, &claims[i]);
    fputs("</tbody>\n</table>\n</div>\n</section>\n", out);
}
