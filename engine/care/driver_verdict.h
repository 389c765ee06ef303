/* What became of the drivers when a command began, in the user's cache: a driver that hung is not waited for again
 * today, one that came through is not tried again before a training. */
#ifndef SIREN_ENGINE_CARE_DRIVER_VERDICT_H
#define SIREN_ENGINE_CARE_DRIVER_VERDICT_H

#include "host/base.h"

typedef enum { SIREN_VERDICT_NONE, SIREN_VERDICT_PASSED, SIREN_VERDICT_HUNG } siren_verdict_kind;

/* The verdict on `trial` (what was tried: "decode", "train cpu") with the drivers that are installed, the environment
 * that chooses among them, and this program as they are now. `*path` (NULL: there is no cache) is where it stands, or
 * would, and yours to free(). A hung driver is forgotten after a day. */
siren_verdict_kind siren_driver_verdict(const char *trial, char **path);
/* Keeps it. SYSTEM where that cannot be. */
siren_status siren_driver_verdict_keep(const char *path, siren_verdict_kind verdict);

/* Has the drivers loaded that an earlier command used where others had failed, as siren_driver_files_use() does:
 * `*lines` tells of each that is left out, as that command had it; NULL: there are none. `*path` (NULL: there is no
 * cache) is where it stands, or would. Both are yours to free(). Forgotten after a day. */
siren_status siren_driver_left_out(char **path, char **lines);
/* Keeps the present choice, and `lines`. SYSTEM where that cannot be. */
siren_status siren_driver_left_out_keep(const char *path, const char *lines);

#endif
