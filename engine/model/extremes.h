/* Which values lie so far outside the rest that scaling by them would take the resolution from it: the rule of
 * docs/numerics.md. */
#ifndef SIREN_ENGINE_MODEL_EXTREMES_H
#define SIREN_ENGINE_MODEL_EXTREMES_H

#include "host/base.h"

/* The largest values of those seen, or the smallest, as their negatives: a heap, its least on top. */
typedef struct {
    double *values; /* (room) */
    size_t n;
} siren_tail;

/* How a set of values ends on both sides. Values are added, twice where it is asked for; then the range can be asked
 * for. */
typedef struct {
    siren_tail high, low;
    size_t room;
    size_t n; /* finite values */
    double core_low, core_high;
    double different[16]; /* values of the core */
    size_t n_different;
} siren_extremes;

/* For sets of up to `n_values`. Release with siren_extremes_free(). */
siren_status siren_extremes_create(size_t n_values, siren_extremes *out);
void siren_extremes_free(siren_extremes *extremes);
/* Before each set. */
void siren_extremes_begin(siren_extremes *extremes);
/* Values that are not finite are passed over. */
void siren_extremes_add(siren_extremes *extremes, const double *values, size_t n);
/* After all were added: whether some may be exceptional. Only then they are to be shown again, in any order, before the
 * range is asked for. */
bool siren_extremes_suspect(siren_extremes *extremes);
void siren_extremes_show(siren_extremes *extremes, const double *values, size_t n);
/* Minimum and maximum of the values that are not exceptional, infinity and -infinity where there are none. Returns how
 * many are exceptional. */
size_t siren_extremes_range(siren_extremes *extremes, double *minimum, double *maximum);

#endif
