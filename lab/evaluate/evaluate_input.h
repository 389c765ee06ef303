/* What an evaluation compares: an original, a result, masks and gradient tables, all of them of the same slices. */
#ifndef SIREN_LAB_EVALUATE_EVALUATE_INPUT_H
#define SIREN_LAB_EVALUATE_EVALUATE_INPUT_H

#include "lab/evaluate/evaluate.h"
#include "lab/evaluate/mrtrix.h"
#include "formats/diffusion_table.h"
#include "host/staging.h"

typedef struct {
    const siren_evaluate_options *options;
    /* Of the original that are judged: all, but for an archive of a part of them. */
    siren_span slices;
    size_t n_slices;                 /* of the original's file */
    siren_series original, result;   /* the judged slices */
    uint8_t *masks[SIREN_N_REGIONS]; /* (judged slices, ny, nx), or NULL */
    siren_diffusion_table gradients; /* of all volumes, or empty */
    char *no_gradients;              /* why they are, where diffusion was asked for */
} siren_evaluation_input;

/* All but the result, of in->options; statuses as siren_evaluate() has them. */
siren_status siren_evaluation_input_original(siren_evaluation_input *in);
/* Whether the judged slices are not all. */
bool siren_evaluation_input_is_part(const siren_evaluation_input *in);
/* The result; an archive is decoded into the staging's folder, on the host where `device` is NULL. */
siren_status siren_evaluation_input_result(siren_evaluation_input *in, siren_device *device,
                                           siren_staging *staging, siren_progress_fn progress, void *user);
/* Puts links to all files, or their judged slices, into the staging's folder, under names that MRtrix3 takes as they
 * are, and these names into the plan. */
siren_status siren_evaluation_input_stage(const siren_evaluation_input *in, siren_staging *staging,
                                          siren_mrtrix_plan *plan);
/* Releases what it holds; the struct itself is the caller's. */
void siren_evaluation_input_free(siren_evaluation_input *in);

#endif
