/* Real numbers as text: with a decimal point, whatever locale the program around the library has set. */
#ifndef SIREN_FORMATS_NUMBER_H
#define SIREN_FORMATS_NUMBER_H

#include "host/base.h"

#define SIREN_NUMBER_BYTES 32 /* what siren_number_format() needs at most */

/* As many digits as give the same double again; "inf", "-inf", "nan". Returns `out`. */
char *siren_number_format(double value, char out[SIREN_NUMBER_BYTES]);
/* As many as give the same float again: 0.0003 rather than the double nearest to it. */
char *siren_number_format_float(float value, char out[SIREN_NUMBER_BYTES]);

/* So many digits, at most 17: "%.*g" in any locale. */
char *siren_number_format_digits(double value, int digits, char out[SIREN_NUMBER_BYTES]);

/* Whether all of `text` is one decimal number that a double can hold ("7", "-2.5e-3"), or "inf" or "-inf".
 * No blanks, no hexadecimal digits, no "nan"; `*out` is untouched where false. */
bool siren_number_parse(const char *text, double *out);

#endif
