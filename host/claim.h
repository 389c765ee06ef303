/* One holder at a time on a file system that machines share: a claim is a file that one process makes and keeps young.
 *
 * No lock of the kernel is needed: NAME.1, NAME.2 ... in a folder are the generations of a claim, each made
 * complete and by one process alone (link(), or open() with O_EXCL where files have no second names), and the last
 * one counts. It is free when its holder let go of it; when the holder ran on this machine and is no more; and
 * when the holder, on another machine, has not touched it for as long as it said it would. Ages are differences of
 * two times of files, both by the clock of the file system; clocks of machines are not asked. A holder that was
 * taken for dead finds a later generation. */
#ifndef SIREN_HOST_CLAIM_H
#define SIREN_HOST_CLAIM_H

#include "host/base.h"

#define SIREN_CLAIM_EXPIRY 60.0 /* seconds of silence after which a holder elsewhere counts as dead */
#define SIREN_CLAIM_LEAST_EXPIRY 1.0
#define SIREN_CLAIM_MOST_EXPIRY 86400.0

typedef struct {
    const char *folder; /* of the claims, made where it is missing */
    const char *guards; /* the folder that they guard, for messages */
    double expiry;      /* seconds, of that range; 0: SIREN_CLAIM_EXPIRY */
    bool patient;       /* wait for a holder that lives; else it is refused */
    siren_progress_fn progress;
    void *user;
} siren_claim_plan;

typedef struct siren_claim siren_claim;

/* Takes the claim `name` (letters, digits and '-'). USAGE where another process holds it and lives, which is sure
 * after a second on this machine, and elsewhere once it was seen to touch its claim; CANCELLED by `progress`. A
 * thread of this process touches the claim from then on. `*out` is yours: siren_claim_release(). */
siren_status siren_claim_acquire(const siren_claim_plan *plan, const char *name, siren_claim **out);
/* Waits until no process that lives holds any claim of the folder that is `refused`; USAGE where one does. To exclude
 * each other by different names, processes take their own claim first, and look for others then. */
siren_status siren_claim_exclude(const siren_claim_plan *plan, bool (*refused)(void *user, const char *name),
                                 void *user);
/* SYSTEM once another process has taken over; NULL is held. */
siren_status siren_claim_check(const siren_claim *claim);
/* Lets go. NULL is allowed. */
void siren_claim_release(siren_claim *claim);
SIREN_POINTER_RELEASE(siren_claim, siren_claim_release)

#endif
