/* Who works on a run folder: one process on all of it, or several on a part each. */
#ifndef SIREN_LAB_SWEEP_SWEEP_CLAIMS_H
#define SIREN_LAB_SWEEP_SWEEP_CLAIMS_H

#include "host/claim.h"
#include "lab/sweep/sweep_options.h"

/* Claims the folder for its part, or for all of it. USAGE where a process that lives has the same part, all of the
 * folder, or a part of another division; for all, where one has any part. `*out` is yours: siren_claim_release(). */
siren_status siren_sweep_claim_work(const siren_sweep_options *options, siren_progress_fn progress,
                                    void *user, siren_claim **out);
/* Waits until this process alone may write what all parts have in common. `*out` is yours: siren_claim_release(). */
siren_status siren_sweep_claim_common(const siren_sweep_options *options, siren_progress_fn progress,
                                      void *user, siren_claim **out);

#endif
