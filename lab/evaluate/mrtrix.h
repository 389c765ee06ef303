/* Diffusion metrics of two series by the programs of MRtrix3, which run as processes of their own without a shell.
 *
 * They come in pipelines; a pipeline that cannot run leaves the others alone. Commands and choices:
 * docs/evaluate.md. */
#ifndef SIREN_LAB_EVALUATE_MRTRIX_H
#define SIREN_LAB_EVALUATE_MRTRIX_H

#include "host/base.h"

typedef enum {
    SIREN_PIPELINE_TENSOR,    /* SERIES_tensor, SERIES_fa, SERIES_md: of the lowest shell with 6 volumes */
    SIREN_PIPELINE_HARMONICS, /* SERIES_rish: volumes l = 0, 2, 4; of the highest shell with 15 volumes */
    SIREN_PIPELINE_FOD,       /* SERIES_fod: fibre orientation distributions, of the same shell */
    SIREN_N_PIPELINES
} siren_pipeline;

typedef enum { SIREN_PIPELINE_DONE, SIREN_PIPELINE_SKIPPED, SIREN_PIPELINE_FAILED } siren_pipeline_state;

typedef struct {
    siren_pipeline_state state;
    char *reason; /* one sentence; NULL where it is done */
} siren_pipeline_outcome;

#define SIREN_MRTRIX_SUFFIX ".nii.gz" /* of the images that pipelines make */

typedef struct {
    const char *folder;       /* where everything lies, and what is made will lie */
    const char *input[2];     /* file names in it: the images of the series "original" and "result" */
    const char *mask;         /* file name in it, or NULL */
    const char *bvec, *bval;  /* file names in it */
    const char *no_gradients; /* why these are not there, so that all pipelines are skipped; else NULL */
    bool fod;                 /* false: SIREN_PIPELINE_FOD is skipped */
    unsigned made;     /* set of 1u << siren_pipeline: what these make of the original lies in the folder */
    double time_limit; /* seconds, of each program; 0: none */
} siren_mrtrix_plan;

/* Runs the pipelines for both series. Where it returns OK, each outcome says whether its images are there; their
 * reasons are yours: siren_mrtrix_free(). Each program is one step of progress. CANCELLED, or SYSTEM when out of
 * memory. */
siren_status siren_mrtrix_run(const siren_mrtrix_plan *plan, siren_progress_fn progress, void *user,
                              siren_pipeline_outcome outcomes[SIREN_N_PIPELINES]);
void siren_mrtrix_free(siren_pipeline_outcome (*outcomes)[SIREN_N_PIPELINES]);

typedef struct {
    bool bzero;       /* there are volumes without diffusion weighting */
    double low, high; /* mean b, s/mm^2, of the shells that pipelines take; NAN where there is none */
} siren_mrtrix_shells;

/* Chooses them from the two lines that 'mrinfo -shell_bvalues -shell_sizes' prints. False for any other text. */
bool siren_mrtrix_choose_shells(const char *text, siren_mrtrix_shells *out);

#endif
