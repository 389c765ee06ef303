/* libFuzzer: any bytes as an image file. The first one chooses whether the rest is packed by gzip first, here, in
 * how many members, and how many bytes are cut off then. What compress accepts is accepted for every other use, and
 * comes back the same through the writer; slicing along another axis, anonymising and masking keep what their
 * headers promise. */
#include "engine/model/grid.h"
#include "engine/model/mask.h"
#include "formats/anonymise.h"
#include "formats/gzip.h"
#include "formats/nifti.h"
#include "formats/nifti_fields.h"
#include "formats/original.h"
#include "tests/fuzz/must.h"
#include "tests/shared/fuzz_files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY ((size_t)1 << 16) /* bytes of an image: no path of the code needs more */
#define N_USES (SIREN_NIFTI_DECODED + 1)

/* What the first byte says. */
typedef struct {
    bool packed;
    unsigned n_members, cut; /* bytes, fewer than a member has */
    unsigned choice;         /* of block, axis, order */
} plan;

static plan plan_of(uint8_t byte) {
    return (plan){
        .packed = byte & 4, .n_members = 1 + (byte >> 3 & 3u), .cut = byte >> 5, .choice = byte & 3u};
}

/* The bytes in equal parts, each a member. */
static void pack(const plan *p, const uint8_t *data, size_t size, uint8_t **out, size_t *n_out) {
    siren_output *output = NULL;
    const size_t part = size / p->n_members;
    MUST(siren_output_open_memory(&output) == SIREN_OK);
    for (unsigned i = 0; i < p->n_members; i++)
        MUST(siren_gzip_write(output, data + i * part, i + 1 < p->n_members ? part : size - i * part) ==
             SIREN_OK);
    siren_output_take(output, out, n_out);
}

static void check_geometry(const siren_geometry *a, const siren_geometry *b) {
    MUST(a->version == b->version && a->swapped == b->swapped && a->datatype == b->datatype &&
         a->nx == b->nx && a->ny == b->ny && a->nz == b->nz && a->n_volumes == b->n_volumes);
    MUST(!(a->slope < b->slope || a->slope > b->slope || a->inter < b->inter || a->inter > b->inter));
}

static size_t voxel_bytes(const siren_geometry *g) {
    return siren_geometry_voxels(g) * siren_datatype_size(g->datatype);
}

static void check_same(const siren_series *a, const siren_series *b) {
    check_geometry(&a->geometry, &b->geometry);
    MUST(a->geometry.voxel_offset == b->geometry.voxel_offset &&
         memcmp(a->header, b->header, (size_t)a->geometry.voxel_offset) == 0 &&
         memcmp(a->voxels, b->voxels, voxel_bytes(&a->geometry)) == 0);
}

/* Its header reads as its geometry. */
static void check_header(const siren_series *series) {
    siren_geometry again;
    MUST(siren_nifti_parse("fuzz", series->header, (size_t)series->geometry.voxel_offset, &again) ==
         SIREN_OK);
    check_geometry(&again, &series->geometry);
    MUST(again.voxel_offset == series->geometry.voxel_offset);
}

static void copy_bytes(void *to_pointer, const void *bytes, size_t n_bytes) {
    void *copy = NULL;
    MUST(siren_allocate(&copy, n_bytes, 1, "a copy") == SIREN_OK);
    if (n_bytes) memcpy(copy, bytes, n_bytes);
    memcpy(to_pointer, &copy, sizeof copy);
}

static siren_series copy_of(const siren_series *series) {
    siren_series copy = *series;
    copy_bytes(&copy.header, series->header, (size_t)series->geometry.voxel_offset);
    copy_bytes(&copy.voxels, series->voxels, voxel_bytes(&series->geometry));
    copy_bytes(&copy.tail, series->tail, series->n_tail);
    return copy;
}

static void write_again(const siren_series *series, const char *name, bool backwards) {
    const siren_geometry *g = &series->geometry;
    const size_t slice = voxel_bytes(g) / (g->nz * g->n_volumes);
    siren_nifti_writer *writer = NULL;
    siren_series again;
    char path[FUZZ_PATH_CHARS];
    fuzz_path(name, path);
    MUST(siren_nifti_writer_open(path, false, g, series->header, &writer) == SIREN_OK);
    if (series->n_tail > 0) MUST(siren_nifti_writer_tail(writer, series->tail, series->n_tail) == SIREN_OK);
    for (size_t i = 0; i < g->nz * g->n_volumes; i++) {
        const size_t at = backwards ? g->nz * g->n_volumes - 1 - i : i;
        MUST(siren_nifti_writer_slice(writer, at / g->nz, at % g->nz,
                                      (const uint8_t *)series->voxels + at * slice) == SIREN_OK);
    }
    MUST(siren_nifti_writer_commit(writer) == SIREN_OK);
    MUST(siren_nifti_read(path, MEMORY, &again) == SIREN_OK);
    check_same(series, &again);
    MUST(again.n_tail == series->n_tail &&
         (again.n_tail == 0 || memcmp(again.tail, series->tail, again.n_tail) == 0));
    siren_series_free(&again);
    MUST(unlink(path) == 0); /* one that begins as an archive does would not be replaced */
}

