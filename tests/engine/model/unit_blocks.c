/* engine/model/blocks: coordinates, scaling of targets, and the way back. */
#include "tests/shared/testing.h"
#include "engine/model/blocks.h"
#include "tests/shared/oracle.h"

#include <math.h>

static void coordinates_are_the_papers(void **state) {
    (void)state;
    float ours[5 * 4 * 2], reference[5 * 4 * 2], one[2] = {9, 9};
    const siren_block slice = {3, 2, 1, 5, 4, 1, NULL, 0}, point = {0, 0, 0, 1, 1, 1, NULL, 0},
                      box = {9, 8, 7, 5, 4, 3, NULL, 0};
    siren_block_coordinates(&slice, 2, 0, 20, ours);
    method_coordinates(5, 4, 1, 2, reference);
    assert_memory_equal(ours, reference, sizeof ours);
    assert_true(ours[0] == -1 && ours[1] == -1 && ours[2 * 19] == 1 && ours[2 * 19 + 1] == 1 &&
                ours[2] == -0.5f);
    siren_block_coordinates(&point, 2, 0, 1, one);
    assert_true(one[0] == 0 && one[1] == 0);
    float box_ours[60 * 3], box_reference[60 * 3];
    for (size_t first = 0; first < 60; first += 7)
        siren_block_coordinates(&box, 3, first, first + 7 < 60 ? 7 : 60 - first, box_ours + 3 * first);
    method_coordinates(5, 4, 3, 3, box_reference);
    assert_memory_equal(box_ours, box_reference, sizeof box_ours);
}

/* Blocks of one size stand together and ascend; none is missing and none is there twice. */
static void grids_are_ordered_by_size(void **state) {
    (void)state;
    const siren_geometry g = {.nx = 9, .ny = 7, .nz = 5};
    const size_t sizes[][4] = {{4, 3, 2, 8}, {3, 7, 5, 1}, {5, 7, 1, 2}, {100, 4, 2, 4}};
    for (size_t i = 0; i < 4; i++) {
        siren_block_grid grid;
        size_t numbers[64], n_sizes = 1, n_points = 0;
        bool seen[64] = {false};
        assert_siren_ok(siren_block_grid_create(SIREN_BLOCK_PATCH, sizes[i], &g, 0, 5, &grid));
        assert_true(grid.count <= 64 && grid.first == 0);
        siren_block_grid_by_size(&grid, numbers);
        for (size_t n = 0; n < grid.count; n++) {
            siren_block block = siren_block_at(&grid, numbers[n]),
                        before = siren_block_at(&grid, numbers[n ? n - 1 : 0]);
            assert_false(seen[numbers[n]]);
            seen[numbers[n]] = true;
            n_points += siren_block_points(&block);
            bool equal = block.nx == before.nx && block.ny == before.ny && block.nz == before.nz;
            if (!equal) n_sizes++;
            assert_true(n == 0 || !equal || numbers[n] > numbers[n - 1]);
        }
        assert_int_equal(n_points, 9 * 7 * 5);
        assert_int_equal(n_sizes, sizes[i][3]);
    }
    siren_block_grid slices;
    size_t numbers[3];
    assert_siren_ok(siren_block_grid_create(SIREN_BLOCK_SLICE, NULL, &g, 1, 4, &slices));
    siren_block_grid_by_size(&slices, numbers);
    for (size_t n = 0; n < 3; n++)
        assert_true(numbers[n] == n + 1 && siren_block_at(&slices, n + 1).z == n + 1);
}

/* An index numbers blocks in 32 bits. */
static void a_grid_of_too_many_blocks_is_refused(void **state) {
    (void)state;
    const siren_geometry g = {.nx = 4096, .ny = 4096, .nz = 4096};
    siren_block_grid grid;
    assert_int_equal(
        siren_block_grid_create(SIREN_BLOCK_PATCH, (const size_t[]){1, 1, 16}, &g, 0, 4096, &grid),
        SIREN_USAGE);
    assert_int_equal(
        siren_block_grid_create(SIREN_BLOCK_PATCH, (const size_t[]){2, 1, 16}, &g, 0, 4096, &grid), SIREN_OK);
}

