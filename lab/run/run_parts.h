/* What the parts of a divided sweep leave in a run folder beside their trials: parts/3-of-8.json and
 * parts/3-of-8.csv. */
#ifndef SIREN_LAB_RUN_RUN_PARTS_H
#define SIREN_LAB_RUN_RUN_PARTS_H

#include "host/part.h"

#define SIREN_PARTS_FOLDER "parts"

/* The path of the table that a sweep, or a part of one, adds its timings to: timing.csv, or parts/3-of-8.csv.
 * `*path` is yours to free(). */
siren_status siren_run_timing_path(const char *run, siren_part part, char **path);
/* Adds the parts' timings to timing.csv, each once, and removes their tables. No part may be at work. */
siren_status siren_run_parts_gather(const char *run);

#endif
