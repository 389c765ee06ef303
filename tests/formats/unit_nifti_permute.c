/* formats/nifti_permute: slices along another axis. With --write FOLDER it writes images before and after, for
 * unit_nifti_permute_nibabel.sh. */
#include "tests/shared/testing.h"
#include "formats/nifti.h"
#include "host/rng.h"
#include "tests/shared/nifti_files.h"

#include <math.h>

enum { NX = 5, NY = 4, NZ = 3, NV = 2, N = NX * NY * NZ * NV };

/* Offsets of nifti1.h and nifti2.h. */
typedef struct {
    size_t dim_info, slice_end, pixdim, codes, quatern, offsets, srow, real, integer, code;
} offsets;
static const offsets where[2] = {{39, 120, 76, 252, 256, 268, 280, 4, 2, 2},
                                 {524, 232, 104, 344, 352, 376, 400, 8, 8, 4}};

static void put_reals(uint8_t *at, const offsets *o, bool swapped, const double *values, size_t n) {
    for (size_t i = 0; i < n; i++) nifti_put_real(at + i * o->real, o->real, swapped, values[i]);
}

/* A series whose voxel bytes differ, with an oblique sform and, in another frame, a qform. */
static siren_series make(int version, bool swapped, siren_datatype datatype, double qfac,
                         const double quatern[3]) {
    const offsets *o = &where[version - 1];
    const nifti_recipe recipe = {version,
                                 swapped,
                                 (int)datatype,
                                 (int)(8 * siren_datatype_size(datatype)),
                                 {4, NX, NY, NZ, NV, 1, 1, 1},
                                 16,
                                 1,
                                 0};
    const double pixdim[4] = {qfac, 1.5, 2.5, 3.5}, origin[3] = {-90, 120.5, -72},
                 srow[12] = {1.5, 0.1, -0.2, 10, 0.3, 2.5, 0.4, -20, -0.5, 0.6, 3.5, 30};
    siren_series s = {0};
    size_t n_bytes = N * siren_datatype_size(datatype);
    uint8_t *bytes = malloc(NIFTI_MOST_BYTES);
    assert_non_null(bytes);
    nifti_make(&recipe, bytes);
    bytes[o->dim_info] = 3 << 4 | 1 << 2 | 2;
    nifti_put_integer(bytes + o->slice_end, o->integer, swapped, NZ - 1);
    put_reals(bytes + o->pixdim, o, swapped, pixdim, 4);
    nifti_put_integer(bytes + o->codes, o->code, swapped, 1);
    nifti_put_integer(bytes + o->codes + o->code, o->code, swapped, 2);
    put_reals(bytes + o->quatern, o, swapped, quatern, 3);
    put_reals(bytes + o->offsets, o, swapped, origin, 3);
    put_reals(bytes + o->srow, o, swapped, srow, 12);
    assert_siren_ok(siren_nifti_parse("made", bytes, NIFTI_MOST_BYTES, &s.geometry));
    s.header = bytes;
    s.voxels = malloc(n_bytes);
    assert_non_null(s.voxels);
    for (size_t i = 0; i < n_bytes; i++)
        ((uint8_t *)s.voxels)[i] = (uint8_t)(256 * siren_rng_uniform((siren_rng){.seed = 3}, i));
    return s;
}

/* A field as this machine's numbers; the byte order is undone by storing it once more. */
static double real_at(const uint8_t *header, const offsets *o, bool swapped, size_t at, size_t index) {
    uint8_t bytes[8] = {0};
    float single;
    double value;
    for (size_t i = 0; i < o->real; i++)
        bytes[i] = header[at + index * o->real + (swapped ? o->real - 1 - i : i)];
    if (o->real == 4) {
        memcpy(&single, bytes, 4);
        return (double)single;
    }
    memcpy(&value, bytes, 8);
    return value;
}

