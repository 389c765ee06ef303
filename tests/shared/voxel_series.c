#include "tests/shared/voxel_series.h"

#include "engine/calls.h"
#include "formats/nifti.h"
#include "tests/shared/testing.h"

static void expect_refusal(const char *archive, size_t x, size_t y, size_t z) {
    siren_voxel_series series;
    assert_int_equal(siren_voxel_read(archive, (size_t[3]){x, y, z}, (siren_span){0, 0}, SIZE_MAX, &series),
                     SIREN_USAGE);
}

/* `first`: the slice of the series that `decoded` begins with. */
static void expect_voxel(const char *archive, const siren_series *decoded, const size_t voxel[3],
                         siren_span volumes, size_t first) {
    const siren_geometry *g = &decoded->geometry;
    siren_voxel_series series;
    const size_t at = ((voxel[2] - first) * g->ny + voxel[1]) * g->nx + voxel[0];
    assert_siren_ok(siren_voxel_read(archive, voxel, volumes, SIZE_MAX, &series));
    assert_int_equal(series.n_volumes, (volumes.end ? volumes.end : g->n_volumes) - volumes.begin);
    for (size_t i = 0; i < series.n_volumes; i++) {
        double expected;
        siren_series_values(decoded, (volumes.begin + i) * g->nx * g->ny * g->nz + at, 1, &expected);
        if (memcmp(&series.values[i], &expected, sizeof expected) != 0)
            fail_msg("%s: voxel %zu,%zu,%zu of volume %zu is %.17g alone, %.17g in the whole", archive,
                     voxel[0], voxel[1], voxel[2], volumes.begin + i, series.values[i], expected);
    }
    free(series.values);
}

void expect_voxel_series(const char *archive, const char *decoded) {
    siren_archive_info info;
    siren_series whole;
    assert_siren_ok(siren_nifti_read(decoded, SIZE_MAX, &whole));
    assert_siren_ok(siren_info(archive, &info));
    const siren_geometry *g = &whole.geometry;
    const size_t first = info.blocks[0].first[2];
    for (size_t z = first; z < first + g->nz; z++)
        for (size_t y = 0; y < g->ny; y++)
            for (size_t x = 0; x < g->nx; x++) {
                const size_t voxel[3] = {x, y, z};
                expect_voxel(archive, &whole, voxel, (siren_span){0, 0}, first);
                expect_voxel(archive, &whole, voxel, (siren_span){g->n_volumes - 1, g->n_volumes}, first);
            }
    expect_refusal(archive, g->nx, 0, first);
    expect_refusal(archive, 0, g->ny, first);
    expect_refusal(archive, 0, 0, first + g->nz);
    if (first > 0) expect_refusal(archive, 0, 0, first - 1);
    siren_archive_info_free(&info);
    siren_series_free(&whole);
}
