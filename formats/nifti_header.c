/* What a NIfTI header says, and headers derived from it. The definitions are those of nifti1.h and nifti2.h
 * of the NIfTI Data Format Working Group. */
#include "formats/nifti.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum { KIND_U8, KIND_I16, KIND_I32, KIND_I64, KIND_F32, KIND_F64 } field_kind;
static const size_t kind_bytes[] = {1, 2, 4, 8, 4, 8};

/* Where a field stands; arrays are named by their first element. */
typedef struct {
    size_t offset;
    field_kind kind;
} header_field;

typedef struct {
    size_t bytes; /* sizeof_hdr */
    size_t magic;
    header_field dim_info, dim, datatype, bitpix, slice_start, slice_end, slice_code, pixdim, vox_offset,
        cal_range, intent_code, scl_slope, scl_inter, xyzt_units, qform_code, sform_code, quatern, qoffset,
        srow;
} header_layout;

static const header_layout layouts[2] = {
    {.bytes = 348,
     .magic = 344,
     .dim_info = {39, KIND_U8},
     .dim = {40, KIND_I16},
     .datatype = {70, KIND_I16},
     .bitpix = {72, KIND_I16},
     .slice_start = {74, KIND_I16},
     .slice_end = {120, KIND_I16},
     .slice_code = {122, KIND_U8},
     .pixdim = {76, KIND_F32},
     .vox_offset = {108, KIND_F32},
     .cal_range = {124, KIND_F32},
     .intent_code = {68, KIND_I16},
     .scl_slope = {112, KIND_F32},
     .scl_inter = {116, KIND_F32},
     .xyzt_units = {123, KIND_U8},
     .qform_code = {252, KIND_I16},
     .sform_code = {254, KIND_I16},
     .quatern = {256, KIND_F32},
     .qoffset = {268, KIND_F32},
     .srow = {280, KIND_F32}},
    {.bytes = 540,
     .magic = 4,
     .dim_info = {524, KIND_U8},
     .dim = {16, KIND_I64},
     .datatype = {12, KIND_I16},
     .bitpix = {14, KIND_I16},
     .slice_start = {224, KIND_I64},
     .slice_end = {232, KIND_I64},
     .slice_code = {496, KIND_I32},
     .pixdim = {104, KIND_F64},
     .vox_offset = {168, KIND_I64},
     .cal_range = {192, KIND_F64},
     .intent_code = {504, KIND_I32},
     .scl_slope = {176, KIND_F64},
     .scl_inter = {184, KIND_F64},
     .xyzt_units = {500, KIND_I32},
     .qform_code = {344, KIND_I32},
     .sform_code = {348, KIND_I32},
     .quatern = {352, KIND_F64},
     .qoffset = {376, KIND_F64},
     .srow = {400, KIND_F64}},
};

/* Copies one field between header and machine order; the same function serves both ways. */
static void copy_ordered(void *to, const void *from, size_t n_bytes, bool swapped) {
    const uint8_t *source = from;
    uint8_t *target = to;
    for (size_t i = 0; i < n_bytes; i++) target[i] = source[swapped ? n_bytes - 1 - i : i];
}

static int64_t get_integer(const uint8_t *header, header_field field, size_t index, bool swapped) {
    const uint8_t *at = header + field.offset + index * kind_bytes[field.kind];
    int16_t i16;
    int32_t i32;
    int64_t i64;
    switch (field.kind) {
    case KIND_U8:
        return *at;
    case KIND_I16:
        copy_ordered(&i16, at, 2, swapped);
        return i16;
    case KIND_I32:
        copy_ordered(&i32, at, 4, swapped);
        return i32;
    default:
        copy_ordered(&i64, at, 8, swapped);
        return i64;
    }
}

/* The caller has checked that the value fits the field. */
static void put_integer(uint8_t *header, header_field field, size_t index, bool swapped, int64_t value) {
    uint8_t *at = header + field.offset + index * kind_bytes[field.kind];
    int16_t i16 = (int16_t)value;
    int32_t i32 = (int32_t)value;
    switch (field.kind) {
    case KIND_U8:
        *at = (uint8_t)value;
        break;
    case KIND_I16:
        copy_ordered(at, &i16, 2, swapped);
        break;
    case KIND_I32:
        copy_ordered(at, &i32, 4, swapped);
        break;
    default:
        copy_ordered(at, &value, 8, swapped);
        break;
    }
}

