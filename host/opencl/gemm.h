/* Matrix products by CLBlast's SgemmStridedBatched, on buffers of host/opencl/launch. */
#ifndef SIREN_HOST_OPENCL_GEMM_H
#define SIREN_HOST_OPENCL_GEMM_H

#include "cl/knobs.h"
#include "host/opencl/launch.h"

/* CLBlast's tile parameters and its threshold between two ways to multiply, chosen here and not by its database, which
 * knows few devices and decides by the size of a product: a set of them always goes one way, so that the bits of a
 * result do not depend on how many rows are multiplied at once. Sets are numbered from 1 (docs/gemm.md lists them). */

/* The set for a device that has not been tuned. */
unsigned siren_gemm_default(const siren_device *device);

/* Row-major matrices inside a buffer, one for each product of a batch: element (row, column) of matrix i stands at
 * float offset + i * stride + row * pitch + column. */
typedef struct {
    siren_buffer *buffer;
    size_t offset, pitch, stride; /* in floats */
    bool transposed;              /* use the transpose; not allowed for a result */
} siren_matrix;

/* Enqueues the products C(m, n) = alpha * A(m, k) B(k, n) + beta * C of a batch, A and B transposed where they say so,
 * with the parameters of a set. All buffers belong to `device`. A transposed A and an untransposed B whose rows have no
 * gaps must have none between matrices either, and begin where the device lets a part of a buffer begin: CLBlast may
 * read them where they are, and then looks at neither stride nor offset. USAGE for an empty or ill-fitting shape,
 * DEVICE_MEMORY without room for CLBlast's copies, UNSUPPORTED where the set does not fit the device, else DEVICE. */
siren_status siren_gemm(siren_device *device, unsigned set, size_t n_products, size_t m, size_t n, size_t k,
                        float alpha, siren_matrix a, siren_matrix b, float beta, siren_matrix c);

#endif