/* Where the header puts a voxel, by sform and by qform (the matrix of a quaternion as in nifti1.h). */
static void world(const siren_series *s, const size_t voxel[3], double by_sform[3], double by_qform[3]) {
    const offsets *o = &where[s->geometry.version - 1];
    bool swapped = s->geometry.swapped;
    double q[4], v[3];
    for (size_t i = 0; i < 3; i++) {
        by_sform[i] = real_at(s->header, o, swapped, o->srow, 4 * i + 3);
        for (size_t j = 0; j < 3; j++)
            by_sform[i] += real_at(s->header, o, swapped, o->srow, 4 * i + j) * (double)voxel[j];
        q[i + 1] = real_at(s->header, o, swapped, o->quatern, i);
        v[i] = (double)voxel[i] * real_at(s->header, o, swapped, o->pixdim, i + 1);
    }
    if (real_at(s->header, o, swapped, o->pixdim, 0) < 0) v[2] = -v[2];
    const double b = q[1], c = q[2], d = q[3], a = sqrt(fmax(0, 1 - b * b - c * c - d * d));
    const double r[3][3] = {{a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
                            {2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)},
                            {2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b}};
    for (size_t i = 0; i < 3; i++)
        by_qform[i] =
            real_at(s->header, o, swapped, o->offsets, i) + r[i][0] * v[0] + r[i][1] * v[1] + r[i][2] * v[2];
}

/* New voxel (y, z, x) or (z, x, y) of old (x, y, z), or the same for axis 2. */
static void reordered(unsigned axis, const size_t old[3], size_t out[3]) {
    const size_t shift = axis == 0 ? 1 : axis == 1 ? 2 : 0;
    for (size_t i = 0; i < 3; i++) out[i] = old[(i + shift) % 3];
}

static void check_places(const siren_series *before, const siren_series *after, unsigned axis) {
    const siren_geometry *g = &after->geometry;
    size_t size = siren_datatype_size(g->datatype);
    for (size_t i = 0; i < NX * NY * NZ; i++) {
        const size_t old[3] = {i % NX, i / NX % NY, i / (NX * NY)};
        size_t new[3];
        double expected[2][3], got[2][3];
        reordered(axis, old, new);
        world(before, old, expected[0], expected[1]);
        world(after, new, got[0], got[1]);
        for (size_t k = 0; k < 3; k++) {
            assert_true(fabs(expected[0][k] - got[0][k]) < 1e-9);
            if (!(fabs(expected[1][k] - got[1][k]) < 2e-5))
                fail_msg("qform: %g instead of %g", got[1][k], expected[1][k]);
        }
        for (size_t v = 0; v < NV; v++)
            assert_memory_equal((uint8_t *)before->voxels + (i + v * NX * NY * NZ) * size,
                                (uint8_t *)after->voxels +
                                    (((v * g->nz + new[2]) * g->ny + new[1]) * g->nx + new[0]) * size,
                                size);
    }
}

static const double turns[][3] = {{0, 0, 0}, {0, 1, 0}, {0.1, -0.2, 0.3}, {-0.6, 0.5, 0.4}, {0.7, 0.7, -0.1}};
#define N_TURNS (sizeof turns / sizeof *turns)

static void every_voxel_keeps_its_place(void **state) {
    (void)state;
    static const siren_datatype types[] = {SIREN_UINT8, SIREN_INT16, SIREN_FLOAT32, SIREN_FLOAT64};
    for (int i = 0; i < 2 * 2 * 2 * 2; i++)
        for (size_t turn = 0; turn < N_TURNS; turn++) {
            int version = 1 + i % 2;
            bool swapped = i / 2 % 2;
            unsigned axis = (unsigned)i / 4 % 2;
            double qfac = i / 8 ? -1 : 1;
            siren_series before = make(version, swapped, types[turn % 4], qfac, turns[turn]),
                         after = make(version, swapped, types[turn % 4], qfac, turns[turn]);
            siren_geometry parsed;
            assert_siren_ok(siren_series_slice_along(&after, axis));
            assert_siren_ok(siren_nifti_parse("after", after.header, NIFTI_MOST_BYTES, &parsed));
            assert_true(parsed.nx == after.geometry.nx && parsed.ny == after.geometry.ny &&
                        parsed.nz == after.geometry.nz && parsed.n_volumes == NV);
            assert_int_equal(parsed.nz, axis == 0 ? NX : NY);
            check_places(&before, &after, axis);
            /* Twice one way is once the other way, and three times is none. */
            assert_siren_ok(siren_series_slice_along(&after, axis));
            check_places(&before, &after, 1 - axis);
            assert_siren_ok(siren_series_slice_along(&after, axis));
            check_places(&before, &after, 2);
            assert_memory_equal(before.voxels, after.voxels,
                                N * siren_datatype_size(before.geometry.datatype));
            siren_series_free(&before);
            siren_series_free(&after);
        }
}

