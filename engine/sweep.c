#define _GNU_SOURCE
#include "engine/sweep.h"

#include "engine/run_evaluation.h"
#include "engine/run_tables.h"
#include "engine/sweep_baseline.h"
#include "engine/sweep_evaluate.h"
#include "engine/sweep_estimate.h"
#include "engine/sweep_figures.h"
#include "engine/sweep_folder.h"
#include "engine/sweep_jobs.h"
#include "engine/sweep_trial.h"
#include "formats/number.h"
#include "host/background.h"
#include "host/file.h"
#include "host/lock.h"
#include "host/staging.h"
#include "host/threads.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS_SHARE 16     /* of a worker's memory; a batch of other trials may hold it, in the background */
#define TABLES_SECONDS 10.0 /* between two writings of the tables while trials end */

typedef struct siren_sweeping siren_sweeping;

/* A batch of jobs, in training or being encoded. */
typedef struct {
    struct siren_worker *worker;
    const siren_job *jobs; /* (n) */
    size_t n;              /* asked for; trained->n of them were trained */
    siren_trained *trained;
    double train_seconds;
    FILE **curves; /* (n) write to */
    char **texts;  /* (n) these, of */
    size_t *lengths;
} siren_batch;

/* One device, the thread that uses it, and the one that encodes beside it. */
typedef struct siren_worker {
    siren_sweeping *sweep;
    siren_device *device;
    siren_encoder *encoder; /* for trials shaped as `shape`; NULL: none */
    const siren_trial *shape;
    double under_way;  /* operations done of the batch in training */
    double batch_flop; /* operations of an epoch of it */
    siren_background *background;
    siren_batch *kept; /* in the background; NULL: none */
} siren_worker;

/* Everything a call holds. What workers share is guarded by `mutex`. */
struct siren_sweeping {
    const siren_experiment *experiment;
    const siren_sweep_options *options;
    siren_progress_fn progress;
    void *user;
    siren_sweep_input *inputs;       /* (n_inputs) */
    siren_trial_folder *folders;     /* (n_trials) until they move into `trials` */
    siren_sweep_trial *trials;       /* (n_trials) */
    siren_sweep_baseline *baselines; /* (n_baselines) */
    siren_worker *workers;           /* (n_workers) */
    size_t n_workers;

    /* The stage: trials of one input and slice axis. */
    siren_sweep_source source; /* its device is each worker's own */
    siren_series series;
    uint8_t *mask;
    siren_sweep_jobs work; /* what the stage's incomplete trials lack */
    size_t next;           /* job of it to be taken */

    pthread_mutex_t mutex;
    bool stop;
    siren_status status; /* first failure, with its message */
    char message[SIREN_MESSAGE_BYTES];
    double done_flop, total_flop, tables_at;
    siren_sweep_result result;
};

/* ---- workers ---- */

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
    for (size_t i = 0; i < s->n_workers; i++) done += s->workers[i].under_way;
    if (!s->stop && s->progress && !s->progress(s->user, done, s->total_flop, "training")) {
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

/* Takes up to the encoder's batch of jobs of one shape; 0: there are none left, or the sweep stops. The encoder is made to
 * fit them. */
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
        SIREN_RETURN_IF_FAILED(make_room(worker, share / OTHERS_SHARE));
        siren_encoder_plan plan = {.series = &s->series,
                                   .layout = &first->layout,
                                   .mask = s->mask,
                                   .epochs = first->trial->epochs,
                                   .points_per_epoch = first->trial->points_per_epoch,
                                   .log_interval =
                                       s->experiment->keep_curves ? s->experiment->log_interval : 0,
                                   .memory_limit = share - share / OTHERS_SHARE};
        siren_encoder_free(worker->encoder);
        worker->encoder = NULL;
        SIREN_RETURN_IF_FAILED(siren_encoder_create(worker->device, &plan, &worker->encoder));
        worker->shape = first->trial;
    }
}

static siren_status stop_at_diverged(const siren_sweep_trial *trial) {
    return siren_fail(SIREN_PARTIAL, "trial %s diverged, and --fail-fast stops there", trial->folder.name);
}

