#include "tools/figures/panel_figure.h"

#include <stdlib.h>
#include <string.h>

#include "formats/little_endian.h"

static const char *const output_names[] = {"panel.f32", SIREN_PANEL_MARK, "panel.gp", "panel.svg",
                                           "panel.png"};

static bool parse_index(const char *text, size_t length, size_t *out) {
    char digits[16];
    if (length == 0 || length >= sizeof digits || strspn(text, "0123456789") < length) return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    *out = (size_t)strtoull(digits, NULL, 10);
    return true;
}

siren_status siren_panel_figure_parse(const char *text, size_t *z, size_t *volume) {
    const size_t length = strcspn(text, ",");
    size_t slice, shown = 0;
    if (!parse_index(text, length, &slice) ||
        (text[length] && !parse_index(text + length + 1, strlen(text + length + 1), &shown)))
        return siren_fail(SIREN_USAGE,
                          "--panel is '%s' but must be a slice, or a slice and a volume: 40 or 40,3", text);
    *z = slice;
    *volume = shown;
    return SIREN_OK;
}

siren_status siren_panel_figure_open(const char *folder, bool overwrite, siren_staging **out) {
    SIREN_TRY(siren_picture_check_gnuplot());
    return siren_staging_open(folder, output_names, sizeof output_names / sizeof *output_names, overwrite,
                              out);
}

/* What panel.gp loads. */
typedef struct {
    const siren_panel *panel;
    const siren_picture_wording *wording;
} described;

static void write_data(const void *user, FILE *out) {
    const described *d = user;
    const siren_panel *p = d->panel;
    fprintf(out, "nx = %zu\nny = %zu\n# height of a pixel by its width\npixel = %.9g\nn = %zu\n", p->width,
            p->height, p->view.spacing[1] / p->view.spacing[0], p->n_results);
    fprintf(
        out,
        "# ends of the scales\nvalues_low = %.9g\nvalues_high = %.9g\nmost_error = %.9g\nleast_ssim = %.9g\n",
        p->values[0], p->values[1], p->most_error, p->least_ssim);
    siren_picture_write_wording(d->wording, p->n_results, out);
    for (size_t i = 0; i < p->n_results; i++) {
        const siren_panel_result *result = &p->results[i];
        fprintf(out, "error_%zu = '%.3g'\nssim_%zu = '%.4f'\n", i + 1, result->mean_error, i + 1,
                result->mean_ssim);
    }
}

static uint8_t *put_picture(uint8_t *to, const float *picture, size_t n) {
    for (size_t i = 0; i < n; i++) siren_put_f32(to + 4 * i, picture[i]);
    return to + 4 * n;
}

static siren_status write_pictures(const siren_panel *panel, const siren_staging *staging) {
    const size_t n = panel->width * panel->height, n_bytes = 4 * n * (1 + 3 * panel->n_results);
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    SIREN_TRY(siren_allocate(&bytes, n_bytes, 1, "pictures"));
    uint8_t *to = put_picture(bytes, panel->original, n);
    for (size_t i = 0; i < panel->n_results; i++) {
        to = put_picture(to, panel->results[i].values, n);
        to = put_picture(to, panel->results[i].errors, n);
        to = put_picture(to, panel->results[i].ssim, n);
    }
    return siren_picture_write(staging, "panel.f32", bytes, n_bytes);
}

siren_status siren_panel_figure_draw(siren_device *device, const siren_panel_options *options,
                                     const siren_picture_wording *wording, const siren_staging *staging,
                                     siren_progress_fn progress, void *user) {
    SIREN_AT_END(siren_panel_free) siren_panel panel = {.n_results = 0};
    siren_panel_options asked = *options;
    asked.folder = siren_staging_folder(staging);
    SIREN_TRY(siren_panel_make(device, &asked, progress, user, &panel));
    const described data = {&panel, wording};
    SIREN_TRY(write_pictures(&panel, staging));
    SIREN_TRY(siren_picture_write_text(staging, SIREN_PANEL_MARK, write_data, &data));
    return siren_picture_draw(staging, "panel", wording, progress, user);
}
