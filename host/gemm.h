/* Matrix products by CLBlast's Sgemm, on buffers of host/launch. */
#ifndef SIREN_HOST_GEMM_H
#define SIREN_HOST_GEMM_H

#include "host/launch.h"

/* A row-major matrix inside a buffer: element (row, column) stands at float offset + row * pitch + column. */
typedef struct {
    siren_buffer *buffer;
    size_t offset, pitch; /* in floats */
    bool transposed;      /* use the transpose; not allowed for a result */
} siren_matrix;

/* Enqueues C(m, n) = alpha * A(m, k) B(k, n) + beta * C, A and B transposed where they say so. All buffers belong to
 * `device`. USAGE for an empty or ill-fitting shape, DEVICE_MEMORY without room for CLBlast's copies, else DEVICE. */
siren_status siren_gemm(siren_device *device, size_t m, size_t n, size_t k, float alpha, siren_matrix a,
                        siren_matrix b, float beta, siren_matrix c);

#endif
