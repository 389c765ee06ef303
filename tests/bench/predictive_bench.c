/* The predictive codec on a whole series: ratio to the stored voxels and speed both ways, in groups of slices that two
 * threads share. What is decoded is compared.
 *     predictive_bench BOUND SLICES_PER_BLOCK FILE.nii.gz ... */
#include "engine/predictive/predictive.h"
#include "formats/nifti.h"
#include "host/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    siren_predictive_plan plan;
    uint8_t *voxels, *decoded, *bytes;
    size_t n_voxel_bytes, n_bytes;
} bench_block;

typedef struct {
    bench_block *blocks;
    size_t n;
    bool decoding;
    atomic_size_t next;
    atomic_bool failed;
} bench_work;

static void work(void *user, size_t member) {
    bench_work *all = user;
    (void)member;
    for (size_t i; (i = atomic_fetch_add(&all->next, 1)) < all->n;) {
        bench_block *block = &all->blocks[i];
        siren_status status =
            all->decoding
                ? siren_predictive_decode(&block->plan, "block", block->bytes, block->n_bytes, block->decoded)
                : siren_predictive_encode(&block->plan, block->voxels, &block->bytes, &block->n_bytes);
        if (status != SIREN_OK) {
            fprintf(stderr, "block %zu: %s\n", i, siren_message());
            all->failed = true;
        }
    }
}

/* Seconds of the clock, and of one processor. */
static double run(bench_work *all, bool decoding, double *processor) {
    double start = siren_clock(), processor_start = siren_processor_clock();
    all->decoding = decoding;
    all->next = 0;
    siren_threads_run(2, work, all);
    *processor = siren_processor_clock() - processor_start;
    return siren_clock() - start;
}

static bool within(const bench_block *block, double bound) {
    if (bound == 0) return memcmp(block->voxels, block->decoded, block->n_voxel_bytes) == 0;
    size_t n = block->n_voxel_bytes / siren_datatype_size(block->plan.datatype);
    double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b), worst = 0;
    siren_datatype_to_double(block->plan.datatype, block->voxels, n, a);
    siren_datatype_to_double(block->plan.datatype, block->decoded, n, b);
    for (size_t i = 0; i < n; i++)
        if (fabs(a[i] - b[i]) > worst) worst = fabs(a[i] - b[i]);
    free(a), free(b);
    return worst <= bound;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    double bound = strtod(argv[1], NULL);
    size_t thickness = strtoul(argv[2], NULL, 10);
    if (thickness == 0) return 2;
    for (int file = 3; file < argc; file++) {
        siren_series series;
        if (siren_nifti_read(argv[file], SIZE_MAX, &series) != SIREN_OK) {
            fprintf(stderr, "%s\n", siren_message());
            return 1;
        }
        const siren_geometry *g = &series.geometry;
        size_t size = siren_datatype_size(g->datatype), plane = g->nx * g->ny * size, n_coded = 0;
        bench_work all = {.n = (g->nz + thickness - 1) / thickness};
        all.blocks = calloc(all.n, sizeof *all.blocks);
        for (size_t i = 0; i < all.n; i++) {
            bench_block *block = &all.blocks[i];
            size_t z = i * thickness, nz = g->nz - z < thickness ? g->nz - z : thickness;
            block->plan =
                (siren_predictive_plan){g->datatype, g->nx, g->ny, nz, g->n_volumes, NULL, bound, NULL};
            block->n_voxel_bytes = plane * nz * g->n_volumes;
            block->voxels = malloc(block->n_voxel_bytes);
            block->decoded = calloc(block->n_voxel_bytes, 1);
            for (size_t v = 0; v < g->n_volumes; v++)
                memcpy(block->voxels + v * nz * plane, (uint8_t *)series.voxels + (v * g->nz + z) * plane,
                       nz * plane);
        }
        double in, out, encoding = run(&all, false, &in), decoding = run(&all, true, &out);
        for (size_t i = 0; i < all.n; i++) {
            n_coded += all.blocks[i].n_bytes;
            if (!within(&all.blocks[i], bound)) all.failed = true;
            free(all.blocks[i].voxels), free(all.blocks[i].decoded), free(all.blocks[i].bytes);
        }
        double n_bytes = (double)siren_geometry_voxels(g) * (double)size;
        printf("%s: %.0f to %zu bytes, ratio %.4f, %.1f MB/s in, %.1f MB/s out (%.1f and %.1f on one "
               "processor)%s\n",
               argv[file], n_bytes, n_coded, n_bytes / (double)n_coded, n_bytes / encoding / 1e6,
               n_bytes / decoding / 1e6, n_bytes / in / 1e6, n_bytes / out / 1e6,
               all.failed ? ", FAILED" : "");
        free(all.blocks);
        siren_series_free(&series);
        if (all.failed) return 1;
    }
    return 0;
}
