#include "lab/sweep/sweep_jobs.h"

#include "engine/train/optimiser.h"

#include <stdlib.h>
#include <string.h>

int siren_trial_compare_shapes(const siren_trial *a, const siren_trial *b) {
    int difference = memcmp(&a->network, &b->network, sizeof a->network);
    return difference ? difference : siren_settings_compare(&a->settings, &b->settings, SIREN_SHARE_NOTHING);
}

/* 0 where one training serves both. */
static int compare_trainings(const siren_trial *a, const siren_trial *b) {
    int difference = siren_trial_compare_shapes(a, b);
    return difference ? difference : siren_settings_compare(&a->settings, &b->settings, SIREN_SHARE_BATCH);
}

/* A trial as it is sorted: by the first trial of its shape, by the first of its training, by itself. */
typedef struct {
    const siren_trial *trial;
    size_t index, shape, training;
} siren_ranked;

static int by_training(const void *a, const void *b) {
    const siren_ranked *x = a, *y = b;
    int difference = compare_trainings(x->trial, y->trial);
    return difference != 0 ? difference : (x->index > y->index) - (x->index < y->index);
}

static int by_rank(const void *a, const void *b) {
    const siren_ranked *x = a, *y = b;
    if (x->shape != y->shape) return x->shape < y->shape ? -1 : 1;
    if (x->training != y->training) return x->training < y->training ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Ranks of each run of equal trials: the smallest index in it. */
static void rank(siren_ranked *r, size_t n, int (*compare)(const siren_trial *, const siren_trial *),
                 size_t *(*field)(siren_ranked *)) {
    for (size_t begin = 0, end; begin < n; begin = end) {
        size_t least = r[begin].index;
        for (end = begin; end < n && compare(r[begin].trial, r[end].trial) == 0; end++)
            if (r[end].index < least) least = r[end].index;
        for (size_t i = begin; i < end; i++) *field(&r[i]) = least;
    }
}
static size_t *shape_of(siren_ranked *r) { return &r->shape; }
static size_t *training_of(siren_ranked *r) { return &r->training; }

/* Sorts the stage's trials in the file's order, but those of one shape, and of one training, next to each other. */
static siren_status sort_trials(const siren_sweep_trial *trials, siren_sweep_jobs *work) {
    SIREN_FREE_AT_END siren_ranked *ranked = NULL;
    SIREN_TRY(siren_allocate(&ranked, work->n_order, sizeof *ranked, "the order of the trials"));
    for (size_t i = 0; i < work->n_order; i++)
        ranked[i] = (siren_ranked){.trial = trials[work->order[i]].trial, .index = work->order[i]};
    qsort(ranked, work->n_order, sizeof *ranked, by_training);
    rank(ranked, work->n_order, siren_trial_compare_shapes, shape_of);
    rank(ranked, work->n_order, compare_trainings, training_of);
    qsort(ranked, work->n_order, sizeof *ranked, by_rank);
    for (size_t i = 0; i < work->n_order; i++) work->order[i] = ranked[i].index;
    return SIREN_OK;
}

static const siren_sweep_trial *trial_of(const siren_sweep_trial *trials, const siren_sweep_jobs *work,
                                         const siren_shared_training *shared, size_t nth) {
    return &trials[work->order[shared->first + nth]];
}

double siren_sweep_trial_flop(const siren_sweep_trial *t, size_t block) {
    size_t n_points = siren_mask_block_points(&t->layout.mask, &t->layout.grid, block);
    return siren_training_flops(&t->layout.network, &t->trial->settings,
                                siren_layout_samples(&t->layout, n_points));
}

/* Jobs of one training: the blocks that any of its trials lacks, those of equal size next to each other. */
static siren_status add_jobs(const siren_sweep_trial *trials, siren_sweep_jobs *work, size_t which) {
    const siren_shared_training *shared = &work->shared[which];
    const siren_sweep_trial *first = trial_of(trials, work, shared, 0);
    const siren_block_grid *grid = &first->layout.grid;
    SIREN_FREE_AT_END size_t *numbers = NULL;
    SIREN_TRY(siren_allocate(&numbers, grid->count, sizeof *numbers, "the order of the blocks"));
    siren_block_grid_by_size(grid, numbers);
    for (size_t i = 0; i < grid->count; i++) {
        bool wanted = false;
        for (size_t t = 0; t < shared->n; t++)
            wanted = wanted || siren_sweep_trial_lacks(trial_of(trials, work, shared, t), numbers[i]);
        if (!wanted) continue;
        work->jobs[work->n_jobs++] = (siren_job){which, numbers[i]};
        work->flop += siren_sweep_trial_flop(first, numbers[i]);
    }
    return SIREN_OK;
}

siren_status siren_sweep_jobs_group(const siren_sweep_trial *trials, siren_sweep_jobs *work) {
    SIREN_TRY(sort_trials(trials, work));
    SIREN_TRY(siren_allocate(&work->shared, work->n_order, sizeof *work->shared, "the list of trainings"));
    for (size_t i = 0; i < work->n_order; i++) {
        siren_shared_training *last = work->n_shared > 0 ? &work->shared[work->n_shared - 1] : NULL;
        if (last &&
            compare_trainings(trial_of(trials, work, last, 0)->trial, trials[work->order[i]].trial) == 0)
            last->n++;
        else
            work->shared[work->n_shared++] = (siren_shared_training){.first = i, .n = 1};
    }
    return SIREN_OK;
}

siren_status siren_sweep_jobs_plan(const siren_sweep_trial *trials, siren_sweep_jobs *work) {
    size_t most = 0;
    SIREN_TRY(siren_sweep_jobs_group(trials, work));
    for (size_t i = 0; i < work->n_order; i++) most += trials[work->order[i]].layout.grid.count;
    SIREN_TRY(siren_allocate(&work->jobs, most, sizeof *work->jobs, "the list of networks"));
    for (size_t i = 0; i < work->n_shared; i++) SIREN_TRY(add_jobs(trials, work, i));
    return SIREN_OK;
}

void siren_sweep_jobs_free(siren_sweep_jobs *work) {
    free(work->order);
    free(work->shared);
    free(work->jobs);
    *work = (siren_sweep_jobs){.order = NULL};
}
