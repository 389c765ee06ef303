/* The format: https://mrtrix.readthedocs.io/en/3.0.3/getting_started/image_data.html#mrtrix-image-formats. */
#define _GNU_SOURCE
#include "tools/common/mrtrix_pipe.h"

#include "formats/diffusion_table.h"
#include "formats/nifti.h"
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)1 << 20)
#define MOST_HEADER ((size_t)64 << 20) /* of a NIfTI file, with its extensions */

static const char *type_name(const siren_geometry *g, char out[16]) {
    static const struct {
        siren_datatype type;
        const char *name;
    } names[] = {{SIREN_UINT8, "UInt8"},    {SIREN_INT8, "Int8"},     {SIREN_INT16, "Int16"},
                 {SIREN_UINT16, "UInt16"},  {SIREN_INT32, "Int32"},   {SIREN_UINT32, "UInt32"},
                 {SIREN_INT64, "Int64"},    {SIREN_UINT64, "UInt64"}, {SIREN_FLOAT32, "Float32"},
                 {SIREN_FLOAT64, "Float64"}};
    const uint16_t one = 1;
    const bool little = *(const uint8_t *)&one != g->swapped;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == g->datatype)
            snprintf(out, 16, "%s%s", names[i].name,
                     siren_datatype_size(g->datatype) == 1 ? ""
                     : little                              ? "LE"
                                                           : "BE");
    return out;
}

/* Unit vectors along the axes, and where the first voxel lies; false where the header tells nothing of it. */
static bool find_axes(const uint8_t *header, const siren_geometry *g, double axes[3][4]) {
    if (!siren_nifti_affine(header, g, axes)) return false;
    for (int axis = 0; axis < 3; axis++) {
        const double length = hypot(hypot(axes[0][axis], axes[1][axis]), axes[2][axis]);
        if (!(length > 0)) return false;
        for (int i = 0; i < 3; i++) axes[i][axis] /= length;
    }
    return true;
}

/* Directions in scanner axes. FSL's are in image axes, the first one turned around where these are right-handed. */
static void print_gradients(FILE *out, const siren_diffusion_table *table, const double a[3][4]) {
    const double turn = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                        a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                        a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
    for (size_t i = 0; i < table->n_volumes; i++) {
        const double x = turn > 0 ? -table->bvec[i][0] : table->bvec[i][0], y = table->bvec[i][1],
                     z = table->bvec[i][2];
        fputs("dw_scheme: ", out);
        for (int row = 0; row < 3; row++)
            fprintf(out, "%.15g,", a[row][0] * x + a[row][1] * y + a[row][2] * z + 0.0);
        fprintf(out, "%.15g\n", table->bval[i]);
    }
}

/* Up to the voxels. */
static siren_status make_header(const uint8_t *header, const siren_geometry *g,
                                const siren_diffusion_table *table, char **text, size_t *n_bytes) {
    double size[3], axes[3][4];
    char type[16];
    size_t n = 0;
    FILE *out = open_memstream(text, &n);
    if (!out) return siren_fail(SIREN_SYSTEM, "out of memory: a header of MRtrix");
    const bool series = g->n_volumes > 1;
    siren_nifti_voxel_size(header, g, size);
    fprintf(out, "mrtrix image\ndim: %zu,%zu,%zu", g->nx, g->ny, g->nz);
    if (series) fprintf(out, ",%zu", g->n_volumes);
    fprintf(out, "\nvox: %.10g,%.10g,%.10g%s\nlayout: +0,+1,+2%s\ndatatype: %s\n", size[0], size[1], size[2],
            series ? ",1" : "", series ? ",+3" : "", type_name(g, type));
    const bool placed = find_axes(header, g, axes);
    for (int row = 0; placed && row < 3; row++)
        fprintf(out, "transform: %.15g,%.15g,%.15g,%.15g\n", axes[row][0], axes[row][1], axes[row][2],
                axes[row][3]);
    if (g->slope != 1 || g->inter != 0) fprintf(out, "scaling: %.10g,%.10g\n", g->inter, g->slope);
    if (placed && table->bval && table->bvec && table->n_volumes == g->n_volumes)
        print_gradients(out, table, axes);
    fflush(out);
    const size_t offset =
        (n + 64) & ~(size_t)15; /* behind the lines below, a multiple of any voxel's bytes */
    fprintf(out, "file: . %zu\nEND\n", offset);
    fflush(out);
    while (n < offset && fputc(0, out) != EOF) fflush(out);
    if (fclose(out) != 0 || n != offset) return siren_fail(SIREN_SYSTEM, "out of memory: a header of MRtrix");
    *n_bytes = n;
    return SIREN_OK;
}

