#include "tools/report/view_page.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "engine/archive/parameters.h"
#include "engine/model/blocks.h"
#include "formats/original.h"
#include "host/file.h"
#include "host/names.h"
#include "host/staging.h"
#include "tools/common/provenance.h"
#include "tools/common/terminal.h"
#include "tools/report/html.h"

#define PICTURE_WIDTH 256 /* pixels of the page that a slice is given; the style lets it shrink */
#define MOST_HEIGHT 8192  /* likewise, where a header tells nonsense of its voxels */

typedef struct {
    FILE *out;
    const siren_view_options *options;
    const siren_archive_info *info; /* NULL: the result is no archive */
    const siren_montage *montage;
} page;

/* ---- facts ---- */

static void fact(FILE *out, const char *name, const char *text) {
    fprintf(out, "<tr><th scope=\"row\">%s</th><td>", name);
    siren_html_text(out, text);
    fputs("</td></tr>\n", out);
}

static void number_fact(FILE *out, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void number_fact(FILE *out, const char *name, const char *format, ...) {
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fact(out, name, text);
}

/* Of a PSNR; one of -inf is what the peak 0 of an original without contrast makes of any error. */
static bool is_exact(double psnr) { return isinf(psnr) && psnr > 0; }

static void write_comparison(const page *p) {
    const siren_comparison *c = &p->montage->comparison;
    char text[64];
    fputs("<section>\n<h2>Beside the original</h2>\n<table class=\"facts\">\n", p->out);
    fact(p->out, "original", p->options->montage.original);
    if (p->options->montage.mask) fact(p->out, "only inside the mask", p->options->montage.mask);
    number_fact(p->out, "mean squared error", "%.9g", c->mse);
    if (is_exact(c->psnr))
        fact(p->out, "PSNR", "exact");
    else if (isinf(c->psnr))
        fact(p->out, "PSNR", "none, as the peak is 0");
    else
        number_fact(p->out, "PSNR", "%.2f dB", c->psnr);
    snprintf(text, sizeof text, "%.9g - %.9g", c->maximum, c->minimum);
    fact(p->out, "its peak", text);
    number_fact(p->out, "maximal error", "%.9g", c->max_abs_error);
    number_fact(p->out, "mean relative error", "%.6g", c->relative_error);
    fact(p->out, "voxels compared", siren_format_integer(c->n_voxels, text));
    if (c->n_apart)
        fact(p->out, "far outside the rest, and not in the peak", siren_format_integer(c->n_apart, text));
    if (c->n_unequal_finite)
        fact(p->out, "not compared: finite in one image only",
             siren_format_integer(c->n_unequal_finite, text));
    fputs("</table>\n</section>\n", p->out);
}

static void provenance_fact(void *user, const char *key, const char *value) {
    FILE *out = user;
    siren_html_between(out, "<tr><th scope=\"row\">", key, "</th><td>");
    siren_html_between(out, "", value, "</td></tr>\n");
}

static void write_network(FILE *out, const siren_archive_info *info) {
    char text[32], weights[16];
    fputs("<tr><th scope=\"row\">network</th><td>", out);
    for (size_t i = 0; i < info->n_layers; i++) {
        const siren_layer_info *layer = &info->layers[i];
        fprintf(out, "%s%u ", i ? " → " : "", (unsigned)layer->width);
        siren_html_text(out, layer->activation);
        if (strcmp(layer->activation, "sine") == 0) fprintf(out, " (w0 %g)", (double)layer->w0);
    }
    fprintf(out, "</td></tr>\n<tr><th scope=\"row\">parameters</th><td>%s a %s, stored as %s</td></tr>\n",
            siren_format_integer(info->n_params, text), siren_block_kind_name(info->block_kind, 1),
            siren_weights_name(info->weight_bits, weights));
}

static void write_archive(const page *p) {
    static const char *const codings[] = {[SIREN_CODING_NETWORK] = "networks",
                                          [SIREN_CODING_PREDICTIVE] = "values predicted from each other",
                                          [SIREN_CODING_TRANSFORM] =
                                              "principal components and a cosine transform"};
    const siren_archive_info *info = p->info;
    FILE *out = p->out;
    char text[256];
    fputs("<section>\n<h2>Archive</h2>\n<table class=\"facts\">\n", out);
    snprintf(text, sizeof text, "%zu × %zu × %zu voxels, %zu volume%s, %s", info->nx, info->ny, info->nz,
             info->n_volumes, info->n_volumes == 1 ? "" : "s", info->datatype_name);
    fact(out, "image", text);
    if (info->z_end - info->z_begin < info->nz) {
        snprintf(text, sizeof text, "%zu:%zu of 0:%zu", info->z_begin, info->z_end, info->nz);
        fact(out, "slices", text);
    }
    fact(out, "what stands for voxels", codings[info->coding]);
    if (info->coding == SIREN_CODING_NETWORK) write_network(out, info);
    if (info->max_error > 0) number_fact(out, "largest error", "at most %g stored units", info->max_error);
    if (isfinite(info->psnr))
        number_fact(out, "scaled PSNR", "%.2f dB, each volume of a block on a range of its own", info->psnr);
    else
        fact(out, "scaled PSNR", "exact");
    if (info->masked)
        number_fact(out, "inside its mask", "%.1f %% of the voxels",
                    100 * (double)info->n_inside / (double)info->n_voxels);
    for (size_t i = 0; i < info->n_attachments; i++) fact(out, "attached", info->attachments[i]);
    siren_tool_each_provenance(info->provenance, provenance_fact, out);
    fputs("</table>\n</section>\n", out);
}

/* ---- sizes ---- */

static void write_size(FILE *out, const char *name, double bytes, double stored) {
    char size[32];
    fprintf(
        out,
        "<tr><td class=\"t\">%s</td><td class=\"n\">%s</td><td class=\"n\">%.2f</td><td><svg class=\"bar\" "
        "viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" role=\"img\"><title>%.0f bytes</title><rect "
        "width=\"100\" height=\"1\" fill=\"#eee\"/><rect width=\"%.2f\" height=\"1\" "
        "fill=\"#0072B2\"/></svg></td></tr>\n",
        name, siren_format_bytes(bytes, size), stored / bytes, bytes, fmin(100, 100 * bytes / stored));
}

static void write_sizes(const page *p) {
    const siren_montage *m = p->montage;
    const double stored = (double)m->stored_bytes;
    fputs("<section>\n<h2>Size</h2>\n<div class=\"table\">\n<table id=\"sizes\">\n<thead><tr><th "
          "scope=\"col\">as</th><th "
          "scope=\"col\" class=\"n\">size</th><th scope=\"col\" class=\"n\">ratio</th><th "
          "scope=\"col\"></th></tr></thead>\n<tbody>\n",
          p->out);
    write_size(p->out, "voxels as stored", stored, stored);
    write_size(p->out,
               m->gzip_is_file       ? "gzip: the original's file"
               : m->gzip_is_estimate ? "gzip -6, as of the restored volumes shown"
               : m->compared         ? "gzip -6 of the original's voxels"
                                     : "gzip -6 of the restored voxels",
               m->gzip_bytes, stored);
    if (p->info) write_size(p->out, "this archive", (double)p->info->bytes, stored);
    fputs("</tbody>\n</table>\n</div>\n</section>\n", p->out);
}

/* ---- pictures ---- */

static const char *const captions[SIREN_N_SHOWN] = {
    [SIREN_SHOWN_ORIGINAL] = "original", [SIREN_SHOWN_RESULT] = "restored", [SIREN_SHOWN_ERROR] = "error"};

static void write_scale(const page *p, const siren_montage_volume *volume) {
    if (isnan(volume->most_error)) return;
    fputs("<p>|error| from 0 <svg class=\"bar\" style=\"display:inline-block\" viewBox=\"0 0 32 1\" "
          "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"scale of errors\">",
          p->out);
    for (int i = 0; i < 32; i++) {
        uint8_t rgb[3];
        siren_montage_colour(i / 31.0, rgb);
        fprintf(p->out,
                "<rect x=\"%d\" width=\"1\" height=\"1\" fill=\"#%02x%02x%02x\"><title>%.4g</title></rect>",
                i, rgb[0], rgb[1], rgb[2], volume->most_error * i / 31);
    }
    fprintf(p->out, "</svg> to %g</p>\n", volume->most_error);
}

static void write_slices(const page *p, const siren_montage_volume *volume, siren_shown kind) {
    const siren_montage *m = p->montage;
    const unsigned height = (unsigned)fmax(1, fmin(MOST_HEIGHT, round(PICTURE_WIDTH / m->aspect)));
    if (!volume->pictures[kind][0].bytes) return;
    fprintf(p->out, "<h3>%s, volume %zu", captions[kind], volume->volume);
    if (!isnan(volume->bval)) fprintf(p->out, ", b = %g", volume->bval);
    fputs("</h3>\n", p->out);
    if (kind == SIREN_SHOWN_ERROR) write_scale(p, volume);
    fputs("<div class=\"slices\">\n", p->out);
    for (size_t i = 0; i < m->n_slices; i++) {
        const siren_png *picture = &volume->pictures[kind][i];
        char label[96];
        int n = snprintf(label, sizeof label, "%s, slice %zu", captions[kind], m->slices[i]);
        if (m->compared) {
            const double psnr = m->slice_psnr[m->slices[i] - m->judged.begin];
            snprintf(label + n, sizeof label - (size_t)n, isfinite(psnr) ? ": %.2f dB" : "", psnr);
        }
        fputs("<div>", p->out);
        siren_html_png(p->out, picture->bytes, picture->n_bytes, PICTURE_WIDTH, height, label);
        fprintf(p->out, "%zu</div>\n", m->slices[i]);
    }
    fputs("</div>\n", p->out);
}

static void write_pictures(const page *p) {
    const siren_montage *m = p->montage;
    fputs("<section>\n<h2>Slices</h2>\n", p->out);
    for (size_t v = 0; v < m->n_volumes; v++) {
        const siren_montage_volume *volume = &m->volumes[v];
        fprintf(p->out, "<p>Volume %zu: black is %g, white %g; slices count from 0.</p>\n", volume->volume,
                volume->values[0], volume->values[1]);
        for (int kind = 0; kind < SIREN_N_SHOWN; kind++) write_slices(p, volume, kind);
    }
    fputs("</section>\n", p->out);
}

/* ---- PSNR by slice ---- */

typedef struct {
    size_t number;
    double psnr; /* inf: exact; -inf, NaN: there is none */
} bar;

/* Units of the chart's own; the page scales it. */
enum { CHART_WIDTH = 480, CHART_HEIGHT = 190, LEFT = 40, BOTTOM = 160, TOP = 10 };

static void write_chart(FILE *out, const char *what, const bar *bars, size_t n) {
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(bars[i].psnr)) continue;
        least = fmin(least, bars[i].psnr);
        most = fmax(most, bars[i].psnr);
    }
    if (isinf(least)) least = most = 0; /* all are exact, or have none */
    const double bottom = floor(least - 1), top = ceil(most + 0.5),
                 width = (double)(CHART_WIDTH - LEFT) / (double)n;
    fprintf(out,
            "<figure><svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"PSNR of each %s\" "
            "font-family=\"sans-serif\" font-size=\"11\" fill=\"#444\">\n",
            CHART_WIDTH, CHART_HEIGHT, what);
    for (int i = 0; i <= 4; i++) {
        const double share = i / 4.0, y = BOTTOM - share * (BOTTOM - TOP);
        fprintf(out,
                "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%.4g</text>\n",
                LEFT, y, CHART_WIDTH, LEFT - 4, y + 4, bottom + share * (top - bottom));
    }
    for (size_t i = 0; i < n; i++) {
        const bool exact = is_exact(bars[i].psnr);
        if (!exact && !isfinite(bars[i].psnr)) continue;
        const double value = exact ? top : bars[i].psnr;
        const double y = BOTTOM - (value - bottom) / (top - bottom) * (BOTTOM - TOP);
        fprintf(out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"><title>%s %zu: ",
                LEFT + width * (double)i + 0.1 * width, y, 0.8 * width, BOTTOM - y,
                exact ? "#009E73" : "#0072B2", what, bars[i].number);
        fprintf(out, exact ? "exact</title></rect>\n" : "%.2f dB</title></rect>\n", bars[i].psnr);
    }
    fprintf(out,
            "<text x=\"%d\" y=\"%d\">%zu</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%zu</text>"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n</svg>\n",
            LEFT, BOTTOM + 15, bars[0].number, CHART_WIDTH, BOTTOM + 15, bars[n - 1].number,
            (LEFT + CHART_WIDTH) / 2, BOTTOM + 25, what);
}

