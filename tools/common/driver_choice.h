/* Which drivers are loaded where some fail: one that takes the process along while it is loaded or lists its devices is
 * left out, and the others work. In a process that has loaded none yet. */
#ifndef SIREN_TOOLS_DRIVER_CHOICE_H
#define SIREN_TOOLS_DRIVER_CHOICE_H

#include "host/base.h"

/* What an earlier command has left out is left out again, with a warning. */
siren_status siren_drivers_recall(void);
/* After a child was lost (siren_guard_begin()): where that was while drivers were loaded, each is tried alone, in a
 * child of its own, and those that fail are left out, with a warning. `*again`: some were, and others are left, which
 * may be tried. Once in a process. */
siren_status siren_drivers_sort(bool *again);

#endif
