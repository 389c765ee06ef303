/* How much of a series a result has kept: intensities, structural similarity, diffusion metrics (docs/evaluate.md). */
#ifndef SIREN_LAB_EVALUATE_EVALUATE_H
#define SIREN_LAB_EVALUATE_EVALUATE_H

#include "engine/metrics.h"
#include "lab/evaluate/slice_means.h"
#include "engine/calls.h"
#include "lab/evaluate/statistics.h"
#include "formats/config.h"

/* What relative errors are taken of. */
typedef enum {
    SIREN_QUANTITY_INTENSITY,
    SIREN_QUANTITY_FA,
    SIREN_QUANTITY_MD,
    SIREN_QUANTITY_RISH0,
    SIREN_QUANTITY_RISH2,
    SIREN_QUANTITY_FOD,
    SIREN_N_QUANTITIES
} siren_quantity;

/* And where: the brain is the mask, or the whole image without one. */
typedef enum {
    SIREN_REGION_BRAIN,
    SIREN_REGION_WM,
    SIREN_REGION_GM,
    SIREN_REGION_CSF,
    SIREN_N_REGIONS
} siren_region;

typedef struct {
    const char *original;    /* .nii or .nii.gz */
    const char *result;      /* .nii, .nii.gz or .siren, which is decoded */
    const char *mask;        /* of the brain, or NULL */
    const char *tissues[3];  /* masks of WM, GM, CSF, or NULL */
    const char *bval, *bvec; /* NULL: the ones beside the original, where both exist */
    bool tables_found;       /* not asked for: where they cannot be read, diffusion is skipped */
    const char *folder;      /* for maps and evaluation.json; made where it is missing */
    /* A folder on the same file system where MRtrix3's images of the original are kept for further evaluations of it,
     * with the same mask and tables; NULL: they are computed each time. */
    const char *cache;
    bool overwrite;
    bool diffusion;      /* false: no diffusion metrics */
    bool fod;            /* false: none of fibre orientation distributions, which take longest */
    double time_limit;   /* seconds, of each program of MRtrix3; 0: none */
    size_t memory_limit; /* bytes of each image; larger is refused before allocation */
} siren_evaluate_options;

/* Relative errors of one quantity. */
typedef struct {
    bool done, failed; /* not done and not failed: skipped */
    char *reason;      /* one sentence where it is not done */
    siren_error_statistics regions[SIREN_N_REGIONS];
} siren_evaluated;

typedef struct {
    double minimum, maximum;         /* of the original, without what lies far outside the rest */
    double mse, psnr, max_abs_error; /* over all voxels and volumes; peak = maximum - minimum */
    double mse_masked, psnr_masked;  /* inside the mask, same peak; NaN without one */
    siren_slice_means slices;        /* PSNR as the paper's figures have it */
    double ssim,
        ssim_gaussian; /* mean over slices and volumes, range = maximum - minimum; NaN where slices are
                                        smaller than the window */
    bool masked;       /* a mask was given */
    siren_span judged; /* slices of the original */
    bool part;         /* these are not all: the result is an archive of them alone */
    bool has_region[SIREN_N_REGIONS];
    siren_evaluated quantities[SIREN_N_QUANTITIES];
} siren_evaluation;

/* "intensity", "fa"; static. */
const char *siren_quantity_name(siren_quantity quantity);
/* "brain", "wm"; "all" for the brain without a mask; static. */
const char *siren_region_name(const siren_evaluation *evaluation, siren_region region);

/* Judges a result and writes maps and evaluation.json to the folder, all of them or none. `device` NULL decodes
 * archives on the host. What cannot be had of the diffusion metrics leaves the rest alone: see `quantities`. USAGE
 * where grids, places, gradient tables do not fit, or the original is constant; CORRUPT for values that are not finite
 * and for masks that are empty or not binary. `*out` is yours: siren_evaluation_free(). */
siren_status siren_evaluate(siren_device *device, const siren_evaluate_options *options,
                            siren_progress_fn progress, void *user, siren_evaluation *out);
/* Releases what it holds; the struct itself is the caller's. NULL is allowed. */
void siren_evaluation_free(siren_evaluation *evaluation);

/* Adds the members of evaluation.json. */
void siren_evaluation_json(const siren_evaluation *evaluation, siren_json *json);

#endif
