/* What is said in the archive of a part of a compression (docs/archive-format.md, chapters 7.2 and 7.14). */
#ifndef SIREN_ENGINE_ARCHIVE_PART_SECTION_H
#define SIREN_ENGINE_ARCHIVE_PART_SECTION_H

#include "engine/calls.h"
#include "formats/archive.h"

/* That an archive is one part of several: nothing is written where it is not. Reading it gives of 0 then; CORRUPT for a
 * part that cannot be. */
siren_status siren_part_section_write(siren_archive_writer *writer, siren_part part);
siren_status siren_part_section_read(siren_archive *archive, siren_part *out);
/* The blocks of the whole that a part is of. */
siren_status siren_part_blocks(siren_archive *archive, siren_span *blocks);

#endif
