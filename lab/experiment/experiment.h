/* An experiment: inputs, and the trials to run on each, resolved from a JSON file (docs/experiments.md). */
#ifndef SIREN_LAB_EXPERIMENT_EXPERIMENT_H
#define SIREN_LAB_EXPERIMENT_EXPERIMENT_H

#include "lab/baseline/baseline.h"
#include "engine/model/network.h"
#include "lab/phantom/phantom.h"
#include "engine/options.h"
#include "formats/config.h"

#define SIREN_MAX_TRIALS 100000 /* of an experiment, unless the caller asks for more */
#define SIREN_MAX_INPUTS 1000
#define SIREN_CUSTOM_MODEL "custom" /* what stands for a shorthand where the layers are listed */

/* Files beside a series that evaluations need: gradient tables and tissue masks. */
typedef enum {
    SIREN_BESIDE_BVAL,
    SIREN_BESIDE_BVEC,
    SIREN_BESIDE_WM,
    SIREN_BESIDE_GM,
    SIREN_BESIDE_CSF,
    SIREN_N_BESIDE
} siren_beside;
/* "bval", "wm"; static. */
const char *siren_beside_name(siren_beside file);

typedef struct {
    char *name;         /* letters, digits, '-', '_', '.'; unique in the experiment */
    char *image;        /* path; NULL: the phantom below is made */
    char *mask;         /* path, or NULL; a phantom has its own */
    bool train_on_mask; /* only voxels inside are trained on and stored; else it is for figures alone */
    siren_phantom_options phantom; /* its shells and echo times are owned by the experiment */
    double voxel;                  /* of the phantom's, mm; 0: a field of view of 210 x 210 x 144 mm */
    char *beside[SIREN_N_BESIDE];  /* paths, or NULL; a phantom has its own */
    char *
        volume_coordinates; /* path of a table (docs/acquisition.md), or NULL; a phantom with echo times has its own */
} siren_experiment_input;

/* How complete trials are judged (lab/evaluate/evaluate.h). */
typedef struct {
    bool wanted;
    bool tissues, diffusion, fod;
} siren_experiment_evaluation;

/* Figures of one slice of several results, which reports draw (docs/panels.md). */
typedef enum { SIREN_FIGURE_PANEL, SIREN_FIGURE_GLYPHS, SIREN_N_FIGURES } siren_figure_kind;
/* "panel", "glyphs"; static. */
const char *siren_figure_name(siren_figure_kind kind);
#define SIREN_MIDDLE_SLICE SIZE_MAX

typedef struct {
    bool wanted;
    size_t slice;    /* along z, counted from 0; SIREN_MIDDLE_SLICE: of the image */
    size_t volume;   /* of a panel */
    siren_span x, y; /* voxels shown; 0:0: all */
    /* (n_results) what is shown, in this order, at most SIREN_FIGURE_MOST_RESULTS of an input: numbers of trials, and
     * n_trials + those of baselines. */
    size_t *results;
    size_t n_results;
} siren_experiment_figure;

/* What a trial is to reach, as `sirencl compress` does. */
typedef struct {
    siren_target kind; /* SIREN_TARGET_NONE: networks as the settings say */
    double amount;     /* of all but SIREN_TARGET_LOSSLESS */
    bool percent;      /* SIREN_TARGET_MAX_ERROR: of the range of the values */
} siren_trial_target;

/* One network shape with all settings, to be overfitted to every block of one input; or a target, and the model that is
 * to meet it. */
typedef struct {
    char *name;   /* "siren-2d-3x256-int8-seed0"; unique in the experiment */
    size_t input; /* in the experiment's list */
    /* No choice left open. Of a list of layers: model SIREN_CUSTOM_MODEL, layers their number, width the largest. w0 is
     * of the first sine layer, 0 where there is none. */
    siren_settings settings;
    /* Its output layer has width 0, and on coordinates of volumes it has one of these: siren_trial_network() knows
     * more. Nothing where there is a target. */
    siren_network network;
    siren_trial_target target;
} siren_trial;

