/* SHA-256 (FIPS 180-4), written as sha256sum does: 64 lower-case hexadecimal digits. */
#ifndef SIREN_HOST_DIGEST_H
#define SIREN_HOST_DIGEST_H

#include "host/base.h"

#include <sha2.h>

/* The digits and the closing zero. */
#define SIREN_DIGEST_CHARS 65

/* A digest under way; a plain value, nothing to free. */
typedef SHA2_CTX siren_digest;

static inline void siren_digest_begin(siren_digest *digest) { SHA256Init(digest); }
static inline void siren_digest_add(siren_digest *digest, const void *bytes, size_t n_bytes) {
    SHA256Update(digest, bytes, n_bytes);
}
/* The digest of everything added since the beginning. */
static inline void siren_digest_end(siren_digest *digest, char hex[SIREN_DIGEST_CHARS]) {
    SHA256End(digest, hex);
}

void siren_digest_bytes(const void *bytes, size_t n_bytes, char hex[SIREN_DIGEST_CHARS]);
/* Reads a regular file of any size through a small buffer; USAGE where it is none. */
siren_status siren_digest_file(const char *path, char hex[SIREN_DIGEST_CHARS]);

#endif