static void encoding_axes_follow(void **state) {
    (void)state;
    siren_series s = make(1, false, SIREN_UINT8, 1, turns[0]);
    s.header[39] = 0xc0 | 3 << 4 | 1 << 2 | 2; /* the upper bits mean nothing and stay */
    assert_siren_ok(siren_series_slice_along(&s, 0));
    assert_int_equal(s.header[39], 0xc0 | 2 << 4 | 3 << 2 | 1);
    siren_series_free(&s);
    s = make(1, false, SIREN_UINT8, 1, turns[0]);
    s.header[39] = 0;
    assert_siren_ok(siren_series_slice_along(&s, 1));
    assert_int_equal(s.header[39], 1 << 4); /* it has slice times, which can only be along z */
    siren_series_free(&s);
}

static void flat_images_get_three_axes(void **state) {
    (void)state;
    siren_series s = make(1, false, SIREN_UINT8, 1, turns[0]);
    siren_geometry parsed;
    nifti_put_integer(s.header + 40, 2, false, 2); /* 2-D: dim[3] and dim[4] say nothing */
    assert_siren_ok(siren_nifti_parse("flat", s.header, NIFTI_MOST_BYTES, &s.geometry));
    assert_int_equal(s.geometry.nz * s.geometry.n_volumes, 1);
    assert_siren_ok(siren_series_slice_along(&s, 1));
    assert_siren_ok(siren_nifti_parse("flat", s.header, NIFTI_MOST_BYTES, &parsed));
    assert_true(parsed.nx == 1 && parsed.ny == NX && parsed.nz == NY && parsed.n_volumes == 1);
    siren_series_free(&s);
}

static void axis_z_changes_nothing_and_others_are_refused(void **state) {
    (void)state;
    siren_series s = make(2, true, SIREN_INT16, -1, turns[2]),
                 same = make(2, true, SIREN_INT16, -1, turns[2]);
    assert_siren_ok(siren_series_slice_along(&s, 2));
    assert_int_equal(siren_series_slice_along(&s, 3), SIREN_USAGE);
    assert_memory_equal(s.header, same.header, (size_t)s.geometry.voxel_offset);
    assert_memory_equal(s.voxels, same.voxels, N * 2);
    assert_true(s.geometry.nx == NX && s.geometry.ny == NY && s.geometry.nz == NZ);
    siren_series_free(&s);
    siren_series_free(&same);
}

static void write_image(const char *folder, const char *name, int number, const siren_series *s) {
    char path[4096];
    size_t offset = (size_t)s->geometry.voxel_offset, n_bytes = N * siren_datatype_size(s->geometry.datatype);
    uint8_t *bytes = malloc(offset + n_bytes);
    assert_non_null(bytes);
    memcpy(bytes, s->header, offset);
    memcpy(bytes + offset, s->voxels, n_bytes);
    if (s->geometry.swapped) siren_datatype_swap(s->geometry.datatype, bytes + offset, N);
    snprintf(path, sizeof path, "%s/%d_%s.nii", folder, number, name);
    file_put(path, bytes, offset + n_bytes);
    free(bytes);
}

static void write_for_nibabel(const char *folder) {
    static const char *const names[] = {"x", "y"};
    for (int i = 0; i < 2 * 2 * 2 * (int)N_TURNS; i++) {
        for (unsigned axis = 0; axis < 2; axis++) {
            siren_series s = make(1 + i % 2, i / 2 % 2, SIREN_INT16, i / 4 % 2 ? -1 : 1, turns[i / 8]);
            write_image(folder, "before", i, &s);
            assert_siren_ok(siren_series_slice_along(&s, axis));
            write_image(folder, names[axis], i, &s);
            siren_series_free(&s);
        }
    }
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        write_for_nibabel(argv[2]);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_voxel_keeps_its_place),
        cmocka_unit_test(encoding_axes_follow),
        cmocka_unit_test(flat_images_get_three_axes),
        cmocka_unit_test(axis_z_changes_nothing_and_others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
