#include "lab/evaluate/slice_means.h"

#include "engine/encode/fidelity.h"
#include "engine/model/blocks.h"
#include "engine/model/extremes.h"

#include <math.h>

/* What comparing slices holds. */
typedef struct {
    const siren_series *x, *other;
    size_t n;              /* voxels of a slice */
    siren_scaling *range;  /* (n_volumes) of the present slice */
    double *unit;          /* (n_volumes) largest range in any slice */
    double *values;        /* (n) */
    float *targets, *y;    /* (n, n_volumes) */
    siren_scaling *limits; /* (n_volumes) what is not far outside the rest of the volume */
} slice_scratch;

static void read_slice(slice_scratch *s, const siren_series *series, size_t volume, size_t z) {
    siren_series_values(series, (volume * series->geometry.nz + z) * s->n, s->n, s->values);
}

static siren_status find_limits(slice_scratch *s) {
    const siren_geometry *g = &s->x->geometry;
    SIREN_AT_END(siren_extremes_free) siren_extremes extremes = {.room = 0};
    SIREN_TRY(siren_extremes_create(s->n * g->nz, &extremes));
    for (size_t volume = 0; volume < g->n_volumes; volume++) {
        siren_extremes_begin(&extremes);
        for (size_t z = 0; z < g->nz; z++) {
            read_slice(s, s->x, volume, z);
            siren_extremes_add(&extremes, s->values, s->n);
        }
        bool suspect = siren_extremes_suspect(&extremes);
        for (size_t z = 0; suspect && z < g->nz; z++) {
            read_slice(s, s->x, volume, z);
            siren_extremes_show(&extremes, s->values, s->n);
        }
        siren_extremes_range(&extremes, &s->limits[volume].minimum, &s->limits[volume].maximum);
    }
    return SIREN_OK;
}

/* s->range of slice z. False where every volume is constant in it. */
static bool find_ranges(slice_scratch *s, size_t z) {
    bool varies = false;
    for (size_t volume = 0; volume < s->x->geometry.n_volumes; volume++) {
        siren_scaling range = {INFINITY, -INFINITY};
        read_slice(s, s->x, volume, z);
        for (size_t i = 0; i < s->n; i++) {
            if (!siren_scaling_holds(s->limits[volume], s->values[i])) continue;
            range.minimum = fmin(range.minimum, s->values[i]);
            range.maximum = fmax(range.maximum, s->values[i]);
        }
        if (range.minimum > range.maximum) range = (siren_scaling){0, 0};
        s->range[volume] = range;
        varies |= range.maximum > range.minimum;
    }
    return varies;
}

/* One series of slice z, scaled, into `out` (n, n_volumes); of the original without what lies far outside the rest. */
static void scale_slice(slice_scratch *s, const siren_series *series, size_t z, float *out) {
    const size_t n_volumes = s->x->geometry.n_volumes;
    for (size_t volume = 0; volume < n_volumes; volume++) {
        double range = s->range[volume].maximum - s->range[volume].minimum;
        if (range == 0) range = s->unit[volume] > 0 ? s->unit[volume] : 1;
        read_slice(s, series, volume, z);
        for (size_t i = 0; i < s->n; i++) {
            bool left_out = series == s->x && !siren_scaling_holds(s->limits[volume], s->values[i]);
            out[i * n_volumes + volume] =
                left_out ? NAN : (float)((s->values[i] - s->range[volume].minimum) / range);
        }
    }
}

static siren_slice_means means_over_slices(slice_scratch *s) {
    const siren_geometry *g = &s->x->geometry;
    siren_slice_means means = {.n = 0};
    for (size_t z = 0; z < g->nz; z++) {
        find_ranges(s, z);
        for (size_t volume = 0; volume < g->n_volumes; volume++)
            s->unit[volume] = fmax(s->unit[volume], s->range[volume].maximum - s->range[volume].minimum);
    }
    for (size_t z = 0; z < g->nz; z++) {
        siren_fidelity_sums sums = {0};
        if (!find_ranges(s, z)) continue;
        scale_slice(s, s->x, z, s->targets);
        scale_slice(s, s->other, z, s->y);
        siren_fidelity_add(&sums, s->n, g->n_volumes, s->y, s->targets, NULL);
        const siren_fidelity fidelity = siren_fidelity_of(&sums);
        means.psnr += fidelity.psnr;
        means.psnr_published += fidelity.psnr_published;
        means.psnr_clamped += fidelity.psnr_clamped;
        means.n++;
    }
    means.psnr /= (double)means.n;
    means.psnr_published /= (double)means.n;
    means.psnr_clamped /= (double)means.n;
    return means;
}

siren_status siren_compare_slices(const siren_series *image, const siren_series *other,
                                  siren_slice_means *out) {
    const siren_geometry *g = &image->geometry;
    const size_t n = g->nx * g->ny, n_values = n * g->n_volumes;
    SIREN_FREE_AT_END siren_scaling *range = NULL;
    SIREN_FREE_AT_END double *unit = NULL, *values = NULL;
    SIREN_FREE_AT_END float *targets = NULL, *y = NULL;
    SIREN_TRY(siren_allocate(&range, g->n_volumes, sizeof *range, "the volumes' ranges"));
    SIREN_TRY(siren_allocate(&unit, g->n_volumes, sizeof *unit, "the volumes' ranges"));
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "a slice"));
    SIREN_TRY(siren_allocate(&targets, n_values, sizeof *targets, "a scaled slice"));
    SIREN_TRY(siren_allocate(&y, n_values, sizeof *y, "a scaled slice"));
    SIREN_FREE_AT_END siren_scaling *limits = NULL;
    SIREN_TRY(siren_allocate(&limits, g->n_volumes, sizeof *limits, "the volumes' limits"));
    slice_scratch scratch = {image, other, n, range, unit, values, targets, y, limits};
    SIREN_TRY(find_limits(&scratch));
    *out = means_over_slices(&scratch);
    return SIREN_OK;
}
