/* The table of trials in a report's page. */
#ifndef SIREN_TOOLS_REPORT_TRIALS_H
#define SIREN_TOOLS_REPORT_TRIALS_H

#include <stdio.h>

#include "lab/report/report_run.h"

/* HTML, sorted by input, series, layers, width, bits; networks before baselines. Write errors stay in the
 * stream (ferror). */
siren_status siren_report_trials_write(FILE *out, const siren_report_run *run);

#endif
