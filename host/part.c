#include "host/part.h"

#include <errno.h>
#include <stdlib.h>

siren_status siren_part_parse(const char *what, const char *text, siren_part *out) {
    char *end = NULL, *last = NULL;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10),
                             of = *end == '/' ? strtoull(end + 1, &last, 10) : 0;
    const bool digits = *text >= '0' && *text <= '9' && *end == '/' && end[1] >= '0' && end[1] <= '9';
    if (!digits || !last || *last || errno != 0 || number < 1 || number > of || of > SIREN_MOST_PARTS)
        return siren_fail(SIREN_USAGE,
                          "%s: '%s' is no part: give I/N with I from 1 to N and N at most %d, as in 3/8",
                          what, text, SIREN_MOST_PARTS);
    *out = (siren_part){(size_t)number, (size_t)of};
    return SIREN_OK;
}

bool siren_part_has(siren_part part, double before, double cost, double total) {
    if (part.of == 0) return true;
    const double place = total > 0 ? (before + cost / 2) / total * (double)part.of : 0;
    size_t number = place >= (double)part.of ? part.of : (size_t)place + 1;
    return number == part.number;
}
