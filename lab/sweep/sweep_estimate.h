/* What a trial will cost, before anything is trained: for --dry-run. */
#ifndef SIREN_LAB_SWEEP_SWEEP_ESTIMATE_H
#define SIREN_LAB_SWEEP_SWEEP_ESTIMATE_H

#include "engine/model/acquisition.h"
#include "lab/experiment/experiment.h"

typedef struct {
    size_t n_params, n_blocks; /* parameters of one network; networks */
    uint64_t bytes; /* of all records before LZMA: an upper bound of the archive but for its sections */
    double ratio,
        ratio_float32;     /* of the archived voxels in their stored type, and in float32, to these bytes */
    double flop;           /* of all training steps, on what is inside the mask */
    uint64_t device_bytes; /* of one network in training: parameters, moments, gradients, targets */
} siren_trial_estimate;

/* Of the series turned so that its slices run along `axis`. */
siren_geometry siren_geometry_along(const siren_geometry *geometry, siren_axis axis);
/* Geometry of an input: of its file, or of the phantom to be made. */
siren_status siren_experiment_input_geometry(const siren_experiment_input *input, siren_geometry *out);
/* The mask that networks are trained on, of the input's file or of the phantom to be made; voxels NULL where there is
 * none. USAGE for another grid than `geometry`'s. `*out` is yours: siren_series_free(). */
siren_status siren_experiment_input_mask(const siren_experiment_input *input, const siren_geometry *geometry,
                                         size_t memory_limit, siren_series *out);
/* Coordinates of its volumes, of the input's table or of the phantom to be made; a view without a section where there
 * are none. `*section` is yours to free(), and what the view borrows. */
siren_status siren_experiment_input_acquisition(const siren_experiment_input *input,
                                                const siren_geometry *geometry, uint8_t **section,
                                                siren_acquisition *out);
/* For a series of that geometry and those coordinates, with such a mask (may be NULL). USAGE where the trial does not
 * fit it, CORRUPT for what is no mask. */
siren_status siren_trial_estimate_cost(const siren_trial *trial, const siren_geometry *geometry,
                                       const siren_series *mask, const siren_acquisition *acquisition,
                                       siren_trial_estimate *out);

/* Floating-point operations a second that `device` reaches in training the trial's network on such a series: a few
 * steps are run. */
siren_status siren_trial_measure_speed(siren_device *device, const siren_trial *trial,
                                       const siren_geometry *geometry, const siren_acquisition *acquisition,
                                       double *flop_per_second);

#endif
