/* Writing gzip on all processors. */
#ifndef SIREN_FORMATS_GZIP_H
#define SIREN_FORMATS_GZIP_H

#include "host/file.h"

/* Appends `bytes` to `output` as one gzip member (level 6) that any gzip reader takes. Its bytes depend on `bytes`
 * alone: no time, no name, no system, and not on the number of processors. */
siren_status siren_gzip_write(siren_output *output, const uint8_t *bytes, size_t n_bytes);

#endif
