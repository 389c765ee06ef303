/* libFuzzer: any bytes as gradient tables, as comma-separated values and as coordinates of volumes. What is accepted
 * is written again to the same values. */
#define _GNU_SOURCE
#include "engine/model/acquisition.h"
#include "formats/diffusion_table.h"
#include "formats/table.h"
#include "tests/fuzz/must.h"
#include "tests/shared/fuzz_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_number(double a, double b) { return a <= b ? a >= b : isnan(a) && isnan(b); }

/* ---- gradients ---- */

static void write_gradients(const siren_diffusion_table *table) {
    char base[FUZZ_PATH_CHARS], bval[FUZZ_PATH_CHARS], bvec[FUZZ_PATH_CHARS];
    siren_diffusion_table again = {0};
    MUST(siren_diffusion_table_write(fuzz_path("table", base), table) == SIREN_OK);
    if (!table->bval || !table->bvec) return;
    MUST(siren_diffusion_table_read(fuzz_path("table.bval", bval), fuzz_path("table.bvec", bvec), &again) ==
             SIREN_OK &&
         again.n_volumes == table->n_volumes);
    for (size_t i = 0; i < table->n_volumes; i++) {
        MUST(same_number(table->bval[i], again.bval[i]));
        for (int k = 0; k < 3; k++) MUST(same_number(table->bvec[i][k], again.bvec[i][k]));
    }
    siren_diffusion_table_free(&again);
}

static void try_gradients(const uint8_t *data, size_t size) {
    siren_diffusion_table table = {0};
    const uint8_t *cut = size > 0 ? memchr(data, '|', size) : NULL;
    const size_t n = cut ? (size_t)(cut - data) : size;
    if (siren_diffusion_table_parse("fuzz.bval", data, n, cut ? "fuzz.bvec" : NULL, cut ? cut + 1 : NULL,
                                    cut ? size - n - 1 : 0, &table) != SIREN_OK)
        return;
    for (size_t i = 0; i < table.n_volumes; i++) {
        MUST(!table.bval || (table.bval[i] >= 0 && isfinite(table.bval[i])));
        for (int k = 0; table.bvec && k < 3; k++) MUST(isfinite(table.bvec[i][k]));
    }
    write_gradients(&table);
    siren_diffusion_table_free(&table);
}

/* ---- values ---- */

static void check_text(const siren_table *table, const char *text, size_t n_text) {
    char *again = NULL;
    size_t n_again;
    MUST(siren_table_text(table, &again, &n_again) == SIREN_OK && n_again == n_text &&
         memcmp(text, again, n_text) == 0);
    free(again);
}

/* Cell by cell into a table of our own: as texts, and of numbers as numbers. */
static void fill_again(const siren_table *table, char *names, const char *text, size_t n_text) {
    const char *columns[SIREN_TABLE_MOST_COLUMNS];
    siren_table *filled = NULL, *numbers = NULL;
    size_t n_columns = 0;
    for (char *next = names, *name; (name = strsep(&next, ","));) columns[n_columns++] = name;
    MUST(siren_table_create(columns, n_columns, &filled) == SIREN_OK &&
         siren_table_create(columns, n_columns, &numbers) == SIREN_OK);
    for (size_t row = 0; row < siren_table_rows(table); row++)
        for (size_t column = 0; column < n_columns; column++) {
            double value;
            siren_table_add_text(filled, siren_table_cell(table, row, column));
            if (siren_table_number(table, row, column, &value) == SIREN_OK)
                siren_table_add_number(numbers, value);
            else
                siren_table_add_integer(numbers, row);
        }
    check_text(filled, text, n_text);
    for (size_t column = 0; column < n_columns; column++) {
        size_t found = 0;
        MUST(siren_table_find(numbers, columns[column], &found) == SIREN_OK && found == column);
        for (size_t row = 0; row < siren_table_rows(table); row++) {
            double value, again;
            MUST(siren_table_number(numbers, row, column, &again) == SIREN_OK);
            if (siren_table_number(table, row, column, &value) == SIREN_OK) MUST(same_number(value, again));
        }
    }
    siren_table_free(filled);
    siren_table_free(numbers);
}

static void try_values(const uint8_t *data, size_t size) {
    char *text = NULL, *names;
    size_t n_text;
    siren_table *table = NULL, *again = NULL;
    if (siren_table_read(fuzz_file(data, size), &table) != SIREN_OK) return;
    MUST(siren_table_text(table, &text, &n_text) == SIREN_OK && n_text == size &&
         memcmp(text, data, size) == 0);
    MUST(siren_table_read(fuzz_file(text, n_text), &again) == SIREN_OK);
    check_text(again, text, n_text);
    names = strndup(text, strcspn(text, "\n"));
    MUST(names != NULL);
    fill_again(table, names, text, n_text);
    siren_table_free(table);
    siren_table_free(again);
    free(names);
    free(text);
}

/* ---- coordinates ---- */

/* Of so many volumes as there are lines after the first: each becomes coordinates from -1 to 1. */
static void try_coordinates(const uint8_t *data, size_t size) {
    uint8_t *section = NULL;
    size_t n_section, n_volumes = 0;
    siren_acquisition acquisition;
    for (size_t i = 0; i < size; i++) n_volumes += data[i] == '\n';
    if (n_volumes < 1 ||
        siren_acquisition_parse("fuzz.tsv", data, size, n_volumes, &section, &n_section) != SIREN_OK)
        return;
    MUST(siren_acquisition_view("fuzz.tsv", n_volumes, section, n_section, &acquisition) == SIREN_OK);
    const siren_block block = {.nx = 2, .ny = 1, .nz = 1};
    const uint32_t n_inputs = 2 + acquisition.n_axes;
    float coordinates[2 + SIREN_MAX_ACQUISITION];
    for (size_t sample = 0; sample < 2 * n_volumes; sample++) {
        siren_sample_coordinates(&block, &acquisition, (siren_span){0, n_volumes}, n_inputs, sample, 1,
                                 coordinates);
        for (uint32_t i = 0; i < n_inputs; i++) MUST(coordinates[i] >= -1 && coordinates[i] <= 1);
    }
    for (uint32_t axis = 0; axis < acquisition.n_axes; axis++) {
        char name[SIREN_ACQUISITION_NAME];
        MUST(*siren_acquisition_name(&acquisition, axis, name));
    }
    MUST(siren_acquisition_view("fuzz.tsv", n_volumes + 1, section, n_section, &acquisition) != SIREN_OK);
    free(section);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_hear();
    try_gradients(data, size);
    try_values(data, size);
    try_coordinates(data, size);
    return 0;
}
