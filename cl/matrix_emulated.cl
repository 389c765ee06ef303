/* The layer family in training, its products by matrix units that plain OpenCL C imitates. */
#define SIREN_MATRIX_EMULATED
#include "matrix_check.cl"
