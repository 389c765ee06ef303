/* What a NIfTI header says, and headers derived from it. */
#include "formats/nifti.h"

#include <math.h>
#include <string.h>

#include "formats/archive_layout.h"
#include "formats/nifti_fields.h"
#include "formats/original.h"

static const siren_nifti_field sizeof_hdr = {0, SIREN_FIELD_I32}; /* of both headers */

/* Where the voxels begin; NIfTI-1 has a float for it. */
static double get_offset(const uint8_t *bytes, const siren_nifti_layout *layout, bool swapped) {
    return layout->vox_offset.kind == SIREN_FIELD_I64
               ? (double)siren_nifti_get_integer(bytes, layout->vox_offset, 0, swapped)
               : siren_nifti_get_real(bytes, layout->vox_offset, 0, swapped);
}

static void put_offset(uint8_t *header, const siren_nifti_layout *layout, bool swapped, size_t offset) {
    if (layout->vox_offset.kind == SIREN_FIELD_I64)
        siren_nifti_put_integer(header, layout->vox_offset, 0, swapped, (int64_t)offset);
    else
        siren_nifti_put_real(header, layout->vox_offset, 0, swapped, (double)offset);
}

static bool has_magic(const uint8_t *magic, char kind, int version) {
    const uint8_t mark[4] = {'n', (uint8_t)kind, (uint8_t)('0' + version), 0};
    return memcmp(magic, mark, sizeof mark) == 0;
}

static bool has_axes(const uint8_t *bytes, const siren_nifti_layout *layout, bool swapped) {
    const int64_t n_axes = siren_nifti_get_integer(bytes, layout->dim, 0, swapped);
    return n_axes >= 1 && n_axes <= 7;
}

/* The size of a header: sizeof_hdr, but NIfTI-1's where that header's mark stands in its place: so read it nibabel and
 * ITK. dim[0], of 1 to 7, tells the byte order even where sizeof_hdr has the other (nibabel, nifti_clib). 0: this is no
 * header. */
static int32_t header_size(const uint8_t *bytes, size_t n_bytes, bool *swapped) {
    const siren_nifti_layout *layout = NULL, *first = &siren_nifti_layouts[0];
    bool told = false;
    *swapped = false;
    if (n_bytes < 4) return 0;
    for (int other = 0; other < 2; other++) {
        const int64_t size = siren_nifti_get_integer(bytes, sizeof_hdr, 0, other);
        if (size != 348 && size != 540) continue;
        layout = &siren_nifti_layouts[size == 540];
        told = other;
    }
    if (n_bytes >= first->bytes && has_magic(bytes + first->magic, '+', 1)) layout = first;
    if (!layout) return 0;
    *swapped = n_bytes >= layout->bytes && has_axes(bytes, layout, !told) && !has_axes(bytes, layout, told)
                   ? !told
                   : told;
    return (int32_t)layout->bytes;
}

/* Which program packed what begins so: one whose work some give a name that ends in .nii.gz; NULL: none that is
 * known. */
static const char *packer_of(const uint8_t *bytes, size_t n_bytes) {
    static const struct {
        const char *begin, *program;
    } packers[] = {{"\x28\xb5\x2f\xfd", "zstd"},
                   {"\xfd"
                    "7zXZ",
                    "xz"},
                   {"BZh", "bzip2"},
                   {"\x04\x22\x4d\x18", "lz4"},
                   {"PK\3\4", "zip"},
                   {"\x1f\x8b", "gzip a second time"},
                   {SIREN_MAGIC, "sirencl"}};
    for (size_t i = 0; i < sizeof packers / sizeof *packers; i++) {
        const size_t n = strlen(packers[i].begin);
        if (n_bytes >= n && memcmp(bytes, packers[i].begin, n) == 0) return packers[i].program;
    }
    return NULL;
}

