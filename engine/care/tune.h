/* Configurations of the kernel families: which there are, which a device is to use, and how fast they are.
 *
 * A device uses, for each shape of network, what siren_tune_load() found in the user's cache, else the default of its
 * family. */
#ifndef SIREN_ENGINE_CARE_TUNE_H
#define SIREN_ENGINE_CARE_TUNE_H

#include "engine/model/network.h"
#include "host/configuration.h"

/* What is measured for a shape, and up to which width of the hidden layers it stands. */
typedef struct {
    const char *name;
    uint32_t widest; /* of its networks */
    uint32_t width;  /* of the network measured: siren-2d, 3 hidden layers, 69 outputs */
    uint32_t side;   /* of its square block of points */
} siren_shape_plan;
extern const siren_shape_plan siren_shape_plans[SIREN_N_SHAPES];

siren_shape siren_shape_of(const siren_network *network);
/* What kernels for networks of a shape, or for `network`, are built with on the device. */
siren_configuration siren_configuration_of_shape(const siren_device *device, siren_shape shape);
siren_configuration siren_configuration_of(const siren_device *device, const siren_network *network);
/* What they would be built with if nothing had been measured. */
siren_configuration siren_configuration_default(const siren_device *device);
bool siren_configuration_equal(const siren_configuration *a, const siren_configuration *b);
/* "lanes 16, block_rows 96" into `out`. Returns `out`. */
#define SIREN_CONFIGURATION_CHARS 96
char *siren_configuration_text(const siren_configuration *configuration, char out[SIREN_CONFIGURATION_CHARS]);

/* Which kernels train the network: "chain", "layer", "layer, tf32" or "layer, clblast 2". Returns `out`. */
#define SIREN_KERNELS_CHARS 32
char *siren_kernels_text(const siren_device *device, const siren_network *network,
                         char out[SIREN_KERNELS_CHARS]);

/* The curated list of a family, borrowed. */
const siren_configuration *siren_tune_candidates(siren_family family, size_t *n);

/* Runs the self-test with `candidate` for every shape unless that has been done (`verified`), then measures a training step
 * of each: seconds, the least of a few. A compiler may end the process or never come back: call this where either does no
 * harm. */
siren_status siren_tune_probe(siren_device *device, const siren_configuration *candidate, bool verified,
                              double seconds[SIREN_N_SHAPES]);

/* Candidates are measured in so many rounds, one after the other in each: what disturbs a machine for long disturbs all of
 * them. */
#define SIREN_TUNE_ROUNDS 5
/* Of one candidate; NaN where it has not been measured. */
typedef struct {
    double seconds[SIREN_TUNE_ROUNDS][SIREN_N_SHAPES];
} siren_tune_times;
void siren_tune_times_clear(siren_tune_times *times);
/* The least of the rounds; infinity where there is none. */
double siren_tune_least(const siren_tune_times *times, siren_shape shape);

/* Another candidate replaces the default where it was the quicker of the two in all rounds but one at most, and two of its
 * times are lower than the default's least by this share at least: 3 %, or what the default's two least times differ by.
 * On a busy machine that is much, and says that little can be told. */
double siren_tune_gain_needed(const siren_tune_times *usual, siren_shape shape);
/* The candidate to choose for a shape: the quickest that may replace `usual`, or that itself; where `usual` has no time, the
 * quickest. `n` where none has one. `times`: (n). */
size_t siren_tune_choose(const siren_tune_times *times, size_t n, size_t usual, siren_shape shape);
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
siren_status siren_tune_save(siren_device *device, const siren_tuned tuned[SIREN_N_SHAPES]);

#endif
