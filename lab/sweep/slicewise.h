/* Figures of every slice of an archive, whatever its blocks are: how models of volumes and patches compare
 * with those of slices (docs/metrics.md). */
#ifndef SIREN_LAB_SWEEP_SLICEWISE_H
#define SIREN_LAB_SWEEP_SLICEWISE_H

#include "engine/encode/fidelity.h"
#include "engine/calls.h"
#include "formats/series.h"

/* Both forms are those of siren_fidelity_slice(), of the network's outputs before they are rounded to stored
 * values. A volume that is constant in the slice has no range there: errors in it are in units of its largest
 * range in any slice of the archive (in stored units where it has none). */
typedef struct {
    size_t z;                                       /* of the original series */
    bool constant;                                  /* every volume is, in this slice */
    siren_fidelity honest, published;               /* of all points */
    siren_fidelity honest_masked, published_masked; /* of those inside the mask; n is 0 without one */
} siren_slice_fidelity;

/* Decodes each block of `archive` once and compares it with `series`, from which it was made. `mask` (nz, ny,
 * nx) may be NULL. `device` NULL decodes on the host. Beside the decoder it holds one slice, or one layer of
 * patches, of targets and outputs in float32: UNSUPPORTED where these need more than `memory_limit` bytes.
 * USAGE for a series of another shape or type; CORRUPT and INTEGRITY as siren_verify_file(). `*slices` (n_slices)
 * are those of the archive, ascending; yours to free(). */
siren_status siren_slicewise(siren_device *device, const char *archive, const siren_series *series,
                             const uint8_t *mask, size_t memory_limit, siren_progress_fn progress, void *user,
                             siren_slice_fidelity **slices, size_t *n_slices);

#endif
