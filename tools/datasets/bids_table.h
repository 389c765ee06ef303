/* The table of what became of a data set's series: tab-separated with one header line, "n/a" where there is nothing, as
 * BIDS has tables. */
#ifndef SIREN_TOOLS_DATASETS_BIDS_TABLE_H
#define SIREN_TOOLS_DATASETS_BIDS_TABLE_H

#include "host/base.h"

/* name, what stands there */
#define SIREN_BIDS_COLUMNS(X)                                                                                \
    X(source, "the image, in the data set")                                                                  \
    X(archive, "the archive, in the derivative")                                                             \
    X(status, "done; failed; begun, of one that was interrupted")                                            \
    X(source_bytes, "of the image's file")                                                                   \
    X(source_modified, "seconds since 1970")                                                                 \
    X(archive_bytes, "of the archive")                                                                       \
    X(ratio, "of the stored voxels to the archive")                                                          \
    X(psnr, "scaled PSNR in dB; n/a where every bit is kept")                                                \
    X(seconds, "that it took")                                                                               \
    X(settings, "what was asked for")                                                                        \
    X(anonymised, "what was taken out")                                                                      \
    X(message, "why it failed")

enum {
#define X(name, help) SIREN_BIDS_##name,
    SIREN_BIDS_COLUMNS(X)
#undef X
        SIREN_BIDS_N_COLUMNS
};

typedef struct {
    char *cells[SIREN_BIDS_N_COLUMNS]; /* NULL: n/a */
} siren_bids_row;
void siren_bids_row_free(siren_bids_row *row);
/* Blanks take the place of tabs and line ends; NULL becomes n/a. */
siren_status siren_bids_row_set(siren_bids_row *row, int column, const char *text);
siren_status siren_bids_row_set_number(siren_bids_row *row, int column, double value, int digits);

typedef struct {
    siren_bids_row *rows; /* (n) */
    size_t n;
    size_t *places; /* (n_places) numbers of rows + 1 by their sources' hashes; 0: free */
    size_t n_places;
} siren_bids_table;
void siren_bids_table_free(siren_bids_table *table);

/* Takes the row over (it becomes empty), in the place of one of its source. */
siren_status siren_bids_table_put(siren_bids_table *table, siren_bids_row *row);
/* NULL: none. */
const siren_bids_row *siren_bids_table_find(const siren_bids_table *table, const char *source);
/* Puts the rows of a file in. A file that is not there has none. CORRUPT for what is no such table, or not all of it. A
 * last line without its end is passed over where rows are `appended`: an interrupted write leaves it. */
siren_status siren_bids_table_read(const char *path, bool appended, siren_bids_table *table);
/* Writes it under `path`, complete or not at all, in the order of sources. */
siren_status siren_bids_table_write(siren_bids_table *table, const char *path);
/* A row's line or, of NULL, the header's; yours to free(). */
siren_status siren_bids_row_line(const siren_bids_row *row, char **out);

#endif
