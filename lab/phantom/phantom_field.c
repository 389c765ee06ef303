#include "lab/phantom/phantom_field.h"

#include <math.h>

#include "host/rng.h"

siren_field siren_field_new(uint64_t seed, uint32_t name, double cell_size) {
    return (siren_field){.seed = seed, .name = name, .cell_size = cell_size};
}

/* Fills the corners of the cell that holds `position`; `t` receives the position inside it, [0, 1). */
static void enter_cell(siren_field *field, const double position[3], double t[3]) {
    int32_t cell[3];
    for (int axis = 0; axis < 3; axis++) {
        double scaled = position[axis] / field->cell_size, whole = floor(scaled);
        cell[axis] = (int32_t)whole;
        t[axis] = scaled - whole;
    }
    if (field->filled && cell[0] == field->cell[0] && cell[1] == field->cell[1] && cell[2] == field->cell[2])
        return;
    for (int corner = 0; corner < 8; corner++) {
        siren_philox_block counter = {{(uint32_t)(cell[0] + (corner & 1)),
                                       (uint32_t)(cell[1] + (corner >> 1 & 1)),
                                       (uint32_t)(cell[2] + (corner >> 2)), field->name}};
        siren_philox_block bits = siren_philox(counter, (uint32_t)field->seed, (uint32_t)(field->seed >> 32));
        for (int i = 0; i < 4; i++) field->corner[corner][i] = (float)(bits.word[i] >> 8) * 0x1p-23f - 1;
    }
    for (int axis = 0; axis < 3; axis++) field->cell[axis] = cell[axis];
    field->filled = true;
}

static double corner_weight(const double fade[3], int corner) {
    return (corner & 1 ? fade[0] : 1 - fade[0]) * (corner & 2 ? fade[1] : 1 - fade[1]) *
           (corner & 4 ? fade[2] : 1 - fade[2]);
}

/* The quintic with zero first and second derivatives at 0 and 1. */
static double fade_of(double t) { return t * t * t * (t * (t * 6 - 15) + 10); }

double siren_field_scalar(siren_field *field, const double position[3]) {
    double t[3], sum = 0;
    enter_cell(field, position, t);
    double fade[3] = {fade_of(t[0]), fade_of(t[1]), fade_of(t[2])};
    for (int corner = 0; corner < 8; corner++) {
        const float *g = field->corner[corner];
        double slope =
            g[0] * (t[0] - (corner & 1)) + g[1] * (t[1] - (corner >> 1 & 1)) + g[2] * (t[2] - (corner >> 2));
        sum += corner_weight(fade, corner) * (1.4 * slope + 0.6 * g[3]);
    }
    return sum;
}

void siren_field_vector(siren_field *field, const double position[3], double out[3]) {
    double t[3];
    enter_cell(field, position, t);
    double fade[3] = {fade_of(t[0]), fade_of(t[1]), fade_of(t[2])};
    out[0] = out[1] = out[2] = 0;
    for (int corner = 0; corner < 8; corner++) {
        double weight = corner_weight(fade, corner);
        for (int i = 0; i < 3; i++) out[i] += weight * field->corner[corner][i];
    }
}
