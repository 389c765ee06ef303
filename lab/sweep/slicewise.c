#include "lab/sweep/slicewise.h"

#include "engine/encode/survey.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const siren_series *series;
    const uint8_t *mask;
    siren_progress_fn progress;
    void *user;
    siren_archive *archive;
    siren_layout layout;
    siren_survey survey; /* of the series, where the archive keeps voxels apart: slices do so, too */
    siren_block_decoder *decoder;
    siren_slice_fidelity *slices; /* (n_slices) */
    size_t n_slices, n_done;
    siren_scaling *scaling; /* (n_slices, n_volumes) of the series */
    double *unit;           /* (n_volumes) the largest range in any slice */
    size_t depth; /* slices held at once: those of a layer of patches; 1 where a block fills its layer */
    float *targets, *y; /* (depth, ny, nx, n_volumes), scaled to [0,1] by the slice's `scaling` */
    siren_block block;  /* being decoded, */
    uint32_t *inside;   /* what it borrows, */
    size_t reached;     /* and how many of its slices have been begun */
} siren_slicewise_run;

static void run_free(siren_slicewise_run *run) {
    siren_block_decoder_free(run->decoder);
    siren_archive_close(run->archive);
    siren_survey_free(&run->survey);
    free(run->slices);
    free(run->scaling);
    free(run->unit);
    free(run->targets);
    free(run->y);
    free(run->inside);
}

static siren_status check_series(const siren_slicewise_run *run, const char *archive) {
    const siren_geometry *a = &run->layout.geometry, *b = &run->series->geometry;
    if (a->nx == b->nx && a->ny == b->ny && a->nz == b->nz && a->n_volumes == b->n_volumes &&
        a->datatype == b->datatype)
        return SIREN_OK;
    return siren_fail(
        SIREN_USAGE,
        "%s: was made from %zu x %zu x %zu voxels and %zu volume%s of %s, but is compared with %zu x %zu "
        "x %zu and %zu of %s; give the series that was compressed",
        archive, a->nx, a->ny, a->nz, a->n_volumes, siren_plural(a->n_volumes),
        siren_datatype_name(a->datatype), b->nx, b->ny, b->nz, b->n_volumes,
        siren_datatype_name(b->datatype));
}

static siren_status allocate_slab(siren_slicewise_run *run, size_t memory_limit) {
    const siren_block_grid *grid = &run->layout.grid;
    size_t n_volumes = run->layout.geometry.n_volumes, n_values, bytes;
    run->n_slices = grid->z_end - grid->z_begin;
    run->depth = grid->size[0] == grid->nx && grid->size[1] == grid->ny ? 1 : grid->size[2];
    if (!siren_mul(grid->nx * grid->ny, run->depth, &n_values) ||
        !siren_mul(n_values, n_volumes, &n_values) || !siren_mul(n_values, 2 * sizeof(float), &bytes) ||
        bytes > memory_limit)
        return siren_fail(SIREN_UNSUPPORTED,
                          "comparing slices of %zu x %zu points and %zu volume%s, %zu at once, needs more "
                          "than the memory limit of %zu bytes; raise --memory",
                          grid->nx, grid->ny, n_volumes, siren_plural(n_volumes), run->depth, memory_limit);
    SIREN_TRY(siren_allocate(&run->slices, run->n_slices, sizeof *run->slices, "the slices' figures"));
    SIREN_TRY(siren_allocate(&run->scaling, run->n_slices, n_volumes * sizeof *run->scaling,
                             "the slices' scaling"));
    SIREN_TRY(siren_allocate(&run->unit, n_volumes, sizeof *run->unit, "the volumes' ranges"));
    SIREN_TRY(siren_allocate(&run->targets, n_values, sizeof *run->targets, "the targets"));
    return siren_allocate(&run->y, n_values, sizeof *run->y, "the outputs");
}

