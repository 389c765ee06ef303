/* The fields of both NIfTI headers and their values in either byte order. Definitions: nifti1.h and nifti2.h of the
 * NIfTI Data Format Working Group. */
#ifndef SIREN_FORMATS_NIFTI_FIELDS_H
#define SIREN_FORMATS_NIFTI_FIELDS_H

#include "host/base.h"

#define SIREN_NIFTI_EXTENDER 4 /* bytes between header and extensions */

typedef enum {
    SIREN_FIELD_U8,
    SIREN_FIELD_I16,
    SIREN_FIELD_I32,
    SIREN_FIELD_I64,
    SIREN_FIELD_F32,
    SIREN_FIELD_F64
} siren_nifti_field_kind;
/* Where a field stands; arrays are named by their first element. */
typedef struct {
    size_t offset;
    siren_nifti_field_kind kind;
} siren_nifti_field;

typedef struct {
    size_t bytes; /* sizeof_hdr */
    size_t magic;
    siren_nifti_field dim_info, dim, datatype, bitpix, slice_start, slice_end, slice_code, pixdim, vox_offset,
        cal_range, intent_code, scl_slope, scl_inter, xyzt_units, qform_code, sform_code, quatern, qoffset,
        srow;
} siren_nifti_layout;

extern const siren_nifti_layout siren_nifti_layouts[2]; /* of NIfTI-1 and NIfTI-2 */

/* Element `index` of a field. `swapped`: the header is in the other byte order than this machine's. */
int64_t siren_nifti_get_integer(const uint8_t *header, siren_nifti_field field, size_t index, bool swapped);
double siren_nifti_get_real(const uint8_t *header, siren_nifti_field field, size_t index, bool swapped);
/* The caller has checked that the value fits the field. */
void siren_nifti_put_integer(uint8_t *header, siren_nifti_field field, size_t index, bool swapped,
                             int64_t value);
void siren_nifti_put_real(uint8_t *header, siren_nifti_field field, size_t index, bool swapped, double value);

#endif
