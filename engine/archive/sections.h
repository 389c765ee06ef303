/* What an archive holds beside its records: header, layout, files that belong to the image, provenance. */
#ifndef SIREN_ENGINE_ARCHIVE_SECTIONS_H
#define SIREN_ENGINE_ARCHIVE_SECTIONS_H

#include "engine/archive/record.h"

/* Files to attach; NULL: the one beside `image` (of its name, with that suffix), where it exists; none where `image` is
 * NULL, too. */
typedef struct {
    const char *image;
    const char *bval, *bvec, *sidecar;
} siren_attachments;

/* How the records came about. */
typedef struct {
    const siren_device *device;
    const siren_settings *settings; /* no choice left open */
} siren_provenance;

/* Writes all sections. A gradient table that does not fit the series is attached with a warning. */
siren_status siren_sections_write(siren_archive_writer *writer, const siren_series *series,
                                  const siren_layout *layout, const siren_attachments *files,
                                  const siren_provenance *provenance);

#endif
