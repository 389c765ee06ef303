/* A network's record through the range coder in the place of LZMA (docs/archive-format.md, chapter 7.12): what is read
 * is the record as siren_record_write() makes it, bit for bit. */
#ifndef SIREN_ENGINE_ARCHIVE_CODED_RECORD_H
#define SIREN_ENGINE_ARCHIVE_CODED_RECORD_H

#include "engine/archive/record.h"

/* `*coded` is yours to free(); NULL, with OK, for a record that does not come back as it was or that a reader would
 * take for a lie about its size: LZMA has it then. `name` names the block. */
siren_status siren_record_code(const char *name, const siren_layout *layout, const uint8_t *record,
                               size_t n_record, uint8_t **coded, size_t *n_coded);
/* The record of so many bytes; `*record` is yours to free(). CORRUPT for what no encoder makes. */
siren_status siren_record_decode(const char *name, const siren_layout *layout, const uint8_t *coded,
                                 size_t n_coded, size_t n_record, uint8_t **record);
/* The nth record of an archive of the layout, however it is stored. `*record` is yours to free(). */
siren_status siren_record_load(const char *name, const siren_layout *layout, const siren_archive *archive,
                               size_t nth, uint8_t **record, size_t *n_record);

#endif
