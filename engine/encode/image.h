/* What is to be compressed: a series from a file or from the caller's array, and the files that go with it. */
#ifndef SIREN_ENGINE_ENCODE_IMAGE_H
#define SIREN_ENGINE_ENCODE_IMAGE_H

#include "engine/archive/attachment.h"
#include "formats/anonymise.h"
#include "formats/nifti.h"
#include "formats/series.h"

#define SIREN_MAX_GIVEN 16 /* files given in memory */

struct siren_image {
    siren_series series;
    bool borrowed; /* its voxels are the caller's */
    char *path;    /* NULL: of an array */
    siren_attachment given[SIREN_MAX_GIVEN];
    size_t n_given;
};

/* The contract of siren_image_read(). */
siren_status siren_image_load(const char *path, siren_nifti_use use, size_t memory_limit, siren_image **out);
SIREN_POINTER_RELEASE(siren_image, siren_image_free)
/* The same image with a header and files of its own, out of which is taken what identifies; its voxels are borrowed.
 * Adds to `*told`. */
siren_status siren_image_anonymous(const siren_image *image, siren_anonymised *told, siren_image **out);
/* What messages call it. */
const char *siren_image_name(const siren_image *image);

#endif
