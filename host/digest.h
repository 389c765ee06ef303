/* SHA-256 (FIPS 180-4), written as sha256sum does: 64 lower-case hexadecimal digits. */
#ifndef SIREN_HOST_DIGEST_H
#define SIREN_HOST_DIGEST_H

#include "host/base.h"

/* The digits and the closing zero. */
#define SIREN_DIGEST_CHARS 65

/* A digest under way; a plain value, nothing to free. */
typedef struct {
    uint64_t state[26];
} siren_digest;

void siren_digest_begin(siren_digest *digest);
void siren_digest_add(siren_digest *digest, const void *bytes, size_t n_bytes);
/* The digest of everything added since the beginning. */
void siren_digest_end(siren_digest *digest, char hex[SIREN_DIGEST_CHARS]);

void siren_digest_bytes(const void *bytes, size_t n_bytes, char hex[SIREN_DIGEST_CHARS]);
/* Reads a regular file of any size through a small buffer; USAGE where it is none. */
siren_status siren_digest_file(const char *path, char hex[SIREN_DIGEST_CHARS]);

#endif
