/* libFuzzer: parses any bytes as the beginning of a NIfTI file; what is accepted must keep the promises of
 * siren_geometry, and headers made from it must parse as what they claim to be. */
#include "formats/nifti.h"
#include "tests/fuzz/must.h"
#include "tests/shared/fuzz_files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_geometry(const siren_geometry *g) {
    const size_t width = siren_datatype_size(g->datatype);
    size_t voxels = 1, bytes;
    MUST(width > 0 && g->nx > 0 && g->ny > 0 && g->nz > 0 && g->n_volumes > 0);
    MUST(siren_mul(voxels, g->nx, &voxels) && siren_mul(voxels, g->ny, &voxels) &&
         siren_mul(voxels, g->nz, &voxels) && siren_mul(voxels, g->n_volumes, &voxels) &&
         siren_mul(voxels, width, &bytes) && voxels == siren_geometry_voxels(g));
    MUST(isfinite(g->slope) && g->slope != 0 && isfinite(g->inter));
}

static void make_subseries(const uint8_t *header, siren_geometry part) {
    siren_geometry geometry;
    uint8_t *made = NULL;
    if (siren_nifti_subseries_header(header, &part, part.nz / 2, 1, 1, &made) != SIREN_OK) return;
    MUST(siren_nifti_parse("subseries", made, (size_t)part.voxel_offset, &geometry) == SIREN_OK &&
         geometry.nz == 1 && geometry.n_volumes == 1 && geometry.nx == part.nx && geometry.ny == part.ny);
    free(made);
}

static void make_map(const uint8_t *header, siren_geometry of) {
    siren_geometry map = of;
    uint8_t *made = NULL;
    if (of.nx * of.ny * of.nz > INT64_MAX / 8) return; /* as float32 more than a file can have */
    MUST(siren_nifti_map_header(header, &map, &made) == SIREN_OK && map.nx == of.nx && map.ny == of.ny &&
         map.nz == of.nz && map.n_volumes == 1 && map.datatype == SIREN_FLOAT32 && map.slope == 1 &&
         map.inter == 0);
    double place[3][4], of_map[3][4];
    const bool placed = siren_nifti_affine(header, &of, place);
    MUST(siren_nifti_affine(made, &map, of_map) == placed &&
         (!placed || memcmp(place, of_map, sizeof place) == 0));
    free(made);
}

/* A header of the same shape, scaling and place, of our own. */
static void make_anew(const uint8_t *header, const siren_geometry *of) {
    double place[3][4];
    const bool placed = siren_nifti_affine(header, of, place);
    siren_nifti_plan plan = {.datatype = of->datatype,
                             .n_axes = 4,
                             .shape = {of->nx, of->ny, of->nz, of->n_volumes},
                             .affine = placed ? (const double(*)[4])place : NULL,
                             .slope = of->slope,
                             .inter = of->inter};
    siren_geometry g;
    uint8_t *made = NULL;
    siren_nifti_voxel_size(header, of, plan.voxel_size);
    for (int i = 0; i < 3; i++) MUST(plan.voxel_size[i] > 0 && isfinite(plan.voxel_size[i]));
    if (siren_geometry_voxels(of) > INT64_MAX / 16) return; /* with this header more than a file can have */
    MUST(siren_nifti_make_header(&plan, &g, &made) == SIREN_OK);
    check_geometry(&g);
    MUST(g.datatype == of->datatype && g.nx == of->nx && g.ny == of->ny && g.nz == of->nz &&
         g.n_volumes == of->n_volumes && !(g.slope < of->slope || g.slope > of->slope) &&
         !(g.inter < of->inter || g.inter > of->inter));
    free(made);
}

/* The same by the function for phantoms. */
static void make_new(const uint8_t *header, const siren_geometry *of) {
    uint8_t made[SIREN_NEW_HEADER_BYTES];
    double voxel_size[3];
    siren_geometry g;
    siren_nifti_voxel_size(header, of, voxel_size);
    if (siren_nifti_new_header(of->datatype, of->nx, of->ny, of->nz, of->n_volumes, voxel_size, &g, made) !=
        SIREN_OK)
        return;
    MUST(g.voxel_offset == sizeof made && g.version == 1 && g.nx == of->nx && g.ny == of->ny &&
         g.nz == of->nz && g.n_volumes == of->n_volumes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    siren_geometry geometry;
    fuzz_hear();
    if (siren_nifti_parse("fuzz", data, size, &geometry) != SIREN_OK) return 0;
    check_geometry(&geometry);
    /* The header is there in full only when the input reaches its end. */
    if (geometry.voxel_offset > size) return 0;
    siren_nifti_warn("fuzz", data, &geometry);
    make_subseries(data, geometry);
    make_map(data, geometry);
    make_anew(data, &geometry);
    make_new(data, &geometry);
    return 0;
}