/* Whether the trial's network learns in coordinates of volumes. */
static inline bool siren_trial_has_acquisition(const siren_trial *trial) {
    return siren_model_has_acquisition(trial->settings.model);
}
/* Whether the trial is to reach a target: then it is compressed as by `sirencl compress`. */
static inline bool siren_trial_has_target(const siren_trial *trial) {
    return trial->target.kind != SIREN_TARGET_NONE;
}

/* A compressor or filter that the networks are compared with, to be run on the slices of one input. */
typedef struct {
    char *name;   /* "jpeg2000-slice-ratio10"; unique among the baselines */
    size_t input; /* in the experiment's list */
    const siren_baseline_method *method;
    siren_baseline_unit per; /* of a method that codes images */
    /* At most one of ratio, quality and matched; none: as close to the original as the method comes. */
    double ratio, quality; /* wanted, lab/baseline/baseline.h; 0: not given */
    size_t matched;        /* number of the trial whose ratio is wanted; SIREN_NO_TRIAL: none */
    siren_axis axis;
    siren_span slices; /* along the axis; end 0: to the last */
} siren_baseline_trial;
#define SIREN_NO_TRIAL SIZE_MAX

typedef struct {
    char *name, *description; /* description may be "" */
    siren_experiment_input *inputs;
    size_t n_inputs;
    siren_trial *trials; /* (n_trials) in the order of the file, inputs outermost */
    size_t n_trials;
    siren_baseline_trial *baselines; /* (n_baselines) in the order of the file, inputs outermost */
    size_t n_baselines;
    size_t log_interval; /* epochs between two rows of a curve */
    bool keep_archives, keep_curves;
    bool keep_restored; /* series that baselines restored */
    siren_experiment_evaluation evaluation;
    bool claims;       /* reports judge the claims of the paper by it (docs/claims.md) */
    siren_span slices; /* of the whole; end 0: to the last */
    siren_experiment_figure figures[SIREN_N_FIGURES];
} siren_experiment;

/* Reads and resolves the file. `image` (may be NULL) replaces the path of the only input, or its phantom. Relative
 * paths are relative to the file. USAGE or CORRUPT name file, JSON path or line and column, value and what is allowed.
 * `max_trials`: SIREN_MAX_TRIALS, or what the user insists on. `*out` is yours: siren_experiment_free(). */
siren_status siren_experiment_read(const char *path, const char *image, size_t max_trials,
                                   siren_experiment **out);
void siren_experiment_free(siren_experiment *experiment);
SIREN_POINTER_RELEASE(siren_experiment, siren_experiment_free)

/* What `sirencl compress` would be asked for, of a trial with a target: settings, target, nothing else. */
siren_compress_options siren_trial_options(const siren_trial *trial);
/* "ratio8", "max-error2percent", "lossless". Returns `out`. */
char *siren_trial_target_name(const siren_trial_target *target, char out[SIREN_SETTING_CHARS]);

/* The trial's network for a series of `n_volumes` with `n_acquisition` coordinates, which only networks on them look
 * at. */
siren_status siren_trial_network(const siren_trial *trial, uint32_t n_volumes, uint32_t n_acquisition,
                                 siren_network *out);
/* Writes the members of the trial's resolved configuration, all that can change its result but the input's content,
 * into the open object of `json`: what its identity is made of. */
void siren_trial_write(const siren_trial *trial, siren_json *json);
/* The same for a baseline; `matched` (may be NULL) is the identity of the trial that it is matched to. */
void siren_baseline_trial_write(const siren_baseline_trial *baseline, const char *matched, siren_json *json);
/* "jpeg2000", "jpeg2000-volume", "xz": what stands in the place of a model. Static. */
const char *siren_baseline_trial_model(const siren_baseline_trial *baseline);

#endif
