/* What a sweep is asked for, and what it tells. */
#ifndef SIREN_LAB_SWEEP_SWEEP_OPTIONS_H
#define SIREN_LAB_SWEEP_SWEEP_OPTIONS_H

#include "lab/experiment/experiment.h"
#include "host/part.h"

typedef struct {
    const char *folder;  /* the run folder; made where it is missing */
    const char *command; /* how to repeat it, for environment.json */
    bool fail_fast;      /* stop at the first trial that fails or diverges; else go on with the others */
    size_t memory_limit; /* bytes for a series and all that trains on it */
    siren_part part;     /* of the blocks, which are trained, and no more; of 0: all, and all that follows */
    bool finish;         /* train nothing: make of the blocks that are there what follows */
    double expiry; /* seconds after which a silent process elsewhere counts as dead; 0: SIREN_CLAIM_EXPIRY */
} siren_sweep_options;

typedef struct {
    size_t n_trials;
    size_t n_before;   /* complete before this call */
    size_t n_diverged; /* of all that are complete */
    size_t n_failed;
    size_t n_share;                          /* blocks of the part, done before or not */
    char first_failure[SIREN_MESSAGE_BYTES]; /* what happened to the first that failed; "": none */
    size_t n_blocks;                         /* encoded in this call, for all trials */
    double seconds;                          /* of this call */
    double train_seconds;                    /* in which devices trained, summed over devices */
    double train_flop;                       /* floating-point operations of training steps */
    double encode_seconds;                   /* quantising, exact decode and packing, summed over devices */
} siren_sweep_result;

/* Counts a failure that is the trial's own, and warns of it: "WHAT: the message of this thread". */
void siren_sweep_result_fail(siren_sweep_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
