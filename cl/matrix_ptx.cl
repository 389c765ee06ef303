/* The layer family in training, its products by NVIDIA's matrix units. */
#define SIREN_MATRIX_PTX
#include "matrix_check.cl"