static void slices_come_back(void **state) {
    (void)state;
    /* (3 volumes, 2 slices, 2 rows of 2): a ramp, a constant, and one with NaN and infinity. */
    float voxels[3][2][4] = {{{0, 1, 2, 3}, {10, 20, 30, 50}},
                             {{7, 7, 7, 7}, {7, 7, 7, 7}},
                             {{0, 0, 0, 0}, {NAN, 4, INFINITY, 6}}};
    siren_series series = {.geometry = {.datatype = SIREN_FLOAT32, .nx = 2, .ny = 2, .nz = 2, .n_volumes = 3},
                           .voxels = voxels};
    float targets[4][3], back[3][4];
    siren_scaling scaling[3];
    siren_apart apart = {0, 99};
    const siren_block slice = {.z = 1, .nx = 2, .ny = 2, .nz = 1};
    assert_siren_ok(siren_block_scale(&series, &slice, NULL, scaling, &apart));
    assert_true(apart.n == 2 && apart.n_finite == 0);
    assert_siren_ok(siren_block_gather(&series, &slice, NULL, targets[0], scaling, &apart));
    assert_true(targets[0][0] == 0 && targets[1][0] == 0.25f && targets[2][0] == 0.5f && targets[3][0] == 1);
    for (int i = 0; i < 4; i++) assert_true(targets[i][1] == 0);
    assert_true(isnan(targets[0][2]) && targets[1][2] == 0 && isnan(targets[2][2]) && targets[3][2] == 1);
    for (int i = 0; i < 4; i++)
        if (isnan(targets[i][2])) targets[i][2] = 0.5f;
    assert_siren_ok(siren_block_restore(&(siren_block){.nx = 4, .ny = 1, .nz = 1}, 0, 4, SIREN_FLOAT32, 3,
                                        scaling, targets[0], back));
    for (int i = 0; i < 4; i++) assert_true(back[0][i] == voxels[0][1][i] && back[1][i] == 7);
    assert_true(back[2][1] == 4 && back[2][3] == 6);
}

/* Targets of any range of points are those of the whole block. */
static void ranges_are_parts_of_the_whole(void **state) {
    (void)state;
    enum { X = 5, Y = 4, Z = 3, V = 2, PITCH = 7 };
    const siren_block block = {1, 0, 1, 3, 4, 2, NULL, 0}; /* rows of 3 within rows of 5 */
    static int16_t voxels[V * Z * Y * X];
    siren_series series = {.geometry = {.datatype = SIREN_INT16, .nx = X, .ny = Y, .nz = Z, .n_volumes = V},
                           .voxels = voxels};
    float whole[24][V], part[24][PITCH];
    siren_scaling scaling[V];
    siren_apart apart;
    for (int i = 0; i < V * Z * Y * X; i++) voxels[i] = (int16_t)(i * i % 101);
    assert_siren_ok(siren_block_gather(&series, &block, NULL, whole[0], scaling, &apart));
    for (size_t first = 0; first < 24; first++)
        for (size_t n = 1; first + n <= 24; n++) {
            for (size_t i = 0; i < 24; i++)
                for (size_t j = 0; j < PITCH; j++) part[i][j] = -1;
            assert_siren_ok(siren_block_targets(&series, &block, scaling, first, n, PITCH, part[0]));
            for (size_t i = 0; i < n; i++) {
                assert_memory_equal(part[i], whole[first + i], sizeof whole[0]);
                for (size_t j = V; j < PITCH; j++) assert_true(part[i][j] == -1);
            }
        }
}

static void integers_round_and_clamp(void **state) {
    (void)state;
    siren_scaling scaling = {0, 255};
    float y[5] = {-0.1f, 0.5f / 255, 1.5f / 255, 1.2f, 0.5f};
    uint8_t back[5];
    assert_siren_ok(siren_block_restore(&(siren_block){.nx = 5, .ny = 1, .nz = 1}, 0, 5, SIREN_UINT8, 1,
                                        &scaling, y, back));
    assert_int_equal(back[0], 0);
    assert_int_equal(back[3], 255);
    assert_true(back[1] <= 1 && back[2] >= 1 && back[2] <= 2 && (back[4] == 127 || back[4] == 128));
}

static void an_overflowing_range_is_refused(void **state) {
    (void)state;
    double voxels[2] = {-1.7e308, 1.7e308};
    siren_series series = {.geometry = {.datatype = SIREN_FLOAT64, .nx = 2, .ny = 1, .nz = 1, .n_volumes = 1},
                           .voxels = voxels};
    siren_scaling scaling;
    siren_apart apart = {99, 99};
    assert_int_equal(
        siren_block_scale(&series, &(siren_block){.nx = 2, .ny = 1, .nz = 1}, NULL, &scaling, &apart),
        SIREN_UNSUPPORTED);
    assert_true(apart.n == 99 && apart.n_finite == 99);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coordinates_are_the_papers),           cmocka_unit_test(grids_are_ordered_by_size),
        cmocka_unit_test(a_grid_of_too_many_blocks_is_refused), cmocka_unit_test(slices_come_back),
        cmocka_unit_test(ranges_are_parts_of_the_whole),        cmocka_unit_test(integers_round_and_clamp),
        cmocka_unit_test(an_overflowing_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