/* Version and byte order, and that this is a single file. */
static siren_status parse_identity(const char *name, const uint8_t *bytes, size_t n_bytes, int *version,
                                   bool *swapped) {
    static const uint8_t line_ends[4] = {'\r', '\n', 0x1a, '\n'}, none[4] = {0};
    const int32_t size = header_size(bytes, n_bytes, swapped);
    const char *fetch = size == 0 ? siren_pointer_fetch(bytes, n_bytes) : NULL;
    if (fetch)
        return siren_fail(SIREN_CORRUPT, "%s: is a text that stands for the image; get that first (%s)", name,
                          fetch);
    const char *packer = size == 0 ? packer_of(bytes, n_bytes) : NULL;
    if (packer) return siren_fail(SIREN_CORRUPT, "%s: is packed by %s; unpack it first", name, packer);
    if (n_bytes == 0)
        return siren_fail(SIREN_CORRUPT, "%s: is not a NIfTI file: nothing is in it; copy the file again",
                          name);
    if (size == 0)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: is not a NIfTI file: it begins with neither 348 nor 540, the sizes of NIfTI's headers; "
            "convert the image to .nii or .nii.gz first",
            name);
    if (n_bytes < (size_t)size)
        return siren_fail(SIREN_CORRUPT,
                          "%s: ends after %zu byte%s, within its NIfTI header of %d; copy the file again",
                          name, n_bytes, siren_plural(n_bytes), (int)size);
    *version = size == 348 ? 1 : 2;
    const siren_nifti_layout *layout = &siren_nifti_layouts[*version - 1];
    const uint8_t *magic = bytes + layout->magic;
    if (has_magic(magic, 'i', *version)) {
        /* In a pair the voxels begin with the other file. */
        if (!(get_offset(bytes, layout, *swapped) >= (double)layout->bytes))
            return siren_fail(
                SIREN_UNSUPPORTED,
                "%s: is the header of a .hdr/.img pair, which is not supported; convert the pair "
                "to a single .nii file first",
                name);
    } else if (!has_magic(magic, '+', *version)) {
        return *version == 1
                   ? siren_fail(
                         SIREN_UNSUPPORTED,
                         "%s: has no NIfTI mark (\"n+1\") and is perhaps an ANALYZE 7.5 header, which is not "
                         "supported; convert the image to a single .nii file first",
                         name)
                   : siren_fail(SIREN_CORRUPT,
                                "%s: is not a NIfTI file: a header of 540 bytes has the mark \"n+2\", which "
                                "this one lacks; copy or convert the image again",
                                name);
    }
    if (*version == 2 && memcmp(magic + 4, line_ends, 4) != 0 && memcmp(magic + 4, none, 4) != 0)
        return siren_fail(SIREN_CORRUPT,
                          "%s: the bytes after the NIfTI-2 mark were changed, as by a copy that converts "
                          "line ends; copy the file again in binary mode",
                          name);
    return SIREN_OK;
}

static siren_status parse_datatype(const char *name, const uint8_t *bytes, const siren_nifti_layout *layout,
                                   siren_geometry *g) {
    static const struct {
        int code;
        const char *name;
    } foreign[] = {{1, "1-bit binary"},  {32, "complex64"},    {128, "RGB"},  {1536, "float128"},
                   {1792, "complex128"}, {2048, "complex256"}, {2304, "RGBA"}};
    int code = (int)siren_nifti_get_integer(bytes, layout->datatype, 0, g->swapped);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (foreign[i].code == code)
            return siren_fail(
                SIREN_UNSUPPORTED,
                "%s: holds %s voxels (datatype %d), which are not supported; convert to one real number per "
                "voxel first",
                name, foreign[i].name, code);
    if (siren_datatype_size((siren_datatype)code) == 0)
        return siren_fail(SIREN_CORRUPT, "%s: datatype %d is none that NIfTI defines; write the image again",
                          name, code);
    g->datatype = (siren_datatype)code;
    return SIREN_OK;
}

static siren_status parse_dimensions(const char *name, const uint8_t *bytes, const siren_nifti_layout *layout,
                                     siren_geometry *g) {
    int64_t n_axes = siren_nifti_get_integer(bytes, layout->dim, 0, g->swapped);
    if (n_axes < 1 || n_axes > 7)
        return siren_fail(SIREN_CORRUPT,
                          "%s: dim[0] is %lld, but an image has 1 to 7 axes; correct the header", name,
                          (long long)n_axes);
    size_t size[4] = {1, 1, 1, 1}, total = siren_datatype_size(g->datatype);
    for (size_t axis = 0; axis < (size_t)n_axes; axis++) {
        int64_t length = siren_nifti_get_integer(bytes, layout->dim, axis + 1, g->swapped);
        if ((length == 0 || length == -1) && axis > 0) length = 1; /* MRtrix3 and ITK read them so */
        if (length < 1)
            return siren_fail(SIREN_CORRUPT,
                              "%s: dim[%zu] is %lld, but an axis has 1 voxel at least; correct the header",
                              name, axis + 1, (long long)length);
        size_t *kept = &size[axis < 3 ? axis : 3];
        if ((uint64_t)length > SIZE_MAX || !siren_mul(*kept, (size_t)length, kept) ||
            !siren_mul(total, (size_t)length, &total) || total > INT64_MAX)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: dim[1..%zu] declare more bytes than a file can have (2^63-1); correct the header", name,
                axis + 1);
    }
    g->nx = size[0];
    g->ny = size[1];
    g->nz = size[2];
    g->n_volumes = size[3];
    return SIREN_OK;
}

