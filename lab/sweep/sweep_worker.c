#define _GNU_SOURCE
#include "lab/sweep/sweep_worker.h"

#include "engine/train/optimiser.h"
#include "lab/sweep/sweep_state.h"
#include "engine/train/optimiser.h"
#include "host/opencl/device.h"
#include "formats/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS_SHARE 16     /* of a worker's memory; a batch of other trials may hold it, in the background */
#define TABLES_SECONDS 10.0 /* between two writings of the tables while trials end */

/* A batch of jobs, in training or being encoded. */
typedef struct siren_batch {
    siren_worker *worker;
    const siren_job *jobs; /* (n) */
    size_t n;              /* asked for; trained->n of them were trained */
    siren_trained *trained;
    double train_seconds;
    FILE **curves; /* (n) write to */
    char **texts;  /* (n) these, of */
    size_t *lengths;
} siren_batch;

/* The nth of the trials that share a training. */
static siren_sweep_trial *job_trial(siren_sweeping *s, const siren_shared_training *shared, size_t nth) {
    return &s->trials[s->work.order[shared->first + nth]];
}

static void lock(siren_sweeping *s) { pthread_mutex_lock(&s->mutex); }
static void unlock(siren_sweeping *s) { pthread_mutex_unlock(&s->mutex); }

/* Ends the sweep with this thread's message. */
static void stop_with(siren_sweeping *s, siren_status status) {
    lock(s);
    if (s->status == SIREN_OK) {
        s->status = status;
        snprintf(s->message, sizeof s->message, "%s", siren_message());
    }
    s->stop = true;
    unlock(s);
}

static bool report(siren_sweeping *s) {
    double done = s->done_flop;
    char what[64];
    for (size_t i = 0; i < s->n_workers; i++) done += s->workers[i].under_way;
    snprintf(what, sizeof what, "trials %zu/%zu", s->n_complete, s->n_whole);
    if (!s->stop && s->progress && !s->progress(s->user, done, s->total_flop, what)) {
        s->status = s->status != SIREN_OK ? s->status : SIREN_CANCELLED;
        snprintf(s->message, sizeof s->message, "the sweep was interrupted; what is finished is kept in %s",
                 s->options->folder);
        s->stop = true;
    }
    return !s->stop;
}

static bool stopping(siren_sweeping *s) {
    lock(s);
    bool stop = s->stop;
    unlock(s);
    return stop;
}

static bool report_epochs(void *user, double done, double total, const char *what) {
    siren_batch *batch = user;
    siren_sweeping *s = batch->worker->sweep;
    (void)total;
    (void)what;
    lock(s);
    batch->worker->under_way = done * batch->worker->batch_flop;
    bool go_on = report(s);
    unlock(s);
    return go_on && !siren_background_failed(batch->worker->background);
}

static void write_curve_row(void *user, size_t nth, size_t epoch, const siren_fidelity *f) {
    const siren_batch *batch = user;
    const double figures[] = {f->mse, f->psnr, f->psnr_published, f->psnr_clamped};
    char text[SIREN_NUMBER_BYTES];
    FILE *curve = batch->curves[nth];
    if (epoch == 0) {
        rewind(curve); /* the batch may have begun anew */
        fputs("epoch,mse,psnr,psnr_published,psnr_clamped\n", curve);
    }
    fprintf(curve, "%zu", epoch);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        fprintf(curve, ",%s", isnan(figures[i]) ? "" : siren_number_format(figures[i], text));
    fputc('\n', curve);
}

static siren_status make_room(siren_worker *worker, size_t limit);

/* Takes up to the encoder's batch of jobs of one shape; 0: there are none left, or the sweep stops. The encoder is made
 * to fit them. */
