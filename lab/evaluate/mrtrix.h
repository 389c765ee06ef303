/* Diffusion metrics of two series by the programs of MRtrix3, which run as processes of their own without a shell.
 *
 * They come in chains; a chain that cannot run leaves the others alone. Commands and choices: docs/evaluate.md. */
#ifndef SIREN_LAB_EVALUATE_MRTRIX_H
#define SIREN_LAB_EVALUATE_MRTRIX_H

#include "host/base.h"

typedef enum {
    SIREN_CHAIN_TENSOR,    /* SERIES_tensor, SERIES_fa, SERIES_md: of the lowest shell with 6 volumes */
    SIREN_CHAIN_HARMONICS, /* SERIES_rish: volumes l = 0, 2, 4; of the highest shell with 15 volumes */
    SIREN_CHAIN_FOD,       /* SERIES_fod: fibre orientation distributions, of the same shell */
    SIREN_N_CHAINS
} siren_chain;

typedef enum { SIREN_CHAIN_DONE, SIREN_CHAIN_SKIPPED, SIREN_CHAIN_FAILED } siren_chain_state;

typedef struct {
    siren_chain_state state;
    char *reason; /* one sentence; NULL where it is done */
} siren_chain_outcome;

#define SIREN_MRTRIX_SUFFIX ".nii.gz" /* of the images that chains make */

typedef struct {
    const char *folder;      /* where everything lies, and what is made will lie */
    const char *input[2];    /* file names in it: the images of the series "original" and "result" */
    const char *mask;        /* file name in it, or NULL */
    const char *bvec, *bval; /* file names in it; bval NULL: all chains are skipped */
    bool fod;                /* false: SIREN_CHAIN_FOD is skipped */
    unsigned made;     /* set of 1u << siren_chain: what these make of the original lies in the folder */
    double time_limit; /* seconds, of each program; 0: none */
} siren_mrtrix_plan;

/* Runs the chains for both series. Where it returns OK, each outcome says whether its images are there; their reasons are
 * yours: siren_mrtrix_free(). Each program is one step of progress. CANCELLED, or SYSTEM when out of memory. */
siren_status siren_mrtrix_run(const siren_mrtrix_plan *plan, siren_progress_fn progress, void *user,
                              siren_chain_outcome outcomes[SIREN_N_CHAINS]);
void siren_mrtrix_free(siren_chain_outcome outcomes[SIREN_N_CHAINS]);

typedef struct {
    bool bzero;       /* there are volumes without diffusion weighting */
    double low, high; /* mean b, s/mm^2, of the shells that chains take; NAN where there is none */
} siren_mrtrix_shells;

/* Chooses them from the two lines that 'mrinfo -shell_bvalues -shell_sizes' prints. False for any other text. */
bool siren_mrtrix_choose_shells(const char *text, siren_mrtrix_shells *out);

#endif