static siren_status parse_offset(const char *name, const uint8_t *bytes, const siren_nifti_layout *layout,
                                 siren_geometry *g) {
    const size_t least = layout->bytes;
    uint64_t offset = 0;
    if (layout->vox_offset.kind == SIREN_FIELD_I64) {
        int64_t stored = siren_nifti_get_integer(bytes, layout->vox_offset, 0, g->swapped);
        if (stored != 0 && stored < (int64_t)least)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: vox_offset is %lld, but voxels cannot begin before byte %zu; correct the header", name,
                (long long)stored, least);
        offset = (uint64_t)stored;
    } else {
        double stored = siren_nifti_get_real(bytes, layout->vox_offset, 0, g->swapped);
        if (!isfinite(stored) || (stored != 0 && stored < (double)least) || stored >= 0x1p63)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: vox_offset is %g, but must be a number of bytes, %zu at least; correct the "
                "header",
                name, stored, least);
        offset = (uint64_t)stored;
    }
    size_t voxel_bytes = siren_geometry_voxels(g) * siren_datatype_size(g->datatype);
    if (offset == 0) /* as in files of writers that take 0 for "right after the header" */
        offset = least + SIREN_NIFTI_EXTENDER;
    if (offset > INT64_MAX - voxel_bytes)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: vox_offset and dimensions declare more bytes than a file can have (2^63-1); correct "
            "the header",
            name);
    g->voxel_offset = offset;
    return SIREN_OK;
}

siren_status siren_nifti_parse(const char *name, const uint8_t *bytes, size_t n_bytes, siren_geometry *out) {
    siren_geometry g = {0};
    SIREN_TRY(parse_identity(name, bytes, n_bytes, &g.version, &g.swapped));
    const siren_nifti_layout *layout = &siren_nifti_layouts[g.version - 1];
    SIREN_TRY(parse_datatype(name, bytes, layout, &g));
    SIREN_TRY(parse_dimensions(name, bytes, layout, &g));
    SIREN_TRY(parse_offset(name, bytes, layout, &g));
    g.slope = siren_nifti_get_real(bytes, layout->scl_slope, 0, g.swapped);
    g.inter = siren_nifti_get_real(bytes, layout->scl_inter, 0, g.swapped);
    if (g.slope == 0 || !isfinite(g.slope)) {
        g.slope = 1;
        g.inter = 0;
    }
    if (!isfinite(g.inter))
        return siren_fail(SIREN_CORRUPT, "%s: scl_inter is %g while scl_slope is %g; correct the header",
                          name, g.inter, g.slope);
    *out = g;
    return SIREN_OK;
}