static siren_status take_jobs(siren_worker *worker, const siren_job **jobs, size_t *n) {
    siren_sweeping *s = worker->sweep;
    for (*n = 0;;) {
        lock(s);
        while (s->next < s->work.n_jobs && s->work.shared[s->work.jobs[s->next].shared].failed) s->next++;
        if (s->stop || s->next == s->work.n_jobs) {
            unlock(s);
            return SIREN_OK;
        }
        siren_sweep_trial *first = job_trial(s, &s->work.shared[s->work.jobs[s->next].shared], 0);
        bool fits = worker->encoder && siren_trial_compare_shapes(worker->shape, first->trial) == 0;
        if (fits) {
            size_t begin = s->next, most = siren_encoder_batch(worker->encoder);
            while (s->next < s->work.n_jobs && s->next - begin < most &&
                   siren_trial_compare_shapes(
                       worker->shape,
                       job_trial(s, &s->work.shared[s->work.jobs[s->next].shared], 0)->trial) == 0)
                s->next++;
            *jobs = s->work.jobs + begin;
            *n = s->next - begin;
        }
        unlock(s);
        if (fits) return SIREN_OK;
        size_t held = siren_geometry_voxels(&s->series.geometry) *
                      siren_datatype_size(s->series.geometry.datatype),
               limit = s->options->memory_limit;
        size_t share = limit > held ? (limit - held) / s->n_workers + 1 : 1;
        SIREN_TRY(make_room(worker, share / OTHERS_SHARE));
        siren_encoder_plan plan = {.series = &s->series,
                                   .layout = &first->layout,
                                   .mask = s->mask,
                                   .settings = &first->trial->settings,
                                   .log_interval =
                                       s->experiment->keep_curves ? s->experiment->log_interval : 0,
                                   .memory_limit = share - share / OTHERS_SHARE};
        siren_encoder_free(SIREN_TAKE(worker->encoder));
        siren_survey_free(&worker->survey);
        SIREN_TRY(siren_survey_volumes(NULL, &s->series, &first->layout,
                                       first->trial->settings.scaling == SIREN_SCALING_ROBUST,
                                       &worker->survey));
        plan.limits = worker->survey.limits;
        SIREN_TRY(siren_encoder_create(worker->device, &plan, &worker->encoder));
        worker->shape = first->trial;
    }
}

/* Operations of the training of the nth network of a batch, which may have ended early; constant blocks took none. */
static double trained_flop(const siren_batch *batch, const siren_sweep_trial *trial, size_t nth) {
    const siren_layout *layout = &trial->layout;
    siren_settings settings = trial->trial->settings;
    settings.epochs = batch->trained->blocks[nth].n_epochs;
    const size_t n_points = siren_mask_block_points(&layout->mask, &layout->grid, batch->jobs[nth].block);
    return siren_training_flops(&layout->network, &settings, siren_layout_samples(layout, n_points));
}

/* The nth network of a batch is trained: encodes and keeps it for one trial. */
static siren_status keep_block(const siren_batch *batch, siren_sweep_trial *trial, size_t nth,
                               const atomic_bool *stop, siren_timing *timing) {
    siren_sweeping *s = batch->worker->sweep;
    siren_finished_block block = {.curve = batch->texts[nth]};
    double start = siren_clock();
    SIREN_TRY(siren_trained_encode(batch->trained, nth, &trial->trial->settings, stop, &block.encoded));
    timing->trial = trial->folder.name;
    timing->encode_seconds = siren_clock() - start;
    siren_status status = siren_claim_check(s->claim);
    if (status == SIREN_OK) status = siren_finished_block_write(&trial->folder, &block);
    bool diverged = block.encoded.diverged;
    siren_encoded_free(&block.encoded);
    if (status != SIREN_OK) return status;
    lock(s);
    status = siren_run_timing_append(s->timing, timing);
    s->result.encode_seconds += timing->encode_seconds;
    s->result.n_blocks++;
    trial->finished[timing->number - trial->layout.grid.first] = 1;
    trial->n_left--;
    unlock(s);
    return status == SIREN_OK && diverged && s->options->fail_fast ? siren_sweeping_stop_at(trial) : status;
}

/* A failure that is the trial's own and leaves the others a chance. */
static bool is_of_trial(siren_status status) {
    return status == SIREN_DEVICE_MEMORY || status == SIREN_UNSUPPORTED || status == SIREN_USAGE;
}

/* Trials that share a training failed: others go on. */
static void give_up(siren_sweeping *s, siren_shared_training *shared) {
    lock(s);
    shared->failed = true;
    for (size_t t = 0; t < shared->n; t++) {
        siren_sweep_trial *trial = job_trial(s, shared, t);
        if (trial->complete || trial->failed) continue;
        trial->failed = true;
        siren_sweep_result_fail(&s->result, "trial %s failed", trial->folder.name);
    }
    unlock(s);
}

static void batch_free(siren_batch *batch) {
    if (!batch) return;
    siren_trained_free(batch->trained);
    for (size_t i = 0; i < batch->n; i++) {
        if (batch->curves && batch->curves[i]) fclose(batch->curves[i]);
        if (batch->texts) free(batch->texts[i]);
    }
    free(batch->curves);
    free(batch->texts);
    free(batch->lengths);
    free(batch);
}
SIREN_POINTER_RELEASE(siren_batch, batch_free)

