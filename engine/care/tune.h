/* Measuring the configurations of the kernel families: which there are, how fast they are, which to keep. */
#ifndef SIREN_ENGINE_CARE_TUNE_H
#define SIREN_ENGINE_CARE_TUNE_H

#include "engine/kernels/configured.h"

/* The curated list of a family, borrowed. */
const siren_configuration *siren_tune_candidates(siren_family family, size_t *n);

/* Runs the self-test with `candidate` for every shape unless that has been done (`verified`), then measures a training
 * step of each: seconds, the least of a few. A compiler may end the process or never come back: call this where either
 * does no harm. */
siren_status siren_tune_probe(siren_device *device, const siren_configuration *candidate, bool verified,
                              double seconds[SIREN_N_WIDTH_CLASSES]);

/* Candidates are measured in so many rounds, one after the other in each: what disturbs a machine for long disturbs all
 * of them. */
#define SIREN_TUNE_ROUNDS 5
/* Of one candidate; NaN where it has not been measured. */
typedef struct {
    double seconds[SIREN_TUNE_ROUNDS][SIREN_N_WIDTH_CLASSES];
} siren_tune_times;
void siren_tune_times_clear(siren_tune_times *times);
/* The least of the rounds; infinity where there is none. */
double siren_tune_least(const siren_tune_times *times, siren_width_class shape);

/* Another candidate replaces the default where it was the quicker of the two in all rounds but one at most, and two of
 * its times are lower than the default's least by this share at least: 3 %, or what the default's two least times
 * differ by. On a busy machine that is much, and says that little can be told. */
double siren_tune_gain_needed(const siren_tune_times *usual, siren_width_class shape);
/* The candidate to choose for a shape: the quickest that may replace `usual`, or that itself; where `usual` has no
 * time, the quickest. `n` where none has one. `times`: (n). */
size_t siren_tune_choose(const siren_tune_times *times, size_t n, size_t usual, siren_width_class shape);
/* Whether candidate `nth` may still be chosen for some shape, after so many rounds. */
bool siren_tune_promises(const siren_tune_times *times, size_t n, size_t nth, size_t n_rounds);

/* One shape's result. */
typedef struct {
    siren_configuration chosen;
    double seconds, default_seconds;
} siren_tuned;

/* Where the choice for this device, driver, family and version of the kernels is kept: below $XDG_CACHE_HOME, else
 * ~/.cache. SYSTEM where there is neither. `*path` is yours to free(). */
siren_status siren_tune_path(const siren_device *device, char **path);
/* Keeps the choice there, and uses it from now on. */
siren_status siren_tune_save(siren_device *device, const siren_tuned tuned[SIREN_N_WIDTH_CLASSES]);

#endif
