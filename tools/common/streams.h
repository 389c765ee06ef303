/* "-" on a command line: standard input and standard output in the place of files (docs/pipes.md). The state is the
 * process's. */
#ifndef SIREN_TOOLS_STREAMS_H
#define SIREN_TOOLS_STREAMS_H

#include "host/base.h"

/* Whether the name stands for a stream. */
bool siren_stream_named(const char *name);

typedef enum { SIREN_STREAM_IMAGE, SIREN_STREAM_ARCHIVE } siren_stream_kind;
/* Makes standard input a file that can be read again: the file that it is, or else a nameless one in $TMPDIR or /tmp
 * with all that comes. `*path` leads to it until the process ends; messages call it "standard input". What is of
 * another kind, or more than the image or the memory may be, is refused as soon as its beginning is there. USAGE for a
 * terminal. */
siren_status siren_stream_read(siren_stream_kind kind, size_t memory_limit, const char **path);

/* From now on what is printed to standard output goes to standard error. Before any device is opened. USAGE for a
 * terminal. */
siren_status siren_stream_divert(void);
/* A file to write, whose name ends in `suffix`, in a hidden folder of $TMPDIR or /tmp; messages call it "standard
 * output". */
siren_status siren_stream_open(const char *suffix, const char **path);
/* Gives what was written to standard output. SYSTEM where its reader went away. */
siren_status siren_stream_finish(void);
/* The same of a .nii as MRtrix3's commands give images to each other: by the name of a file of theirs. */
siren_status siren_stream_finish_mrtrix(void);
/* Removes that folder. */
void siren_stream_end(void);

#endif
