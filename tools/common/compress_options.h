/* The options that tell compress and plan what to make of an image. */
#ifndef SIREN_TOOLS_COMPRESS_OPTIONS_H
#define SIREN_TOOLS_COMPRESS_OPTIONS_H

#include "engine/options.h"
#include "tools/common/command_line.h"

typedef struct {
    siren_compress_options made;                 /* what they say, after siren_wanted_read() */
    bool lossless;                               /* --lossless */
    const char *targets[SIREN_TARGET_NOISE + 1]; /* the others, as they were given; NULL: not */
} siren_wanted;

/* Rows that siren_wanted_options() makes at most, beside a command's own. */
#define SIREN_MOST_WANTED_OPTIONS (SIREN_MAX_SETTINGS + 8)

/* Nothing said yet: defaults, with half of the memory. */
siren_wanted siren_wanted_defaults(void);
/* Puts the options of all settings, of targets, mask and memory, which parsing writes into `wanted`, and then the
 * command's own rows `own` (n_own) at `out` (SIREN_MOST_WANTED_OPTIONS + n_own); returns their number. */
size_t siren_wanted_options(siren_wanted *wanted, const siren_option *own, size_t n_own, siren_option *out);
/* After parsing: sets the target of wanted->made. USAGE for two of them, or what is none. */
siren_status siren_wanted_read(siren_wanted *wanted);
#endif