static siren_status write_all(const char *path, int fd, const void *bytes, size_t n_bytes) {
    for (const char *at = bytes; n_bytes > 0;) {
        ssize_t n = write(fd, at, n_bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return siren_fail(SIREN_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
        at += n;
        n_bytes -= (size_t)n;
    }
    return SIREN_OK;
}

static siren_status copy_voxels(const char *nii, int from, uint64_t offset, uint64_t n_bytes,
                                const char *path, int to) {
    SIREN_FREE_AT_END uint8_t *chunk = NULL;
    SIREN_TRY(siren_allocate(&chunk, CHUNK_BYTES, 1, path));
    while (n_bytes > 0) {
        const ssize_t n =
            pread(from, chunk, n_bytes < CHUNK_BYTES ? (size_t)n_bytes : CHUNK_BYTES, (off_t)offset);
        if (n <= 0) return siren_fail(SIREN_SYSTEM, "%s: cannot be read again", nii);
        SIREN_TRY(write_all(path, to, chunk, (size_t)n));
        offset += (uint64_t)n;
        n_bytes -= (uint64_t)n;
    }
    return SIREN_OK;
}

static siren_status read_table(const char *nii, siren_diffusion_table *table) {
    SIREN_FREE_AT_END char *bval = NULL, *bvec = NULL;
    SIREN_TRY(siren_sibling_path(nii, ".bval", &bval));
    SIREN_TRY(siren_sibling_path(nii, ".bvec", &bvec));
    if (!siren_file_exists(bval) || !siren_file_exists(bvec)) return SIREN_OK;
    if (siren_diffusion_table_read(bval, bvec, table) != SIREN_OK)
        siren_log(SIREN_LOG_WARNING, "%s; MRtrix is told of no gradients", siren_message());
    return SIREN_OK;
}

static siren_status read_header(const char *nii, int fd, siren_geometry *g, uint8_t **header) {
    SIREN_TRY(siren_nifti_read_geometry(nii, g));
    if (g->voxel_offset > MOST_HEADER)
        return siren_fail(SIREN_UNSUPPORTED, "%s: its header has more than %zu bytes", nii, MOST_HEADER);
    SIREN_TRY(siren_allocate(header, (size_t)g->voxel_offset, 1, nii));
    if (pread(fd, *header, (size_t)g->voxel_offset, 0) == (ssize_t)g->voxel_offset) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "%s: cannot be read again", nii);
}

siren_status siren_mrtrix_pipe(const char *nii, char **path) {
    SIREN_AT_END(siren_close_at) int from = -1, to = -1;
    SIREN_AT_END(siren_diffusion_table_free) siren_diffusion_table table = {0};
    SIREN_FREE_AT_END uint8_t *header = NULL;
    SIREN_FREE_AT_END char *text = NULL, *name = NULL;
    const char *folder = getenv("TMPDIR");
    siren_geometry g;
    uint64_t bytes;
    size_t n = 0;
    SIREN_TRY(siren_file_open(nii, &from, &bytes));
    SIREN_TRY(read_header(nii, from, &g, &header));
    SIREN_TRY(read_table(nii, &table));
    SIREN_TRY(make_header(header, &g, &table, &text, &n));
    /* MRtrix takes names that begin so for those of temporary files. */
    if (asprintf(&name, "%s/mrtrix-tmp-XXXXXX.mif", folder && *folder ? folder : "/tmp") < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: the name of a temporary file");
    to = mkostemps(name, 4, O_CLOEXEC);
    if (to < 0) return siren_fail(SIREN_SYSTEM, "%s: cannot be made: %s", name, strerror(errno));
    siren_file_worthless(name, true);
    siren_status status = write_all(name, to, text, n);
    if (status == SIREN_OK)
        status = copy_voxels(nii, from, g.voxel_offset,
                             siren_geometry_voxels(&g) * siren_datatype_size(g.datatype), name, to);
    siren_file_worthless(name, false);
    if (status != SIREN_OK) unlink(name);
    if (status == SIREN_OK) *path = SIREN_TAKE(name);
    return status;
}