/* From the points of a slice to its voxels, backwards since no point lies behind its voxel; NaN where there is none. */
static void spread(const siren_block *slice, size_t n_volumes, float *targets) {
    size_t n_left = siren_block_points(slice);
    for (size_t voxel = siren_block_voxels(slice); voxel-- > 0;) {
        float *to = targets + voxel * n_volumes;
        if (n_left > 0 && siren_block_voxel(slice, n_left - 1) == voxel)
            memmove(to, targets + --n_left * n_volumes, n_volumes * sizeof *to);
        else
            for (size_t volume = 0; volume < n_volumes; volume++) to[volume] = NAN;
    }
}

/* The slice `z` of the archive as targets, at its place among those held. */
static siren_status gather_slice(siren_slicewise_run *run, size_t z, size_t place) {
    const siren_block_grid *grid = &run->layout.grid;
    const siren_block_grid slices = {.kind = SIREN_BLOCK_SLICE,
                                     .nx = grid->nx,
                                     .ny = grid->ny,
                                     .z_begin = grid->z_begin,
                                     .z_end = grid->z_end,
                                     .size = {grid->nx, grid->ny, 1},
                                     .first = 0,
                                     .count = run->n_slices};
    siren_block slice;
    SIREN_FREE_AT_END uint32_t *inside = NULL;
    size_t n_volumes = run->layout.geometry.n_volumes;
    siren_apart apart;
    float *targets = run->targets + place * grid->nx * grid->ny * n_volumes;
    SIREN_TRY(siren_mask_block(&run->layout.mask, &slices, z, &slice, &inside));
    SIREN_TRY(siren_block_gather(run->series, &slice, run->survey.limits, targets,
                                 run->scaling + z * n_volumes, &apart));
    spread(&slice, n_volumes, targets);
    return SIREN_OK;
}

static siren_status find_ranges(siren_slicewise_run *run) {
    size_t n_volumes = run->layout.geometry.n_volumes;
    const siren_fidelity nothing = siren_fidelity_of(&(siren_fidelity_sums){0});
    for (size_t z = 0; z < run->n_slices; z++) {
        const siren_scaling *scaling = run->scaling + z * n_volumes;
        SIREN_TRY(gather_slice(run, z, 0));
        run->slices[z] = (siren_slice_fidelity){.z = run->layout.grid.z_begin + z,
                                                .constant = true,
                                                .honest_masked = nothing,
                                                .published_masked = nothing};
        for (size_t volume = 0; volume < n_volumes; volume++) {
            double range = scaling[volume].maximum - scaling[volume].minimum;
            if (range > 0) run->slices[z].constant = false;
            if (range > run->unit[volume]) run->unit[volume] = range;
        }
    }
    return SIREN_OK;
}

static siren_status finish_slice(siren_slicewise_run *run, size_t z, size_t place) {
    const siren_block_grid *grid = &run->layout.grid;
    siren_slice_fidelity *slice = &run->slices[z];
    size_t n_points = grid->nx * grid->ny, n_volumes = run->layout.geometry.n_volumes;
    const float *y = run->y + place * n_points * n_volumes,
                *targets = run->targets + place * n_points * n_volumes;
    SIREN_TRY(siren_fidelity_slice(n_points, n_volumes, y, targets, NULL, &slice->honest, &slice->published));
    if (run->mask)
        SIREN_TRY(siren_fidelity_slice(n_points, n_volumes, y, targets, run->mask + slice->z * n_points,
                                       &slice->honest_masked, &slice->published_masked));
    if (run->progress && !run->progress(run->user, (double)++run->n_done, (double)run->n_slices, "slices"))
        return siren_fail(SIREN_CANCELLED, "the comparison of slices was interrupted");
    return SIREN_OK;
}

