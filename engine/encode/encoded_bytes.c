#include "engine/encode/encoded_bytes.h"

#include "formats/little_endian.h"

#include <stdlib.h>
#include <string.h>

/* Prefix, packed record, text. */
static const char mark[8] = "SIRBLOCK";
#define CONSTANT 1u
#define DIVERGED 2u
#define CODED 4u
#define EPOCHS_SHIFT 8 /* above the flags; all numbers of epochs have 24 bits (engine/settings.c) */
#define FIDELITY_BYTES 40
#define AT_FIDELITY 32
#define AT_LENGTHS (AT_FIDELITY + 2 * FIDELITY_BYTES)
#define PREFIX_BYTES (AT_LENGTHS + 3 * 8)

static void put_fidelity(uint8_t *to, const siren_fidelity *f) {
    siren_put_u64(to, f->n);
    siren_put_f64(to + 8, f->mse);
    siren_put_f64(to + 16, f->psnr);
    siren_put_f64(to + 24, f->psnr_published);
    siren_put_f64(to + 32, f->psnr_clamped);
}

static siren_fidelity get_fidelity(const uint8_t *from) {
    return (siren_fidelity){(size_t)siren_get_u64(from), siren_get_f64(from + 8), siren_get_f64(from + 16),
                            siren_get_f64(from + 24), siren_get_f64(from + 32)};
}

siren_status siren_encoded_write(const siren_encoded *e, const char *text, size_t n_behind, uint8_t **out,
                                 size_t *n_bytes) {
    size_t n_text = strlen(text);
    uint8_t *bytes = NULL;
    *n_bytes = PREFIX_BYTES + e->n_packed + n_text;
    SIREN_TRY(siren_allocate(&bytes, *n_bytes + n_behind, 1, "a finished block"));
    memcpy(bytes, mark, sizeof mark);
    siren_put_u32(bytes + 8, e->entry.block);
    siren_put_u32(bytes + 12, (e->constant ? CONSTANT : 0) | (e->diverged ? DIVERGED : 0) |
                                  (e->entry.coded ? CODED : 0) | (uint32_t)e->n_epochs << EPOCHS_SHIFT);
    siren_put_u64(bytes + 16, e->entry.decoded_crc);
    siren_put_f64(bytes + 24, e->entry.mse);
    put_fidelity(bytes + AT_FIDELITY, &e->fidelity);
    put_fidelity(bytes + AT_FIDELITY + FIDELITY_BYTES, &e->masked);
    siren_put_u64(bytes + AT_LENGTHS, e->n_unpacked);
    siren_put_u64(bytes + AT_LENGTHS + 8, e->n_packed);
    siren_put_u64(bytes + AT_LENGTHS + 16, n_text);
    memcpy(bytes + PREFIX_BYTES, e->packed, e->n_packed);
    memcpy(bytes + PREFIX_BYTES + e->n_packed, text, n_text);
    *out = bytes;
    return SIREN_OK;
}

siren_status siren_encoded_read(const char *path, const uint8_t *bytes, size_t n_bytes, siren_encoded *out,
                                char **text) {
    SIREN_AT_END(siren_encoded_free) siren_encoded e = {.packed = NULL};
    bool whole = n_bytes >= PREFIX_BYTES && memcmp(bytes, mark, sizeof mark) == 0;
    uint64_t n_packed = whole ? siren_get_u64(bytes + AT_LENGTHS + 8) : 0,
             n_text = whole ? siren_get_u64(bytes + AT_LENGTHS + 16) : 0;
    if (!whole || n_packed > n_bytes - PREFIX_BYTES || n_text != n_bytes - PREFIX_BYTES - n_packed)
        return siren_fail(SIREN_CORRUPT, "%s: the lengths of a block do not add up", path);
    uint32_t flags = siren_get_u32(bytes + 12);
    e.entry.block = siren_get_u32(bytes + 8);
    e.entry.decoded_crc = siren_get_u64(bytes + 16);
    e.entry.mse = siren_get_f64(bytes + 24);
    e.constant = (flags & CONSTANT) != 0;
    e.diverged = (flags & DIVERGED) != 0;
    e.entry.coded = (flags & CODED) != 0;
    e.n_epochs = flags >> EPOCHS_SHIFT;
    e.fidelity = get_fidelity(bytes + AT_FIDELITY);
    e.masked = get_fidelity(bytes + AT_FIDELITY + FIDELITY_BYTES);
    e.n_unpacked = (size_t)siren_get_u64(bytes + AT_LENGTHS);
    e.n_packed = (size_t)n_packed;
    SIREN_TRY(siren_allocate(&e.packed, e.n_packed, 1, "a packed record"));
    memcpy(e.packed, bytes + PREFIX_BYTES, e.n_packed);
    if (text) {
        SIREN_TRY(siren_allocate(text, (size_t)n_text + 1, 1, "the text of a block"));
        memcpy(*text, bytes + PREFIX_BYTES + e.n_packed, (size_t)n_text);
    }
    *out = SIREN_TAKE(e);
    return SIREN_OK;
}