static double get_real(const uint8_t *header, header_field field, size_t index, bool swapped) {
    const uint8_t *at = header + field.offset + index * kind_bytes[field.kind];
    float f32;
    double f64;
    if (field.kind == KIND_F32) {
        copy_ordered(&f32, at, 4, swapped);
        return f32;
    }
    copy_ordered(&f64, at, 8, swapped);
    return f64;
}

static void put_real(uint8_t *header, header_field field, size_t index, bool swapped, double value) {
    uint8_t *at = header + field.offset + index * kind_bytes[field.kind];
    float f32 = (float)value;
    if (field.kind == KIND_F32)
        copy_ordered(at, &f32, 4, swapped);
    else
        copy_ordered(at, &value, 8, swapped);
}

/* Version and byte order, and that this is a single file. */
static siren_status parse_identity(const char *name, const uint8_t *bytes, size_t n_bytes, int *version,
                                   bool *swapped) {
    static const uint8_t line_ends[4] = {'\r', '\n', 0x1a, '\n'}, none[4] = {0};
    int32_t size = 0, size_swapped = 0;
    if (n_bytes >= 4) {
        copy_ordered(&size, bytes, 4, false);
        copy_ordered(&size_swapped, bytes, 4, true);
    }
    *swapped = size_swapped == 348 || size_swapped == 540;
    if (*swapped) size = size_swapped;
    if (size != 348 && size != 540)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: is not a NIfTI file: it begins with neither 348 nor 540, the sizes of NIfTI's headers; "
            "convert the image to .nii or .nii.gz first",
            name);
    if (n_bytes < (size_t)size)
        return siren_fail(SIREN_CORRUPT,
                          "%s: ends after %zu bytes, within its NIfTI header of %d; copy the file again",
                          name, n_bytes, (int)size);
    *version = size == 348 ? 1 : 2;
    const uint8_t *magic = bytes + layouts[*version - 1].magic;
    const uint8_t digit = (uint8_t)('0' + *version);
    if (magic[0] == 'n' && magic[1] == 'i' && magic[2] == digit && magic[3] == 0)
        return siren_fail(SIREN_UNSUPPORTED,
                          "%s: is the header of a .hdr/.img pair, which is not supported; convert the pair "
                          "to a single .nii "
                          "file first",
                          name);
    if (magic[0] != 'n' || magic[1] != '+' || magic[2] != digit || magic[3] != 0)
        return *version == 1
                   ? siren_fail(
                         SIREN_UNSUPPORTED,
                         "%s: has no NIfTI mark (\"n+1\") and is perhaps an ANALYZE 7.5 header, which is not "
                         "supported; convert the image to a single .nii file first",
                         name)
                   : siren_fail(SIREN_CORRUPT,
                                "%s: is not a NIfTI file: a header of 540 bytes has the mark \"n+2\", which "
                                "this one "
                                "lacks; copy or convert the image again",
                                name);
    if (*version == 2 && memcmp(magic + 4, line_ends, 4) != 0 && memcmp(magic + 4, none, 4) != 0)
        return siren_fail(SIREN_CORRUPT,
                          "%s: the bytes after the NIfTI-2 mark were changed, as by a copy that converts "
                          "line ends; copy the "
                          "file again in binary mode",
                          name);
    return SIREN_OK;
}

static siren_status parse_datatype(const char *name, const uint8_t *bytes, const header_layout *layout,
                                   siren_geometry *g) {
    static const struct {
        int code;
        const char *name;
    } foreign[] = {{1, "1-bit binary"},  {32, "complex64"},    {128, "RGB"},  {1536, "float128"},
                   {1792, "complex128"}, {2048, "complex256"}, {2304, "RGBA"}};
    int code = (int)get_integer(bytes, layout->datatype, 0, g->swapped);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (foreign[i].code == code)
            return siren_fail(
                SIREN_UNSUPPORTED,
                "%s: holds %s voxels (datatype %d), which are not supported; convert to one real number per "
                "voxel first",
                name, foreign[i].name, code);
    size_t size = siren_datatype_size((siren_datatype)code);
    if (size == 0)
        return siren_fail(SIREN_CORRUPT, "%s: datatype %d is none that NIfTI defines; write the image again",
                          name, code);
    int bitpix = (int)get_integer(bytes, layout->bitpix, 0, g->swapped);
    if (bitpix < 0 || (size_t)bitpix != 8 * size)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: bitpix is %d, but a voxel of datatype %d (%s) has %zu bits; correct the header", name,
            bitpix, code, siren_datatype_name((siren_datatype)code), 8 * size);
    g->datatype = (siren_datatype)code;
    return SIREN_OK;
}

