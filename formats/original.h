/* What stands under the name of an output: whatever the user forces, nothing replaces a file of another kind. */
#ifndef SIREN_FORMATS_ORIGINAL_H
#define SIREN_FORMATS_ORIGINAL_H

#include "host/base.h"

typedef enum { SIREN_KIND_ARCHIVE, SIREN_KIND_IMAGE, SIREN_KIND_OTHER } siren_file_kind;

/* Whether the name says image: .nii, .nii.gz and what other programs of the field write, in any case. */
bool siren_named_as_image(const char *path);

/* OK where nothing stands there, or a file of the kind; USAGE otherwise. Archives are known by their content, images by content or
 * name. */
siren_status siren_kind_check(const char *path, siren_file_kind kind);

#endif
