/* What networks are compared with: other compressors, and filters that smooth or denoise a series
 * (docs/baselines.md). */
#ifndef SIREN_LAB_BASELINE_BASELINE_H
#define SIREN_LAB_BASELINE_BASELINE_H

#include "engine/encode/fidelity.h"
#include "formats/series.h"

/* A method: a row of the table in lab/baseline/baseline_methods.c. */
typedef struct siren_baseline_method siren_baseline_method;

/* What coders of images code at once: a slice of one volume, or the slices of one volume together. */
typedef enum { SIREN_PER_SLICE, SIREN_PER_VOLUME } siren_baseline_unit;

#define SIREN_BASELINE_FWHM 1.5       /* mm, of `smooth` where none is given: the paper's */
#define SIREN_BASELINE_TOLERANCE 0.01 /* relative, of a ratio that was searched for */

typedef struct {
    const siren_baseline_method *method;
    siren_baseline_unit per; /* of a method that has a name for it */
    /* What method->quality names: a nominal ratio (rate) of voxels in their stored type to coded ones, a distance, an
     * error, a PSNR, a width. 0: as close to the original as the method comes. */
    double quality;
    const char *folder; /* where methods that need files keep them while they run; NULL: TMPDIR or /tmp */
    double time_limit;  /* seconds, of a filter's program; 0: none */
    /* (nz, ny, nx) of the series, 0 outside, or NULL: where `mppca` denoises, which makes the rest 0, and what our own
     * coders store. Others ignore it. */
    const uint8_t *mask;
} siren_baseline;

typedef struct {
    void *voxels; /* (n_volumes, nz, ny, nx) restored, in the series' stored type; free() */
    uint64_t
        bytes; /* all that restoring takes: codestreams, scaling, dimensions; 0: the method does not compress */
    double ratio;   /* bytes of the series' voxels to `bytes`; NaN where it does not compress */
    double quality; /* that it was coded with; 0 where there is none */
} siren_baseline_result;

/* What a method's quality is; the names are static. */
typedef struct {
    const char *name;   /* in tables and names of trials, "rate"; NULL: the method has none */
    const char *list;   /* in experiment files, "rates" */
    double least, most; /* a method may have narrower ones for some series */
} siren_baseline_quality;

typedef enum {
    SIREN_RATIO_NONE,     /* it has one ratio, or none */
    SIREN_RATIO_SEARCHED, /* by its quality, which grows with the ratio */
    SIREN_RATIO_OWN       /* it makes what is at most as large as asked for */
} siren_baseline_ratio;

/* Compresses; `ratio` is 0, or what a method of SIREN_RATIO_OWN has to reach. `*bytes`, all that restoring takes, is
 * yours to free(). */
typedef siren_status (*siren_baseline_encode)(const siren_baseline *baseline, const siren_series *series,
                                              double ratio, siren_progress_fn progress, void *user,
                                              uint8_t **bytes, size_t *n_bytes);
/* Restores the `n_voxel_bytes` of voxels from such bytes, made in this process. */
typedef siren_status (*siren_baseline_decode)(const uint8_t *bytes, size_t n_bytes,
                                              siren_progress_fn progress, void *user, void *voxels,
                                              size_t n_voxel_bytes);
/* Filters into `voxels`, as large as the series'. */
typedef siren_status (*siren_baseline_filter)(const siren_baseline *baseline, const siren_series *series,
                                              siren_progress_fn progress, void *user, void *voxels);
typedef struct siren_image_coder siren_image_coder; /* lab/baseline/image_coder.h */

struct siren_baseline_method {
    const char *name; /* in experiment files and tables */
    const char
        *volumes_name; /* in tables, of a method that can also code a volume's slices together; else NULL */
    siren_baseline_quality quality;
    siren_baseline_ratio ratio;
    bool lossless;       /* without a quality or ratio it keeps every bit, of integers at least */
    bool asked;          /* it does nothing without a quality or ratio */
    const char *library; /* package that this program was built without; NULL: nothing is missing */
    const char *program; /* of MRtrix3 that a filter runs, or NULL */
    /* A compressor has these two, ... */
    siren_baseline_encode encode;
    siren_baseline_decode decode;
    const siren_image_coder
        *images; /* ... which code by this where they are those of lab/baseline/baseline_images.c; */
    siren_baseline_filter filter; /* a filter has this */
};

/* Row `i` of the table; NULL after the last. */
const siren_baseline_method *siren_baseline_at(size_t i);
/* The method of that name; NULL where there is none. */
const siren_baseline_method *siren_baseline_find(const char *name);
/* Whether it makes fewer bytes at all. */
bool siren_baseline_compresses(const siren_baseline_method *method);
/* UNSUPPORTED where its library or its program is missing; the sentence names it. */
siren_status siren_baseline_check(const siren_baseline_method *method);

/* Compresses `series` and restores it from the compressed bytes alone, or filters it. Voxels that are not finite come
 * back as they were: compressors list them, filters see 0 there. Work is divided over all processors. UNSUPPORTED where
 * the method cannot take such a series, SYSTEM where a program fails. `progress` may be NULL. */
siren_status siren_baseline_run(const siren_baseline *baseline, const siren_series *series,
                                siren_progress_fn progress, void *user, siren_baseline_result *out);

/* The same at a quality found by bisection so that the ratio is `ratio`, within SIREN_BASELINE_TOLERANCE to either
 * side; baseline->quality is not looked at. BOUND names the nearest ratio where there is no such quality. USAGE for a
 * method of one ratio. A method of SIREN_RATIO_OWN comes as near as it can from above. */
siren_status siren_baseline_search(const siren_baseline *baseline, const siren_series *series, double ratio,
                                   siren_progress_fn progress, void *user, siren_baseline_result *out);

typedef struct {
    bool constant;           /* every volume is, in this slice of the original */
    size_t n_points;         /* of one volume */
    siren_fidelity fidelity; /* of all points */
    siren_fidelity masked;   /* of those in the mask; n is 0 without one */
} siren_baseline_slice;

/* Figures of every slice as they are computed for networks: original and restored values of each volume are scaled by
 * the original's minimum and maximum in the slice. A volume that is constant there is scaled by its largest range in
 * any slice (not at all where it has none). `restored`: voxels of a result; `mask` (nz, ny, nx) may be NULL; `slices`:
 * (nz). `inside`: the points are those in the mask alone, as of networks that are trained on it, ranges included; else
 * `masked` is of them. */
siren_status siren_baseline_figures(const siren_series *original, const void *restored, const uint8_t *mask,
                                    bool inside, siren_baseline_slice *slices);

#endif