static siren_status write_psnr(const page *p) {
    const siren_montage *m = p->montage;
    SIREN_FREE_AT_END bar *bars = NULL;
    const size_t n = m->compared ? m->judged.end - m->judged.begin : p->info->n_blocks;
    const char *what = m->compared ? "slice" : siren_block_kind_name(p->info->block_kind, 1);
    SIREN_TRY(siren_allocate(&bars, n, sizeof *bars, "a chart"));
    for (size_t i = 0; i < n; i++)
        bars[i] = m->compared ? (bar){m->judged.begin + i, m->slice_psnr[i]}
                              : (bar){p->info->blocks[i].number, p->info->blocks[i].psnr};
    fprintf(p->out, "<section>\n<h2>PSNR of each %s</h2>\n", what);
    write_chart(p->out, what, bars, n);
    fprintf(p->out, "<figcaption>%s</figcaption></figure>\n</section>\n",
            m->compared
                ? "dB beside the original, with the peak of the whole series."
                : "Scaled PSNR in dB as the archive tells it: each volume of a block on a range of its own.");
    return SIREN_OK;
}

/* ---- the page ---- */

static siren_status write_page(const page *p) {
    char bytes[32], size[32];
    siren_html_begin(p->out, p->options->montage.result);
    if (p->info)
        fprintf(p->out, "<p>%s bytes (%s), %.2f times smaller than its voxels as %s.</p>\n",
                siren_format_integer(p->info->bytes, bytes), siren_format_bytes((double)p->info->bytes, size),
                p->info->ratio, p->info->datatype_name);
    fputs("</header>\n<main>\n", p->out);
    write_sizes(p);
    if (p->montage->compared) write_comparison(p);
    SIREN_TRY(write_psnr(p));
    write_pictures(p);
    if (p->info) write_archive(p);
    fputs("</main>\n", p->out);
    siren_html_end(p->out, p->options->command);
    return SIREN_OK;
}

