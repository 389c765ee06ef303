#include "formats/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* code, C type, name; then the bounds of the integers as doubles: `below` is the smallest value, `above` the
 * first double past the largest one (the largest one itself is no double for 64 bits). */
#define INTEGER_MAP(X)                                                                                       \
    X(SIREN_UINT8, uint8_t, "uint8", 0, 0x1p8, UINT8_MAX)                                                    \
    X(SIREN_INT8, int8_t, "int8", -0x1p7, 0x1p7, INT8_MAX)                                                   \
    X(SIREN_UINT16, uint16_t, "uint16", 0, 0x1p16, UINT16_MAX)                                               \
    X(SIREN_INT16, int16_t, "int16", -0x1p15, 0x1p15, INT16_MAX)                                             \
    X(SIREN_UINT32, uint32_t, "uint32", 0, 0x1p32, UINT32_MAX)                                               \
    X(SIREN_INT32, int32_t, "int32", -0x1p31, 0x1p31, INT32_MAX)                                             \
    X(SIREN_UINT64, uint64_t, "uint64", 0, 0x1p64, UINT64_MAX)                                               \
    X(SIREN_INT64, int64_t, "int64", -0x1p63, 0x1p63, INT64_MAX)
#define FLOAT_MAP(X)                                                                                         \
    X(SIREN_FLOAT32, float, "float32")                                                                       \
    X(SIREN_FLOAT64, double, "float64")

size_t siren_datatype_size(siren_datatype datatype) {
    switch (datatype) {
#define X(code, type, ...)                                                                                   \
    case code:                                                                                               \
        return sizeof(type);
        INTEGER_MAP(X)
        FLOAT_MAP(X)
#undef X
    }
    return 0;
}

const char *siren_datatype_name(siren_datatype datatype) {
    switch (datatype) {
#define X(code, type, name, ...)                                                                             \
    case code:                                                                                               \
        return name;
        INTEGER_MAP(X)
#undef X
#define X(code, type, name)                                                                                  \
    case code:                                                                                               \
        return name;
        FLOAT_MAP(X)
#undef X
    }
    return "unknown";
}

void siren_series_free(siren_series *series) {
    if (!series) return;
    free(series->header);
    free(series->voxels);
    free(series->tail);
    memset(series, 0, sizeof *series);
}

void siren_datatype_to_double(siren_datatype datatype, const void *voxels, size_t count, double *out) {
    switch (datatype) {
#define X(code, type, ...)                                                                                   \
    case code: {                                                                                             \
        const type *stored = voxels;                                                                         \
        for (size_t i = 0; i < count; i++) out[i] = (double)stored[i];                                       \
        break;                                                                                               \
    }
        INTEGER_MAP(X)
        FLOAT_MAP(X)
#undef X
    }
}

void siren_series_values(const siren_series *series, size_t first, size_t count, double *out) {
    const siren_geometry *g = &series->geometry;
    siren_datatype_to_double(
        g->datatype, (const uint8_t *)series->voxels + first * siren_datatype_size(g->datatype), count, out);
    if (g->slope == 1 && g->inter == 0) return;
    for (size_t i = 0; i < count; i++) out[i] = out[i] * g->slope + g->inter;
}

void siren_datatype_from_double(siren_datatype datatype, const double *values, size_t count, void *voxels) {
    switch (datatype) {
#define X(code, type, name, below, above, largest)                                                           \
    case code: {                                                                                             \
        type *stored = voxels;                                                                               \
        for (size_t i = 0; i < count; i++) {                                                                 \
            double rounded = rint(values[i]);                                                                \
            stored[i] = isnan(rounded)       ? 0                                                             \
                        : rounded >= (above) ? (largest)                                                     \
                        : rounded <= (below) ? (type)(below)                                                 \
                                             : (type)rounded;                                                \
        }                                                                                                    \
        break;                                                                                               \
    }
        INTEGER_MAP(X)
#undef X
#define X(code, type, name)                                                                                  \
    case code: {                                                                                             \
        type *stored = voxels;                                                                               \
        for (size_t i = 0; i < count; i++) stored[i] = (type)values[i];                                      \
        break;                                                                                               \
    }
        FLOAT_MAP(X)
#undef X
    }
}

/* By memcpy: the same bytes are read as another type afterwards, and may be unaligned. */
#define SWAP_ALL(type, reverse)                                                                              \
    for (size_t i = 0; i < count; i++) {                                                                     \
        type stored;                                                                                         \
        memcpy(&stored, bytes + i * sizeof stored, sizeof stored);                                           \
        stored = reverse(stored);                                                                            \
        memcpy(bytes + i * sizeof stored, &stored, sizeof stored);                                           \
    }

void siren_datatype_swap(siren_datatype datatype, void *voxels, size_t count) {
    uint8_t *bytes = voxels;
    switch (siren_datatype_size(datatype)) {
    case 2:
        SWAP_ALL(uint16_t, __builtin_bswap16) break;
    case 4:
        SWAP_ALL(uint32_t, __builtin_bswap32) break;
    case 8:
        SWAP_ALL(uint64_t, __builtin_bswap64) break;
    default:
        break;
    }
}