static siren_status finish_trial(siren_sweeping *s, siren_sweep_trial *trial, siren_device *device) {
    siren_sweep_source source = s->source;
    siren_status status = SIREN_OK;
    siren_trial_result result;
    double seconds;
    source.device = device;
    SIREN_RETURN_IF_FAILED(siren_sweep_trial_finish(&source, trial, &result, &seconds));
    lock(s);
    trial->result = result;
    trial->complete = true;
    if (!isnan(seconds))
        status = siren_run_timing_append_decoding(s->options->folder, trial->folder.name,
                                                  siren_device_get_facts(device)->name, seconds);
    unlock(s);
    return status;
}

/* The nth network of a batch is trained: encodes and keeps it for one trial. */
static siren_status keep_block(const siren_batch *batch, siren_sweep_trial *trial, size_t nth,
                               const atomic_bool *stop, siren_timing *timing) {
    siren_sweeping *s = batch->worker->sweep;
    siren_finished_block block = {.curve = batch->texts[nth]};
    double start = siren_clock();
    SIREN_RETURN_IF_FAILED(
        siren_trained_encode(batch->trained, nth, trial->trial->weight_bits, stop, &block.encoded));
    timing->trial = trial->folder.name;
    timing->encode_seconds = siren_clock() - start;
    siren_status status = siren_finished_block_write(&trial->folder, &block);
    bool diverged = block.encoded.diverged;
    siren_encoded_free(&block.encoded);
    if (status != SIREN_OK) return status;
    lock(s);
    status = siren_run_timing_append(s->options->folder, timing);
    s->result.encode_seconds += timing->encode_seconds;
    s->result.n_blocks++;
    trial->finished[timing->number - trial->layout.grid.first] = 1;
    trial->n_left--;
    unlock(s);
    return status == SIREN_OK && diverged && s->options->fail_fast ? stop_at_diverged(trial) : status;
}

/* `*complete` (n) is yours to free(). */
static siren_status list_complete(const siren_sweeping *s, siren_complete_trial **complete, size_t *n) {
    const siren_experiment *x = s->experiment;
    siren_complete_trial *list = NULL;
    *n = 0;
    SIREN_RETURN_IF_FAILED(
        siren_allocate(&list, x->n_trials + x->n_baselines, sizeof *list, "the complete trials"));
    for (size_t i = 0; i < x->n_trials; i++)
        if (s->trials[i].complete)
            list[(*n)++] = (siren_complete_trial){x, s->trials[i].trial, NULL, s->trials[i].folder.name,
                                                  &s->trials[i].result};
    for (size_t i = 0; i < x->n_baselines; i++)
        if (s->baselines[i].complete)
            list[(*n)++] = (siren_complete_trial){x, NULL, s->baselines[i].trial, s->baselines[i].folder.name,
                                                  &s->baselines[i].result};
    *complete = list;
    return SIREN_OK;
}

