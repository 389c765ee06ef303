#define _GNU_SOURCE
#include "formats/original.h"

#include "formats/archive.h"
#include "formats/nifti.h"
#include "host/file.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

bool siren_named_as_image(const char *path) {
    static const char *const images[] = {"*.nii",    "*.nii.gz", "*.hdr",    "*.img",
                                         "*.img.gz", "*.mif",    "*.mif.gz", "*.mgz"};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        if (fnmatch(images[i], path, FNM_CASEFOLD) == 0) return true;
    return false;
}

static bool is_page(const char *path) {
    char present[sizeof SIREN_PAGE_BEGIN - 1];
    SIREN_AT_END(siren_fclose_at) FILE *file = fopen(path, "rbe");
    return file && fread(present, 1, sizeof present, file) == sizeof present &&
           memcmp(present, SIREN_PAGE_BEGIN, sizeof present) == 0;
}

static siren_file_kind kind_of(const char *path) {
    siren_geometry geometry;
    if (siren_archive_recognise(path)) return SIREN_KIND_ARCHIVE;
    if (is_page(path)) return SIREN_KIND_PAGE;
    return siren_named_as_image(path) || siren_nifti_read_geometry(path, &geometry) == SIREN_OK
               ? SIREN_KIND_IMAGE
               : SIREN_KIND_OTHER;
}

siren_status siren_kind_check(const char *path, siren_file_kind kind) {
    static const char *const names[] = {"an archive", "an image", "a page of a report or view",
                                        "a file of another kind"};
    struct stat facts;
    if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode)) return SIREN_OK;
    const siren_file_kind present = kind_of(path);
    if (present == kind) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: exists and is %s, which is not replaced; give another name", path,
                      names[present]);
}
