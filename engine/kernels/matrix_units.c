#include "engine/kernels/matrix_units.h"

#include "engine/calls.h"
#include "host/opencl/launch.h"
#include "host/rng.h"
#include "host/float_bits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The tile of cl/product.cl where nothing else is asked for. */
enum { CHECK_TILE = 128, CHECK_ITEMS = 256, CHECK_PITCH = 128, CHECK_SLAB = 8 };
#define LEAST_CAPABILITY 8 /* mma.m16n8k8 with tf32 */
/* Of the sum of absolute products: above what adding up to 128 of them in single precision, rounded in any direction,
 * leaves, and below the 2e-4 of operands that were cut instead of rounded. */
#define CHECK_TOLERANCE 2e-5

const char *siren_matrix_file(siren_matrix_units units) {
    static const char *const files[] = {NULL, "matrix_ptx.cl", "matrix_emulated.cl"};
    return files[units];
}

/* To 10 bits after the leading one, ties away from zero, as cvt.rna.tf32.f32. */
static double round_to_tf32(float x) {
    return (double)siren_float_of((siren_bits_of(x) + 0x1000u) & 0xFFFFE000u);
}

typedef struct {
    int n_k, n_rows, n_columns;
} product_shape;

typedef struct {
    float a[CHECK_TILE * CHECK_PITCH], b[CHECK_TILE * CHECK_PITCH], results[2 * CHECK_TILE * CHECK_TILE];
    siren_buffer *on_device[3]; /* of the results, a and b */
} product_arrays;

static void product_arrays_free(product_arrays **arrays) {
    for (int i = 0; *arrays && i < 3; i++) siren_buffer_free((*arrays)->on_device[i]);
    free(*arrays);
}

/* Element (line, k) of a factor, as the first product (side 0) or the second takes it; 0 past the last line. */
static double factor_element(const float *values, int side, int line, int k, int n_lines) {
    if (line >= n_lines) return 0;
    return round_to_tf32(side == 0 ? values[line * CHECK_PITCH + k] : values[k * CHECK_PITCH + line]);
}

static siren_status compare_products(const siren_device *device, const product_shape *shape,
                                     const product_arrays *arrays) {
    for (int i = 0; i < 2 * CHECK_TILE * CHECK_TILE; i++) {
        int side = i / (CHECK_TILE * CHECK_TILE), row = i / CHECK_TILE % CHECK_TILE, column = i % CHECK_TILE;
        double sum = 0, size = 0;
        for (int k = 0; k < shape->n_k; k++) {
            double product = factor_element(arrays->a, side, row, k, shape->n_rows) *
                             factor_element(arrays->b, side, column, k, shape->n_columns);
            sum += product;
            size += fabs(product);
        }
        if (!(fabs((double)arrays->results[i] - sum) <= CHECK_TOLERANCE * size))
            return siren_fail(SIREN_DEVICE,
                              "the matrix units of the device %s compute wrongly: %.9g for %.9g at (%d, %d) "
                              "of a product over %d value%s; train without them",
                              siren_device_get_facts(device)->name, (double)arrays->results[i], sum, row,
                              column, shape->n_k, siren_plural(shape->n_k));
    }
    return SIREN_OK;
}

/* Random values; zero where a product does not reach but whole slabs are read. */
static void fill_factor(float *values, uint32_t stream, int n_k) {
    int end = (n_k + CHECK_SLAB - 1) / CHECK_SLAB * CHECK_SLAB;
    for (int i = 0; i < CHECK_TILE * CHECK_PITCH; i++) {
        int line = i / CHECK_PITCH, at = i % CHECK_PITCH;
        bool is_margin = (at >= n_k && at < end) || (line >= n_k && line < end);
        values[i] = is_margin ? 0 : 2 * siren_rng_uniform((siren_rng){21, stream, 0}, (uint64_t)i) - 1;
    }
}

static siren_status run_products(siren_kernel *kernel, const product_shape *shape, product_arrays *arrays) {
    siren_buffer *const *buffers = arrays->on_device;
    fill_factor(arrays->a, 0, shape->n_k);
    fill_factor(arrays->b, 1, shape->n_k);
    SIREN_TRY(siren_buffer_write(buffers[1], 0, arrays->a, sizeof arrays->a));
    SIREN_TRY(siren_buffer_write(buffers[2], 0, arrays->b, sizeof arrays->b));
    siren_range range = {.global = {CHECK_ITEMS}, .local = {CHECK_ITEMS}};
    SIREN_TRY(SIREN_LAUNCH(kernel, range, SIREN_BUFFER(buffers[0]), SIREN_BUFFER(buffers[1]),
                           SIREN_BUFFER(buffers[2]), SIREN_INT(CHECK_PITCH), SIREN_INT(shape->n_k),
                           SIREN_INT(shape->n_rows), SIREN_INT(shape->n_columns)));
    return siren_buffer_read(buffers[0], 0, arrays->results, sizeof arrays->results);
}

siren_status siren_matrix_check(siren_device *device, siren_matrix_units units) {
    static const product_shape shapes[] = {{8, 128, 128}, {37, 100, 72}, {1, 4, 128}, {128, 128, 16}};
    SIREN_AT_END(siren_kernel_free_at) siren_kernel *kernel = NULL;
    SIREN_AT_END(product_arrays_free) product_arrays *arrays = NULL;
    const size_t bytes[3] = {sizeof arrays->results, sizeof arrays->a, sizeof arrays->b};
    SIREN_TRY(siren_allocate(&arrays, 1, sizeof *arrays, "a product"));
    SIREN_TRY(siren_kernel_create(device, siren_matrix_file(units), "", "matrix_check", &kernel));
    for (int i = 0; i < 3; i++)
        SIREN_TRY(siren_buffer_create(device, bytes[i], "a product", &arrays->on_device[i]));
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        SIREN_TRY(run_products(kernel, &shapes[i], arrays));
        SIREN_TRY(compare_products(device, &shapes[i], arrays));
    }
    return SIREN_OK;
}

/* Other compilers may end the process over PTX, so only NVIDIA's own driver is given any. */
siren_status siren_matrix_units_enable(siren_device *device) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    if (strcmp(facts->platform_name, "NVIDIA CUDA") != 0 || strcmp(facts->vendor, "NVIDIA Corporation") != 0)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "the device %s (%s) has no matrix units that sirencl can use: NVIDIA's under NVIDIA's "
            "driver only",
            facts->name, facts->platform_name);
    if (facts->compute_capability < LEAST_CAPABILITY)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "the device %s has compute capability %u, but its matrix units multiply tf32 from %d on",
            facts->name, facts->compute_capability, LEAST_CAPABILITY);
    SIREN_TRY(siren_matrix_check(device, SIREN_MATRIX_PTX));
    siren_device_set_matrix_units(device, SIREN_MATRIX_PTX);
    return SIREN_OK;
}