/* Every complete trial into the tables; the mutex is held. */
static siren_status write_tables(siren_sweeping *s) {
    siren_complete_trial *complete = NULL;
    size_t n = 0;
    SIREN_RETURN_IF_FAILED(list_complete(s, &complete, &n));
    siren_status status = siren_run_tables_write(s->options->folder, complete, n);
    free(complete);
    s->tables_at = siren_clock();
    return status;
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
        s->result.n_failed++;
        siren_log(SIREN_LOG_WARNING, "trial %s failed: %s", trial->folder.name, siren_message());
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

/* Keeps the nth network of a batch for each trial that wants it. */
static siren_status keep_job(const siren_batch *batch, size_t nth, const atomic_bool *stop) {
    siren_worker *worker = batch->worker;
    siren_sweeping *s = worker->sweep;
    const siren_job *job = &batch->jobs[nth];
    const siren_shared_training *shared = &s->work.shared[job->shared];
    for (size_t t = 0; t < shared->n; t++) {
        siren_sweep_trial *trial = job_trial(s, shared, t);
        siren_timing timing = {
            .number = job->block,
            .device = siren_device_get_facts(worker->device)->name,
            .train_seconds = batch->train_seconds / (double)batch->trained->n / (double)shared->n,
            .train_flop = batch->trained->blocks[nth].constant
                              ? 0
                              : siren_sweep_trial_flop(trial, job->block) / (double)shared->n};
        if (trial->finished[job->block - trial->layout.grid.first]) continue;
        SIREN_RETURN_IF_FAILED(keep_block(batch, trial, nth, stop, &timing));
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
        if (status == SIREN_OK && go_on && siren_clock() - s->tables_at > TABLES_SECONDS)
            status = write_tables(s);
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
    bool mine = trial->n_left == 0 && !trial->finishing;
    trial->finishing = trial->finishing || mine;
    unlock(s);
    return mine ? finish_trial(s, trial, worker->device) : SIREN_OK;
}

/* Finishes trials whose last block was in the batch. */
static siren_status finish_trials(siren_worker *worker, const siren_batch *batch) {
    siren_sweeping *s = worker->sweep;
    for (size_t i = 0; i < batch->trained->n; i++) {
        siren_shared_training *shared = &s->work.shared[batch->jobs[i].shared];
        for (size_t t = 0; t < shared->n; t++) {
            siren_status status = finish_if_last(worker, job_trial(s, shared, t));
            if (!is_of_trial(status) || s->options->fail_fast)
                SIREN_RETURN_IF_FAILED(status);
            else
                give_up(s, shared);
        }
    }
    return SIREN_OK;
}

/* Waits until the batch before is kept. What that completes is finished on the device, which is free now: how long decoding
 * takes there is measured. */
static siren_status wait_for_batch(siren_worker *worker) {
    siren_batch *batch = worker->kept;
    siren_status status = siren_background_wait(worker->background, report_waiting, worker->sweep);
    worker->kept = NULL;
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
    siren_status status = SIREN_OK;
    siren_batch *batch = NULL;
    SIREN_TRY(siren_allocate(&batch, 1, sizeof *batch, "a batch"));
    *batch = (siren_batch){.worker = worker, .jobs = jobs, .n = n};
    SIREN_TRY(siren_allocate(&batch->curves, n, sizeof *batch->curves, "the curves of a batch"));
    SIREN_TRY(siren_allocate(&batch->texts, n, sizeof *batch->texts, "the curves of a batch"));
    SIREN_TRY(siren_allocate(&batch->lengths, n, sizeof *batch->lengths, "the curves of a batch"));
    for (size_t i = 0; i < n; i++) {
        batch->curves[i] = open_memstream(&batch->texts[i], &batch->lengths[i]);
        if (!batch->curves[i]) SIREN_TRY(siren_fail(SIREN_SYSTEM, "out of memory: cannot keep a curve"));
    }
    *out = batch;
    batch = NULL;
done:
    batch_free(batch);
    return status;
}

static siren_status end_curves(siren_batch *batch) {
    for (size_t i = 0; i < batch->n; i++) {
        FILE *curve = batch->curves[i];
        batch->curves[i] = NULL;
        if (fclose(curve) != 0) return siren_fail(SIREN_SYSTEM, "out of memory: cannot keep a curve");
    }
    return SIREN_OK;
}

/* Counts the operations of what has been trained; constant blocks took none. */
static void count_batch(const siren_batch *batch) {
    siren_sweeping *s = batch->worker->sweep;
    lock(s);
    batch->worker->under_way = 0;
    s->result.train_seconds += batch->train_seconds;
    for (size_t i = 0; i < batch->trained->n; i++) {
        double flop = siren_sweep_trial_flop(job_trial(s, &s->work.shared[batch->jobs[i].shared], 0),
                                             batch->jobs[i].block);
        s->done_flop += flop;
        s->result.train_flop += batch->trained->blocks[i].constant ? 0 : flop;
    }
    unlock(s);
}

/* Trains the first of the jobs, and has them kept in the background: not more than one batch at a time, so that memory is
 * bounded. */
static siren_status train_batch(siren_worker *worker, const siren_job *jobs, size_t n, size_t *n_trained) {
    siren_status status = SIREN_OK;
    siren_sweeping *s = worker->sweep;
    siren_batch *batch = NULL;
    siren_training *trainings = NULL;
    SIREN_TRY(siren_allocate(&trainings, n, sizeof *trainings, "a batch"));
    SIREN_TRY(begin_batch(worker, jobs, n, &batch));
    worker->batch_flop = 0;
    for (size_t i = 0; i < n; i++) {
        const siren_sweep_trial *trial = job_trial(s, &s->work.shared[jobs[i].shared], 0);
        trainings[i] = (siren_training){jobs[i].block, trial->trial->seed, trial->trial->rate};
        worker->batch_flop += siren_sweep_trial_flop(trial, jobs[i].block) / (double)trial->trial->epochs;
    }
    double start = siren_clock();
    SIREN_TRY(siren_encoder_train(worker->encoder, trainings, n, write_curve_row, report_epochs, batch,
                                  &batch->trained));
    batch->train_seconds = siren_clock() - start;
    SIREN_TRY(end_curves(batch));
    count_batch(batch);
    SIREN_TRY(wait_for_batch(worker));
    *n_trained = batch->trained->n;
    worker->kept = batch;
    batch = NULL;
    siren_background_begin(worker->background, keep_batch, worker->kept);
done:
    lock(s);
    worker->under_way = 0;
    unlock(s);
    batch_free(batch);
    free(trainings);
    return status;
}

/* Trains and keeps jobs until there are none left. */
static siren_status do_jobs(siren_worker *worker) {
    siren_sweeping *s = worker->sweep;
    const siren_job *jobs = NULL;
    size_t n = 0;
    for (;;) {
        SIREN_RETURN_IF_FAILED(take_jobs(worker, &jobs, &n));
        if (n == 0) return wait_for_batch(worker);
        for (size_t done = 0, trained = 0; done < n && !stopping(s); done += trained) {
            siren_status status = train_batch(worker, jobs + done, n - done, &trained);
            if (status == SIREN_OK) continue;
            if (!is_of_trial(status) || s->options->fail_fast) return status;
            give_up(s, &s->work.shared[jobs[done].shared]);
            trained = 1;
        }
    }
}

static void work(void *user, size_t i) {
    siren_sweeping *s = user;
    siren_worker *worker = &s->workers[i];
    siren_status status = siren_background_create(&worker->background);
    if (status == SIREN_OK) {
        status = do_jobs(worker);
        if (status != SIREN_OK) status = siren_background_stop(worker->background, status);
    }
    if (status != SIREN_OK) stop_with(s, status);
    siren_background_free(worker->background);
    worker->background = NULL;
    batch_free(worker->kept);
    worker->kept = NULL;
    siren_encoder_free(worker->encoder);
    worker->encoder = NULL;
}

/* ---- stages ---- */

static void stage_free(siren_sweeping *s) {
    siren_series_free(&s->series);
    s->series = (siren_series){.voxels = NULL};
    free(s->mask);
    s->mask = NULL;
    siren_sweep_jobs_free(&s->work);
    s->next = 0;
}

/* Opens the trials of the stage; those to be done are its order. */
static siren_status open_trials(siren_sweeping *s, size_t input, siren_axis axis) {
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        siren_sweep_trial *trial = &s->trials[i];
        if (trial->trial->input != input || trial->trial->axis != axis) continue;
        SIREN_RETURN_IF_FAILED(siren_sweep_trial_open(&s->source, trial));
        bool diverged = trial->diverged || (trial->complete && trial->result.status == SIREN_RESULT_DIVERGED);
        if (diverged && s->options->fail_fast) return stop_at_diverged(trial);
        if (trial->complete)
            s->result.n_before++;
        else if (trial->n_left == 0)
            SIREN_RETURN_IF_FAILED(finish_trial(s, trial, s->source.device));
        else
            s->work.order[s->work.n_order++] = i;
    }
    return SIREN_OK;
}

static siren_status run_stage(siren_sweeping *s, size_t input, siren_axis axis) {
    siren_status status = SIREN_OK;
    SIREN_TRY(
        siren_sweep_input_read(&s->inputs[input], axis, s->options->memory_limit, &s->series, &s->mask));
    s->source = (siren_sweep_source){.experiment = s->experiment,
                                     .series = &s->series,
                                     .mask = s->mask,
                                     .train_on_mask = s->experiment->inputs[input].train_on_mask,
                                     .image = s->inputs[input].image,
                                     .device = s->workers[0].device,
                                     .named = s->workers[0].device,
                                     .memory_limit = s->options->memory_limit};
    SIREN_TRY(siren_allocate(&s->work.order, s->experiment->n_trials, sizeof *s->work.order,
                             "the order of the trials"));
    SIREN_TRY(open_trials(s, input, axis));
    SIREN_TRY(siren_sweep_jobs_plan(s->trials, &s->work));
    s->total_flop += s->work.flop;
    SIREN_TRY(siren_threads_run(s->n_workers, work, s));
    if (s->status != SIREN_OK) status = siren_fail(s->status, "%s", s->message);
done:
    stage_free(s);
    return status;
}

static bool has_trials(const siren_experiment *experiment, size_t input, siren_axis axis) {
    for (size_t i = 0; i < experiment->n_trials; i++)
        if (experiment->trials[i].input == input && experiment->trials[i].axis == axis) return true;
    return false;
}

/* Keeps what figures show of complete trials, and judges these; evaluation.csv holds what there is, also where this is interrupted. */
static siren_status inspect_results(siren_sweeping *s) {
    siren_complete_trial *complete = NULL;
    size_t n = 0;
    const siren_sweep_evaluate_plan plan = {s->experiment,        s->options,  s->inputs,
                                            s->workers[0].device, s->progress, s->user};
    const bool judges = s->experiment->evaluation.wanted;
    SIREN_RETURN_IF_FAILED(list_complete(s, &complete, &n));
    siren_status status = siren_panels_keep(&plan, complete, n, &s->result);
    if (status == SIREN_OK && judges) status = siren_sweep_evaluate(&plan, complete, n, &s->result);
    if (judges && (status == SIREN_OK || status == SIREN_CANCELLED)) {
        siren_status table = siren_run_evaluation_table(s->options->folder, complete, n);
        status = table != SIREN_OK ? table : status;
    }
    free(complete);
    return status;
}

static siren_status run_stages(siren_sweeping *s) {
    for (size_t input = 0; input < s->experiment->n_inputs; input++)
        for (int axis = SIREN_AXIS_X; axis <= SIREN_AXIS_Z; axis++)
            if (has_trials(s->experiment, input, (siren_axis)axis))
                SIREN_RETURN_IF_FAILED(run_stage(s, input, (siren_axis)axis));
    SIREN_RETURN_IF_FAILED(write_tables(s)); /* baselines and evaluations may take long */
    const siren_sweep_baselines_plan plan = {s->experiment, s->options,  s->inputs,
                                             s->trials,     s->progress, s->user};
    SIREN_RETURN_IF_FAILED(siren_sweep_baselines_run(&plan, s->baselines, &s->result));
    return inspect_results(s);
}

/* ---- the whole ---- */

/* What is complete, before anything is trained: tables hold it whenever they are written. */
static void find_results(siren_sweeping *s) {
    for (size_t i = 0; i < s->experiment->n_trials; i++)
        s->trials[i].complete = siren_trial_find_result(&s->trials[i].folder, &s->trials[i].result);
    for (size_t i = 0; i < s->experiment->n_baselines; i++)
        s->baselines[i].complete = siren_trial_find_result(&s->baselines[i].folder, &s->baselines[i].result);
}

/* Trials that cannot be are refused before any is trained. */
static siren_status check_trials(const siren_sweeping *s) {
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        const siren_trial *trial = &s->experiment->trials[i];
        siren_trial_estimate cost;
        SIREN_RETURN_IF_FAILED(
            siren_trial_estimate_cost(trial, &s->inputs[trial->input].geometry, NULL, &cost));
    }
    return SIREN_OK;
}