/* Keeps the nth network of a batch for each trial that wants it. */
static siren_status keep_job(const siren_batch *batch, size_t nth, const atomic_bool *stop) {
    siren_worker *worker = batch->worker;
    siren_sweeping *s = worker->sweep;
    const siren_job *job = &batch->jobs[nth];
    const siren_shared_training *shared = &s->work.shared[job->shared];
    for (size_t t = 0; t < shared->n; t++) {
        siren_sweep_trial *trial = job_trial(s, shared, t);
        siren_timing timing = {.number = job->block,
                               .device = siren_device_get_facts(worker->device)->name,
                               .train_seconds =
                                   batch->train_seconds / (double)batch->trained->n / (double)shared->n,
                               .train_flop = trained_flop(batch, trial, nth) / (double)shared->n};
        if (trial->finished[job->block - trial->layout.grid.first]) continue;
        SIREN_TRY(keep_block(batch, trial, nth, stop, &timing));
    }
    return SIREN_OK;
}

/* A siren_background_fn. */
static siren_status keep_batch(void *user, const atomic_bool *stop) {
    const siren_batch *batch = user;
    siren_sweeping *s = batch->worker->sweep;
    for (size_t i = 0; i < batch->trained->n; i++) {
        siren_status status = keep_job(batch, i, stop);
        if (is_of_trial(status) && !s->options->fail_fast) {
            give_up(s, &s->work.shared[batch->jobs[i].shared]);
            status = SIREN_OK;
        }
        lock(s);
        bool go_on = report(s);
        if (status == SIREN_OK && go_on && s->options->part.of == 0 &&
            siren_clock() - s->tables_at > TABLES_SECONDS)
            status = siren_sweeping_write_tables(s);
        unlock(s);
        if (status != SIREN_OK || !go_on) return status;
    }
    return SIREN_OK;
}

static bool report_waiting(void *user) {
    siren_sweeping *s = user;
    lock(s);
    bool go_on = report(s);
    unlock(s);
    return go_on;
}

/* Finishes the trial if its last block is kept and no other worker does so. */
static siren_status finish_if_last(siren_worker *worker, siren_sweep_trial *trial) {
    siren_sweeping *s = worker->sweep;
    lock(s);
    bool mine = trial->n_left == 0 && !trial->finishing && siren_sweep_trial_is_whole(trial);
    trial->finishing = trial->finishing || mine;
    unlock(s);
    return mine ? siren_sweeping_finish_trial(s, trial, worker->device) : SIREN_OK;
}

/* Finishes trials whose last block was in the batch. */
static siren_status finish_trials(siren_worker *worker, const siren_batch *batch) {
    siren_sweeping *s = worker->sweep;
    for (size_t i = 0; i < batch->trained->n; i++) {
        siren_shared_training *shared = &s->work.shared[batch->jobs[i].shared];
        for (size_t t = 0; t < shared->n; t++) {
            siren_status status = finish_if_last(worker, job_trial(s, shared, t));
            if (!is_of_trial(status) || s->options->fail_fast)
                SIREN_TRY(status);
            else
                give_up(s, shared);
        }
    }
    return SIREN_OK;
}

/* Waits until the batch before is kept. What that completes is finished on the device, which is free now: how long
 * decoding takes there is measured. */
static siren_status wait_for_batch(siren_worker *worker) {
    siren_batch *batch = SIREN_TAKE(worker->kept);
    siren_status status = siren_background_wait(worker->background, report_waiting, worker->sweep);
    if (status == SIREN_OK && batch) status = finish_trials(worker, batch);
    batch_free(batch);
    return status;
}

/* Waits for a batch of other trials where it may hold more than `limit` bytes. */
static siren_status make_room(siren_worker *worker, size_t limit) {
    const siren_trained *trained = worker->kept ? worker->kept->trained : NULL;
    return trained && siren_trained_bytes(&trained->layout, trained->n) > limit ? wait_for_batch(worker)
                                                                                : SIREN_OK;
}

static siren_status begin_batch(siren_worker *worker, const siren_job *jobs, size_t n, siren_batch **out) {
    SIREN_AT_END(batch_free_at) siren_batch *batch = NULL;
    SIREN_TRY(siren_allocate(&batch, 1, sizeof *batch, "a batch"));
    *batch = (siren_batch){.worker = worker, .jobs = jobs, .n = n};
    SIREN_TRY(siren_allocate(&batch->curves, n, sizeof *batch->curves, "the curves of a batch"));
    SIREN_TRY(siren_allocate(&batch->texts, n, sizeof *batch->texts, "the curves of a batch"));
    SIREN_TRY(siren_allocate(&batch->lengths, n, sizeof *batch->lengths, "the curves of a batch"));
    for (size_t i = 0; i < n; i++) {
        batch->curves[i] = open_memstream(&batch->texts[i], &batch->lengths[i]);
        if (!batch->curves[i]) return siren_fail(SIREN_SYSTEM, "out of memory: cannot keep a curve");
    }
    *out = SIREN_TAKE(batch);
    return SIREN_OK;
}

