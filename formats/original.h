/* What stands under the name of an output: whatever the user forces, nothing replaces a file of another kind. */
#ifndef SIREN_FORMATS_ORIGINAL_H
#define SIREN_FORMATS_ORIGINAL_H

#include "host/base.h"

/* How each page of ours begins; a page is known by it. */
#define SIREN_PAGE_BEGIN                                                                                     \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"                                \
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "

typedef enum { SIREN_KIND_ARCHIVE, SIREN_KIND_IMAGE, SIREN_KIND_PAGE, SIREN_KIND_OTHER } siren_file_kind;

/* Whether the name says image: .nii, .nii.gz and what other programs of the field read and write, in any case. */
bool siren_named_as_image(const char *path);

/* OK where nothing stands there, or a file of the kind; USAGE otherwise. Archives and pages are known by their content,
 * images by content or name. No page gets the name of an image or an archive. */
siren_status siren_kind_check(const char *path, siren_file_kind kind);

/* What fetches the file for which this text stands: "git annex get" or "git lfs pull"; NULL: it stands for none. */
const char *siren_pointer_fetch(const uint8_t *bytes, size_t n_bytes);

#endif