static siren_status prepare(siren_sweeping *s, siren_device *const *devices) {
    const siren_experiment *experiment = s->experiment;
    const char *run = s->options->folder;
    SIREN_RETURN_IF_FAILED(siren_sweep_inputs_prepare(run, experiment, s->progress, s->user, &s->inputs));
    SIREN_RETURN_IF_FAILED(check_trials(s));
    SIREN_RETURN_IF_FAILED(siren_figures_check(experiment, s->inputs));
    SIREN_RETURN_IF_FAILED(
        siren_allocate(&s->folders, experiment->n_trials, sizeof *s->folders, "the trials"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&s->trials, experiment->n_trials, sizeof *s->trials, "the trials"));
    SIREN_RETURN_IF_FAILED(siren_allocate(&s->workers, s->n_workers, sizeof *s->workers, "the workers"));
    for (size_t i = 0; i < s->n_workers; i++)
        s->workers[i] = (siren_worker){.sweep = s, .device = devices[i]};
    for (size_t i = 0; i < experiment->n_trials; i++) {
        const siren_sweep_input *input = &s->inputs[experiment->trials[i].input];
        siren_trial_context context = {.input_sha256 = input->sha256,
                                       .mask_sha256 = input->mask ? input->mask_sha256 : NULL,
                                       .train_on_mask =
                                           experiment->inputs[experiment->trials[i].input].train_on_mask,
                                       .log_interval = experiment->log_interval,
                                       .keep_archives = experiment->keep_archives,
                                       .keep_curves = experiment->keep_curves};
        SIREN_RETURN_IF_FAILED(
            siren_trial_folder_create(run, &experiment->trials[i], &context, &s->folders[i]));
    }
    SIREN_RETURN_IF_FAILED(
        siren_sweep_baselines_create(run, experiment, s->inputs, s->folders, &s->baselines));
    SIREN_RETURN_IF_FAILED(siren_sweep_folder_claim(run, experiment, s->inputs, s->folders, s->baselines));
    SIREN_RETURN_IF_FAILED(
        siren_sweep_folder_environment(s->options, experiment, s->inputs, devices, s->n_workers));
    for (size_t i = 0; i < experiment->n_trials; i++) {
        s->trials[i].trial = &experiment->trials[i];
        s->trials[i].folder = s->folders[i];
        s->folders[i] = (siren_trial_folder){.name = NULL};
    }
    find_results(s);
    return SIREN_OK;
}