void siren_nifti_warn(const char *name, const uint8_t *header, const siren_geometry *geometry) {
    const siren_nifti_layout *layout = &siren_nifti_layouts[geometry->version - 1];
    const bool swapped = geometry->swapped;
    const int64_t n_axes = siren_nifti_get_integer(header, layout->dim, 0, swapped),
                  bitpix = siren_nifti_get_integer(header, layout->bitpix, 0, swapped),
                  bits = (int64_t)(8 * siren_datatype_size(geometry->datatype));
    if (geometry->voxel_offset < layout->bytes + SIREN_NIFTI_EXTENDER)
        siren_log(SIREN_LOG_WARNING,
                  "%s: vox_offset is %d: the header lacks the %d bytes that tell of extensions, which some "
                  "readers insist on; voxels are taken from there on",
                  name, (int)geometry->voxel_offset, SIREN_NIFTI_EXTENDER);
    const double offset = get_offset(header, layout, swapped);
    if (offset != (double)geometry->voxel_offset)
        siren_log(SIREN_LOG_WARNING, "%s: vox_offset is %g; voxels are taken from byte %llu on", name, offset,
                  (unsigned long long)geometry->voxel_offset);
    if (bitpix != bits)
        siren_log(SIREN_LOG_WARNING,
                  "%s: bitpix is %d, but a voxel of datatype %d (%s) has %d bits, as it is taken", name,
                  (int)bitpix, (int)geometry->datatype, siren_datatype_name(geometry->datatype), (int)bits);
    for (size_t axis = 2; axis <= (size_t)n_axes; axis++) {
        const int64_t length = siren_nifti_get_integer(header, layout->dim, axis, swapped);
        if (length < 1)
            siren_log(SIREN_LOG_WARNING, "%s: dim[%zu] is %d, but dim[0] counts %d axes; it is taken as 1",
                      name, axis, (int)length, (int)n_axes);
    }
    const int64_t size = siren_nifti_get_integer(header, sizeof_hdr, 0, swapped);
    if (size != (int64_t)layout->bytes)
        siren_log(SIREN_LOG_WARNING,
                  "%s: sizeof_hdr is %lld, but the mark is that of a NIfTI-%d header, of %zu bytes, as it is "
                  "taken; some readers insist on it",
                  name, (long long)size, geometry->version, layout->bytes);
    if (has_magic(header + layout->magic, 'i', geometry->version))
        siren_log(SIREN_LOG_WARNING,
                  "%s: has the mark of a .hdr/.img pair, but voxels from byte %llu on; it is taken as a "
                  "single file",
                  name, (unsigned long long)geometry->voxel_offset);
}

/* Corrects what siren_nifti_warn() speaks of; the voxels begin where they did. */
static void mend(uint8_t *header, const siren_nifti_layout *layout, const siren_geometry *geometry) {
    const int64_t n_axes = siren_nifti_get_integer(header, layout->dim, 0, geometry->swapped);
    for (size_t axis = 2; axis <= (size_t)n_axes; axis++)
        if (siren_nifti_get_integer(header, layout->dim, axis, geometry->swapped) < 1)
            siren_nifti_put_integer(header, layout->dim, axis, geometry->swapped, 1);
    siren_nifti_put_integer(header, sizeof_hdr, 0, geometry->swapped, (int64_t)layout->bytes);
    header[layout->magic + 1] = '+';
    put_offset(header, layout, geometry->swapped, (size_t)geometry->voxel_offset);
    siren_nifti_put_integer(header, layout->bitpix, 0, geometry->swapped,
                            (int64_t)(8 * siren_datatype_size(geometry->datatype)));
}

/* The transform of the qform: the rotation that quaternion (b, c, d) means, times the voxel sizes and qfac, and the
 * offset. */
static void qform_affine(const uint8_t *header, const siren_nifti_layout *layout, bool swapped,
                         double affine[3][4]) {
    double b = siren_nifti_get_real(header, layout->quatern, 0, swapped),
           c = siren_nifti_get_real(header, layout->quatern, 1, swapped),
           d = siren_nifti_get_real(header, layout->quatern, 2, swapped);
    double square = b * b + c * c + d * d, a = square < 1 ? sqrt(1 - square) : 0;
    if (square > 1) { /* rounded: a half turn about the normalised axis */
        b /= sqrt(square);
        c /= sqrt(square);
        d /= sqrt(square);
    }
    const double rotation[3][3] = {{a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
                                   {2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)},
                                   {2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c}};
    for (size_t column = 0; column < 3; column++) {
        double size = siren_nifti_get_real(header, layout->pixdim, column + 1, swapped);
        if (column == 2 && siren_nifti_get_real(header, layout->pixdim, 0, swapped) < 0) size = -size;
        for (size_t row = 0; row < 3; row++) affine[row][column] = size * rotation[row][column];
    }
    for (size_t row = 0; row < 3; row++)
        affine[row][3] = siren_nifti_get_real(header, layout->qoffset, row, swapped);
}

bool siren_nifti_affine(const uint8_t *header, const siren_geometry *geometry, double affine[3][4]) {
    const siren_nifti_layout *layout = &siren_nifti_layouts[geometry->version - 1];
    const bool swapped = geometry->swapped;
    if (siren_nifti_get_integer(header, layout->sform_code, 0, swapped) > 0) {
        for (size_t i = 0; i < 12; i++)
            affine[i / 4][i % 4] = siren_nifti_get_real(header, layout->srow, i, swapped);
        return true;
    }
    if (siren_nifti_get_integer(header, layout->qform_code, 0, swapped) <= 0) return false;
    qform_affine(header, layout, swapped, affine);
    return true;
}

