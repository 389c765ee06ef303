/* libFuzzer: any bytes as gradient tables and as comma-separated values. What is accepted is written again to the same values. */
#define _GNU_SOURCE
#include "formats/diffusion_table.h"
#include "formats/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_gradients(const uint8_t *data, size_t size) {
    siren_diffusion_table table = {0};
    const uint8_t *cut = size > 0 ? memchr(data, '|', size) : NULL;
    const size_t n = cut ? (size_t)(cut - data) : size;
    if (siren_diffusion_table_parse("fuzz.bval", data, n, cut ? "fuzz.bvec" : NULL, cut ? cut + 1 : NULL,
                                    cut ? size - n - 1 : 0, &table) != SIREN_OK)
        return;
    for (size_t i = 0; i < table.n_volumes; i++) {
        if (table.bval && !(table.bval[i] >= 0 && isfinite(table.bval[i]))) abort();
        for (int k = 0; table.bvec && k < 3; k++)
            if (!isfinite(table.bvec[i][k])) abort();
    }
    siren_diffusion_table_free(&table);
}

static void try_values(const uint8_t *data, size_t size) {
    static int file = -1;
    char path[32], *text = NULL, *again = NULL;
    size_t n_text, n_again;
    siren_table *table = NULL;
    if (file < 0) file = memfd_create("table", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file < 0 || ftruncate(file, (off_t)size) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        abort();
    if (siren_table_read(path, &table) != SIREN_OK) return;
    if (siren_table_text(table, &text, &n_text) != SIREN_OK) abort();
    siren_table_free(table);
    if (ftruncate(file, (off_t)n_text) != 0 || pwrite(file, text, n_text, 0) != (ssize_t)n_text) abort();
    if (siren_table_read(path, &table) != SIREN_OK || siren_table_text(table, &again, &n_again) != SIREN_OK ||
        n_again != n_text || memcmp(text, again, n_text) != 0)
        abort();
    siren_table_free(table);
    free(text);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try_gradients(data, size);
    try_values(data, size);
    return 0;
}