static void sweeping_free(siren_sweeping *s) {
    stage_free(s);
    for (size_t i = 0; i < s->experiment->n_trials; i++) {
        if (s->folders) siren_trial_folder_free(&s->folders[i]);
        if (s->trials) siren_sweep_trial_free(&s->trials[i]);
    }
    siren_sweep_baselines_free(s->baselines, s->experiment->n_baselines);
    siren_sweep_inputs_free(s->inputs, s->experiment->n_inputs);
    free(s->folders);
    free(s->trials);
    free(s->workers);
}

/* The tables hold what there is, also where the sweep failed or was interrupted. */
static siren_status conclude(siren_sweeping *s, siren_status status) {
    char message[SIREN_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", siren_message());
    siren_status tables = write_tables(s);
    for (size_t i = 0; i < s->experiment->n_trials; i++)
        s->result.n_diverged += s->trials[i].complete && s->trials[i].result.status == SIREN_RESULT_DIVERGED;
    if (status != SIREN_OK) return siren_fail(status, "%s", message);
    if (tables == SIREN_OK && s->result.n_failed > 0)
        return siren_fail(SIREN_PARTIAL,
                          "%zu of %zu trials failed, see the warnings above; the others are in %s",
                          s->result.n_failed, s->result.n_trials, s->options->folder);
    return tables;
}

siren_status siren_sweep(siren_device *const *devices, size_t n_devices, const siren_experiment *experiment,
                         const siren_sweep_options *options, siren_progress_fn progress, void *user,
                         siren_sweep_result *out) {
    siren_status status = SIREN_OK;
    double start = siren_clock();
    siren_sweeping s = {.experiment = experiment,
                        .options = options,
                        .progress = progress,
                        .user = user,
                        .n_workers = n_devices,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .result = {.n_trials = experiment->n_trials + experiment->n_baselines}};
    siren_lock *held = NULL;
    char *path = NULL;
    SIREN_TRY(siren_sweep_folder_check(options->folder));
    SIREN_TRY(siren_folder_make(options->folder));
    SIREN_TRY(siren_run_path(&path, options->folder, "lock"));
    SIREN_TRY(siren_lock_acquire(path, &held));
    siren_folder_clear_leftovers(options->folder);
    siren_staging_clear_leftovers(options->folder);
    SIREN_TRY(prepare(&s, devices));
    status = conclude(&s, run_stages(&s));
    s.result.seconds = siren_clock() - start;
    if (out) *out = s.result;
done:
    siren_lock_release(held);
    sweeping_free(&s);
    pthread_mutex_destroy(&s.mutex);
    free(path);
    return status;
}
