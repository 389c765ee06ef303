/* formats/nifti against nibabel: files and values of tests/golden/make_nifti.py, and the real series of the
 * test data with the sizes and bounds that their descriptions give. */
#include "tests/shared/testing.h"
#include "tests/shared/nifti_files.h"
#include "formats/nifti.h"

#include <math.h>
#include <unistd.h>

#define LINE_BYTES 65536

static bool machine_is_big_endian(void) {
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 0;
}

static double real_at(const uint8_t *at, const siren_geometry *g) {
    uint8_t bytes[8];
    float f32;
    double f64;
    const size_t size = g->version == 1 ? 4 : 8;
    for (size_t i = 0; i < size; i++) bytes[i] = at[g->swapped ? size - 1 - i : i];
    memcpy(&f32, bytes, 4);
    memcpy(&f64, bytes, 8);
    return g->version == 1 ? f32 : f64;
}

/* The subseries that begins at z0 has its origin where nibabel places voxel (0, 0, z0). */
static void check_origin(const siren_series *series, char *line) {
    size_t z0;
    double expected[6];
    assert_int_equal(sscanf(line, "%zu %lf %lf %lf %lf %lf %lf", &z0, expected, expected + 1, expected + 2,
                            expected + 3, expected + 4, expected + 5),
                     7);
    siren_geometry g = series->geometry;
    uint8_t *header = NULL;
    assert_siren_ok(siren_nifti_subseries_header(series->header, &g, z0, g.nz - z0, g.n_volumes, &header));
    const size_t srow = g.version == 1 ? 280 : 400, qoffset = g.version == 1 ? 268 : 376,
                 size = g.version == 1 ? 4 : 8;
    for (size_t i = 0; i < 3; i++) {
        const double tolerance = g.version == 1 ? 2e-5 : 1e-9;
        double by_sform = real_at(header + srow + (4 * i + 3) * size, &g),
               by_qform = real_at(header + qoffset + i * size, &g);
        if (fabs(by_sform - expected[i]) > tolerance || fabs(by_qform - expected[3 + i]) > tolerance)
            fail_msg("z0 %zu axis %zu: sform %g (expected %g), qform %g (expected %g)", z0, i, by_sform,
                     expected[i], by_qform, expected[3 + i]);
    }
    free(header);
}

static void golden_files_read_as_nibabel_reads_them(void **state) {
    (void)state;
    const char *golden = getenv("SIREN_GOLDEN");
    assert_non_null(golden);
    char path[1024], *line = malloc(LINE_BYTES);
    assert_non_null(line);
    snprintf(path, sizeof path, "%s/nifti_values.txt", golden);
    FILE *values = fopen(path, "r");
    assert_non_null(values);
    siren_series series = {0};
    size_t n_files = 0, n_origins = 0;
    while (fgets(line, LINE_BYTES, values)) {
        const siren_geometry *g = &series.geometry;
        if (strncmp(line, "file ", 5) == 0) {
            char name[64], datatype[16];
            int version, big_endian;
            size_t nx, ny, nz, n_volumes, extension;
            double slope, inter;
            assert_int_equal(sscanf(line + 5, "%63s %d %d %15s %zu %zu %zu %zu %lf %lf %zu", name, &version,
                                    &big_endian, datatype, &nx, &ny, &nz, &n_volumes, &slope, &inter,
                                    &extension),
                             11);
            snprintf(path, sizeof path, "%s/%s", golden, name);
            siren_series_free(&series);
            assert_siren_ok(siren_nifti_read(path, 1 << 20, &series));
            assert_int_equal(g->version, version);
            assert_int_equal(g->swapped, (big_endian != 0) != machine_is_big_endian());
            assert_string_equal(siren_datatype_name(g->datatype), datatype);
            assert_true(g->nx == nx && g->ny == ny && g->nz == nz && g->n_volumes == n_volumes);
            assert_true(g->slope == slope && g->inter == inter);
            assert_int_equal(g->voxel_offset, NIFTI_HEADER_BYTES(version) + 4 + extension);
            n_files++;
        } else if (strncmp(line, "stored ", 7) == 0) {
            const size_t n = siren_geometry_voxels(g);
            double *stored = malloc(n * sizeof *stored);
            assert_non_null(stored);
            siren_datatype_to_double(g->datatype, series.voxels, n, stored);
            char *next = line + 7;
            for (size_t i = 0; i < n; i++) assert_true(strtod(next, &next) == stored[i]);
            assert_string_equal(next, "\n");
            free(stored);
        } else if (strncmp(line, "origin ", 7) == 0) {
            check_origin(&series, line + 7);
            n_origins++;
        } else {
            fail_msg("unknown line: %s", line);
        }
    }
    assert_int_equal(n_files, 4);
    assert_int_equal(n_origins, 8);
    siren_series_free(&series);
    fclose(values);
    free(line);
}

static void real_series_have_their_sizes_and_bounds(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t nx, ny, nz, n_volumes;
        siren_datatype datatype;
        double slope, least, most, mean;
    } expected[] = {
        {"calf_ivim_dti", 160, 160, 25, 42, SIREN_INT16, 3563.9207, 0, 350, 2.85},
        {"canon_b1500_pa", 80, 80, 40, 13, SIREN_INT16, 1, 0, 2562, 33.55},
        {"ds000114_4mm", 64, 64, 36, 20, SIREN_INT16, 1, 0, 13366, 211.42},
        {"philips_dti_2mm", 128, 128, 82, 17, SIREN_INT16, 20.0776, 0, 4093, 53.27},
        {"uih_dti16_ap", 64, 64, 20, 17, SIREN_UINT16, 1, 0, 1419, 44.07},
        {"xa30_b2500_pa_ap", 72, 72, 39, 42, SIREN_INT16, 1, 0, 2866, 36.56},
    };
    const char *folder = getenv("SIREN_TEST_DATA");
    if (!folder || access(folder, R_OK) != 0)
        skip_case("real data: SIREN_TEST_DATA names no folder that is there");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char path[1024];
        siren_series series;
        snprintf(path, sizeof path, "%s/%s/dwi.nii.gz", folder, expected[i].name);
        assert_siren_ok(siren_nifti_read(path, SIZE_MAX, &series));
        const siren_geometry *g = &series.geometry;
        assert_true(g->nx == expected[i].nx && g->ny == expected[i].ny && g->nz == expected[i].nz);
        assert_int_equal(g->n_volumes, expected[i].n_volumes);
        assert_int_equal(g->datatype, expected[i].datatype);
        assert_true(fabs(g->slope - expected[i].slope) < 1e-3 && g->inter == 0);
        const size_t n = siren_geometry_voxels(g), plane = g->nx * g->ny;
        double *values = malloc(plane * sizeof *values), least = INFINITY, most = -INFINITY, sum = 0;
        assert_non_null(values);
        for (size_t first = 0; first < n; first += plane) {
            siren_datatype_to_double(g->datatype, (const int16_t *)series.voxels + first, plane, values);
            for (size_t k = 0; k < plane; k++) {
                least = fmin(least, values[k]);
                most = fmax(most, values[k]);
                sum += values[k];
            }
        }
        assert_true(least == expected[i].least && most == expected[i].most);
        assert_true(fabs(sum / (double)n - expected[i].mean) < 0.0051);
        free(values);
        siren_series_free(&series);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files_read_as_nibabel_reads_them),
        cmocka_unit_test(real_series_have_their_sizes_and_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
