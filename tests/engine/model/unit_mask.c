/* engine/model/mask: the section's bytes as docs/archive-format.md has them, and the points of blocks. */
#include "tests/shared/testing.h"
#include "engine/model/mask.h"
#include "formats/little_endian.h"

#include <stdlib.h>

enum { NX = 5, NY = 3, NZ = 3, GRID = NX * NY * NZ };

/* Voxels 16, 17 and 38 of the grid: (1,0,1), (2,0,1) and (3,1,2). */
static const uint8_t inside[GRID] = {[16] = 1, [17] = 1, [38] = 1};

static siren_series make_series(int16_t *voxels) {
    return (siren_series){.geometry = {.datatype = SIREN_INT16, .nx = NX, .ny = NY, .nz = NZ, .n_volumes = 1},
                          .voxels = voxels};
}

static void bytes_are_those_of_the_format(void **state) {
    (void)state;
    int16_t voxels[GRID];
    for (int i = 0; i < GRID; i++) voxels[i] = (int16_t)(inside[i] ? i : -2);
    siren_series series = make_series(voxels);
    uint8_t *section = NULL;
    size_t n = 0;
    assert_siren_ok(siren_mask_pack(inside, &series, 0, NZ, &section, &n));
    const uint8_t whole[16 + 6] = {3, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0x40, 0};
    assert_int_equal(n, sizeof whole);
    assert_memory_equal(section, whole, n);
    free(section);

    /* Bits begin with the first slice; one voxel outside that differs makes the background 0. */
    voxels[44] = 0;
    assert_siren_ok(siren_mask_pack(inside, &series, 1, NZ, &section, &n));
    const uint8_t part[16 + 4] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0x80, 0};
    assert_int_equal(n, sizeof part);
    assert_memory_equal(section, part, n);
    free(section);

    uint8_t *untouched = NULL;
    assert_int_equal(siren_mask_pack(inside, &series, 0, 1, &untouched, &n), SIREN_USAGE);
    assert_null(untouched);
}

static void a_series_takes_the_background(void **state) {
    (void)state;
    int16_t voxels[GRID];
    siren_series series = make_series(voxels);
    for (int different = 0; different < 2; different++) {
        for (int i = 0; i < GRID; i++) voxels[i] = (int16_t)(inside[i] ? 100 + i : -2);
        if (different) voxels[0] = 7; /* the others have nothing in common with it: 0 */
        assert_siren_ok(siren_mask_apply(inside, 0, &series));
        for (int i = 0; i < GRID; i++) assert_int_equal(voxels[i], inside[i] ? 100 + i : different ? 0 : -2);
    }
    const uint8_t nothing[GRID] = {0};
    assert_int_equal(siren_mask_apply(nothing, 4, &series), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "no voxel in slices 4:7"));
}

static void blocks_have_the_points_inside(void **state) {
    (void)state;
    int16_t voxels[GRID] = {0};
    siren_series series = make_series(voxels);
    siren_block_grid grid;
    siren_mask mask;
    uint8_t *section = NULL;
    size_t n = 0, n_points = 0;
    assert_siren_ok(siren_mask_pack(inside, &series, 1, NZ, &section, &n));
    assert_siren_ok(siren_block_grid_create(SIREN_BLOCK_PATCH, (const size_t[]){2, 2, 2}, &series.geometry, 1,
                                            NZ, &grid));
    assert_siren_ok(siren_mask_view("a", &grid, SIREN_INT16, section, n, &mask));
    assert_int_equal(mask.n_inside, 3);
    for (size_t i = 0; i < grid.count; i++) {
        siren_block block;
        uint32_t *points = NULL;
        assert_siren_ok(siren_mask_block(&mask, &grid, i, &block, &points));
        assert_int_equal(siren_block_points(&block), siren_mask_block_points(&mask, &grid, i));
        n_points += siren_block_points(&block);
        /* Patch 0 holds (1,0,1); patch 1, which begins at (2,0,1), holds (2,0,1) and (3,1,2). */
        if (i == 0) assert_true(block.n_inside == 1 && points[0] == 1);
        if (i == 1) assert_true(block.n_inside == 2 && points[0] == 0 && points[1] == 7);
        free(points);
    }
    assert_int_equal(n_points, 3);

    /* Without a mask, and in a block that it covers, every voxel is a point. */
    siren_block block;
    uint32_t *points = NULL;
    assert_siren_ok(siren_mask_block(&(siren_mask){.section = NULL}, &grid, 0, &block, &points));
    assert_true(!points && !block.inside && siren_block_points(&block) == 8);
    memset(section + SIREN_MASK_PREFIX, 0xff, 3);
    section[SIREN_MASK_PREFIX + 3] = 0x3f;
    siren_put_u64(section, 30);
    assert_siren_ok(siren_mask_view("a", &grid, SIREN_INT16, section, n, &mask));
    assert_siren_ok(siren_mask_block(&mask, &grid, 0, &block, &points));
    assert_true(!points && !block.inside);
    free(section);
}

