/* libFuzzer: opens any bytes as a journal and reads its pieces as blocks, once as they are and once with the sums of
 * every piece put right; then adds a piece, which must be there when it is opened again. And the bytes as a piece:
 * it comes back, and what is read of it as a block is written to what is read as the same. */
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

/* By its head alone; pieces are found behind a damaged one, too. */
static void look(const char *path) {
    static const char magic[] = "sirencl journal 1\n";
    char head[sizeof magic - 1] = "";
    bool found = false;
    FILE *file = fopen(path, "rb");
    const bool whole =
        file && fread(head, 1, sizeof head, file) == sizeof head && memcmp(head, magic, sizeof head) == 0;
    if (file) fclose(file);
    if (siren_journal_look(path, false, &found) != SIREN_OK || found != whole) abort();
}

static void try_bytes(const uint8_t *bytes, size_t n_bytes) {
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/fuzz-journal-%ld", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, n_bytes, file) != n_bytes || fclose(file) != 0) abort();
    size_t n = read_all(path, true);
    if (n > 0 && read_all(path, false) != n) abort();
    look(path);
    unlink(path);
}

static void write_block(const siren_encoded *encoded, const char *text, uint8_t **bytes, size_t *n_bytes) {
    if (siren_encoded_write(encoded, text, 0, bytes, n_bytes) != SIREN_OK) abort();
}

static void try_block(const uint8_t *bytes, size_t n_bytes) {
    siren_encoded encoded = {.packed = NULL}, again = {.packed = NULL};
    char *text = NULL, *text_again = NULL;
    uint8_t *once = NULL, *twice = NULL;
    size_t n_once, n_twice;
    if (siren_encoded_read("fuzz", bytes, n_bytes, &encoded, &text) != SIREN_OK) return;
    write_block(&encoded, text, &once, &n_once);
    if (siren_encoded_read("fuzz", once, n_once, &again, &text_again) != SIREN_OK) abort();
    write_block(&again, text_again, &twice, &n_twice);
    if (strcmp(text, text_again) != 0 || n_once != n_twice || memcmp(once, twice, n_once) != 0) abort();
    siren_encoded_free(&encoded);
    siren_encoded_free(&again);
    free(text), free(text_again), free(once), free(twice);
}

static void try_piece(const uint8_t *data, size_t size) {
    char path[64];
    uint8_t *bytes = NULL;
    size_t n_bytes;
    siren_journal *journal = NULL;
    snprintf(path, sizeof path, "/dev/shm/fuzz-journal-%ld", (long)getpid());
    if (siren_journal_open(path, facts, true, &journal) != SIREN_OK ||
        siren_journal_add(journal, data, size) != SIREN_OK || siren_journal_flush(journal) != SIREN_OK)
        abort();
    siren_journal_close(journal, true);
    if (siren_journal_open(path, facts, false, &journal) != SIREN_OK || siren_journal_count(journal) != 1 ||
        siren_journal_read(journal, 0, &bytes, &n_bytes) != SIREN_OK || n_bytes != size ||
        memcmp(bytes, data, size) != 0)
        abort();
    siren_journal_close(journal, false);
    free(bytes);
    try_block(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 0) try_piece(data, size);
    try_bytes(data, size);
    uint8_t *repaired = malloc(size + 1);
    if (!repaired) abort();
    memcpy(repaired, data, size);
    repair(repaired, size);
    try_bytes(repaired, size);
    free(repaired);
    return 0;
}
