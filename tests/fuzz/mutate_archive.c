/* Mutations of archives. Most of an archive is packed, and all of it is under checksums: a fuzzer that changes bytes
 * as they are stored does not pass either, an attacker does. So a body is unpacked, changed, packed again, or
 * exchanged for that of another archive, and length, offsets and checksums are made to fit; one mutation in eight is
 * left as it is. */
#include "formats/little_endian.h"
#include "tests/shared/archive_forge.h"

#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other, size_t n_other,
                                 uint8_t *out, size_t most, unsigned seed);

enum { MOST_CONTENT = 1 << 16, AT_PREFIX_LENGTH = 16 };

static size_t put_back(const forged_archive *parts, uint8_t *data, size_t most) {
    uint8_t *whole = malloc(most);
    if (!whole) abort();
    const size_t n = archive_put_together(parts, whole, most);
    memcpy(data, whole, n);
    free(whole);
    return n;
}

/* 0 where there is no body, it does not unpack, or there is no room for what comes out. */
static size_t mutate_content(forged_archive *parts, uint8_t *data, size_t most, unsigned seed) {
    const size_t n_bodies = parts->n_sections + parts->n_records, nth = n_bodies ? seed % n_bodies : 0;
    const bool record = nth >= parts->n_sections;
    forged_body *body = &parts->bodies[nth];
    size_t n;
    uint8_t *stored = NULL, *content = n_bodies ? forged_body_content(body, record, MOST_CONTENT, &n) : NULL;
    if (!content) return 0;
    uint8_t *room = realloc(content, MOST_CONTENT);
    if (!room) abort();
    n = LLVMFuzzerMutate(room, n, MOST_CONTENT);
    forged_body_refill(body, record, room, n, &stored);
    n = put_back(parts, data, most);
    free(room);
    free(stored);
    return n;
}

/* A body goes, or comes a second time: a record as that of another block. */
static size_t mutate_bodies(forged_archive *parts, uint8_t *data, size_t most, unsigned seed) {
    const size_t n_bodies = parts->n_sections + parts->n_records, nth = n_bodies ? seed / 2 % n_bodies : 0;
    forged_body *body = &parts->bodies[nth];
    if (n_bodies == 0 || n_bodies == FORGE_MOST_BODIES) return 0;
    const bool record = nth >= parts->n_sections, more = seed % 2;
    memmove(body + more, body + !more, (n_bodies - nth - !more) * sizeof *body);
    if (more && record) {
        const uint32_t block = siren_get_u32(body->entry);
        siren_put_u32(body[1].entry, block + 1);
    }
    *(record ? &parts->n_records : &parts->n_sections) += more ? 1 : (size_t)-1;
    return put_back(parts, data, most);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    static forged_archive parts;
    const unsigned way = seed % 8;
    seed /= 8;
    if (way >= 3 && archive_take_apart(data, size, &parts)) {
        const size_t n =
            (way == 7 && seed % 4 == 0 ? mutate_bodies : mutate_content)(&parts, data, most, seed / 4);
        if (n > 0) return n;
    }
    size = LLVMFuzzerMutate(data, size, most);
    if (way == 0 || size < 24) return size;
    siren_put_u64(data + AT_PREFIX_LENGTH, size);
    archive_repair(data, size, true);
    return size;
}

/* The first archive with a body of the second: a section in the place of one of its kind or beside the others, a
 * record in the place of the block that it has there or of any. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other, size_t n_other,
                                 uint8_t *out, size_t most, unsigned seed) {
    static forged_archive parts, others;
    if (!archive_take_apart(data, size, &parts) || !archive_take_apart(other, n_other, &others)) return 0;
    const size_t n_theirs = others.n_sections + others.n_records;
    if (n_theirs == 0 || parts.n_sections + parts.n_records == FORGE_MOST_BODIES) return 0;
    const size_t nth = seed % n_theirs;
    const forged_body *theirs = &others.bodies[nth];
    if (nth >= others.n_sections) {
        if (parts.n_records == 0) return 0;
        forged_body *place = &parts.bodies[parts.n_sections + seed / n_theirs % parts.n_records];
        const uint32_t block = siren_get_u32(place->entry);
        *place = *theirs;
        siren_put_u32(place->entry, block);
        return put_back(&parts, out, most);
    }
    size_t at = 0;
    while (at < parts.n_sections && siren_get_u32(parts.bodies[at].entry) != siren_get_u32(theirs->entry))
        at++;
    if (at == parts.n_sections) {
        memmove(&parts.bodies[at + 1], &parts.bodies[at], parts.n_records * sizeof *parts.bodies);
        parts.n_sections++;
    }
    parts.bodies[at] = *theirs;
    return put_back(&parts, out, most);
}
