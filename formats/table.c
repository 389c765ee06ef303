#include "formats/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/number.h"
#include "host/file.h"

struct siren_table {
    char *name;      /* the file it was read from; for messages */
    char *text;      /* all cells in order, each with a terminating zero */
    uint32_t *cells; /* (n_cells) where each begins; the header's come first */
    size_t n_columns, n_cells, n_bytes;
    size_t cell_capacity, byte_capacity;
    char failure[160]; /* why the table is not whole; "": nothing failed */
};

static siren_status table_new(const char *name, siren_table **out) {
    siren_table *table = NULL;
    SIREN_TRY(siren_allocate(&table, 1, sizeof *table, name));
    table->name = strdup(name);
    if (!table->name) {
        free(table);
        return siren_fail(SIREN_SYSTEM, "out of memory: cannot allocate %s", name);
    }
    *out = table;
    return SIREN_OK;
}

void siren_table_free(siren_table *table) {
    if (!table) return;
    free(table->name);
    free(table->text);
    free(table->cells);
    free(table);
}

static const char *column_name(const siren_table *table, size_t column) {
    return table->text + table->cells[column];
}

/* The first of the names that is missing or stands there twice; n_columns where all are good. */
static size_t bad_name(const siren_table *table) {
    for (size_t i = 0; i < table->n_columns; i++) {
        if (!*column_name(table, i)) return i;
        for (size_t k = 0; k < i; k++)
            if (strcmp(column_name(table, i), column_name(table, k)) == 0) return i;
    }
    return table->n_columns;
}

static bool is_cell_byte(char c) { return (unsigned char)c >= ' ' && c != 0x7f && c != ',' && c != '"'; }

/* The array with room for `needed` elements; NULL leaves it as it is. */
static void *grown(void *array, size_t *capacity, size_t needed, size_t size) {
    if (needed <= *capacity) return array;
    size_t larger = 2 * needed;
    void *moved = realloc(array, larger * size);
    if (moved) *capacity = larger;
    return moved;
}

/* ---- filling ---- */

void siren_table_add_text(siren_table *table, const char *text) {
    if (table->failure[0]) return;
    if (!text) text = "";
    const size_t n = strlen(text) + 1;
    for (const char *c = text; *c; c++)
        if (!is_cell_byte(*c)) {
            snprintf(table->failure, sizeof table->failure,
                     "'%.64s' cannot be a cell, for it holds a comma, a quote or a control character", text);
            return;
        }
    if (n > SIREN_TABLE_MOST_BYTES - table->n_bytes) {
        snprintf(table->failure, sizeof table->failure, "it is larger than %zu bytes",
                 SIREN_TABLE_MOST_BYTES);
        return;
    }
    char *bytes = grown(table->text, &table->byte_capacity, table->n_bytes + n, 1);
    if (bytes) table->text = bytes;
    uint32_t *cells = grown(table->cells, &table->cell_capacity, table->n_cells + 1, sizeof *cells);
    if (cells) table->cells = cells;
    if (!bytes || !cells) {
        snprintf(table->failure, sizeof table->failure, "out of memory");
        return;
    }
    memcpy(bytes + table->n_bytes, text, n);
    cells[table->n_cells++] = (uint32_t)table->n_bytes;
    table->n_bytes += n;
}

void siren_table_add_number(siren_table *table, double value) {
    char text[SIREN_NUMBER_BYTES];
    siren_table_add_text(table, isnan(value) ? NULL : siren_number_format(value, text));
}

void siren_table_add_integer(siren_table *table, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    siren_table_add_text(table, text);
}

siren_status siren_table_create(const char *const *columns, size_t n_columns, siren_table **out) {
    SIREN_AT_END(siren_table_free_at) siren_table *table = NULL;
    SIREN_TRY(table_new("a table", &table));
    for (size_t i = 0; i < n_columns; i++) siren_table_add_text(table, columns[i]);
    table->n_columns = n_columns;
    if (n_columns == 0 || n_columns > SIREN_TABLE_MOST_COLUMNS)
        return siren_fail(SIREN_USAGE, "a table has %zu column%s but must have from 1 to %d", n_columns,
                          siren_plural(n_columns), SIREN_TABLE_MOST_COLUMNS);
    if (table->failure[0]) return siren_fail(SIREN_USAGE, "a table's header: %s", table->failure);
    size_t bad = bad_name(table);
    if (bad < n_columns)
        return siren_fail(SIREN_USAGE, "column %zu of a table has the name '%s', which is empty or taken",
                          bad + 1, columns[bad]);
    *out = SIREN_TAKE(table);
    return SIREN_OK;
}

/* ---- writing ---- */

