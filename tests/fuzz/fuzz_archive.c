/* libFuzzer: opens any bytes as an archive and reads all of it, once as they are and once with length and
 * checksums put right, so that the checks behind the checksums are reached too. */
#define _GNU_SOURCE
#include "formats/little_endian.h"
#include "tests/archive_forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[32];

static void try_bytes(const uint8_t *bytes, size_t n_bytes) {
    static int file = -1;
    if (file < 0) {
        file = memfd_create("archive", MFD_CLOEXEC);
        if (file < 0) abort();
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    size_t n_good;
    if (ftruncate(file, (off_t)n_bytes) != 0 || pwrite(file, bytes, n_bytes, 0) != (ssize_t)n_bytes) abort();
    archive_read_all(path, &n_good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try_bytes(data, size);
    if (size < 24) return 0;
    uint8_t *repaired = malloc(size);
    if (!repaired) abort();
    memcpy(repaired, data, size);
    siren_put_u64(repaired + 16, size);
    archive_repair(repaired, size, true);
    try_bytes(repaired, size);
    free(repaired);
    return 0;
}