/* Outputs of one point from the block's scaling to that of slice `z` of the archive. */
static void rescale(const siren_slicewise_run *run, size_t z, const float *y, float *out) {
    size_t n_volumes = run->layout.geometry.n_volumes;
    const siren_scaling *block = siren_block_decoder_scaling(run->decoder),
                        *slice = run->scaling + z * n_volumes;
    for (size_t volume = 0; volume < n_volumes; volume++) {
        double range = slice[volume].maximum - slice[volume].minimum;
        if (range == 0) range = run->unit[volume] > 0 ? run->unit[volume] : 1;
        double value =
            block[volume].minimum + (double)y[volume] * (block[volume].maximum - block[volume].minimum);
        out[volume] = (float)((value - slice[volume].minimum) / range);
    }
}

/* Goes on to slice `z` of the block: the first block that meets a slice fills in its targets, the last one completes
 * it. */
static siren_status advance(siren_slicewise_run *run, size_t z) {
    const siren_block *block = &run->block;
    const siren_block_grid *grid = &run->layout.grid;
    bool opens = block->x == 0 && block->y == 0,
         closes = block->x + block->nx == grid->nx && block->y + block->ny == grid->ny;
    for (; run->reached < z; run->reached++) {
        size_t next = block->z - grid->z_begin + run->reached;
        if (closes && run->reached > 0)
            SIREN_TRY(finish_slice(run, next - 1, (run->reached - 1) % run->depth));
        if (opens && run->reached < block->nz) SIREN_TRY(gather_slice(run, next, run->reached % run->depth));
    }
    return SIREN_OK;
}

/* A siren_outputs_fn. */
static siren_status take_outputs(void *user, size_t first, size_t n, const float *y) {
    siren_slicewise_run *run = user;
    const siren_block *block = &run->block;
    const siren_block_grid *grid = &run->layout.grid;
    size_t n_volumes = run->layout.geometry.n_volumes, n_slice = block->nx * block->ny;
    for (size_t i = first; i < first + n; i++, y += n_volumes) {
        size_t voxel = siren_block_voxel(block, i), z = voxel / n_slice, row = voxel % n_slice / block->nx;
        SIREN_TRY(advance(run, z + 1));
        size_t at = (z % run->depth * grid->ny + block->y + row) * grid->nx + block->x + voxel % block->nx;
        rescale(run, block->z - grid->z_begin + z, y, run->y + at * n_volumes);
    }
    return SIREN_OK;
}

static siren_status compare_blocks(siren_slicewise_run *run) {
    const siren_block_grid *grid = &run->layout.grid;
    for (size_t nth = 0; nth < grid->count; nth++) {
        const void *voxels;
        free(SIREN_TAKE(run->inside));
        run->reached = 0;
        SIREN_TRY(siren_mask_block(&run->layout.mask, grid, grid->first + nth, &run->block, &run->inside));
        SIREN_TRY(siren_block_decode_nth(run->decoder, run->archive, nth, take_outputs, run, &voxels));
        SIREN_TRY(advance(run, run->block.nz + 1));
    }
    return SIREN_OK;
}

siren_status siren_slicewise(siren_device *device, const char *archive, const siren_series *series,
                             const uint8_t *mask, size_t memory_limit, siren_progress_fn progress, void *user,
                             siren_slice_fidelity **slices, size_t *n_slices) {
    SIREN_AT_END(run_free)
    siren_slicewise_run run = {.series = series, .mask = mask, .progress = progress, .user = user};
    uint64_t n_apart;
    SIREN_TRY(siren_archive_open(archive, &run.archive));
    SIREN_TRY(siren_layout_read(run.archive, &run.layout));
    SIREN_TRY(check_series(&run, archive));
    SIREN_TRY(siren_layout_apart(run.archive, &run.layout, &n_apart));
    SIREN_TRY(siren_survey_volumes(NULL, series, &run.layout, n_apart > 0, &run.survey));
    SIREN_TRY(allocate_slab(&run, memory_limit));
    SIREN_TRY(siren_block_decoder_create(device, &run.layout, memory_limit, &run.decoder));
    SIREN_TRY(find_ranges(&run));
    SIREN_TRY(compare_blocks(&run));
    *slices = SIREN_TAKE(run.slices);
    *n_slices = run.n_slices;
    return SIREN_OK;
}
