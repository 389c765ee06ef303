/* What an archive holds beside its records: header, layout, files that belong to the image, provenance. */
#ifndef SIREN_ENGINE_ENCODE_SECTIONS_H
#define SIREN_ENGINE_ENCODE_SECTIONS_H

#include "engine/settings.h"
#include "engine/archive/attachment.h"
#include "engine/archive/record.h"

/* Files to attach; NULL: the one beside `image` as siren_neighbour_find() has it, or a warning where it cannot be
 * opened; none where `image` is NULL, too. */
typedef struct {
    const char *image;
    const char *bval, *bvec, *sidecar;
    const siren_attachment *given; /* (n_given) in memory, in the place of files of their suffix */
    size_t n_given;
    bool without_tail;           /* what follows the voxels is left out */
    bool silent;                 /* no warnings: the sections are written only to know their size */
    siren_anonymised *anonymise; /* the JSON loses what identifies, which is told here; NULL: it does not */
} siren_attachments;

#define SIREN_ATTACHMENT_LIMIT ((size_t)64 << 20) /* bytes of one attached file */

/* How the records came about. */
typedef struct {
    const siren_device *device;     /* NULL: there are no networks, and no settings told */
    const siren_settings *settings; /* no choice left open */
    double noise;                   /* errors over the noise's sigma that were reached; 0: not told */
} siren_provenance;

/* Writes all sections. A gradient table that does not fit the series is attached with a warning. */
siren_status siren_sections_write(siren_archive_writer *writer, const siren_series *series,
                                  const siren_layout *layout, const siren_attachments *files,
                                  const siren_provenance *provenance);

#endif
