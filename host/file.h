/* Whole-file reading under a limit, folders, and output that appears under its final name complete or not at all. */
#ifndef SIREN_HOST_FILE_H
#define SIREN_HOST_FILE_H

#include "host/base.h"

#include <stdio.h>

/* For SIREN_AT_END(): close() of a descriptor that is not negative, fclose() of a stream that is not NULL. */
void siren_close_at(int *fd);
void siren_fclose_at(FILE **stream);

/* SYSTEM, with what errno says of a path that cannot be opened, and where it leads if it is a link to what is not
 * there. */
siren_status siren_file_unopened(const char *path);
/* Opens a regular file for reading; USAGE where it is none. `*fd` is yours: close(). */
siren_status siren_file_open(const char *path, int *fd, uint64_t *n_bytes);

/* Reads all of `path`. `*bytes` is yours to free(). A file larger than `limit` is UNSUPPORTED. */
siren_status siren_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *n_bytes);

/* Whether both names lead to one existing file. */
bool siren_file_same(const char *a, const char *b);

/* The path without links and dots, as far as it exists: what is below a folder begins with the folder's. `*out` is
 * yours to free(). */
siren_status siren_file_canonical(const char *path, char **out);
/* Where the second of two such paths lies below the first, the way from there ("a/b"); NULL where it does not, or they
 * are one. */
const char *siren_file_way_below(const char *folder, const char *path);

/* Whether something stands under the name, or may: where that cannot be found out, reading it will tell why. */
bool siren_file_exists(const char *path);

/* What only some may read stays so: gives `path` the mode of the file `present`, which it is to replace, if there is
 * one. */
void siren_file_hand_down_mode(const char *present, const char *path);

/* rename() that replaces nothing: EEXIST in errno where `to` exists. */
int siren_file_rename_new(const char *from, const char *to);

/* Makes the folder `path` and those above it, as far as they are missing. USAGE where something else has such a
 * name. */
siren_status siren_folder_make(const char *path);

/* Removes what killed processes left behind in a folder under hidden names, .sirencl-PID-NUMBER.tmp: unfinished
 * outputs, see below. Those of processes that live are locked, and stay, as do all where the file system has no locks.
 * A folder that is missing is clean. */
void siren_folder_clear_leftovers(const char *path);

/* A file being written. It has no name (or a hidden one, where the file system lacks O_TMPFILE) until committed. */
typedef struct siren_output siren_output;

/* The same into memory, to be ended with siren_output_take() or siren_output_discard(). */
siren_status siren_output_open_memory(siren_output **out);
/* What was written, yours to free(); frees `output`. */
void siren_output_take(siren_output *output, uint8_t **bytes, size_t *n_bytes);
/* Checks early that `path` can be written: its folder exists and is writable, its name is possible, and nothing stands
 * there unless `overwrite`; then a link to a file, or to nothing, is replaced itself, and a file hands down its mode.
 * `*out` is yours: end it with siren_output_commit() or siren_output_discard(). */
siren_status siren_output_open(const char *path, bool overwrite, siren_output **out);
/* Appends at the current position, which siren_output_write_at() does not move. */
siren_status siren_output_write(siren_output *output, const void *bytes, size_t n_bytes);
siren_status siren_output_write_at(siren_output *output, uint64_t offset, const void *bytes, size_t n_bytes);
/* Another name of the unfinished file, for reading what was written; lives as long as `output`. */
const char *siren_output_unfinished(const siren_output *output);
/* fsync: where several files are to appear together, what can fail or last is done for all before the first commit. */
siren_status siren_output_flush(siren_output *output);
/* Makes what happened to the names in a folder outlast a loss of power; a warning where that fails. */
void siren_folder_sync(const char *folder);
/* fsync, rename to the final name, siren_folder_sync(). Frees `output` whatever the result; on failure nothing is left
 * under either name. */
siren_status siren_output_commit(siren_output *output);
/* Removes what was written and frees `output`. NULL is allowed. */
void siren_output_discard(siren_output *output);
SIREN_POINTER_RELEASE(siren_output, siren_output_discard)
/* All of it for bytes that are there. */
siren_status siren_file_write(const char *path, bool overwrite, const void *bytes, size_t n_bytes);

/* Names of other files, borrowed until they are taken back: of use to nobody if the process ends now, and those with
 * which the next one goes on. */
void siren_file_worthless(char *path, bool worthless);
void siren_file_resumable(char *path, bool resumable);
/* For such a handler, too: calls `tell` with the name of each file of the second kind. */
void siren_file_each_resumable(void (*tell)(void *path));
/* For a signal handler about to end the process: removes the hidden names of all unfinished outputs, and worthless
 * files. Async-signal-safe. */
void siren_output_abandon_all(void);

#endif
