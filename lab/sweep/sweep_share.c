#include "lab/sweep/sweep_share.h"

#include "engine/train/optimiser.h"
#include "lab/sweep/sweep_estimate.h"
#include "lab/sweep/sweep_jobs.h"

#include <stdlib.h>

/* A walk over all blocks in their order: the first one adds up what they cost, the second marks the part's. */
typedef struct {
    siren_part part;
    siren_sweep_trial *trials;
    double before, total; /* total 0: the first */
} walk;

static void mark(const walk *w, const siren_sweep_jobs *work, const siren_shared_training *shared,
                 size_t block) {
    for (size_t t = 0; t < shared->n; t++) {
        siren_sweep_trial *trial = &w->trials[work->order[shared->first + t]];
        trial->share[block - trial->layout.grid.first] = 1;
        trial->n_share++;
    }
}

static siren_status walk_training(walk *w, const siren_sweep_jobs *work,
                                  const siren_shared_training *shared) {
    const siren_sweep_trial *first = &w->trials[work->order[shared->first]];
    const siren_block_grid *grid = &first->layout.grid;
    SIREN_FREE_AT_END size_t *numbers = NULL;
    SIREN_TRY(siren_allocate(&numbers, grid->count, sizeof *numbers, "the order of the blocks"));
    siren_block_grid_by_size(grid, numbers);
    for (size_t i = 0; i < grid->count; i++) {
        const siren_block block = siren_block_at(grid, numbers[i]);
        const size_t n_samples = siren_layout_samples(&first->layout, siren_block_voxels(&block));
        const double cost = siren_training_flops(&first->layout.network, &first->trial->settings, n_samples);
        if (w->total > 0 && siren_part_has(w->part, w->before, cost, w->total))
            mark(w, work, shared, numbers[i]);
        w->before += cost;
    }
    return SIREN_OK;
}

/* The trials of one input and axis. */
static siren_status walk_stage(walk *w, const siren_experiment *x, size_t input, siren_axis axis) {
    SIREN_AT_END(siren_sweep_jobs_free) siren_sweep_jobs work = {.order = NULL};
    SIREN_TRY(siren_allocate(&work.order, x->n_trials, sizeof *work.order, "the order of the trials"));
    for (size_t i = 0; i < x->n_trials; i++)
        if (x->trials[i].input == input && x->trials[i].settings.axis == axis &&
            !siren_trial_has_target(&x->trials[i])) /* these are left to --finish, as baselines are */
            work.order[work.n_order++] = i;
    SIREN_TRY(siren_sweep_jobs_group(w->trials, &work));
    for (size_t i = 0; i < work.n_shared; i++) SIREN_TRY(walk_training(w, &work, &work.shared[i]));
    return SIREN_OK;
}

static siren_status walk_all(walk *w, const siren_experiment *x) {
    w->before = 0;
    for (size_t input = 0; input < x->n_inputs; input++)
        for (int axis = SIREN_AXIS_X; axis <= SIREN_AXIS_Z; axis++)
            SIREN_TRY(walk_stage(w, x, input, (siren_axis)axis));
    return SIREN_OK;
}

siren_status siren_sweep_share_out(const siren_experiment *x, const siren_sweep_input *inputs,
                                   siren_part part, siren_sweep_trial *trials) {
    walk w = {.part = part, .trials = trials};
    if (part.of == 0) return SIREN_OK;
    for (size_t i = 0; i < x->n_trials; i++) {
        if (siren_trial_has_target(&x->trials[i])) continue;
        const siren_sweep_input *input = &inputs[x->trials[i].input];
        const siren_geometry turned = siren_geometry_along(&input->geometry, x->trials[i].settings.axis);
        SIREN_TRY(siren_trial_layout(&x->trials[i], &turned, &input->acquisition, &trials[i].layout));
        SIREN_TRY(siren_allocate(&trials[i].share, trials[i].layout.grid.count, 1, "the share of a trial"));
    }
    SIREN_TRY(walk_all(&w, x));
    w.total = w.before;
    return walk_all(&w, x);
}
