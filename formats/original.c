#define _GNU_SOURCE
#include "formats/original.h"

#include "formats/archive.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "host/names.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

bool siren_named_as_image(const char *path) {
    static const char *const images[] = {
        /* NIfTI and Analyze, also as other programs pack them */
        "*.nii", "*.nii.gz", "*.hdr", "*.hdr.gz", "*.img", "*.img.gz", "*.nii.bz2", "*.nii.xz", "*.nii.zst",
        "*.nii.lz4", "*.nii.zip", "*.nia", "*.nia.gz",
        /* MRtrix3, FreeSurfer, AFNI, ITK, MINC, Philips, DICOM, DSI Studio, TIFF */
        "*.mif", "*.mif.gz", "*.mih", "*.mgh", "*.mgz", "*.mgh.gz", "*.brik", "*.brik.gz", "*.head", "*.nrrd",
        "*.nhdr", "*.mha", "*.mhd", "*.mnc", "*.mnc.gz", "*.par", "*.rec", "*.dcm", "*.ima", "*.src.gz",
        "*.fib.gz", "*.sz", "*.fz", "*.tif", "*.tiff"};
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
    const bool stands = stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
    const siren_file_kind present = stands ? kind_of(path) : kind;
    if (present != kind)
        return siren_fail(SIREN_USAGE, "%s: exists and is %s, which is not replaced; give another name", path,
                          names[present]);
    if (kind == SIREN_KIND_PAGE && (siren_named_as_image(path) || siren_has_suffix(path, ".siren")))
        return siren_fail(
            SIREN_USAGE,
            "%s: is the name of an image or an archive, but a page is written; give one that ends in "
            ".html",
            path);
    return SIREN_OK;
}

const char *siren_pointer_fetch(const uint8_t *bytes, size_t n_bytes) {
    static const struct {
        const char *begin, *fetch;
    } pointers[] = {{"/annex/objects/", "git annex get"}, {"version https://git-lfs.", "git lfs pull"}};
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        const size_t n = strlen(pointers[i].begin);
        if (n_bytes >= n && memcmp(bytes, pointers[i].begin, n) == 0) return pointers[i].fetch;
    }
    return NULL;
}
