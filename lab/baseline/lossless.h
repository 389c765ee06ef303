/* General-purpose lossless compressors at their strongest, for comparison. */
#ifndef SIREN_LAB_BASELINE_LOSSLESS_H
#define SIREN_LAB_BASELINE_LOSSLESS_H

#include "host/base.h"

typedef enum {
    SIREN_LOSSLESS_DEFLATE, /* a zlib stream of level 9 */
    SIREN_LOSSLESS_XZ       /* an .xz file as `xz -9e` writes it, its dictionary no larger than needed */
} siren_lossless;

/* `*out` is yours to free(). One thread; any number may call this. xz takes about 700 MiB of memory. SYSTEM where there
 * is none. Progress (NULL is allowed) counts bytes as "packing". */
siren_status siren_lossless_pack(siren_lossless kind, const uint8_t *bytes, size_t n_bytes,
                                 siren_progress_fn progress, void *user, uint8_t **out, size_t *n_out);
/* The inverse: exactly `n_out` bytes into `out`, CORRUPT otherwise. */
siren_status siren_lossless_unpack(siren_lossless kind, const uint8_t *bytes, size_t n_bytes, uint8_t *out,
                                   size_t n_out);

#endif