/* Moves the origin of both transforms by z0 slices. Values that are no numbers stay as they are. */
static void move_origin(uint8_t *header, const siren_nifti_layout *layout, bool swapped, size_t z0) {
    if (siren_nifti_get_integer(header, layout->qform_code, 0, swapped) > 0) {
        double affine[3][4];
        qform_affine(header, layout, swapped, affine);
        for (size_t i = 0; i < 3; i++) {
            double moved = affine[i][3] + (double)z0 * affine[i][2];
            if (isfinite(moved)) siren_nifti_put_real(header, layout->qoffset, i, swapped, moved);
        }
    }
    if (siren_nifti_get_integer(header, layout->sform_code, 0, swapped) > 0)
        for (size_t i = 0; i < 3; i++) {
            double column = siren_nifti_get_real(header, layout->srow, 4 * i + 2, swapped);
            double moved =
                siren_nifti_get_real(header, layout->srow, 4 * i + 3, swapped) + (double)z0 * column;
            if (isfinite(moved)) siren_nifti_put_real(header, layout->srow, 4 * i + 3, swapped, moved);
        }
}

/* Keeps slice_start..slice_end within the slices that are left, where slices were acquired along z. */
static void cut_slice_range(uint8_t *header, const siren_nifti_layout *layout, bool swapped, size_t z0,
                            size_t nz) {
    int64_t slice_axis = siren_nifti_get_integer(header, layout->dim_info, 0, swapped) >> 4 & 3;
    int64_t start = siren_nifti_get_integer(header, layout->slice_start, 0, swapped);
    int64_t end = siren_nifti_get_integer(header, layout->slice_end, 0, swapped);
    int64_t first = (int64_t)z0, last = (int64_t)(z0 + nz) - 1;
    if (slice_axis == 1 || slice_axis == 2 || (start == 0 && end == 0) || start > end) return;
    if (start >= first && end <= last && first == 0) return;
    int64_t code = siren_nifti_get_integer(header, layout->slice_code, 0, swapped);
    bool cut = start < first || end > last, empty = end < first || start > last;
    start = empty ? 0 : (start < first ? first : start) - first;
    end = empty ? 0 : (end > last ? last : end) - first;
    siren_nifti_put_integer(header, layout->slice_start, 0, swapped, start);
    siren_nifti_put_integer(header, layout->slice_end, 0, swapped, end);
    /* Part of an interleaved order is in general no order that slice_code can name; sequential ones (1, 2)
     * are. */
    if (empty || (cut && code > 2)) siren_nifti_put_integer(header, layout->slice_code, 0, swapped, 0);
}

siren_status siren_nifti_subseries_header(const uint8_t *header, siren_geometry *geometry, size_t z0,
                                          size_t nz, size_t n_volumes, uint8_t **out) {
    const siren_nifti_layout *layout = &siren_nifti_layouts[geometry->version - 1];
    const bool swapped = geometry->swapped;
    if (nz < 1 || z0 >= geometry->nz || nz > geometry->nz - z0)
        return siren_fail(SIREN_USAGE,
                          "slices %zu:%zu are not within the image's 0:%zu; give a range that is", z0,
                          z0 + nz, geometry->nz);
    if (n_volumes < 1 || n_volumes > geometry->n_volumes)
        return siren_fail(SIREN_USAGE, "%zu volume%s cannot be taken from the image's %zu; ask for 1 to %zu",
                          n_volumes, siren_plural(n_volumes), geometry->n_volumes, geometry->n_volumes);
    if (n_volumes != geometry->n_volumes && geometry->version == 1 && n_volumes > INT16_MAX)
        return siren_fail(SIREN_UNSUPPORTED,
                          "%zu volumes do not fit the fourth axis of a NIfTI-1 header (%d at most); ask for "
                          "fewer, or for all %zu",
                          n_volumes, INT16_MAX, geometry->n_volumes);
    uint8_t *copy = NULL;
    SIREN_TRY(siren_allocate(&copy, (size_t)geometry->voxel_offset, 1, "a NIfTI header"));
    memcpy(copy, header, (size_t)geometry->voxel_offset);
    if (nz != geometry->nz || n_volumes != geometry->n_volumes) mend(copy, layout, geometry);
    if (nz != geometry->nz) {
        siren_nifti_put_integer(copy, layout->dim, 3, swapped, (int64_t)nz);
        cut_slice_range(copy, layout, swapped, z0, nz);
    }
    if (n_volumes != geometry->n_volumes) {
        siren_nifti_put_integer(copy, layout->dim, 0, swapped, 4);
        siren_nifti_put_integer(copy, layout->dim, 4, swapped, (int64_t)n_volumes);
        for (size_t axis = 5; axis <= 7; axis++) siren_nifti_put_integer(copy, layout->dim, axis, swapped, 1);
    }
    if (z0 > 0) move_origin(copy, layout, swapped, z0);
    geometry->nz = nz;
    geometry->n_volumes = n_volumes;
    *out = copy;
    return SIREN_OK;
}

