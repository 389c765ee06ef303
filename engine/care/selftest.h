/* The problems whose answers a device must know, open to the test that checks the answers themselves. */
#ifndef SIREN_ENGINE_CARE_SELFTEST_H
#define SIREN_ENGINE_CARE_SELFTEST_H

#include "engine/model/network.h"

#define SIREN_SELFTEST_EPOCHS 4
#define SIREN_SELFTEST_RATE 1e-3f

typedef struct {
    const char *model;
    uint32_t n_hidden, width, n_outputs;
    size_t nx, ny;
    double losses[SIREN_SELFTEST_EPOCHS]; /* of the epochs, by double-precision arithmetic */
    double gradient[2];                   /* projections of the first gradient, siren_selftest_project() */
} siren_selftest_case;

extern const siren_selftest_case siren_selftest_cases[];
extern const size_t siren_n_selftest_cases;

/* The case's network, coordinates (n_points, n_inputs), targets (n_points, n_outputs; some NaN) and initial parameters
 * (n_params); the arrays are yours to free(). */
siren_status siren_selftest_problem(const siren_selftest_case *c, siren_network *network, float **coordinates,
                                    float **targets, float **params);

/* Sum of gradient[i] * r[i] with fixed r: uniform in [-1,1) for direction 0, in [0,1) for direction 1. `norm` (may be
 * NULL) receives the root of the sum of squares of the products, the scale of a sensible difference. */
double siren_selftest_project(const double *gradient, size_t n, unsigned direction, double *norm);

#endif
