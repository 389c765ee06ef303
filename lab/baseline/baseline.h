/* What networks are compared with: other compressors, and filters that smooth or denoise a series (docs/baselines.md). */
#ifndef SIREN_LAB_BASELINE_BASELINE_H
#define SIREN_LAB_BASELINE_BASELINE_H

#include "engine/encode/fidelity.h"
#include "formats/series.h"

typedef enum {
    SIREN_BASELINE_JPEG2000, /* lossy 9/7 of 16-bit samples, OpenJPEG */
    SIREN_BASELINE_ZFP,      /* fixed rate, or lossless; where the library was found */
    SIREN_BASELINE_DEFLATE,  /* lossless: zlib level 9 of all voxels */
    SIREN_BASELINE_XZ,       /* lossless: liblzma preset 9e of all voxels */
    SIREN_BASELINE_SMOOTH,   /* no compression: Gaussian filter in 3-D, MRtrix3's mrfilter */
    SIREN_BASELINE_MPPCA,    /* no compression: MRtrix3's dwidenoise -estimator Exp1 */
    SIREN_N_BASELINES
} siren_baseline_method;

/* What JPEG2000 and zfp code at once: a slice of one volume, or the slices of one volume together. */
typedef enum { SIREN_PER_SLICE, SIREN_PER_VOLUME } siren_baseline_unit;

#define SIREN_BASELINE_FWHM 1.5       /* mm, of `smooth` where none is given: the paper's */
#define SIREN_BASELINE_TOLERANCE 0.01 /* relative, of a ratio that was searched for */

typedef struct {
    siren_baseline_method method;
    siren_baseline_unit per;
    /* Of JPEG2000 and zfp: nominal ratio of voxels in their stored type to coded ones, without headers. 0: as close to the
     * original as the method comes. Others ignore it. */
    double rate;
    double fwhm; /* mm, of `smooth`; 0: SIREN_BASELINE_FWHM */
    const char
        *folder; /* where filters keep files while they run; NULL: TMPDIR or /tmp. Compressors need none */
    double time_limit; /* seconds, of a filter's program; 0: none */
    /* (nz, ny, nx) of the series, 0 outside: where `mppca` denoises, which makes the rest 0; NULL: everywhere. Others ignore it. */
    const uint8_t *mask;
} siren_baseline;

typedef struct {
    void *voxels; /* (n_volumes, nz, ny, nx) restored, in the series' stored type; free() */
    uint64_t
        bytes; /* all that restoring takes: codestreams, scaling, dimensions; 0: the method does not compress */
    double ratio; /* bytes of the series' voxels to `bytes`; NaN where it does not compress */
    double rate;  /* that it was coded with; 0 where there is none */
} siren_baseline_result;

/* "jpeg2000", "zfp", "deflate", "xz", "smooth", "mppca" */
const char *siren_baseline_name(siren_baseline_method method);
/* Whether it has a rate, so that a ratio can be searched for. */
bool siren_baseline_has_rate(siren_baseline_method method);
/* Whether it makes fewer bytes at all. */
bool siren_baseline_compresses(siren_baseline_method method);
/* UNSUPPORTED where its library or its program is missing; the sentence names it. */
siren_status siren_baseline_check(siren_baseline_method method);

/* Compresses `series` and restores it from the compressed bytes alone, or filters it. Voxels that are not finite come back
 * as they were: compressors list them, filters see 0 there. Work is divided over all processors. UNSUPPORTED where the
 * method cannot take such a series, SYSTEM where a program fails. `progress` may be NULL. */
siren_status siren_baseline_run(const siren_baseline *baseline, const siren_series *series,
                                siren_progress_fn progress, void *user, siren_baseline_result *out);

/* The same at a rate found by bisection so that the ratio is `ratio`, within SIREN_BASELINE_TOLERANCE to either side;
 * baseline->rate is not looked at. BOUND names the nearest ratio where there is no such rate. USAGE for a method without
 * one. */
siren_status siren_baseline_search(const siren_baseline *baseline, const siren_series *series, double ratio,
                                   siren_progress_fn progress, void *user, siren_baseline_result *out);

typedef struct {
    bool constant;           /* every volume is, in this slice of the original */
    size_t n_points;         /* of one volume */
    siren_fidelity fidelity; /* of all points */
    siren_fidelity masked;   /* of those in the mask; n is 0 without one */
} siren_baseline_slice;

/* Figures of every slice as they are computed for networks: original and restored values of each volume are scaled by the
 * original's minimum and maximum in the slice. A volume that is constant there is scaled by its largest range in any slice
 * (not at all where it has none). `restored`: voxels of a result; `mask` (nz, ny, nx) may be NULL; `slices`: (nz).
 * `inside`: the points are those in the mask alone, as of networks that are trained on it, ranges included; else `masked` is of them. */
siren_status siren_baseline_figures(const siren_series *original, const void *restored, const uint8_t *mask,
                                    bool inside, siren_baseline_slice *slices);

#endif
