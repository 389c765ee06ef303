/* A deterministic brain-like diffusion MRI phantom: anatomy from analytic surfaces and smooth random fields,
 * tensor signals with crossing fibres, Rician noise. The same options give the same bytes on every machine
 * and with any number of threads. */
#ifndef SIREN_LAB_PHANTOM_PHANTOM_H
#define SIREN_LAB_PHANTOM_PHANTOM_H

#include "formats/diffusion_table.h"
#include "formats/series.h"

#define SIREN_PHANTOM_MAX_AXIS 4096    /* voxels along one axis */
#define SIREN_PHANTOM_MAX_VOLUMES 4096 /* volumes of the series */
#define SIREN_PHANTOM_MAX_B 20000.0    /* s/mm^2 */
#define SIREN_PHANTOM_MAX_SHELLS 64
#define SIREN_PHANTOM_MAX_ECHOES 64
#define SIREN_PHANTOM_MIN_TE 1.0 /* ms */
#define SIREN_PHANTOM_MAX_TE 1000.0
#define SIREN_PHANTOM_TE 80.0f /* ms: the echo time that S0 of the anatomy is of */

static inline bool siren_echo_time_is_possible(double te) {
    return te >= SIREN_PHANTOM_MIN_TE && te <= SIREN_PHANTOM_MAX_TE;
}

typedef enum {
    SIREN_TISSUE_AIR = 0,
    SIREN_TISSUE_HEAD = 1, /* skull, scalp and eyes: signal outside the brain */
    SIREN_TISSUE_CSF = 2,
    SIREN_TISSUE_GM = 3,
    SIREN_TISSUE_WM = 4
} siren_tissue;
/* The brain mask: CSF, GM or WM. */
static inline bool siren_tissue_in_brain(uint8_t tissue) { return tissue >= SIREN_TISSUE_CSF; }

typedef struct {
    double b; /* s/mm^2 */
    size_t n; /* volumes */
} siren_shell;

typedef struct {
    size_t nx, ny, nz; /* the head fills the grid whatever its size: voxels are samples, not millimetres */
    const siren_shell *shells;
    size_t n_shells;
    /* (n_echo_times) ms: all shells are acquired at each, one after the other; n 0: once, at the echo time that the
     * anatomy's contrast is of */
    const double *echo_times;
    size_t n_echo_times;
    double snr; /* mean b = 0 signal of white matter over sigma; 0 or infinity: no noise */
    uint64_t seed;
    siren_datatype datatype; /* INT16, UINT16 or FLOAT32; integers are rounded and clamped */
    unsigned n_threads;      /* 0: one per processor */
} siren_phantom_options;

typedef struct {
    siren_geometry geometry; /* datatype and dimensions; the rest as for a new image without scaling */
    void *voxels;            /* (n_volumes, nz, ny, nx) of geometry.datatype */
    uint8_t *tissue;         /* (nz, ny, nx) siren_tissue */
    uint8_t *n_fibres;       /* (nz, ny, nx) fibre populations: 1 to 3 in white matter, 0 elsewhere */
    float *fa, *md; /* (nz, ny, nx) of the volume-weighted mean tensor, 0 outside the brain; md in mm^2/s */
    siren_diffusion_table gradients; /* volumes in the order of the shells; directions in image axes */
    double sigma;                    /* of the real and of the imaginary noise; 0: none */
} siren_phantom;

/* "0:5,1000:64" -> shells. `*shells` is yours to free(). USAGE names what is wrong. */
siren_status siren_shells_parse(const char *text, siren_shell **shells, size_t *n_shells);

/* USAGE where an option is out of its limits. `*out` is yours: siren_phantom_free(). Memory: the series in
 * its stored type plus 15 bytes per voxel of one volume. `progress` may be NULL; it
 * counts slices, first of the "anatomy", then of the "signals". */
siren_status siren_phantom_make(const siren_phantom_options *options, siren_progress_fn progress, void *user,
                                siren_phantom *out);
/* Of one volume for each of the shells' volumes and echo times; USAGE where an option is out of its limits. */
siren_status siren_phantom_volumes(const siren_phantom_options *options, size_t *n_volumes);
/* b-values and directions of these volumes. `*out` is yours: free() both arrays. */
siren_status siren_phantom_gradients(const siren_phantom_options *options, siren_diffusion_table *out);
/* Releases what the phantom holds. NULL is allowed. */
void siren_phantom_free(siren_phantom *phantom);

/* `n` unit vectors spread over the half sphere z >= 0: a spiral, relaxed by the repulsion of antipodal pairs
 * of charges (Jones et al. 1999). `turn` rotates the start, so that shells do not share directions. */
void siren_directions(size_t n, size_t turn, double (*out)[3]);

#endif
