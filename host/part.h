/* One of several parts of a work that processes share: which of its units are whose follows from their order and
 * cost alone. */
#ifndef SIREN_HOST_PART_H
#define SIREN_HOST_PART_H

#include "host/base.h"

#define SIREN_MOST_PARTS 100000

typedef struct {
    size_t number, of; /* 1 ... of; of 0: the work is not divided */
} siren_part;

/* "I/N"; `what` names it in the message of USAGE. */
siren_status siren_part_parse(const char *what, const char *text, siren_part *out);
/* Whether the part has the unit that costs `cost` after others that cost `before`, of `total` in all: parts are
 * stretches of equal cost, and a unit is in the one where its middle is. */
bool siren_part_has(siren_part part, double before, double cost, double total);

#endif
