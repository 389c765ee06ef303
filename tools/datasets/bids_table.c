#define _GNU_SOURCE
#include "tools/datasets/bids_table.h"

#include "formats/number.h"
#include "host/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)1 << 30)
#define MISSING "n/a"

static const char *const columns[] = {
#define X(name, help) #name,
    SIREN_BIDS_COLUMNS(X)
#undef X
};

void siren_bids_row_free(siren_bids_row *row) {
    for (size_t i = 0; i < SIREN_BIDS_N_COLUMNS; i++) free(row->cells[i]);
    *row = (siren_bids_row){{NULL}};
}

void siren_bids_table_free(siren_bids_table *table) {
    for (size_t i = 0; i < table->n; i++) siren_bids_row_free(&table->rows[i]);
    free(table->rows);
    free(table->places);
}

siren_status siren_bids_row_set(siren_bids_row *row, int column, const char *text) {
    free(SIREN_TAKE(row->cells[column]));
    if (!text || !*text) return SIREN_OK;
    char *copy = strdup(text);
    if (!copy) return siren_fail(SIREN_SYSTEM, "out of memory: a row of a table");
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
    row->cells[column] = copy;
    return SIREN_OK;
}

siren_status siren_bids_row_set_number(siren_bids_row *row, int column, double value, int digits) {
    char text[SIREN_NUMBER_BYTES];
    if (!isfinite(value)) return siren_bids_row_set(row, column, NULL);
    siren_number_format_digits(value, digits, text);
    return siren_bids_row_set(row, column, text);
}

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static size_t first_place(const siren_bids_table *table, const char *source) {
    uint64_t hash = 14695981039346656037u;
    for (; *source; source++) hash = (hash ^ (unsigned char)*source) * 1099511628211u;
    return (size_t)(hash & (table->n_places - 1));
}

/* Where the source's row is told, or would be; half of the places at least are free. */
static size_t *place_of(const siren_bids_table *table, const char *source) {
    size_t at = first_place(table, source);
    while (table->places[at] &&
           strcmp(table->rows[table->places[at] - 1].cells[SIREN_BIDS_source], source) != 0)
        at = (at + 1) & (table->n_places - 1);
    return &table->places[at];
}

static siren_bids_row *find(const siren_bids_table *table, const char *source) {
    const size_t place = table->n_places ? *place_of(table, source) : 0;
    return place ? &table->rows[place - 1] : NULL;
}

static siren_status place_all(siren_bids_table *table, size_t n_places) {
    size_t *places = NULL;
    SIREN_TRY(siren_allocate(&places, n_places, sizeof *places, "a table"));
    free(table->places);
    table->places = places;
    table->n_places = n_places;
    for (size_t i = 0; i < table->n; i++) *place_of(table, table->rows[i].cells[SIREN_BIDS_source]) = i + 1;
    return SIREN_OK;
}

const siren_bids_row *siren_bids_table_find(const siren_bids_table *table, const char *source) {
    return find(table, source);
}

siren_status siren_bids_table_put(siren_bids_table *table, siren_bids_row *row) {
    siren_bids_row *old = find(table, row->cells[SIREN_BIDS_source]);
    if (old) {
        siren_bids_row_free(old);
        *old = SIREN_TAKE(*row);
        return SIREN_OK;
    }
    if ((table->n & (table->n + 1)) == 0) { /* 0, 1, 3, 7 ... : room for twice as many */
        siren_bids_row *larger = realloc(table->rows, (2 * table->n + 1) * sizeof *larger);
        if (!larger) return siren_fail(SIREN_SYSTEM, "out of memory: a table");
        table->rows = larger;
    }
    table->rows[table->n++] = SIREN_TAKE(*row);
    if (2 * table->n > table->n_places) return place_all(table, table->n_places ? 2 * table->n_places : 64);
    *place_of(table, table->rows[table->n - 1].cells[SIREN_BIDS_source]) = table->n;
    return SIREN_OK;
}

/* ---- reading ---- */

/* The cells of a line, which lose their ends. */
static size_t cut(char *line, char *cells[SIREN_BIDS_N_COLUMNS]) {
    size_t n = 0;
    for (char *cell; (cell = strsep(&line, "\t")); n++)
        if (n < SIREN_BIDS_N_COLUMNS) cells[n] = cell;
    return n;
}