static bool same_number(double a, double b) { return a <= b ? a >= b : isnan(a) && isnan(b); }

/* An sform's columns only change their order; a qform's quaternion is rounded. */
static void check_place(const siren_series *series, const siren_series *turned, unsigned axis) {
    static const unsigned orders[2][4] = {{1, 2, 0, 3}, {2, 0, 1, 3}};
    const siren_geometry *g = &series->geometry;
    double before[3][4], after[3][4];
    const bool placed = siren_nifti_affine(series->header, g, before);
    MUST(siren_nifti_affine(turned->header, &turned->geometry, after) == placed);
    if (siren_nifti_get_integer(series->header, siren_nifti_layouts[g->version - 1].sform_code, 0,
                                g->swapped) <= 0)
        return;
    for (size_t i = 0; i < 12; i++)
        MUST(same_number(before[i / 4][orders[axis][i % 4]], after[i / 4][i % 4]));
}

/* One way round and back. */
static void turn(const siren_series *series, unsigned axis) {
    siren_series turned = copy_of(series);
    MUST(siren_series_slice_along(&turned, axis) == SIREN_OK);
    check_header(&turned);
    check_place(series, &turned, axis);
    MUST(siren_series_slice_along(&turned, 1 - axis) == SIREN_OK);
    check_header(&turned);
    check_geometry(&turned.geometry, &series->geometry);
    MUST(memcmp(turned.voxels, series->voxels, voxel_bytes(&series->geometry)) == 0);
    siren_series_free(&turned);
}

static void anonymise(const siren_series *series) {
    siren_anonymised told = {.n_tail = 0}, again = {.n_tail = 0};
    char line[SIREN_ANONYMISED_TEXT];
    siren_series copy = copy_of(series);
    const size_t offset = (size_t)series->geometry.voxel_offset;
    MUST(siren_anonymise_series(&copy, &told) == SIREN_OK && copy.n_tail == 0 &&
         told.n_tail == series->n_tail);
    check_header(&copy);
    check_geometry(&copy.geometry, &series->geometry);
    MUST(memcmp(copy.voxels, series->voxels, voxel_bytes(&copy.geometry)) == 0);
    MUST(siren_anonymised_header(&told) ||
         (copy.geometry.voxel_offset == offset && memcmp(copy.header, series->header, offset) == 0));
    MUST(*siren_anonymised_text(&told, line));
    MUST(siren_anonymise_series(&copy, &again) == SIREN_OK && !siren_anonymised_header(&again) &&
         again.n_tail == 0);
    siren_series_free(&copy);
}

/* ---- masks ---- */

static void check_blocks(const siren_mask *mask, const siren_block_grid *grid, const uint8_t *inside) {
    size_t n = 0;
    for (size_t number = grid->first; number < grid->first + grid->count; number++) {
        siren_block block, whole = siren_block_at(grid, number);
        uint32_t *points = NULL;
        const size_t n_points = siren_mask_block_points(mask, grid, number);
        MUST(siren_mask_block(mask, grid, number, &block, &points) == SIREN_OK);
        MUST(siren_block_points(&block) == n_points);
        for (size_t i = 0, nth = 0; i < siren_block_voxels(&whole); i++) {
            const size_t x = whole.x + i % whole.nx, y = whole.y + i / whole.nx % whole.ny,
                         z = whole.z + i / (whole.nx * whole.ny);
            const bool holds = inside[(z * grid->ny + y) * grid->nx + x];
            MUST(siren_mask_holds(mask, grid, &whole, i) == holds);
            if (holds) MUST(siren_block_voxel(&block, nth++) == i);
        }
        n += n_points;
        free(points);
    }
    MUST(n == mask->n_inside);
}

static void pack_mask(const siren_series *series, const uint8_t *inside, size_t begin, size_t end,
                      unsigned choice) {
    static const siren_block_kind kinds[] = {SIREN_BLOCK_SLICE, SIREN_BLOCK_VOLUME, SIREN_BLOCK_PATCH};
    const size_t patch[3] = {3, 2, 2};
    siren_block_grid grid;
    siren_mask mask;
    uint8_t *section = NULL;
    size_t n_section = 0;
    MUST(siren_block_grid_create(kinds[choice % 3], patch, &series->geometry, begin, end, &grid) == SIREN_OK);
    if (siren_mask_pack(inside, series, begin, end, &section, &n_section) != SIREN_OK) return; /* empty */
    MUST(siren_mask_view("fuzz", &grid, series->geometry.datatype, section, n_section, &mask) == SIREN_OK);
    check_blocks(&mask, &grid, inside);
    free(section);
}

