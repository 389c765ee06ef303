/* What stands where in the phantom's head, in the millimetres of a 210 x 210 x 144 mm field of view centred
 * on 0: x to the right of the image, y to the front, z up. Internal to the phantom. */
#ifndef SIREN_LAB_PHANTOM_PHANTOM_ANATOMY_H
#define SIREN_LAB_PHANTOM_PHANTOM_ANATOMY_H

#include "lab/phantom/phantom.h"
#include "lab/phantom/phantom_field.h"

#define SIREN_HEAD_X 210.0
#define SIREN_HEAD_Y 210.0
#define SIREN_HEAD_Z 144.0

/* The random fields of one seed; give each thread its own copy. */
typedef struct {
    siren_field warp, warp_fine;                        /* displace the whole anatomy */
    siren_field fold, fold_fine, fold_depth, fold_wave; /* sulci */
    siren_field thickness, folia, csf;                  /* cortex, cerebellum, subarachnoid space */
    siren_field texture, texture_fine, bias;            /* T2-weighted signal, receive coils */
    siren_field mean_diffusivity, anisotropy, bend;     /* of the tensors */
} siren_anatomy;

typedef struct {
    siren_tissue tissue;
    double place[3];  /* the position in the undisplaced anatomy */
    double normal[3]; /* unit vector from the nearest lobe's core outwards */
    double depth;     /* mm below the nearest cortical surface; large where there is none */
    bool cerebellar;
    double signal; /* at b = 0, without noise */
} siren_anatomy_point;

#define SIREN_MAX_FIBRES 3
/* One tensor, axially symmetric: D = across I + (along - across) axis axis^T. */
typedef struct {
    double fraction, axis[3], along, across;
} siren_compartment;

siren_anatomy siren_anatomy_new(uint64_t seed);
/* Everything about one position. */
void siren_anatomy_at(siren_anatomy *anatomy, const double position[3], siren_anatomy_point *out);
/* The cheap part alone: place, normal, cerebellar. */
void siren_anatomy_frame(siren_anatomy *anatomy, const double position[3], siren_anatomy_point *out);

/* The tensors of a point, fractions summing to 1; returns how many (0 in air). */
int siren_anatomy_tensors(siren_anatomy *anatomy, const double position[3], const siren_anatomy_point *point,
                          siren_compartment out[SIREN_MAX_FIBRES]);

#endif