static siren_status take_line(const char *path, size_t number, char *line, siren_bids_table *table) {
    SIREN_AT_END(siren_bids_row_free) siren_bids_row row = {{NULL}};
    char *cells[SIREN_BIDS_N_COLUMNS];
    bool sound = cut(line, cells) == SIREN_BIDS_N_COLUMNS && *cells[SIREN_BIDS_source];
    for (size_t i = 0; sound && number == 1 && i < SIREN_BIDS_N_COLUMNS; i++)
        sound = strcmp(cells[i], columns[i]) == 0;
    if (!sound)
        return siren_fail(SIREN_CORRUPT,
                          "%s: line %zu is not of a table of sirencl's; restore or remove the file", path,
                          number);
    if (number == 1) return SIREN_OK;
    for (int i = 0; i < SIREN_BIDS_N_COLUMNS; i++)
        if (strcmp(cells[i], MISSING) != 0) SIREN_TRY(siren_bids_row_set(&row, i, cells[i]));
    if (!row.cells[SIREN_BIDS_source]) return SIREN_OK;
    return siren_bids_table_put(table, &row);
}

/* No row goes unseen: text ends at a byte 0, and lines at their ends. */
static siren_status check_whole(const char *path, bool appended, const uint8_t *bytes, size_t n_bytes) {
    const uint8_t *zero = n_bytes ? memchr(bytes, 0, n_bytes) : NULL;
    size_t number = 1;
    for (const uint8_t *b = bytes; zero && b < zero; b++) number += *b == '\n';
    if (zero)
        return siren_fail(SIREN_CORRUPT,
                          "%s: line %zu has a byte 0, as no table has; restore or remove the file", path,
                          number);
    if (appended || (n_bytes && bytes[n_bytes - 1] == '\n')) return SIREN_OK;
    return siren_fail(SIREN_CORRUPT,
                      "%s: is cut off, for its last line has no end; restore or remove the file", path);
}

siren_status siren_bids_table_read(const char *path, bool appended, siren_bids_table *table) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    SIREN_FREE_AT_END char *text = NULL;
    size_t n_bytes, number = 0;
    if (!siren_file_exists(path)) return SIREN_OK;
    SIREN_TRY(siren_file_read(path, MOST_BYTES, &bytes, &n_bytes));
    SIREN_TRY(check_whole(path, appended, bytes, n_bytes));
    SIREN_TRY(siren_allocate(&text, n_bytes + 1, 1, path));
    memcpy(text, bytes, n_bytes);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        SIREN_TRY(take_line(path, ++number, line, table));
    }
    return SIREN_OK;
}

/* ---- writing ---- */

siren_status siren_bids_row_line(const siren_bids_row *row, char **out) {
    size_t n_bytes = 0;
    char *text = NULL;
    FILE *stream = open_memstream(&text, &n_bytes);
    for (size_t i = 0; stream && i < SIREN_BIDS_N_COLUMNS; i++)
        fprintf(stream, "%s%s", i ? "\t" : "", !row ? columns[i] : row->cells[i] ? row->cells[i] : MISSING);
    if (stream) fputc('\n', stream);
    if (!stream || fclose(stream) != 0) {
        free(text);
        return siren_fail(SIREN_SYSTEM, "out of memory: a line of a table");
    }
    *out = text;
    return SIREN_OK;
}

static int by_source(const void *a, const void *b) {
    const siren_bids_row *x = a, *y = b;
    return strcmp(x->cells[SIREN_BIDS_source], y->cells[SIREN_BIDS_source]);
}

static siren_status write_row(siren_output *output, const siren_bids_row *row) {
    SIREN_FREE_AT_END char *line = NULL;
    SIREN_TRY(siren_bids_row_line(row, &line));
    return siren_output_write(output, line, strlen(line));
}

siren_status siren_bids_table_write(siren_bids_table *table, const char *path) {
    SIREN_AT_END(siren_output_discard_at) siren_output *output = NULL;
    if (table->n) qsort(table->rows, table->n, sizeof *table->rows, by_source);
    if (table->n) SIREN_TRY(place_all(table, table->n_places));
    SIREN_TRY(siren_output_open(path, true, &output));
    SIREN_TRY(write_row(output, NULL));
    for (size_t i = 0; i < table->n; i++) SIREN_TRY(write_row(output, &table->rows[i]));
    return siren_output_commit(SIREN_TAKE(output));
}
