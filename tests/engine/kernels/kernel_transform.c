/* The inverse of the transform on the device gives the bits of the host: slices of odd sides, masks and parts of the
 * volumes, and coefficients that no encoder makes, at the ends of 32 bits. */
#include "tests/shared/devices.h"
#include "tests/shared/random_numbers.h"
#include "engine/kernels/transform_on_device.h"
#include "formats/series.h"

#include <math.h>

enum { MOST = 40 * 40, VOLUMES = 9 };
static float voxels[VOLUMES * MOST];
static uint32_t inside[MOST];

static siren_block make_slice(size_t nx, size_t ny, bool masked) {
    siren_block block = {.nx = nx, .ny = ny, .nz = 1};
    for (size_t i = 0; i < nx * ny; i++) {
        double x = (double)(i % nx) - 0.4 * (double)nx, y = (double)(i / nx) - 0.5 * (double)ny;
        for (size_t v = 0; v < VOLUMES; v++)
            voxels[v * nx * ny + i] =
                (float)rint(500 + 300 * sin(0.3 * x + (double)v) * cos(0.2 * y) + random_u32() % 50);
        if (x * x + y * y < 0.1 * (double)(nx * ny) || i == 0) inside[block.n_inside++] = (uint32_t)i;
    }
    block.inside = masked ? inside : NULL;
    return block;
}

static void slices_are_those_of_the_host(void **unused) {
    (void)unused;
    const size_t sides[][2] = {{8, 8}, {1, 1}, {17, 9}, {40, 40}, {3, 33}, {24, 16}};
    const double steps[] = {0.5, 0.02, 1.0 / 65536};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        for (size_t step = 0; step < 3; step++) {
            siren_block block = make_slice(sides[i][0], sides[i][1], (i + step) % 2);
            siren_series series = {.geometry = {.datatype = SIREN_FLOAT32,
                                                .nx = block.nx,
                                                .ny = block.ny,
                                                .nz = 1,
                                                .n_volumes = VOLUMES},
                                   .voxels = voxels};
            size_t n_points = siren_block_points(&block), n_basis, n_bytes;
            float *targets = malloc(n_points * VOLUMES * sizeof *targets),
                  *host = malloc(n_points * VOLUMES * sizeof *host),
                  *own = malloc(n_points * VOLUMES * sizeof *own);
            siren_scaling scaling[VOLUMES];
            siren_transform_plan plan = {.step = steps[step]};
            siren_transform_basis fitted = {0}, basis = {0};
            siren_transform_coefficients slice = {0};
            siren_transform_on_device *transform = NULL;
            uint8_t *basis_bytes, *bytes;
            assert_true(targets && host && own);
            assert_siren_ok(siren_block_gather(&series, &block, NULL, targets, scaling, &(siren_apart){0}));
            assert_siren_ok(siren_transform_fit(&series, &block, 1, &plan, &fitted));
            assert_siren_ok(siren_transform_basis_encode(&fitted, &basis_bytes, &n_basis));
            assert_siren_ok(siren_transform_basis_decode("basis", basis_bytes, n_basis, VOLUMES, &basis));
            assert_siren_ok(siren_transform_encode_slice(&fitted, &plan, &block, targets, &bytes, &n_bytes));
            assert_siren_ok(siren_transform_on_device_create(device, &basis, &transform));
            for (size_t begin = 0; begin < 6; begin += 5) { /* all, and four of them */
                siren_span volumes = {begin, VOLUMES};
                size_t n = n_points * (VOLUMES - begin) * sizeof *host;
                memset(own, 0xA5, n);
                assert_siren_ok(
                    siren_transform_decode_slice(&basis, "slice", &block, bytes, n_bytes, volumes, host));
                assert_siren_ok(siren_transform_read_slice(&basis, "slice", &block, bytes, n_bytes, &slice));
                assert_siren_ok(siren_transform_on_device_run(transform, &slice, n_points, volumes, own));
                assert_memory_equal(own, host, n);
                siren_transform_coefficients_free(&slice);
            }
            siren_transform_on_device_free(transform);
            siren_transform_basis_free(&fitted);
            siren_transform_basis_free(&basis);
            free(basis_bytes);
            free(bytes);
            free(targets);
            free(host);
            free(own);
        }
}

/* Saturation is the same. */
static void ends_of_the_range_are_those_of_the_host(void **unused) {
    (void)unused;
    const int32_t ends[] = {INT32_MAX, INT32_MIN, INT32_MIN + 1, 1, 0, -1, 1 << 20};
    enum { K = 3, N = 19 * 21 };
    siren_block block = {.nx = 19, .ny = 21, .nz = 1};
    uint8_t mean[VOLUMES];
    int16_t vectors[K * VOLUMES];
    static float y[N * VOLUMES];
    siren_transform_basis basis = {.n_volumes = VOLUMES, .n_components = K, .mean = mean, .vectors = vectors};
    siren_transform_on_device *transform = NULL;
    for (unsigned unit = 10; unit <= 22; unit += 3) {
        siren_transform_coefficients slice = {.n_components = K, .unit = unit};
        assert_siren_ok(siren_slice_grid_create(&block, &slice.grid));
        size_t n_pixels = slice.grid.n_blocks * 64;
        slice.values = malloc(K * n_pixels * sizeof *slice.values);
        assert_non_null(slice.values);
        for (size_t i = 0; i < VOLUMES; i++) mean[i] = (uint8_t)random_u32();
        for (size_t i = 0; i < K * VOLUMES; i++) vectors[i] = (int16_t)random_u32();
        for (size_t i = 0; i < K * n_pixels; i++)
            slice.values[i] =
                random_u32() % 3 ? ends[random_u32() % 7] : (int32_t)(random_u32() >> random_u32() % 32);
        assert_siren_ok(siren_transform_on_device_create(device, &basis, &transform));
        assert_siren_ok(siren_transform_on_device_run(transform, &slice, N, (siren_span){0, VOLUMES}, y));
        siren_transform_rebuild(&slice);
        for (size_t b = 0; b < slice.grid.n_blocks; b++)
            for (size_t place = 0; place < 64; place++)
                for (size_t v = 0; v < VOLUMES && slice.grid.points[b * 64 + place] != SIREN_NO_POINT; v++) {
                    int64_t sum = unit > 10 ? (int64_t)1 << (unit - 11) : 0;
                    for (size_t k = 0; k < K; k++)
                        sum +=
                            (int64_t)vectors[k * VOLUMES + v] * slice.values[k * n_pixels + b * 64 + place];
                    sum = (sum >> (unit - 10)) + ((int64_t)mean[v] << 16);
                    sum = sum < 0 ? 0 : sum > 1 << 24 ? 1 << 24 : sum;
                    assert_true(y[slice.grid.points[b * 64 + place] * VOLUMES + v] ==
                                (float)ldexp((double)sum, -24));
                }
        siren_transform_on_device_free(transform);
        siren_transform_coefficients_free(&slice);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(slices_are_those_of_the_host),
                                       cmocka_unit_test(ends_of_the_range_are_those_of_the_host)};
    return run_on_family(SIREN_FAMILY_LAYER, tests, 2);
}
