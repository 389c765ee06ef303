#include "formats/nifti_fields.h"

static const size_t kind_bytes[] = {1, 2, 4, 8, 4, 8};

const siren_nifti_layout siren_nifti_layouts[2] = {
    {.bytes = 348,
     .magic = 344,
     .dim_info = {39, SIREN_FIELD_U8},
     .dim = {40, SIREN_FIELD_I16},
     .datatype = {70, SIREN_FIELD_I16},
     .bitpix = {72, SIREN_FIELD_I16},
     .slice_start = {74, SIREN_FIELD_I16},
     .slice_end = {120, SIREN_FIELD_I16},
     .slice_code = {122, SIREN_FIELD_U8},
     .pixdim = {76, SIREN_FIELD_F32},
     .vox_offset = {108, SIREN_FIELD_F32},
     .cal_range = {124, SIREN_FIELD_F32},
     .intent_code = {68, SIREN_FIELD_I16},
     .scl_slope = {112, SIREN_FIELD_F32},
     .scl_inter = {116, SIREN_FIELD_F32},
     .xyzt_units = {123, SIREN_FIELD_U8},
     .qform_code = {252, SIREN_FIELD_I16},
     .sform_code = {254, SIREN_FIELD_I16},
     .quatern = {256, SIREN_FIELD_F32},
     .qoffset = {268, SIREN_FIELD_F32},
     .srow = {280, SIREN_FIELD_F32}},
    {.bytes = 540,
     .magic = 4,
     .dim_info = {524, SIREN_FIELD_U8},
     .dim = {16, SIREN_FIELD_I64},
     .datatype = {12, SIREN_FIELD_I16},
     .bitpix = {14, SIREN_FIELD_I16},
     .slice_start = {224, SIREN_FIELD_I64},
     .slice_end = {232, SIREN_FIELD_I64},
     .slice_code = {496, SIREN_FIELD_I32},
     .pixdim = {104, SIREN_FIELD_F64},
     .vox_offset = {168, SIREN_FIELD_I64},
     .cal_range = {192, SIREN_FIELD_F64},
     .intent_code = {504, SIREN_FIELD_I32},
     .scl_slope = {176, SIREN_FIELD_F64},
     .scl_inter = {184, SIREN_FIELD_F64},
     .xyzt_units = {500, SIREN_FIELD_I32},
     .qform_code = {344, SIREN_FIELD_I32},
     .sform_code = {348, SIREN_FIELD_I32},
     .quatern = {352, SIREN_FIELD_F64},
     .qoffset = {376, SIREN_FIELD_F64},
     .srow = {400, SIREN_FIELD_F64}},
};

/* Copies one field between header and machine order; the same function serves both ways. */
static void copy_ordered(void *to, const void *from, size_t n_bytes, bool swapped) {
    const uint8_t *source = from;
    uint8_t *target = to;
    for (size_t i = 0; i < n_bytes; i++) target[i] = source[swapped ? n_bytes - 1 - i : i];
}

int64_t siren_nifti_get_integer(const uint8_t *header, siren_nifti_field field, size_t index, bool swapped) {
    const uint8_t *at = header + field.offset + index * kind_bytes[field.kind];
    int16_t i16;
    int32_t i32;
    int64_t i64;
    switch (field.kind) {
    case SIREN_FIELD_U8:
        return *at;
    case SIREN_FIELD_I16:
        copy_ordered(&i16, at, 2, swapped);
        return i16;
    case SIREN_FIELD_I32:
        copy_ordered(&i32, at, 4, swapped);
        return i32;
    default:
        copy_ordered(&i64, at, 8, swapped);
        return i64;
    }
}

void siren_nifti_put_integer(uint8_t *header, siren_nifti_field field, size_t index, bool swapped,
                             int64_t value) {
    uint8_t *at = header + field.offset + index * kind_bytes[field.kind];
    int16_t i16 = (int16_t)value;
    int32_t i32 = (int32_t)value;
    switch (field.kind) {
    case SIREN_FIELD_U8:
        *at = (uint8_t)value;
        break;
    case SIREN_FIELD_I16:
        copy_ordered(at, &i16, 2, swapped);
        break;
    case SIREN_FIELD_I32:
        copy_ordered(at, &i32, 4, swapped);
        break;
    default:
        copy_ordered(at, &value, 8, swapped);
        break;
    }
}

double siren_nifti_get_real(const uint8_t *header, siren_nifti_field field, size_t index, bool swapped) {
    const uint8_t *at = header + field.offset + index * kind_bytes[field.kind];
    float f32;
    double f64;
    if (field.kind == SIREN_FIELD_F32) {
        copy_ordered(&f32, at, 4, swapped);
        return f32;
    }
    copy_ordered(&f64, at, 8, swapped);
    return f64;
}

void siren_nifti_put_real(uint8_t *header, siren_nifti_field field, size_t index, bool swapped,
                          double value) {
    uint8_t *at = header + field.offset + index * kind_bytes[field.kind];
    float f32 = (float)value;
    if (field.kind == SIREN_FIELD_F32)
        copy_ordered(at, &f32, 4, swapped);
    else
        copy_ordered(at, &value, 8, swapped);
}
