#include "host/digest.h"

#include "host/file.h"

#include <errno.h>
#include <sha2.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

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
    siren_digest digest;
    siren_digest_begin(&digest);
    siren_digest_add(&digest, bytes, n_bytes);
    siren_digest_end(&digest, hex);
}

siren_status siren_digest_file(const char *path, char hex[SIREN_DIGEST_CHARS]) {
    siren_status status = SIREN_OK;
    uint8_t bytes[READ_BYTES];
    siren_digest digest;
    uint64_t n_bytes;
    int fd;
    SIREN_RETURN_IF_FAILED(siren_file_open(path, &fd, &n_bytes));
    siren_digest_begin(&digest);
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            status = siren_fail(SIREN_SYSTEM, "%s: cannot be read: %s", path, strerror(errno));
            goto done;
        }
        if (n == 0) break;
        siren_digest_add(&digest, bytes, (size_t)n);
    }
    siren_digest_end(&digest, hex);
done:
    close(fd);
    return status;
}
