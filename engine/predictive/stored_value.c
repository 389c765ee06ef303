#include "engine/predictive/stored_value.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "formats/series.h"

#define SIGN ((uint64_t)1 << 63)

bool siren_is_float(siren_datatype datatype) {
    return datatype == SIREN_FLOAT32 || datatype == SIREN_FLOAT64;
}

uint64_t siren_voxel_bits(siren_datatype datatype, const void *voxels, size_t i) {
    switch (siren_datatype_size(datatype)) {
    case 1:
        return ((const uint8_t *)voxels)[i];
    case 2:
        return ((const uint16_t *)voxels)[i];
    case 4:
        return ((const uint32_t *)voxels)[i];
    default:
        return ((const uint64_t *)voxels)[i];
    }
}

void siren_voxel_set_bits(siren_datatype datatype, uint64_t bits, void *voxels, size_t i) {
    switch (siren_datatype_size(datatype)) {
    case 1:
        ((uint8_t *)voxels)[i] = (uint8_t)bits;
        break;
    case 2:
        ((uint16_t *)voxels)[i] = (uint16_t)bits;
        break;
    case 4:
        ((uint32_t *)voxels)[i] = (uint32_t)bits;
        break;
    default:
        ((uint64_t *)voxels)[i] = bits;
    }
}

static double float_value(siren_datatype datatype, const void *voxels, size_t i) {
    return datatype == SIREN_FLOAT32 ? (double)((const float *)voxels)[i] : ((const double *)voxels)[i];
}

static void set_float(siren_datatype datatype, double value, void *voxels, size_t i) {
    if (datatype == SIREN_FLOAT32)
        ((float *)voxels)[i] = (float)value;
    else
        ((double *)voxels)[i] = value;
}

/* ---- forms of floats ---- */

/* Place of the lowest bit of a finite x that is not 0. */
static int lowest_bit(double x) {
    int exponent;
    uint64_t mantissa = (uint64_t)ldexp(fabs(frexp(x, &exponent)), 53);
    return exponent - 53 + __builtin_ctzll(mantissa);
}

void siren_value_survey_add(siren_value_survey *survey, siren_datatype datatype, const void *voxels,
                            size_t i) {
    double x = fabs(float_value(datatype, voxels, i));
    if (!isfinite(x) || x == 0) return;
    int low = lowest_bit(x), high = ilogb(x);
    if (!survey->any || low < survey->lowest_bit) survey->lowest_bit = low;
    if (!survey->any || high > survey->highest_bit) survey->highest_bit = high;
    if (!survey->any || x < survey->smallest) survey->smallest = x;
    survey->any = true;
}

siren_value_map siren_value_map_choose(siren_datatype datatype, const siren_value_survey *survey,
                                       double bound) {
    siren_value_map map = {.datatype = datatype, .form = SIREN_FORM_INTEGER};
    double unit_bound = bound;
    if (siren_is_float(datatype)) {
        bool narrow = datatype == SIREN_FLOAT32;
        int precision = narrow ? 24 : 53, span = survey->any ? survey->highest_bit - survey->lowest_bit : 0;
        unit_bound = ldexp(bound, -survey->lowest_bit);
        if (span < precision && unit_bound < 1024) { /* all integers between are floats, too */
            map.form = SIREN_FORM_FIXED;
        } else if (bound >= ldexp(1, survey->highest_bit - precision + 3)) {
            map.form = SIREN_FORM_GRID;
            map.step = bound < 0x1p1000 ? 2 * bound : bound;
            map.bound = bound;
        } else
            map.form = span < (narrow ? 30 : 48) ? SIREN_FORM_FIXED : SIREN_FORM_ORDERED;
        if (map.form == SIREN_FORM_FIXED) map.exponent = survey->lowest_bit;
        if (map.form != SIREN_FORM_FIXED || span >= precision) unit_bound = 0;
    }
    map.error = (uint64_t)(unit_bound < 0x1p62 ? unit_bound : 0x1p62);
    return map;
}