static siren_status make_page(const siren_view_options *options, const siren_archive_info *info,
                              const siren_montage *montage, char **text, size_t *n_bytes) {
    SIREN_FREE_AT_END char *made = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&made, &length);
    if (!out) return siren_fail(SIREN_SYSTEM, "out of memory: cannot write a page");
    siren_status status = write_page(&(page){out, options, info, montage});
    bool whole = !ferror(out);
    whole = fclose(out) == 0 && whole;
    if (status != SIREN_OK) return status;
    if (!whole) return siren_fail(SIREN_SYSTEM, "out of memory: cannot write a page");
    *text = SIREN_TAKE(made);
    *n_bytes = length;
    return SIREN_OK;
}

siren_status siren_view_page_write(siren_device *device, const siren_view_options *options,
                                   siren_progress_fn progress, void *user) {
    SIREN_AT_END(siren_output_discard_at) siren_output *output = NULL;
    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL;
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    SIREN_AT_END(siren_montage_free) siren_montage montage = {.n_volumes = 0};
    SIREN_FREE_AT_END char *text = NULL;
    siren_montage_options shown = options->montage;
    size_t n_bytes = 0;
    const bool archive = siren_has_suffix(shown.result, ".siren") || !shown.original;
    if (options->overwrite || !siren_file_exists(options->page))
        SIREN_TRY(siren_kind_check(options->page, SIREN_KIND_PAGE));
    SIREN_TRY(siren_output_open(options->page, options->overwrite, &output));
    if (archive) SIREN_TRY(siren_info(shown.result, &info));
    SIREN_TRY(siren_staging_open(NULL, NULL, 0, false, &staging));
    shown.folder = siren_staging_folder(staging);
    SIREN_TRY(siren_montage_make(device, &shown, progress, user, &montage));
    SIREN_TRY(make_page(options, archive ? &info : NULL, &montage, &text, &n_bytes));
    SIREN_TRY(siren_output_write(output, text, n_bytes));
    return siren_output_commit(SIREN_TAKE(output));
}