static siren_status parse_dimensions(const char *name, const uint8_t *bytes, const header_layout *layout,
                                     siren_geometry *g) {
    int64_t n_axes = get_integer(bytes, layout->dim, 0, g->swapped);
    if (n_axes < 1 || n_axes > 7)
        return siren_fail(SIREN_CORRUPT,
                          "%s: dim[0] is %lld, but an image has 1 to 7 axes; correct the header", name,
                          (long long)n_axes);
    size_t size[4] = {1, 1, 1, 1}, total = siren_datatype_size(g->datatype);
    for (size_t axis = 0; axis < (size_t)n_axes; axis++) {
        int64_t length = get_integer(bytes, layout->dim, axis + 1, g->swapped);
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

static siren_status parse_offset(const char *name, const uint8_t *bytes, const header_layout *layout,
                                 siren_geometry *g) {
    const size_t least = layout->bytes + 4; /* the header and its extender */
    uint64_t offset = 0;
    if (layout->vox_offset.kind == KIND_I64) {
        int64_t stored = get_integer(bytes, layout->vox_offset, 0, g->swapped);
        if (stored != 0 && stored < (int64_t)least)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: vox_offset is %lld, but voxels cannot begin before byte %zu; correct the header", name,
                (long long)stored, least);
        offset = (uint64_t)stored;
    } else {
        double stored = get_real(bytes, layout->vox_offset, 0, g->swapped);
        if (!isfinite(stored) || stored != floor(stored) || (stored != 0 && stored < (double)least) ||
            stored >= 0x1p63)
            return siren_fail(
                SIREN_CORRUPT,
                "%s: vox_offset is %g, but must be a whole number of bytes, %zu at least; correct the header",
                name, stored, least);
        offset = (uint64_t)stored;
    }
    size_t voxel_bytes = siren_geometry_voxels(g) * siren_datatype_size(g->datatype);
    if (offset == 0) offset = least; /* as in files of writers that take 0 for "right after the header" */
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
    SIREN_RETURN_IF_FAILED(parse_identity(name, bytes, n_bytes, &g.version, &g.swapped));
    const header_layout *layout = &layouts[g.version - 1];
    SIREN_RETURN_IF_FAILED(parse_datatype(name, bytes, layout, &g));
    SIREN_RETURN_IF_FAILED(parse_dimensions(name, bytes, layout, &g));
    SIREN_RETURN_IF_FAILED(parse_offset(name, bytes, layout, &g));
    g.slope = get_real(bytes, layout->scl_slope, 0, g.swapped);
    g.inter = get_real(bytes, layout->scl_inter, 0, g.swapped);
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

/* The transform of the qform: the rotation that quaternion (b, c, d) means, times the voxel sizes and qfac, and the offset. */
static void qform_affine(const uint8_t *header, const header_layout *layout, bool swapped,
                         double affine[3][4]) {
    double b = get_real(header, layout->quatern, 0, swapped),
           c = get_real(header, layout->quatern, 1, swapped),
           d = get_real(header, layout->quatern, 2, swapped);
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
        double size = get_real(header, layout->pixdim, column + 1, swapped);
        if (column == 2 && get_real(header, layout->pixdim, 0, swapped) < 0) size = -size;
        for (size_t row = 0; row < 3; row++) affine[row][column] = size * rotation[row][column];
    }
    for (size_t row = 0; row < 3; row++) affine[row][3] = get_real(header, layout->qoffset, row, swapped);
}

bool siren_nifti_affine(const uint8_t *header, const siren_geometry *geometry, double affine[3][4]) {
    const header_layout *layout = &layouts[geometry->version - 1];
    const bool swapped = geometry->swapped;
    if (get_integer(header, layout->sform_code, 0, swapped) > 0) {
        for (size_t i = 0; i < 12; i++) affine[i / 4][i % 4] = get_real(header, layout->srow, i, swapped);
        return true;
    }
    if (get_integer(header, layout->qform_code, 0, swapped) <= 0) return false;
    qform_affine(header, layout, swapped, affine);
    return true;
}

/* Moves the origin of both transforms by z0 slices. Values that are no numbers stay as they are. */
static void move_origin(uint8_t *header, const header_layout *layout, bool swapped, size_t z0) {
    if (get_integer(header, layout->qform_code, 0, swapped) > 0) {
        double affine[3][4];
        qform_affine(header, layout, swapped, affine);
        for (size_t i = 0; i < 3; i++) {
            double moved = affine[i][3] + (double)z0 * affine[i][2];
            if (isfinite(moved)) put_real(header, layout->qoffset, i, swapped, moved);
        }
    }
    if (get_integer(header, layout->sform_code, 0, swapped) > 0)
        for (size_t i = 0; i < 3; i++) {
            double column = get_real(header, layout->srow, 4 * i + 2, swapped);
            double moved = get_real(header, layout->srow, 4 * i + 3, swapped) + (double)z0 * column;
            if (isfinite(moved)) put_real(header, layout->srow, 4 * i + 3, swapped, moved);
        }
}

/* Keeps slice_start..slice_end within the slices that are left, where slices were acquired along z. */
static void cut_slice_range(uint8_t *header, const header_layout *layout, bool swapped, size_t z0,
                            size_t nz) {
    int64_t slice_axis = get_integer(header, layout->dim_info, 0, swapped) >> 4 & 3;
    int64_t start = get_integer(header, layout->slice_start, 0, swapped);
    int64_t end = get_integer(header, layout->slice_end, 0, swapped);
    int64_t first = (int64_t)z0, last = (int64_t)(z0 + nz) - 1;
    if (slice_axis == 1 || slice_axis == 2 || (start == 0 && end == 0) || start > end) return;
    if (start >= first && end <= last && first == 0) return;
    int64_t code = get_integer(header, layout->slice_code, 0, swapped);
    bool cut = start < first || end > last, empty = end < first || start > last;
    start = empty ? 0 : (start < first ? first : start) - first;
    end = empty ? 0 : (end > last ? last : end) - first;
    put_integer(header, layout->slice_start, 0, swapped, start);
    put_integer(header, layout->slice_end, 0, swapped, end);
    /* Part of an interleaved order is in general no order that slice_code can name; sequential ones (1, 2)
     * are. */
    if (empty || (cut && code > 2)) put_integer(header, layout->slice_code, 0, swapped, 0);
}

siren_status siren_nifti_subseries_header(const uint8_t *header, siren_geometry *geometry, size_t z0,
                                          size_t nz, size_t n_volumes, uint8_t **out) {
    const header_layout *layout = &layouts[geometry->version - 1];
    const bool swapped = geometry->swapped;
    if (nz < 1 || z0 >= geometry->nz || nz > geometry->nz - z0)
        return siren_fail(SIREN_USAGE,
                          "slices %zu:%zu are not within the image's 0:%zu; give a range that is", z0,
                          z0 + nz, geometry->nz);
    if (n_volumes < 1 || n_volumes > geometry->n_volumes)
        return siren_fail(SIREN_USAGE, "%zu volumes cannot be taken from the image's %zu; ask for 1 to %zu",
                          n_volumes, geometry->n_volumes, geometry->n_volumes);
    if (n_volumes != geometry->n_volumes && geometry->version == 1 && n_volumes > INT16_MAX)
        return siren_fail(SIREN_UNSUPPORTED,
                          "%zu volumes do not fit the fourth axis of a NIfTI-1 header (%d at most); ask for "
                          "fewer, or for all %zu",
                          n_volumes, INT16_MAX, geometry->n_volumes);
    uint8_t *copy = NULL;
    SIREN_RETURN_IF_FAILED(siren_allocate(&copy, (size_t)geometry->voxel_offset, 1, "a NIfTI header"));
    memcpy(copy, header, (size_t)geometry->voxel_offset);
    if (nz != geometry->nz) {
        put_integer(copy, layout->dim, 3, swapped, (int64_t)nz);
        cut_slice_range(copy, layout, swapped, z0, nz);
    }
    if (n_volumes != geometry->n_volumes) {
        put_integer(copy, layout->dim, 0, swapped, 4);
        put_integer(copy, layout->dim, 4, swapped, (int64_t)n_volumes);
        for (size_t axis = 5; axis <= 7; axis++) put_integer(copy, layout->dim, axis, swapped, 1);
    }
    if (z0 > 0) move_origin(copy, layout, swapped, z0);
    geometry->nz = nz;
    geometry->n_volumes = n_volumes;
    *out = copy;
    return SIREN_OK;
}

siren_status siren_nifti_map_header(const uint8_t *header, siren_geometry *geometry, uint8_t **out) {
    const header_layout *layout = &layouts[geometry->version - 1];
    const bool swapped = geometry->swapped;
    const size_t offset = layout->bytes + 4, dims[7] = {geometry->nx, geometry->ny, geometry->nz, 1, 1, 1, 1};
    uint8_t *copy = NULL;
    SIREN_RETURN_IF_FAILED(siren_allocate(&copy, offset, 1, "a NIfTI header"));
    memcpy(copy, header, layout->bytes);
    put_integer(copy, layout->dim, 0, swapped, 3);
    for (size_t axis = 0; axis < 7; axis++)
        put_integer(copy, layout->dim, axis + 1, swapped, (int64_t)dims[axis]);
    put_integer(copy, layout->datatype, 0, swapped, SIREN_FLOAT32);
    put_integer(copy, layout->bitpix, 0, swapped, 32);
    put_integer(copy, layout->intent_code, 0, swapped, 0);
    for (size_t i = 0; i < 2; i++) put_real(copy, layout->cal_range, i, swapped, 0);
    put_real(copy, layout->scl_slope, 0, swapped, 1);
    put_real(copy, layout->scl_inter, 0, swapped, 0);
    if (layout->vox_offset.kind == KIND_I64)
        put_integer(copy, layout->vox_offset, 0, swapped, (int64_t)offset);
    else
        put_real(copy, layout->vox_offset, 0, swapped, (double)offset);
    siren_status status = siren_nifti_parse("the header of a map", copy, offset, geometry);
    if (status == SIREN_OK)
        *out = copy;
    else
        free(copy);
    return status;
}

siren_status siren_nifti_new_header(siren_datatype datatype, size_t nx, size_t ny, size_t nz,
                                    size_t n_volumes, const double voxel_size[3], siren_geometry *geometry,
                                    uint8_t *header) {
    const header_layout *layout = &layouts[0];
    const size_t dim[4] = {nx, ny, nz, n_volumes};
    if (siren_datatype_size(datatype) == 0)
        return siren_fail(SIREN_USAGE, "datatype %d is none of the stored types; choose one of them",
                          (int)datatype);
    for (size_t axis = 0; axis < 4; axis++)
        if (dim[axis] < 1 || dim[axis] > INT16_MAX)
            return siren_fail(SIREN_USAGE,
                              "a new image cannot have %zu voxels or volumes along axis %zu; choose 1 to %d",
                              dim[axis], axis + 1, INT16_MAX);
    for (size_t axis = 0; axis < 3; axis++)
        if (!isfinite(voxel_size[axis]) || voxel_size[axis] <= 0)
            return siren_fail(SIREN_USAGE, "a voxel size of %g mm is impossible; choose one above 0",
                              voxel_size[axis]);
    uint8_t fresh[352] = {0};
    int32_t size = 348;
    memcpy(fresh, &size, 4);
    memcpy(fresh + layout->magic, "n+1", 4);
    put_integer(fresh, layout->dim, 0, false, n_volumes > 1 ? 4 : 3);
    put_real(fresh, layout->pixdim, 0, false, 1);
    for (size_t i = 0; i < 7; i++) {
        put_integer(fresh, layout->dim, i + 1, false, i < 4 ? (int64_t)dim[i] : 1);
        put_real(fresh, layout->pixdim, i + 1, false, i < 3 ? voxel_size[i] : 1);
    }
    put_integer(fresh, layout->datatype, 0, false, datatype);
    put_integer(fresh, layout->bitpix, 0, false, (int64_t)(8 * siren_datatype_size(datatype)));
    put_real(fresh, layout->vox_offset, 0, false, 352);
    put_real(fresh, layout->scl_slope, 0, false, 1);
    put_integer(fresh, layout->xyzt_units, 0, false, 2 | 8); /* mm, seconds */
    put_integer(fresh, layout->sform_code, 0, false, 1);     /* scanner coordinates */
    for (size_t i = 0; i < 3; i++) {
        put_real(fresh, layout->srow, 4 * i + i, false, voxel_size[i]);
        put_real(fresh, layout->srow, 4 * i + 3, false, -voxel_size[i] * (double)(dim[i] - 1) / 2);
    }
    SIREN_RETURN_IF_FAILED(siren_nifti_parse("a new header", fresh, sizeof fresh, geometry));
    memcpy(header, fresh, sizeof fresh);
    return SIREN_OK;
}
