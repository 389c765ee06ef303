#include "formats/number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

/* Returns the thread's own locale, to go back to. */
static locale_t enter_c_locale(void) {
    pthread_once(&once, make_locale);
    return uselocale(c_locale);
}

/* Fewest digits from `digits` to `most` that give the same number again. */
static char *format(double value, int digits, int most, bool single, char out[SIREN_NUMBER_BYTES]) {
    if (!isfinite(value)) return strcpy(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    locale_t before = enter_c_locale();
    for (bool same = false; !same && digits <= most; digits++) {
        snprintf(out, SIREN_NUMBER_BYTES, "%.*g", digits, value);
        same = single ? (double)strtof(out, NULL) == value : strtod(out, NULL) == value;
    }
    uselocale(before);
    return out;
}

char *siren_number_format(double value, char out[SIREN_NUMBER_BYTES]) {
    return format(value, 15, 17, false, out);
}

char *siren_number_format_float(float value, char out[SIREN_NUMBER_BYTES]) {
    return format((double)value, 6, 9, true, out);
}

char *siren_number_format_digits(double value, int digits, char out[SIREN_NUMBER_BYTES]) {
    return format(value, digits, digits, false, out);
}

bool siren_number_parse(const char *text, double *out) {
    bool infinite = strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0;
    /* What strtod() takes beyond decimal numbers has other letters or begins with a blank. */
    if (!*text || (!infinite && text[strspn(text, "0123456789+-.eE")])) return false;
    char *end = NULL;
    locale_t before = enter_c_locale();
    double value = strtod(text, &end);
    uselocale(before);
    if (*end || (!infinite && !isfinite(value))) return false;
    *out = value;
    return true;
}