siren_status siren_nifti_map_header(const uint8_t *header, siren_geometry *geometry, uint8_t **out) {
    const siren_nifti_layout *layout = &siren_nifti_layouts[geometry->version - 1];
    const bool swapped = geometry->swapped;
    const size_t offset = layout->bytes + 4, dims[7] = {geometry->nx, geometry->ny, geometry->nz, 1, 1, 1, 1};
    SIREN_FREE_AT_END uint8_t *copy = NULL;
    SIREN_TRY(siren_allocate(&copy, offset, 1, "a NIfTI header"));
    memcpy(copy, header, layout->bytes);
    siren_nifti_put_integer(copy, layout->dim, 0, swapped, 3);
    for (size_t axis = 0; axis < 7; axis++)
        siren_nifti_put_integer(copy, layout->dim, axis + 1, swapped, (int64_t)dims[axis]);
    siren_nifti_put_integer(copy, layout->datatype, 0, swapped, SIREN_FLOAT32);
    siren_nifti_put_integer(copy, layout->bitpix, 0, swapped, 32);
    siren_nifti_put_integer(copy, layout->intent_code, 0, swapped, 0);
    for (size_t i = 0; i < 2; i++) siren_nifti_put_real(copy, layout->cal_range, i, swapped, 0);
    siren_nifti_put_real(copy, layout->scl_slope, 0, swapped, 1);
    siren_nifti_put_real(copy, layout->scl_inter, 0, swapped, 0);
    put_offset(copy, layout, swapped, offset);
    SIREN_TRY(siren_nifti_parse("the header of a map", copy, offset, geometry));
    *out = SIREN_TAKE(copy);
    return SIREN_OK;
}

void siren_nifti_voxel_size(const uint8_t *header, const siren_geometry *geometry, double size[3]) {
    const siren_nifti_layout *layout = &siren_nifti_layouts[geometry->version - 1];
    for (size_t axis = 0; axis < 3; axis++) {
        double stored = fabs(siren_nifti_get_real(header, layout->pixdim, axis + 1, geometry->swapped));
        size[axis] = stored > 0 && isfinite(stored) ? stored : 1;
    }
}

/* The header's version: NIfTI-1 unless an axis or the scaling does not fit its fields. */
static int version_for(const siren_nifti_plan *plan) {
    for (size_t axis = 0; axis < plan->n_axes; axis++)
        if (plan->shape[axis] > INT16_MAX) return 2;
    for (size_t i = 0; plan->affine && i < 12; i++)
        if (!isfinite((float)plan->affine[i / 4][i % 4])) return 2;
    return (double)(float)plan->slope == plan->slope && (double)(float)plan->inter == plan->inter ? 1 : 2;
}