/* Points of a masked block: coordinates, targets and values are those of their voxels in the whole box. */
static void points_are_voxels_of_the_box(void **state) {
    (void)state;
    enum { X = 5, Y = 4, Z = 3, V = 2, BOX = 3 * 4 * 2 };
    static const uint32_t chosen[] = {0, 1, 4, 5, 6, 11, 12, 22, 23};
    enum { N = sizeof chosen / sizeof *chosen };
    const siren_block box = {.x = 1, .z = 1, .nx = 3, .ny = 4, .nz = 2};
    siren_block some = box;
    int16_t voxels[V * Z * Y * X], back[V * BOX];
    siren_series series = {.geometry = {.datatype = SIREN_INT16, .nx = X, .ny = Y, .nz = Z, .n_volumes = V},
                           .voxels = voxels};
    float all_targets[BOX][V], targets[V], all_coordinates[BOX][3], coordinates[3], y[N][V];
    siren_scaling range[V] = {{0, 128}, {0, 128}}, own[V];
    siren_apart apart;
    some.inside = chosen;
    some.n_inside = N;
    for (int i = 0; i < V * Z * Y * X; i++) voxels[i] = (int16_t)(i * i % 101);
    assert_siren_ok(siren_block_targets(&series, &box, range, 0, BOX, V, all_targets[0]));
    siren_block_coordinates(&box, 3, 0, BOX, all_coordinates[0]);
    for (size_t i = 0; i < N; i++) {
        assert_siren_ok(siren_block_targets(&series, &some, range, i, 1, V, targets));
        assert_memory_equal(targets, all_targets[chosen[i]], sizeof targets);
        siren_block_coordinates(&some, 3, i, 1, coordinates);
        assert_memory_equal(coordinates, all_coordinates[chosen[i]], sizeof coordinates);
    }
    assert_siren_ok(siren_block_targets(&series, &some, range, 0, N, V, y[0]));
    assert_siren_ok(siren_block_scale(&series, &some, NULL, own, &apart));
    for (int v = 0; v < V; v++) {
        float low = 1, high = 0;
        for (size_t i = 0; i < N; i++) {
            low = y[i][v] < low ? y[i][v] : low;
            high = y[i][v] > high ? y[i][v] : high;
        }
        assert_true(own[v].minimum == 128 * (double)low && own[v].maximum == 128 * (double)high);
    }
    for (int i = 0; i < V * BOX; i++) back[i] = -1;
    assert_siren_ok(siren_block_restore(&some, 0, 4, SIREN_INT16, V, range, y[0], back));
    assert_siren_ok(siren_block_restore(&some, 4, N - 4, SIREN_INT16, V, range, y[4], back));
    for (int v = 0; v < V; v++)
        for (size_t voxel = 0, i = 0; voxel < BOX; voxel++) {
            bool point = i < N && chosen[i] == voxel;
            assert_true((float)back[v * BOX + voxel] == (point ? 128 * y[i][v] : -1));
            i += point;
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_those_of_the_format),
        cmocka_unit_test(a_series_takes_the_background),
        cmocka_unit_test(blocks_have_the_points_inside),
        cmocka_unit_test(points_are_voxels_of_the_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
