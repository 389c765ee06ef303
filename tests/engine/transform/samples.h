/* Series that are made up, and coded by the transform model, for its tests. */
#ifndef TESTS_ENGINE_TRANSFORM_SAMPLES_H
#define TESTS_ENGINE_TRANSFORM_SAMPLES_H

#include "tests/shared/testing.h"
#include "tests/shared/random_numbers.h"
#include "engine/transform/transform.h"
#include "formats/little_endian.h"

#include <math.h>

/* A series of one slice or more: smooth shapes that volumes share, and noise. */
typedef struct {
    siren_series series;
    float *voxels;
    siren_block *slices;
    uint32_t *inside;
    size_t n_slices;
} sample;

typedef struct {
    size_t nx, ny, nz, n_volumes;
    double noise;
    bool masked, missing;
} recipe;

static inline sample make(recipe r) {
    sample s = {.n_slices = r.nz};
    size_t n = r.nx * r.ny;
    s.voxels = malloc(n * r.nz * r.n_volumes * sizeof *s.voxels);
    s.slices = calloc(r.nz, sizeof *s.slices);
    s.inside = malloc(n * sizeof *s.inside);
    assert_true(s.voxels && s.slices && s.inside);
    for (size_t v = 0; v < r.n_volumes; v++)
        for (size_t i = 0; i < n * r.nz; i++) {
            double x = (double)(i % r.nx), y = (double)(i / r.nx % r.ny), z = (double)(i / n);
            double value = 500 + 200 * sin(0.3 * x + z) * cos(0.4 * y + 0.1 * (double)(v % 5)) +
                           80 * sin(0.9 * y - 0.2 * x) * (double)(v % 3) + (x > y ? 300 : 0) +
                           r.noise * noise();
            s.voxels[v * n * r.nz + i] = (float)rint(value);
            if (r.missing && random_u32() % 50 == 0) s.voxels[v * n * r.nz + i] = i % 2 ? NAN : INFINITY;
        }
    size_t n_inside = 0;
    for (size_t i = 0; i < n; i++) {
        double x = (double)(i % r.nx) - 0.4 * (double)r.nx, y = (double)(i / r.nx) - 0.5 * (double)r.ny;
        if (x * x + y * y < 0.1 * (double)(r.nx * r.ny) || (i == 0 && n < 20))
            s.inside[n_inside++] = (uint32_t)i;
    }
    for (size_t z = 0; z < r.nz; z++)
        s.slices[z] = (siren_block){.z = z,
                                    .nx = r.nx,
                                    .ny = r.ny,
                                    .nz = 1,
                                    .inside = r.masked ? s.inside : NULL,
                                    .n_inside = n_inside};
    s.series = (siren_series){
        .geometry = {.datatype = SIREN_FLOAT32, .nx = r.nx, .ny = r.ny, .nz = r.nz, .n_volumes = r.n_volumes},
        .voxels = s.voxels};
    return s;
}

static inline void discard(sample *s) {
    free(s->voxels);
    free(s->slices);
    free(s->inside);
}

typedef struct {
    siren_transform_basis fitted, stored;
    uint8_t *basis_bytes, *bytes;
    size_t n_basis_bytes, n_bytes, n_points, n_volumes;
    float *targets, *y;
    uint8_t *restoration; /* (n_restoration) or NULL */
    size_t n_restoration;
} coded;

/* Whether what follows is coded by two quantisers. */
static bool with_two;

/* Fits, codes the first slice, and decodes it by the stored basis. */
static inline coded code(const sample *s, double step) {
    coded c = {.n_points = siren_block_points(s->slices), .n_volumes = s->series.geometry.n_volumes};
    siren_transform_plan plan = {.step = step, .dependent = with_two};
    siren_scaling *scaling = malloc(c.n_volumes * sizeof *scaling);
    siren_apart apart;
    c.targets = malloc((c.n_points * c.n_volumes + 1) * sizeof *c.targets);
    c.y = malloc((c.n_points * c.n_volumes + 1) * sizeof *c.y);
    assert_true(scaling && c.targets && c.y);
    assert_siren_ok(siren_block_gather(&s->series, s->slices, NULL, c.targets, scaling, &apart));
    assert_siren_ok(siren_transform_fit(&s->series, s->slices, s->n_slices, &plan, &c.fitted));
    assert_siren_ok(siren_transform_basis_encode(&c.fitted, &c.basis_bytes, &c.n_basis_bytes));
    assert_siren_ok(
        siren_transform_basis_decode("basis", c.basis_bytes, c.n_basis_bytes, c.n_volumes, &c.stored));
    c.stored.dependent = with_two;
    assert_siren_ok(
        siren_transform_encode_slice(&c.fitted, &plan, s->slices, c.targets, &c.bytes, &c.n_bytes));
    assert_siren_ok(siren_transform_decode_slice(&c.stored, "slice", s->slices, c.bytes, c.n_bytes,
                                                 (siren_span){0, c.n_volumes}, c.y));
    free(scaling);
    return c;
}

static inline void drop(coded *c) {
    siren_transform_basis_free(&c->fitted);
    siren_transform_basis_free(&c->stored);
    free(c->basis_bytes);
    free(c->bytes);
    free(c->targets);
    free(c->y);
    free(c->restoration);
}

/* A case for transform_model.py: a line "volumes nx ny basis-bytes slice-bytes [network-bytes [1
 * [restoration-bytes]]]", the 1 for two quantisers, 0 for one, a byte for each voxel of the mask, the basis, the slice,
 * the network and the restoration if there are, and y as it must be, all in the byte order of an archive. */
static inline int write_coded(const sample *s, const coded *c, const uint8_t *network, size_t n_network,
                              const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file) return 1;
    size_t n = s->slices->nx * s->slices->ny;
    uint8_t *mask = calloc(n, 1);
    for (size_t i = 0; i < c->n_points; i++) mask[siren_block_voxel(s->slices, i)] = 1;
    fprintf(file, "%zu %zu %zu %zu %zu", c->n_volumes, s->slices->nx, s->slices->ny, c->n_basis_bytes,
            c->n_bytes);
    if (network || with_two || c->restoration) fprintf(file, " %zu", n_network);
    if (with_two || c->restoration) fprintf(file, " %d", with_two);
    if (c->restoration) fprintf(file, " %zu", c->n_restoration);
    fputc('\n', file);
    fwrite(mask, 1, n, file);
    fwrite(c->basis_bytes, 1, c->n_basis_bytes, file);
    fwrite(c->bytes, 1, c->n_bytes, file);
    if (network) fwrite(network, 1, n_network, file);
    if (c->restoration) fwrite(c->restoration, 1, c->n_restoration, file);
    for (size_t i = 0; i < c->n_points * c->n_volumes; i++) {
        uint8_t value[4];
        siren_put_f32(value, c->y[i]);
        fwrite(value, 1, 4, file);
    }
    free(mask);
    return fclose(file) == 0 ? 0 : 1;
}

#endif
