#define _GNU_SOURCE
#include "formats/original.h"

#include "formats/archive.h"
#include "formats/nifti.h"

#include <fnmatch.h>
#include <sys/stat.h>

bool siren_named_as_image(const char *path) {
    static const char *const images[] = {"*.nii",    "*.nii.gz", "*.hdr",    "*.img",
                                         "*.img.gz", "*.mif",    "*.mif.gz", "*.mgz"};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        if (fnmatch(images[i], path, FNM_CASEFOLD) == 0) return true;
    return false;
}

static siren_file_kind kind_of(const char *path) {
    siren_geometry geometry;
    if (siren_archive_recognise(path)) return SIREN_KIND_ARCHIVE;
    return siren_named_as_image(path) || siren_nifti_read_geometry(path, &geometry) == SIREN_OK
               ? SIREN_KIND_IMAGE
               : SIREN_KIND_OTHER;
}

siren_status siren_kind_check(const char *path, siren_file_kind kind) {
    static const char *const names[] = {"an archive", "an image", "a file of another kind"};
    struct stat facts;
    if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode)) return SIREN_OK;
    const siren_file_kind present = kind_of(path);
    if (present == kind) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: exists and is %s, which is not replaced; give another name", path,
                      names[present]);
}
