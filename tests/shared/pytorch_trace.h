/* The PyTorch traces of tests/golden: networks, data and what ten epochs of PyTorch made of them.
 * File format and origin: tests/golden/make_trace.py. Orders and shapes as in examples/method.h. */
#ifndef SIREN_TESTS_PYTORCH_TRACE_H
#define SIREN_TESTS_PYTORCH_TRACE_H

#include "engine/model/network.h"

typedef struct {
    siren_network network;
    uint32_t nx, ny, nz; /* n_points = nx*ny*nz */
    uint32_t n_epochs;
    double learning_rate;
    uint32_t best_evaluated, best_stepped; /* epoch (from 1) kept by our rule and by the published one */
    size_t n_points, n_params;
    float *coordinates;   /* (n_points, n_inputs) */
    float *targets;       /* (n_points, n_outputs), NaN = no data */
    float *initial;       /* (n_params) */
    double *loss_double;  /* (n_epochs) of the run in double precision; of the weights before each step */
    double *loss_single;  /* (n_epochs) of the run in single precision */
    double *final_double; /* (n_params) after the last step */
    float *final_single;  /* (n_params) */
} golden_trace;

/* One trace per model, at the published learning rate, as names for golden_load(); ends with NULL. In single
 * precision each can be followed to 1e-4 in the loss. Beside them stand "snapshot" and "snapshot_rules": runs with
 * steps so long that the best epoch is not the last; in the second the two snapshot rules differ. */
extern const char *const golden_names[];

/* Loads `name` (e.g. "siren_2d") from the folder of the environment variable SIREN_GOLDEN (default: tests/golden), or,
 * where `name` contains a '/', the file of that path. End it with golden_free(). */
siren_status golden_load(const char *name, golden_trace *trace);
void golden_free(golden_trace *trace);

/* Ten steps on features, from tests/golden/make_features.py. */
typedef struct {
    siren_network network;
    size_t n_points, n_steps, n_values, n_params;
    double learning_rate;
    float *features, *edges, *initial; /* (n_points, n_inputs), (n_points, 2), (n_params) */
    double *loss_double, *loss_single; /* (n_steps) before each step */
    double *final_double;              /* (n_params) after the last */
    float *final_single;
} golden_features;

/* Loads trace_features.bin from the same folder. End it with golden_features_free(). */
siren_status golden_features_load(golden_features *trace);
void golden_features_free(golden_features *trace);

#endif
