#include "host/names.h"

#include <string.h>

/* Levenshtein distance; texts longer than the row are cut. */
static size_t distance(const char *a, const char *b) {
    size_t row[65], n = strlen(b) < 64 ? strlen(b) : 64, m = strlen(a) < 64 ? strlen(a) : 64;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replace = diagonal + (a[i - 1] != b[j - 1]), best = row[j - 1] + 1;
            diagonal = row[j];
            if (diagonal + 1 < best) best = diagonal + 1;
            row[j] = replace < best ? replace : best;
        }
    }
    return row[n];
}

const char *siren_nearest_name(const char *text, const char *const *names, size_t n) {
    const char *nearest = NULL;
    size_t length = strlen(text), best = length / 3 + 2; /* one slip in three letters */
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(text, names[i]);
        if (length >= 3 && strncmp(names[i], text, length) == 0) d = 0; /* cut short */
        if (d < best) best = d, nearest = names[i];
    }
    return nearest;
}

bool siren_has_suffix(const char *path, const char *suffix) {
    const size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcmp(path + n - m, suffix) == 0;
}
