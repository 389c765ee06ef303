/* Files that belong to the image and travel in its archive. */
#ifndef SIREN_ENGINE_ARCHIVE_ATTACHMENT_H
#define SIREN_ENGINE_ARCHIVE_ATTACHMENT_H

#include "formats/archive.h"

#define SIREN_MAX_SUFFIX 32      /* characters */
#define SIREN_MAX_ATTACHMENTS 64 /* of one archive */

typedef struct {
    char suffix[SIREN_MAX_SUFFIX + 1];
    const uint8_t *bytes; /* borrowed from the archive */
    size_t n_bytes;
} siren_attachment;

/* Whether a suffix can name nothing but a sibling of the image: '.' or '_', then letters, digits and those. */
bool siren_suffix_is_plain(const char *suffix);
/* Whether it would name an image or an archive. */
bool siren_suffix_is_image(const char *suffix);

/* The nth attachment, its suffix checked so that it can name nothing but a sibling of the image. `bytes` NULL: no more.
 * CORRUPT for a name that cannot be. */
siren_status siren_attachment_read(siren_archive *archive, size_t nth, siren_attachment *out);

#endif