#define MOST_STEPS 256 /* that the smallest value may be */
#define N_NEAREST 5    /* floats around such a step */

bool siren_value_map_try_step(const siren_value_survey *survey, size_t n, siren_value_map *map) {
    if (n >= MOST_STEPS * N_NEAREST * 2) return false;
    double step = survey->smallest / (double)(n / (2 * N_NEAREST) + 1);
    int away = (int)(n / 2 % N_NEAREST) - N_NEAREST / 2;
    for (; away != 0; away += away < 0 ? 1 : -1) {
        double towards = away < 0 ? 0 : 2 * step;
        step = n % 2 ? nextafter(step, towards) : (double)nextafterf((float)step, (float)towards);
    }
    if (n % 2 == 0) step = (double)(float)step;
    map->form = SIREN_FORM_GRID;
    map->step = step;
    return step > 0 && isfinite(step);
}

bool siren_value_to_integer(const siren_value_map *map, const void *voxels, size_t i, uint64_t *integer) {
    uint64_t bits = siren_voxel_bits(map->datatype, voxels, i);
    switch (map->datatype) {
    case SIREN_INT8:
        *integer = (uint64_t)(int64_t)(int8_t)bits ^ SIGN;
        return true;
    case SIREN_INT16:
        *integer = (uint64_t)(int64_t)(int16_t)bits ^ SIGN;
        return true;
    case SIREN_INT32:
        *integer = (uint64_t)(int64_t)(int32_t)bits ^ SIGN;
        return true;
    case SIREN_INT64:
        *integer = bits ^ SIGN;
        return true;
    case SIREN_FLOAT32:
    case SIREN_FLOAT64:
        break;
    default:
        *integer = bits;
        return true;
    }
    double x = float_value(map->datatype, voxels, i);
    if (!isfinite(x)) return false;
    if (map->form == SIREN_FORM_FIXED) {
        if (x == 0 && signbit(x)) return false;
        *integer = (uint64_t)(int64_t)ldexp(x, -map->exponent) ^ SIGN;
    } else if (map->form == SIREN_FORM_ORDERED) {
        uint64_t sign = map->datatype == SIREN_FLOAT32 ? (uint64_t)1 << 31 : SIGN;
        *integer = bits & sign ? sign - 1 - (bits - sign) : bits | sign;
    } else {
        double steps = rint(x / map->step);
        if (!(fabs(steps) < 0x1p52)) return false;
        *integer = (uint64_t)(int64_t)steps ^ SIGN;
        double back[1];
        siren_value_from_integer(map, *integer, back, 0);
        return map->bound > 0 ? fabs(float_value(map->datatype, back, 0) - x) <= map->bound
                              : siren_voxel_bits(map->datatype, back, 0) == bits;
    }
    return true;
}

void siren_value_from_integer(const siren_value_map *map, uint64_t integer, void *voxels, size_t i) {
    int64_t number;
    uint64_t bits = integer ^ SIGN;
    memcpy(&number, &bits, sizeof number);
    switch (map->form) {
    case SIREN_FORM_INTEGER: {
        bool is_signed = map->datatype == SIREN_INT8 || map->datatype == SIREN_INT16 ||
                         map->datatype == SIREN_INT32 || map->datatype == SIREN_INT64;
        siren_voxel_set_bits(map->datatype, is_signed ? bits : integer, voxels, i);
        break;
    }
    case SIREN_FORM_FIXED:
        set_float(map->datatype, ldexp((double)number, map->exponent), voxels, i);
        break;
    case SIREN_FORM_ORDERED: {
        uint64_t sign = map->datatype == SIREN_FLOAT32 ? (uint64_t)1 << 31 : SIGN;
        siren_voxel_set_bits(map->datatype, integer & sign ? integer - sign : sign + (sign - 1 - integer),
                             voxels, i);
        break;
    }
    default:
        set_float(map->datatype, (double)number * map->step, voxels, i);
    }
}
