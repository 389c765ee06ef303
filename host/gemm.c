#include "host/gemm.h"

#include "host/opencl.h"

#include <clblast_c.h>
#include <pthread.h>

/* CLBlast before 1.6.1 has a race in its cache of programs. */
static pthread_mutex_t enqueueing = PTHREAD_MUTEX_INITIALIZER;

/* Whether (rows, columns) of the matrix, as stored, lie inside its buffer. */
static bool inside(const siren_matrix *matrix, size_t rows, size_t columns) {
    size_t floats = 0;
    return rows > 0 && columns > 0 && matrix->pitch >= columns &&
           siren_mul(rows - 1, matrix->pitch, &floats) && siren_add(floats, columns, &floats) &&
           siren_add(floats, matrix->offset, &floats) &&
           floats <= siren_buffer_bytes(matrix->buffer) / sizeof(float);
}

siren_status siren_gemm(siren_device *device, size_t m, size_t n, size_t k, float alpha, siren_matrix a,
                        siren_matrix b, float beta, siren_matrix c) {
    bool fits = !c.transposed && inside(&c, m, n) && (a.transposed ? inside(&a, k, m) : inside(&a, m, k)) &&
                (b.transposed ? inside(&b, n, k) : inside(&b, k, n));
    if (!fits)
        return siren_fail(SIREN_USAGE,
                          "a matrix product of %zu x %zu x %zu does not fit its buffers: every side must be "
                          "at least 1, every pitch as "
                          "long as a row, and the result not transposed",
                          m, n, k);
    pthread_mutex_lock(&enqueueing);
    CLBlastStatusCode code =
        CLBlastSgemm(CLBlastLayoutRowMajor, a.transposed ? CLBlastTransposeYes : CLBlastTransposeNo,
                     b.transposed ? CLBlastTransposeYes : CLBlastTransposeNo, m, n, k, alpha,
                     a.buffer->memory, a.offset, a.pitch, b.buffer->memory, b.offset, b.pitch, beta,
                     c.buffer->memory, c.offset, c.pitch, &device->queue, NULL);
    pthread_mutex_unlock(&enqueueing);
    /* Codes above -1000 are OpenCL's; the others name reasons of CLBlast's own. */
    if (code > -1000) return siren_opencl_check(device, (cl_int)code, "CLBlast's Sgemm");
    return siren_fail(
        SIREN_DEVICE,
        "CLBlast's Sgemm of %zu x %zu x %zu failed on the device %s: its status %d; use the gemm of sirencl",
        m, n, k, device->label, (int)code);
}
