/* Lossless packing: .xz through liblzma, with a memory limit; checksums. */
#ifndef SIREN_FORMATS_PACK_H
#define SIREN_FORMATS_PACK_H

#include "host/base.h"

/* No packed byte yields more than this many: LZMA itself ends near 7090 (docs/archive-format.md, chapter 3).
 */
#define SIREN_PACK_MAX_RATIO 8192

/* CRC-64/XZ (ECMA-182, reflected) of `bytes`; start with crc = 0, or continue. */
uint64_t siren_crc64(uint64_t crc, const void *bytes, size_t n_bytes);

/* A complete .xz stream (LZMA2, no check of its own: the archive checks). `*out` is yours to free().
 * Deterministic. Takes about 12 times n_bytes of memory, at most 100 MiB plus n_bytes. SYSTEM where there is
 * no memory. */
siren_status siren_pack(const uint8_t *bytes, size_t n_bytes, uint8_t **out, size_t *n_out);
/* Unpacks exactly `expected` bytes: more, fewer, trailing bytes, a need of more than the memory limit (64 MiB
 * plus `expected`) or an impossible ratio are CORRUPT, and `name` says where. `*out` is yours to free(). */
siren_status siren_unpack(const char *name, const uint8_t *bytes, size_t n_bytes, size_t expected,
                          uint8_t **out);

#endif
