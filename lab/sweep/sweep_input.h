/* The inputs of a sweep: phantoms made, contents digested, series and masks read. */
#ifndef SIREN_LAB_SWEEP_SWEEP_INPUT_H
#define SIREN_LAB_SWEEP_SWEEP_INPUT_H

#include "lab/run/run_folder.h"
#include "host/digest.h"

/* An input as files. */
typedef struct {
    char *image, *mask; /* paths; mask NULL: none */
    char sha256[SIREN_DIGEST_CHARS], mask_sha256[SIREN_DIGEST_CHARS];
    char *beside[SIREN_N_BESIDE]; /* paths of what evaluations need, where they are wanted; NULL: none */
    char beside_sha256[SIREN_N_BESIDE][SIREN_DIGEST_CHARS];
    siren_geometry geometry;
    char *coordinates; /* path of the table of coordinates of volumes; NULL: none */
    char coordinates_sha256[SIREN_DIGEST_CHARS];
    uint8_t *section; /* what `acquisition` borrows */
    siren_acquisition acquisition;
} siren_sweep_input;

/* Finds the files of every input, makes phantoms and masks below `run` where they are missing, and digests all. USAGE
 * for a mask of another grid. `*out` (n_inputs of the experiment) is yours, even then: siren_sweep_inputs_free(). */
siren_status siren_sweep_inputs_prepare(const char *run, const siren_experiment *experiment,
                                        size_t memory_limit, siren_progress_fn progress, void *user,
                                        siren_sweep_input **out);
/* Whether there is no phantom and no mask to be made. */
siren_status siren_sweep_inputs_are_made(const char *run, const siren_experiment *experiment, bool *made);
void siren_sweep_inputs_free(siren_sweep_input *inputs, size_t n);
/* What results of trials on that input depend on. */
siren_trial_context siren_sweep_context(const siren_experiment *experiment, const siren_sweep_input *inputs,
                                        size_t which);

/* Reads the series, turned so that its slices run along `axis`, and the mask likewise: (nz, ny, nx), as
 * siren_mask_values() has it, NULL where there is none. USAGE for a mask of another grid. Both are yours:
 * siren_series_free(), free(). */
siren_status siren_sweep_input_read(const siren_sweep_input *input, siren_axis axis, size_t memory_limit,
                                    siren_series *series, uint8_t **mask);

#endif
