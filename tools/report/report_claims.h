/* The published claims, checked on the tables of a run (docs/claims.md). */
#ifndef SIREN_TOOLS_REPORT_CLAIMS_H
#define SIREN_TOOLS_REPORT_CLAIMS_H

#include <stdio.h>

#include "lab/report/report_run.h"

typedef enum { SIREN_CLAIM_HOLDS, SIREN_CLAIM_FAILS, SIREN_CLAIM_UNTESTED } siren_claim_verdict;
/* "holds", "does not hold", "not tested here" */
const char *siren_claim_verdict_name(siren_claim_verdict verdict);

typedef struct {
    const char *name, *statement; /* static; "above-jpeg2000" */
    const char *unit;             /* of the figures: "dB", or "" for quotients; static */
    size_t n;                     /* comparisons that the run has data for; 0: untested */
    double figure;                /* what the verdict is about; NaN where untested */
    double lowest, highest;       /* of the comparisons */
    siren_claim_verdict verdict;
    char *basis; /* which trials; "" where untested */
} siren_report_claim;

/* `*claims` (n), all there are, in the order of docs/claims.md, is yours: siren_report_claims_free(). None is tested
 * unless the run's experiment says "claims": true. */
siren_status siren_report_claims_check(const siren_report_run *run, siren_report_claim **claims, size_t *n);
void siren_report_claims_free(siren_report_claim *claims);
SIREN_POINTER_RELEASE(siren_report_claim, siren_report_claims_free)

/* Writes claims.csv into `folder`, over what is there; nothing where no claim was tested. */
siren_status siren_report_claims_keep(const siren_report_claim *claims, size_t n, const char *folder);
/* HTML; nothing where no claim was tested. Write errors stay in the stream (ferror). */
void siren_report_claims_write(FILE *out, const siren_report_claim *claims, size_t n);

#endif
