/* One gradient of a batch of networks by a kernel family, and the same by the double-precision reference. */
#ifndef SIREN_TESTS_FAMILY_GRADIENT_H
#define SIREN_TESTS_FAMILY_GRADIENT_H

#include "engine/train/gradient.h"
#include "tests/shared/testing.h"

/* Networks of one shape and their data; every array belongs to the batch. */
typedef struct {
    siren_network network;
    size_t n_networks, n_points, n_params, n_padded, n_outputs, out_padded;
    float *coordinates; /* (n_points, n_inputs), random */
    float *params;      /* (n_networks, n_params), initial ones of different blocks */
    float *targets;     /* (n_networks, n_points, n_outputs), random */
} batch;

/* `missing`: every seventh target is NaN, and all of the last point's. End it with batch_end(). */
void batch_start(batch *b, const siren_network *network, size_t n_networks, size_t n_points, bool missing);
void batch_end(batch *b);
/* The batch of network `i` alone, borrowing from `b`. */
batch batch_of_one(const batch *b, size_t i);

/* What a family returns: parts as they are, and summed. */
typedef struct {
    size_t n_parts, n_tiles;
    float *partial_gradients; /* (n_networks, n_parts, n_padded) */
    float *partial_losses;    /* (n_networks, n_parts) */
    double *gradients;        /* (n_networks, n_params), scaled: of the mean over data */
    double *losses;           /* (n_networks) */
} family_result;

/* Runs two epochs' gradients and returns the second, by the device's family. Fails the test if padding is not zero. */
void family_gradient(siren_device *device, const batch *b, family_result *out);
void family_result_end(family_result *r);
/* Fails the test, naming `what`, unless all results agree with the reference: losses to `tolerance` relatively,
 * gradients to `tolerance` relative to their norm. Returns the worst relative difference. */
double compare_with_reference(const batch *b, const family_result *r, double tolerance, const char *what);

/* Table, w0 and coordinates of the batch on the device; free the three buffers with shape_end(). */
siren_gradient_plan shape_start(siren_device *device, const batch *b);
void shape_end(siren_gradient_plan *shape);
/* A buffer with the batch's parameters in padded layout; yours to free. */
siren_buffer *padded_params(siren_device *device, const batch *b);

#endif
