/* Which values are foreground. */
#ifndef SIREN_LAB_PICTURE_OTSU_H
#define SIREN_LAB_PICTURE_OTSU_H

#include <stddef.h>

/* The threshold between two classes of the finite ones of `values` (n) that leaves the least variance within them, to
 * 1/256 of their range (Otsu 1979, IEEE Trans. SMC 9, 62-66): foreground is above it. -infinity where all are equal or
 * there is none: all is foreground. */
double siren_otsu_threshold(const double *values, size_t n);

#endif
