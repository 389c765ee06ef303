/* Tables as comma-separated values: one header line, no quotes (docs/run-folder.md). A cell is text
 * without commas, quotes and control characters; an empty one is a missing value. */
#ifndef SIREN_FORMATS_TABLE_H
#define SIREN_FORMATS_TABLE_H

#include "host/base.h"

#define SIREN_TABLE_MOST_BYTES ((size_t)1 << 30) /* of a file */
#define SIREN_TABLE_MOST_COLUMNS 256

typedef struct siren_table siren_table;

/* A table without rows; USAGE for a name that cannot be one. `*out` is yours: siren_table_free(). */
siren_status siren_table_create(const char *const *columns, size_t n_columns, siren_table **out);
/* CORRUPT names file, line and column: a header without names or with one twice, a line with more or fewer
 * cells than the header, a last line without its end, bytes no cell can hold. `*out` is yours:
 * siren_table_free(). */
siren_status siren_table_read(const char *path, siren_table **out);
/* NULL is allowed. */
void siren_table_free(siren_table *table);
SIREN_POINTER_RELEASE(siren_table, siren_table_free)

/* Each adds the next cell; a row ends with its last column. What fails is remembered and reported by
 * siren_table_text() and siren_table_write(), so that filling needs no checks. NULL and NaN become a
 * missing value. */
void siren_table_add_text(siren_table *table, const char *text);
void siren_table_add_number(siren_table *table, double value);
void siren_table_add_integer(siren_table *table, uint64_t value);

/* The file's content, zero-terminated. `*text` is yours to free(). */
siren_status siren_table_text(const siren_table *table, char **text, size_t *n_bytes);
/* Writes it under `path`, complete or not at all. */
siren_status siren_table_write(const siren_table *table, const char *path, bool overwrite);

size_t siren_table_rows(const siren_table *table); /* complete ones */
/* The column of that name; CORRUPT where there is none. */
siren_status siren_table_find(const siren_table *table, const char *name, size_t *column);
/* Borrowed until the table changes; "" where missing. */
const char *siren_table_cell(const siren_table *table, size_t row, size_t column);
/* NaN where missing; CORRUPT where the cell is no number. */
siren_status siren_table_number(const siren_table *table, size_t row, size_t column, double *out);

#endif
