/* Training by matrix units (docs/matrix-units.md): the layer family's products with operands rounded to tf32, sums and
 * parameters in single precision. Decoding never uses them. */
#ifndef SIREN_ENGINE_KERNELS_MATRIX_UNITS_H
#define SIREN_ENGINE_KERNELS_MATRIX_UNITS_H

#include "host/opencl/device.h"

/* The source file with the layer family's kernels for `units`, or NULL for SIREN_MATRIX_OFF. */
const char *siren_matrix_file(siren_matrix_units units);

/* Builds the kernels for `units` on the device and compares their products with plain C. DEVICE when they do not build,
 * do not run or compute wrongly. */
siren_status siren_matrix_check(siren_device *device, siren_matrix_units units);

#endif
