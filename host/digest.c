#include "host/digest.h"

#include "host/file.h"

#include <errno.h>
#include <sha2.h>
#include <string.h>

void siren_digest_bytes(const void *bytes, size_t n_bytes, char hex[SIREN_DIGEST_CHARS]) {
    SHA256Data(bytes, n_bytes, hex);
}

siren_status siren_digest_file(const char *path, char hex[SIREN_DIGEST_CHARS]) {
    uint64_t n_bytes;
    SIREN_AT_END(siren_close_at) int fd = -1;
    SIREN_TRY(siren_file_open(path, &fd, &n_bytes)); /* SHA256File() would wait for a pipe */
    if (SHA256File(path, hex)) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "%s: cannot be read: %s", path, strerror(errno));
}
