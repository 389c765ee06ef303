#include "host/digest.h"

#include "host/file.h"

#include <errno.h>
#include <sha2.h>
#include <string.h>
#include <unistd.h>

/* The library's state is copied in and out, so that the header needs nothing of its. */
_Static_assert(sizeof(SHA2_CTX) <= sizeof(siren_digest), "siren_digest holds a SHA2_CTX");

void siren_digest_begin(siren_digest *digest) {
    SHA2_CTX context;
    SHA256Init(&context);
    memcpy(digest->state, &context, sizeof context);
}

void siren_digest_add(siren_digest *digest, const void *bytes, size_t n_bytes) {
    SHA2_CTX context;
    memcpy(&context, digest->state, sizeof context);
    SHA256Update(&context, bytes, n_bytes);
    memcpy(digest->state, &context, sizeof context);
}

void siren_digest_end(siren_digest *digest, char hex[SIREN_DIGEST_CHARS]) {
    SHA2_CTX context;
    memcpy(&context, digest->state, sizeof context);
    SHA256End(&context, hex);
}

void siren_digest_bytes(const void *bytes, size_t n_bytes, char hex[SIREN_DIGEST_CHARS]) {
    SHA256Data(bytes, n_bytes, hex);
}

siren_status siren_digest_file(const char *path, char hex[SIREN_DIGEST_CHARS]) {
    uint64_t n_bytes;
    int fd;
    SIREN_RETURN_IF_FAILED(siren_file_open(path, &fd, &n_bytes)); /* SHA256File() would wait for a pipe */
    close(fd);
    if (SHA256File(path, hex)) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "%s: cannot be read: %s", path, strerror(errno));
}
