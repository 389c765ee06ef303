/* Smooth random fields for the phantom: value-gradient noise on a lattice whose random numbers come from
 * Philox, so a field's value depends on (seed, name, position) alone. Only IEEE basic operations and sqrt:
 * the same on every machine. */
#ifndef SIREN_LAB_PHANTOM_PHANTOM_FIELD_H
#define SIREN_LAB_PHANTOM_PHANTOM_FIELD_H

#include "host/base.h"

/* One field, with the last cell of its lattice remembered: give each thread its own. */
typedef struct {
    uint64_t seed;
    uint32_t name;    /* fields of different names are independent */
    double cell_size; /* mm; features are about this wide */
    bool filled;      /* the remembered cell is valid */
    int32_t cell[3];
    float corner[8][4]; /* of that cell: gradient (3) and value, or four values, uniform on [-1, 1) */
} siren_field;

siren_field siren_field_new(uint64_t seed, uint32_t name, double cell_size);
/* Smooth scalar, mean 0, mostly within [-1, 1]. */
double siren_field_scalar(siren_field *field, const double position[3]);
/* Three independent smooth scalars, mean 0, within [-1, 1]. */
void siren_field_vector(siren_field *field, const double position[3], double out[3]);

static inline double siren_clamp(double x, double low, double high) {
    return x < low ? low : x > high ? high : x;
}
/* 0 below `low`, 1 above `high`, cubic between. */
static inline double siren_smoothstep(double low, double high, double x) {
    double t = siren_clamp((x - low) / (high - low), 0, 1);
    return t * t * (3 - 2 * t);
}
/* A bump: 1 at r = 0, 0 from |r| = 1 on, with a continuous slope. */
static inline double siren_bump(double r_squared) {
    double t = 1 - r_squared;
    return t > 0 ? t * t : 0;
}
/* Minimum with a fillet of radius k. */
static inline double siren_smooth_min(double a, double b, double k) {
    double d = a < b ? b - a : a - b, h = siren_clamp(1 - d / k, 0, 1);
    return (a < b ? a : b) - h * h * k * 0.25;
}

#endif