/* All voxels outside are the background of the packed mask then, and nothing inside has changed. */
static void apply_mask(const siren_series *series, const uint8_t *inside) {
    const siren_geometry *g = &series->geometry;
    const size_t n_grid = g->nx * g->ny * g->nz, size = siren_datatype_size(g->datatype);
    siren_series filled = copy_of(series);
    siren_block_grid grid;
    siren_mask mask;
    uint8_t *section = NULL;
    size_t n_section = 0;
    MUST(siren_mask_apply(inside, 0, &filled) == SIREN_OK);
    MUST(siren_mask_pack(inside, &filled, 0, g->nz, &section, &n_section) == SIREN_OK);
    MUST(siren_block_grid_create(SIREN_BLOCK_VOLUME, NULL, g, 0, g->nz, &grid) == SIREN_OK);
    MUST(siren_mask_view("fuzz", &grid, g->datatype, section, n_section, &mask) == SIREN_OK);
    for (size_t i = 0; i < n_grid * g->n_volumes; i++)
        MUST(memcmp((const uint8_t *)filled.voxels + i * size,
                    inside[i % n_grid] ? (const uint8_t *)series->voxels + i * size : mask.background,
                    size) == 0);
    free(section);
    siren_series_free(&filled);
}

/* The image as its own mask where it is one, else what its first volume has beside 0. */
static void use_as_mask(const char *path, const siren_series *series, unsigned choice) {
    const siren_geometry *g = &series->geometry;
    const size_t n_grid = g->nx * g->ny * g->nz, size = siren_datatype_size(g->datatype);
    static const uint8_t zero[8];
    uint8_t *inside = NULL, *read = NULL;
    const siren_status status = siren_mask_values(path, series, &inside);
    if (status == SIREN_OK) MUST(!siren_mask_is_empty(series));
    MUST((siren_mask_read(path, "the image", series, MEMORY, &read) == SIREN_OK) ==
         (status == SIREN_OK && g->n_volumes == 1));
    MUST(!read || memcmp(inside, read, n_grid) == 0);
    if (!inside) {
        copy_bytes(&inside, series->voxels, n_grid);
        for (size_t i = 0; i < n_grid; i++)
            inside[i] = memcmp((const uint8_t *)series->voxels + i * size, zero, size) != 0;
    }
    const size_t begin = choice < g->nz ? choice : 0;
    pack_mask(series, inside, begin, g->nz, choice);
    pack_mask(series, inside, 0, begin + 1, choice + 1);
    if (memchr(inside, 1, n_grid)) apply_mask(series, inside);
    free(inside);
    free(read);
}

/* ---- all of it ---- */

static void use(const char *path, const siren_series *series, unsigned choice) {
    siren_geometry geometry;
    check_header(series);
    MUST(siren_nifti_read_geometry(path, &geometry) == SIREN_OK);
    check_geometry(&geometry, &series->geometry);
    /* It may begin as an archive or a page does: these are not replaced either. */
    MUST(siren_kind_check(path, SIREN_KIND_OTHER) == SIREN_USAGE);
    write_again(series, choice & 1 ? "again.nii" : "again.nii.gz", choice & 2);
    turn(series, choice & 1);
    anonymise(series);
    use_as_mask(path, series, choice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    siren_series series[N_USES];
    siren_status status[N_USES];
    uint8_t *packed = NULL;
    if (size < 1) return 0;
    fuzz_hear();
    const plan p = plan_of(*data++);
    size--;
    if (p.packed) {
        pack(&p, data, size, &packed, &size);
        size -= p.cut;
    }
    const char *path = fuzz_file(packed ? packed : data, size);
    free(packed);
    for (siren_nifti_use u = 0; u < N_USES; u++)
        status[u] = siren_nifti_read_for(u, path, MEMORY, &series[u]);
    MUST(!p.packed || p.cut == 0 ||
         (status[SIREN_NIFTI_STORED] != SIREN_OK && status[SIREN_NIFTI_CUT] != SIREN_OK));
    if (status[SIREN_NIFTI_STORED] == SIREN_OK) {
        for (siren_nifti_use u = 1; u < N_USES; u++) {
            MUST(status[u] == SIREN_OK && series[u].n_tail == 0);
            check_same(series, &series[u]);
        }
        use(path, series, p.choice);
    }
    for (siren_nifti_use u = 0; u < N_USES; u++)
        if (status[u] == SIREN_OK) siren_series_free(&series[u]);
    return 0;
}
