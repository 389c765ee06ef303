/* A file that keeps finished pieces of a long work until its output is complete (docs/resume.md). It belongs to the
 * process that works: locked as long as that lives. Each piece stands for itself, so that a file cut off or damaged
 * anywhere loses the pieces concerned and no others. */
#ifndef SIREN_ENGINE_ENCODE_JOURNAL_H
#define SIREN_ENGINE_ENCODE_JOURNAL_H

#include "host/base.h"

typedef struct siren_journal siren_journal;

/* Opens or makes `path` for a work of these `facts`, lines of "name value\n": all that its pieces depend on. What is
 * there is checked piece by piece; `anew`: dropped, pieces of other facts, too. USAGE: another process works on it,
 * or it keeps pieces of other facts, and the message names the first that differs; nothing has changed then. SYSTEM:
 * it cannot be made or locked. UNSUPPORTED: what stands there is no journal, and is left alone. `*out` is yours:
 * siren_journal_close(). */
siren_status siren_journal_open(const char *path, const char *facts, bool anew, siren_journal **out);
/* For a work that keeps nothing: whether a journal stands at `path`, which is removed where `drop` says so. USAGE:
 * another process works on it. What is no journal, or cannot be opened, is none. */
siren_status siren_journal_look(const char *path, bool drop, bool *found);
/* Pieces that were there, in the order in which they were added. */
size_t siren_journal_count(const siren_journal *journal);
/* `*bytes` is yours to free(). CORRUPT where it changed since. */
siren_status siren_journal_read(const siren_journal *journal, size_t nth, uint8_t **bytes, size_t *n_bytes);
/* Survives the end of the process from here on, whatever ends it. */
siren_status siren_journal_add(siren_journal *journal, const uint8_t *bytes, size_t n_bytes);
/* What was added survives the machine's end, too. */
siren_status siren_journal_flush(siren_journal *journal);
/* Removes the file unless `keep`, and one without pieces in any case. NULL is allowed. */
void siren_journal_close(siren_journal *journal, bool keep);

#endif
