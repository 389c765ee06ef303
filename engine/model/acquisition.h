/* Coordinates of volumes: what distinguishes them as acquisitions (echo time, b-value, direction ...), for networks
 * that learn one value of the coordinates of voxel and volume instead of one output for each volume
 * (docs/acquisition.md).
 *
 * A *sample* of a block is a point in a volume: sample s is point s / n of volume s mod n of n volumes, so that outputs
 * of samples lie in memory as those of points with n outputs do. It has one form, that of the archive's ACQUISITION
 * section (docs/archive-format.md, 7.17). */
#ifndef SIREN_ENGINE_MODEL_ACQUISITION_H
#define SIREN_ENGINE_MODEL_ACQUISITION_H

#include "engine/model/blocks.h"
#include "engine/model/network.h"

/* A view of a section. */
typedef struct {
    const uint8_t *section; /* (n_bytes), borrowed; NULL: volumes have no coordinates */
    size_t n_bytes;
    uint32_t n_axes;
    const uint8_t *names, *values;                                         /* in the section */
    double minimum[SIREN_MAX_ACQUISITION], maximum[SIREN_MAX_ACQUISITION]; /* of each axis */
} siren_acquisition;

/* Reads a table of tab-separated values: a header row with a name for each column, and a row for each of `n_volumes`.
 * SYSTEM where it cannot be read, CORRUPT naming row and column for what cannot be coordinates: another number of rows,
 * columns without a name or with one twice, values that are no finite numbers, a column that is the same in all
 * volumes. `*section` is yours to free(). */
siren_status siren_acquisition_read(const char *path, size_t n_volumes, uint8_t **section, size_t *n_bytes);
/* The same of a table in memory, (n_text) bytes; `name` names it. */
siren_status siren_acquisition_parse(const char *name, const void *text, size_t n_text, size_t n_volumes,
                                     uint8_t **section, size_t *n_bytes);
/* Checks the section of an archive of `n_volumes`. CORRUPT otherwise; `name` names the archive. */
siren_status siren_acquisition_view(const char *name, size_t n_volumes, const uint8_t *section,
                                    size_t n_bytes, siren_acquisition *out);

/* The name of an axis into `out`, which it returns. */
#define SIREN_ACQUISITION_NAME 33 /* with its end */
char *siren_acquisition_name(const siren_acquisition *acquisition, uint32_t axis,
                             char out[SIREN_ACQUISITION_NAME]);
/* The table's value of a volume. */
double siren_acquisition_value(const siren_acquisition *acquisition, size_t volume, uint32_t axis);

/* How many samples a point has in `n_volumes`: these, or one where volumes are outputs. */
static inline size_t siren_samples_of_point(const siren_acquisition *acquisition, size_t n_volumes) {
    return acquisition->section ? n_volumes : 1;
}
/* Coordinates (n, n_inputs) of samples first ... first + n - 1 of a block in `volumes`: those of the voxel as
 * siren_block_coordinates() has them, then 2 (v - minimum) / (maximum - minimum) - 1 of each axis, in double precision
 * in this order of operations and rounded to float32. Without coordinates of volumes, those of points. */
void siren_sample_coordinates(const siren_block *block, const siren_acquisition *acquisition,
                              siren_span volumes, uint32_t n_inputs, size_t first, size_t n,
                              float *coordinates);

#endif
