#include "formats/pack.h"

#include <lzma.h>
#include <stdlib.h>

#define UNPACK_MEMORY ((uint64_t)64 << 20)
#define SMALLEST_DICTIONARY ((uint32_t)4 << 10)
#define LARGEST_DICTIONARY ((uint32_t)8 << 20)

uint64_t siren_crc64(uint64_t crc, const void *bytes, size_t n_bytes) {
    return lzma_crc64(bytes, n_bytes, crc);
}

siren_status siren_pack(const uint8_t *bytes, size_t n_bytes, uint8_t **out, size_t *n_out) {
    lzma_options_lzma options;
    if (lzma_lzma_preset(&options, 9 | LZMA_PRESET_EXTREME))
        return siren_fail(SIREN_SYSTEM,
                          "this liblzma lacks preset 9e; install Debian's liblzma5 5.2 or newer");
    /* A dictionary larger than the data only costs memory. */
    options.dict_size = SMALLEST_DICTIONARY;
    while (options.dict_size < LARGEST_DICTIONARY && options.dict_size < n_bytes) options.dict_size *= 2;
    /* Byte planes of parameters have no context: measured in docs/archive-format.md, chapter 4. */
    options.lc = 0;
    options.lp = 0;
    options.pb = 0;
    lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA2, .options = &options},
                             {.id = LZMA_VLI_UNKNOWN, .options = NULL}};

    size_t room = lzma_stream_buffer_bound(n_bytes), used = 0;
    uint8_t *packed = NULL;
    if (room == 0)
        return siren_fail(SIREN_SYSTEM, "cannot pack %zu bytes: they exceed the address space", n_bytes);
    SIREN_TRY(siren_allocate(&packed, room, 1, "packed bytes"));
    lzma_ret result =
        lzma_stream_buffer_encode(filters, LZMA_CHECK_NONE, NULL, bytes, n_bytes, packed, &used, room);
    if (result != LZMA_OK) {
        free(packed);
        return result == LZMA_MEM_ERROR
                   ? siren_fail(SIREN_SYSTEM, "out of memory: cannot pack %zu bytes", n_bytes)
                   : siren_fail(SIREN_SYSTEM, "liblzma cannot pack %zu bytes: error %d", n_bytes,
                                (int)result);
    }
    uint8_t *trimmed = realloc(packed, used);
    *out = trimmed ? trimmed : packed;
    *n_out = used;
    return SIREN_OK;
}

siren_status siren_unpack(const char *name, const uint8_t *bytes, size_t n_bytes, size_t expected,
                          uint8_t **out) {
    if (expected > (uint64_t)n_bytes * SIREN_PACK_MAX_RATIO)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: %zu packed bytes cannot hold the announced %zu (limit %d for each); get the file again from "
            "its source",
            name, n_bytes, expected, SIREN_PACK_MAX_RATIO);
    uint8_t *unpacked = NULL;
    SIREN_TRY(siren_allocate(&unpacked, expected, 1, name));
    uint64_t memory = UNPACK_MEMORY + expected;
    size_t used = 0, got = 0;
    lzma_ret result =
        lzma_stream_buffer_decode(&memory, 0, NULL, bytes, &used, n_bytes, unpacked, &got, expected);
    if (result == LZMA_OK && used == n_bytes && got == expected) {
        *out = unpacked;
        return SIREN_OK;
    }
    free(unpacked);
    switch (result) {
    case LZMA_OK:
        if (got == expected)
            return siren_fail(SIREN_CORRUPT,
                              "%s: has %zu byte%s behind its packed data; get the file again from its source",
                              name, n_bytes - used, siren_plural(n_bytes - used));
        return siren_fail(SIREN_CORRUPT,
                          "%s: unpacks to %zu bytes, not to the announced %zu; get the file again from its "
                          "source",
                          name, got, expected);
    case LZMA_BUF_ERROR:
        return siren_fail(SIREN_CORRUPT,
                          "%s: unpacks to more than the announced %zu byte%s; get the file again from its "
                          "source",
                          name, expected, siren_plural(expected));
    case LZMA_MEMLIMIT_ERROR:
        return siren_fail(SIREN_CORRUPT,
                          "%s: asks for %llu bytes of memory to unpack %zu, more than the limit of %llu; get "
                          "the file again from its source",
                          name, (unsigned long long)memory, expected,
                          (unsigned long long)(UNPACK_MEMORY + expected));
    case LZMA_MEM_ERROR:
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot unpack %zu bytes of %s", expected, name);
    default:
        return siren_fail(SIREN_CORRUPT,
                          "%s: its packed data are damaged (liblzma error %d); get the file again from its "
                          "source",
                          name, (int)result);
    }
}