siren_status siren_table_text(const siren_table *table, char **text, size_t *n_bytes) {
    const size_t cells_beyond = table->n_cells % table->n_columns;
    if (table->failure[0]) return siren_fail(SIREN_SYSTEM, "cannot write a table: %s", table->failure);
    if (cells_beyond)
        return siren_fail(SIREN_USAGE, "cannot write a table: its last row has %zu of %zu cell%s",
                          cells_beyond, table->n_columns, siren_plural(table->n_columns));
    char *copy = NULL;
    SIREN_TRY(siren_allocate(&copy, table->n_bytes + 1, 1, "the text of a table"));
    memcpy(copy, table->text, table->n_bytes);
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t end = i + 1 < table->n_cells ? table->cells[i + 1] : table->n_bytes;
        copy[end - 1] = (i + 1) % table->n_columns ? ',' : '\n';
    }
    *text = copy;
    *n_bytes = table->n_bytes;
    return SIREN_OK;
}

siren_status siren_table_write(const siren_table *table, const char *path, bool overwrite) {
    SIREN_FREE_AT_END char *text = NULL;
    size_t n_bytes = 0;
    SIREN_TRY(siren_table_text(table, &text, &n_bytes));
    return siren_file_write(path, overwrite, text, n_bytes);
}

/* ---- reading ---- */

#define WAY_OUT "correct the file or make it anew"

/* Ends cells at commas and line ends; every line must have as many as the header. The last byte is a line
 * end. */
static siren_status split(siren_table *table) {
    size_t line = 1, in_line = 0;
    table->cells[0] = 0;
    for (size_t i = 0; i < table->n_bytes; i++) {
        const char c = table->text[i];
        if (c != ',' && c != '\n') {
            if (is_cell_byte(c)) continue;
            return siren_fail(SIREN_CORRUPT,
                              "%s: line %zu, cell %zu: holds the byte 0x%02x, which no cell can; " WAY_OUT,
                              table->name, line, in_line + 1, (unsigned)(unsigned char)c);
        }
        table->text[i] = '\0';
        table->n_cells++;
        in_line++;
        if (i + 1 < table->n_bytes) table->cells[table->n_cells] = (uint32_t)(i + 1);
        if (line == 1 && in_line > SIREN_TABLE_MOST_COLUMNS)
            return siren_fail(SIREN_CORRUPT, "%s: line 1: has more than %d columns; " WAY_OUT, table->name,
                              SIREN_TABLE_MOST_COLUMNS);
        if (c == ',') continue;
        if (line == 1) table->n_columns = in_line;
        if (in_line != table->n_columns)
            return siren_fail(SIREN_CORRUPT, "%s: line %zu has %zu cells, but the header has %zu; " WAY_OUT,
                              table->name, line, in_line, table->n_columns);
        line++;
        in_line = 0;
    }
    return SIREN_OK;
}

siren_status siren_table_read(const char *path, siren_table **out) {
    SIREN_AT_END(siren_table_free_at) siren_table *table = NULL;
    uint8_t *bytes = NULL;
    size_t n_separators = 0;
    SIREN_TRY(table_new(path, &table));
    SIREN_TRY(siren_file_read(path, SIREN_TABLE_MOST_BYTES, &bytes, &table->n_bytes));
    table->text = (char *)bytes;
    table->byte_capacity = table->n_bytes;
    if (table->n_bytes == 0) return siren_fail(SIREN_CORRUPT, "%s: is empty; " WAY_OUT, path);
    for (size_t i = 0; i < table->n_bytes; i++) n_separators += bytes[i] == ',' || bytes[i] == '\n';
    if (bytes[table->n_bytes - 1] != '\n')
        return siren_fail(SIREN_CORRUPT, "%s: ends within a line; " WAY_OUT, path);
    SIREN_TRY(siren_allocate(&table->cells, n_separators, sizeof *table->cells, path));
    table->cell_capacity = n_separators;
    SIREN_TRY(split(table));
    size_t bad = bad_name(table);
    if (bad < table->n_columns)
        return siren_fail(SIREN_CORRUPT, "%s: line 1, column %zu: the name '%s' is empty or taken; " WAY_OUT,
                          path, bad + 1, column_name(table, bad));
    *out = SIREN_TAKE(table);
    return SIREN_OK;
}

size_t siren_table_rows(const siren_table *table) { return table->n_cells / table->n_columns - 1; }

siren_status siren_table_find(const siren_table *table, const char *name, size_t *column) {
    for (size_t i = 0; i < table->n_columns; i++)
        if (strcmp(column_name(table, i), name) == 0) {
            *column = i;
            return SIREN_OK;
        }
    return siren_fail(SIREN_CORRUPT, "%s: line 1: has no column '%s'; " WAY_OUT, table->name, name);
}

const char *siren_table_cell(const siren_table *table, size_t row, size_t column) {
    return table->text + table->cells[(row + 1) * table->n_columns + column];
}

siren_status siren_table_number(const siren_table *table, size_t row, size_t column, double *out) {
    const char *cell = siren_table_cell(table, row, column);
    if (!*cell)
        *out = NAN;
    else if (!siren_number_parse(cell, out))
        return siren_fail(SIREN_CORRUPT, "%s: line %zu, column %s: '%.64s' is no number; " WAY_OUT,
                          table->name, row + 2, column_name(table, column), cell);
    return SIREN_OK;
}