static siren_status end_curves(siren_batch *batch) {
    for (size_t i = 0; i < batch->n; i++) {
        FILE *curve = SIREN_TAKE(batch->curves[i]);
        if (fclose(curve) != 0) return siren_fail(SIREN_SYSTEM, "out of memory: cannot keep a curve");
    }
    return SIREN_OK;
}

/* Counts the operations of what has been trained, and of the sweep what is done. */
static void count_batch(const siren_batch *batch) {
    siren_sweeping *s = batch->worker->sweep;
    lock(s);
    batch->worker->under_way = 0;
    s->result.train_seconds += batch->train_seconds;
    for (size_t i = 0; i < batch->trained->n; i++) {
        const siren_sweep_trial *trial = job_trial(s, &s->work.shared[batch->jobs[i].shared], 0);
        s->done_flop += siren_sweep_trial_flop(trial, batch->jobs[i].block);
        s->result.train_flop += trained_flop(batch, trial, i);
    }
    unlock(s);
}

/* Trains the first of the jobs, and has them kept in the background: not more than one batch at a time, so that memory
 * is bounded. */
static siren_status train_batch(siren_worker *worker, const siren_job *jobs, size_t n, size_t *n_trained) {
    siren_sweeping *s = worker->sweep;
    SIREN_AT_END(batch_free_at) siren_batch *batch = NULL;
    SIREN_FREE_AT_END siren_training *trainings = NULL;
    SIREN_TRY(siren_allocate(&trainings, n, sizeof *trainings, "a batch"));
    SIREN_TRY(begin_batch(worker, jobs, n, &batch));
    worker->batch_flop = 0;
    for (size_t i = 0; i < n; i++) {
        const siren_sweep_trial *trial = job_trial(s, &s->work.shared[jobs[i].shared], 0);
        trainings[i] =
            (siren_training){jobs[i].block, trial->trial->settings.seed, trial->trial->settings.rate};
        worker->batch_flop +=
            siren_sweep_trial_flop(trial, jobs[i].block) / (double)trial->trial->settings.epochs;
    }
    double start = siren_clock();
    SIREN_TRY(siren_encoder_train(worker->encoder, trainings, n, write_curve_row, report_epochs, batch,
                                  &batch->trained));
    batch->train_seconds = siren_clock() - start;
    SIREN_TRY(end_curves(batch));
    count_batch(batch);
    SIREN_TRY(wait_for_batch(worker));
    *n_trained = batch->trained->n;
    worker->kept = SIREN_TAKE(batch);
    siren_background_begin(worker->background, keep_batch, worker->kept);
    return SIREN_OK;
}

/* Trains and keeps jobs until there are none left. */
static siren_status do_jobs(siren_worker *worker) {
    siren_sweeping *s = worker->sweep;
    const siren_job *jobs = NULL;
    size_t n = 0;
    for (;;) {
        SIREN_TRY(take_jobs(worker, &jobs, &n));
        if (n == 0) return wait_for_batch(worker);
        for (size_t done = 0, trained = 0; done < n && !stopping(s); done += trained) {
            siren_status status = train_batch(worker, jobs + done, n - done, &trained);
            if (status == SIREN_OK) continue;
            lock(s);
            worker->under_way = 0;
            unlock(s);
            if (!is_of_trial(status) || s->options->fail_fast) return status;
            give_up(s, &s->work.shared[jobs[done].shared]);
            trained = 1;
        }
    }
}

void siren_sweep_work(void *user, size_t i) {
    siren_sweeping *s = user;
    siren_worker *worker = &s->workers[i];
    siren_status status = siren_background_create(&worker->background);
    if (status == SIREN_OK) {
        status = do_jobs(worker);
        if (status != SIREN_OK) status = siren_background_stop(worker->background, status);
    }
    if (status != SIREN_OK) stop_with(s, status);
    siren_background_free(SIREN_TAKE(worker->background));
    batch_free(SIREN_TAKE(worker->kept));
    siren_encoder_free(SIREN_TAKE(worker->encoder));
    siren_survey_free(&worker->survey);
}
