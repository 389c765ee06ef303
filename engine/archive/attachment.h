/* Files that belong to the image and travel in its archive. */
#ifndef SIREN_ENGINE_ARCHIVE_ATTACHMENT_H
#define SIREN_ENGINE_ARCHIVE_ATTACHMENT_H

#include "formats/archive.h"

#define SIREN_MAX_SUFFIX 32 /* characters */

typedef struct {
    char suffix[SIREN_MAX_SUFFIX + 1];
    const uint8_t *bytes; /* borrowed from the archive */
    size_t n_bytes;
} siren_attachment;

/* The nth attachment, its suffix checked so that it can name nothing but a sibling of the image. `bytes` NULL: no more. CORRUPT for a
 * name that cannot be. */
siren_status siren_attachment_read(siren_archive *archive, size_t nth, siren_attachment *out);

#endif