siren_status siren_nifti_make_header(const siren_nifti_plan *plan, siren_geometry *geometry, uint8_t **out) {
    const siren_nifti_layout *layout = &siren_nifti_layouts[version_for(plan) - 1];
    const size_t n_bytes = layout->bytes + 4;
    const int32_t size = (int32_t)layout->bytes;
    SIREN_FREE_AT_END uint8_t *fresh = NULL;
    if (siren_datatype_size(plan->datatype) == 0)
        return siren_fail(SIREN_USAGE, "datatype %d is none of the stored types; choose one of them",
                          (int)plan->datatype);
    for (size_t axis = 0; axis < plan->n_axes; axis++)
        if (plan->shape[axis] < 1 || plan->shape[axis] > INT64_MAX)
            return siren_fail(SIREN_USAGE, "an image cannot have %zu voxel%s along axis %zu; give 1 or more",
                              plan->shape[axis], siren_plural(plan->shape[axis]), axis + 1);
    SIREN_TRY(siren_allocate(&fresh, n_bytes, 1, "a NIfTI header"));
    memcpy(fresh, &size, sizeof size);
    memcpy(fresh + layout->magic, layout == siren_nifti_layouts ? "n+1" : "n+2\0\r\n\x1a\n",
           layout == siren_nifti_layouts ? 4 : 8);
    siren_nifti_put_integer(fresh, layout->dim, 0, false, (int64_t)plan->n_axes);
    siren_nifti_put_real(fresh, layout->pixdim, 0, false, 1);
    for (size_t i = 0; i < 7; i++) {
        siren_nifti_put_integer(fresh, layout->dim, i + 1, false,
                                i < plan->n_axes ? (int64_t)plan->shape[i] : 1);
        siren_nifti_put_real(fresh, layout->pixdim, i + 1, false, i < 3 ? plan->voxel_size[i] : 1);
    }
    siren_nifti_put_integer(fresh, layout->datatype, 0, false, plan->datatype);
    siren_nifti_put_integer(fresh, layout->bitpix, 0, false,
                            (int64_t)(8 * siren_datatype_size(plan->datatype)));
    put_offset(fresh, layout, false, n_bytes);
    siren_nifti_put_real(fresh, layout->scl_slope, 0, false, plan->slope);
    siren_nifti_put_real(fresh, layout->scl_inter, 0, false, plan->inter);
    siren_nifti_put_integer(fresh, layout->xyzt_units, 0, false, 2 | 8); /* mm, seconds */
    siren_nifti_put_integer(fresh, layout->sform_code, 0, false,
                            plan->affine != NULL); /* scanner coordinates */
    for (size_t i = 0; plan->affine && i < 12; i++)
        siren_nifti_put_real(fresh, layout->srow, i, false, plan->affine[i / 4][i % 4]);
    SIREN_TRY(siren_nifti_parse("a new header", fresh, n_bytes, geometry));
    *out = SIREN_TAKE(fresh);
    return SIREN_OK;
}

siren_status siren_nifti_new_header(siren_datatype datatype, size_t nx, size_t ny, size_t nz,
                                    size_t n_volumes, const double voxel_size[3], siren_geometry *geometry,
                                    uint8_t *header) {
    const size_t dim[4] = {nx, ny, nz, n_volumes};
    SIREN_FREE_AT_END uint8_t *made = NULL;
    for (size_t axis = 0; axis < 4; axis++)
        if (dim[axis] < 1 || dim[axis] > INT16_MAX)
            return siren_fail(SIREN_USAGE,
                              "a new image cannot have %zu voxel%s or volumes along axis %zu; choose 1 to %d",
                              dim[axis], siren_plural(dim[axis]), axis + 1, INT16_MAX);
    for (size_t axis = 0; axis < 3; axis++)
        if (!isfinite(voxel_size[axis]) || voxel_size[axis] <= 0)
            return siren_fail(SIREN_USAGE, "a voxel size of %g mm is impossible; choose one above 0",
                              voxel_size[axis]);
    double affine[3][4] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        affine[i][i] = voxel_size[i];
        affine[i][3] = -voxel_size[i] * (double)(dim[i] - 1) / 2;
    }
    siren_nifti_plan plan = {.datatype = datatype,
                             .n_axes = n_volumes > 1 ? 4 : 3,
                             .shape = {nx, ny, nz, n_volumes},
                             .voxel_size = {voxel_size[0], voxel_size[1], voxel_size[2]},
                             .affine = (const double(*)[4])affine,
                             .slope = 1};
    if (version_for(&plan) != 1)
        return siren_fail(SIREN_USAGE,
                          "voxel sizes of %g x %g x %g mm place voxels where no NIfTI-1 header can; choose "
                          "smaller ones",
                          voxel_size[0], voxel_size[1], voxel_size[2]);
    SIREN_TRY(siren_nifti_make_header(&plan, geometry, &made));
    memcpy(header, made, SIREN_NEW_HEADER_BYTES);
    return SIREN_OK;
}
