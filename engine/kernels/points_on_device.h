/* Networks of one shape and the points that they are evaluated on, as the kernels of both families take them. */
#ifndef SIREN_ENGINE_KERNELS_POINTS_ON_DEVICE_H
#define SIREN_ENGINE_KERNELS_POINTS_ON_DEVICE_H

#include "engine/model/network.h"
#include "host/opencl/launch.h"

/* What a network on features trains on in place of coordinates: a batch of points in an order. */
typedef struct {
    const siren_buffer *points; /* (any number, SIREN_POINT_PITCH(n_inputs)) */
    const siren_buffer *order;  /* (at least begin + n_points) of rows of points */
    size_t begin;               /* of the batch, set before each */
    float least;                /* probability that every value keeps (cl/code_length.cl) */
} siren_batch;

typedef struct {
    siren_device *device;
    const siren_network *network;
    size_t n_networks, n_points;
    const siren_buffer *table;       /* (n_layers, SIREN_LAYER_FIELDS) ints */
    const siren_buffer *w0;          /* (n_layers) */
    const siren_buffer *coordinates; /* (n_points, n_inputs) */
    const siren_batch
        *batch; /* of one network on features, to be filled in by its first tile; NULL: coordinates */
    size_t memory_limit; /* bytes for the gradient and the targets of its tiles; 0: no limit */
} siren_gradient_plan;

/* What a limit leaves beside `held` bytes; SIZE_MAX where it is 0, which means none. */
static inline size_t siren_memory_left(size_t limit, size_t held) {
    return limit == 0 ? SIZE_MAX : limit > held ? limit - held : 0;
}

#endif
