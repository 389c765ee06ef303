/* libFuzzer: opens any bytes as a journal and reads its pieces as blocks, once as they are and once with the sums of
 * every piece put right; then adds a piece, which must be there when it is opened again. */
#include "engine/encode/encoded_bytes.h"
#include "engine/encode/journal.h"
#include "formats/little_endian.h"
#include "formats/pack.h"
#include "host/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char facts[] = "a fact\n";
/* A piece's prefix, as engine/encode/journal.c has it: mark, length, CRC, digest. */
enum { AT_LENGTH = 8, AT_CRC = 16, AT_DIGEST = 24, PREFIX_BYTES = AT_DIGEST + SIREN_DIGEST_CHARS - 1 };

static void repair(uint8_t *bytes, size_t n_bytes) {
    char hex[SIREN_DIGEST_CHARS];
    for (size_t at = 0; at + PREFIX_BYTES <= n_bytes; at++) {
        uint8_t *prefix = bytes + at;
        if (memcmp(prefix, "\x8dpiece\r\n", 8) != 0) continue;
        size_t left = n_bytes - at - PREFIX_BYTES, length = (size_t)siren_get_u64(prefix + AT_LENGTH);
        if (length > left) siren_put_u64(prefix + AT_LENGTH, length = left);
        siren_put_u64(prefix + AT_CRC, siren_crc64(siren_crc64(0, facts, strlen(facts)), prefix, AT_CRC));
        siren_digest digest;
        siren_digest_begin(&digest);
        siren_digest_add(&digest, facts, strlen(facts));
        siren_digest_add(&digest, prefix, AT_CRC);
        siren_digest_add(&digest, prefix + PREFIX_BYTES, length);
        siren_digest_end(&digest, hex);
        memcpy(prefix + AT_DIGEST, hex, SIREN_DIGEST_CHARS - 1);
        at += PREFIX_BYTES + length - 1;
    }
}

/* The number of pieces; 0 where it is no journal of these facts. */
static size_t read_all(const char *path, bool add) {
    siren_journal *journal = NULL;
    if (siren_journal_open(path, facts, false, &journal) != SIREN_OK) return 0;
    size_t n = siren_journal_count(journal);
    for (size_t i = 0; i < n; i++) {
        uint8_t *bytes = NULL;
        size_t n_bytes;
        siren_encoded encoded = {.packed = NULL};
        char *text = NULL;
        if (siren_journal_read(journal, i, &bytes, &n_bytes) != SIREN_OK) abort();
        siren_encoded_read(path, bytes, n_bytes, &encoded, &text);
        siren_encoded_free(&encoded);
        free(text);
        free(bytes);
    }
    if (add && siren_journal_add(journal, (const uint8_t *)"more", 4) != SIREN_OK) abort();
    siren_journal_close(journal, true);
    return n + (add ? 1 : 0);
}

static void try_bytes(const uint8_t *bytes, size_t n_bytes) {
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/fuzz-journal-%ld", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, n_bytes, file) != n_bytes || fclose(file) != 0) abort();
    size_t n = read_all(path, true);
    if (n > 0 && read_all(path, false) != n) abort();
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try_bytes(data, size);
    uint8_t *repaired = malloc(size + 1);
    if (!repaired) abort();
    memcpy(repaired, data, size);
    repair(repaired, size);
    try_bytes(repaired, size);
    free(repaired);
    return 0;
}
