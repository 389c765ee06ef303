/* The table of methods: a new one is a row here and a file of its own (docs/baselines.md, "Adding a baseline"). */
#include "lab/baseline/baseline_parts.h"
#include "lab/baseline/jpeg2000.h"
#include "lab/baseline/jpegls.h"
#include "lab/baseline/jpegxl.h"
#include "lab/baseline/zfp.h"
#include "formats/little_endian.h"
#include "host/process.h"

#include <string.h>

#define LARGEST_RATE 1e6

#define RATE                                                                                                 \
    { "rate", "rates", 0.01, LARGEST_RATE }
#define ERROR_BOUND                                                                                          \
    { "error", "errors", 1e-9, 1e9 } /* stored units */
#define IMAGES(coder)                                                                                        \
    .encode = siren_baseline_images_encode, .decode = siren_baseline_images_decode, .images = &(coder)
#define VOXELS .encode = siren_baseline_voxels_encode, .decode = siren_baseline_voxels_decode
#define ARCHIVE .encode = siren_baseline_archive_encode, .decode = siren_baseline_archive_decode

static const siren_baseline_method methods[] = {
    {.name = "jpeg2000",
     .volumes_name = "jpeg2000-volume",
     .quality = RATE,
     .ratio = SIREN_RATIO_SEARCHED,
     IMAGES(siren_jpeg2000_coder)},
    {.name = "jpegxl",
     .volumes_name = "jpegxl-volume",
     .quality = {"distance", "distances", SIREN_JPEGXL_LEAST_DISTANCE, SIREN_JPEGXL_LARGEST_DISTANCE},
     .ratio = SIREN_RATIO_SEARCHED,
     .lossless = true,
     .library = SIREN_JPEGXL_MISSING,
     IMAGES(siren_jpegxl_coder)},
    {.name = "jpegls",
     .volumes_name = "jpegls-volume",
     .quality = ERROR_BOUND,
     .lossless = true,
     .library = SIREN_JPEGLS_MISSING,
     IMAGES(siren_jpegls_coder)},
    {.name = "zfp",
     .volumes_name = "zfp-volume",
     .quality = RATE,
     .ratio = SIREN_RATIO_SEARCHED,
     .lossless = true,
     .library = SIREN_ZFP_MISSING,
     IMAGES(siren_zfp_coder)},
    {.name = "transform",
     .quality = {"psnr", "psnrs", 1, 200}, /* dB */
     .ratio = SIREN_RATIO_OWN,
     .asked = true,
     ARCHIVE},
    {.name = "predictive", .quality = ERROR_BOUND, .lossless = true, ARCHIVE},
    {.name = "deflate", .lossless = true, VOXELS},
    {.name = "xz", .lossless = true, VOXELS},
    {.name = "smooth",
     .quality = {"fwhm", "fwhm", 0.01, 1000}, /* mm */
     .program = "mrfilter",
     .filter = siren_baseline_smooth},
    {.name = "mppca", .program = "dwidenoise", .filter = siren_baseline_mppca},
};
#define N_METHODS (sizeof methods / sizeof *methods)

const siren_baseline_method *siren_baseline_at(size_t i) { return i < N_METHODS ? &methods[i] : NULL; }

const siren_baseline_method *siren_baseline_find(const char *name) {
    for (size_t i = 0; i < N_METHODS; i++)
        if (strcmp(methods[i].name, name) == 0) return &methods[i];
    return NULL;
}

bool siren_baseline_compresses(const siren_baseline_method *method) { return !method->filter; }

siren_status siren_baseline_check(const siren_baseline_method *method) {
    if (method->program && !siren_process_find(method->program))
        return siren_fail(
            SIREN_UNSUPPORTED,
            "the method %s needs the program %s, which is not on PATH; install Debian's mrtrix3, or "
            "leave the method out",
            method->name, method->program);
    if (method->library)
        return siren_fail(SIREN_UNSUPPORTED,
                          "the method %s is not part of this program; install %s and build it again, or "
                          "leave the method out",
                          method->name, method->library);
    return SIREN_OK;
}

/* ---- compressed forms ---- */

void siren_baseline_header_write(const siren_baseline *baseline, const siren_geometry *g, uint8_t *header) {
    const size_t fields[7] = {
        g->nx,        g->ny, g->nz, g->n_volumes, (size_t)g->datatype, (size_t)(baseline->method - methods),
        baseline->per};
    for (size_t i = 0; i < 7; i++) siren_put_u32(header + 4 * i, (uint32_t)fields[i]);
    siren_put_f64(header + 28, baseline->quality);
}

void siren_baseline_header_read(const uint8_t *header, siren_baseline *baseline, siren_geometry *g) {
    *g = (siren_geometry){.nx = siren_get_u32(header),
                          .ny = siren_get_u32(header + 4),
                          .nz = siren_get_u32(header + 8),
                          .n_volumes = siren_get_u32(header + 12),
                          .datatype = (siren_datatype)siren_get_u32(header + 16),
                          .slope = 1};
    *baseline = (siren_baseline){.method = siren_baseline_at(siren_get_u32(header + 20)),
                                 .per = (siren_baseline_unit)siren_get_u32(header + 24),
                                 .quality = siren_get_f64(header + 28)};
}
