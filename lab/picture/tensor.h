/* Diffusion tensors: eigenvectors, fractional anisotropy. */
#ifndef SIREN_LAB_PICTURE_TENSOR_H
#define SIREN_LAB_PICTURE_TENSOR_H

/* Elements in MRtrix3's order. */
enum {
    SIREN_TENSOR_XX,
    SIREN_TENSOR_YY,
    SIREN_TENSOR_ZZ,
    SIREN_TENSOR_XY,
    SIREN_TENSOR_XZ,
    SIREN_TENSOR_YZ,
    SIREN_TENSOR_ELEMENTS
};

typedef struct {
    double values[3];     /* from the largest to the least */
    double vectors[3][3]; /* of length 1: vectors[i] belongs to values[i] */
} siren_eigen;

/* By Jacobi's method. Elements must be finite. */
siren_eigen siren_tensor_eigen(const double elements[SIREN_TENSOR_ELEMENTS]);
/* sqrt(3/2) |values - mean| / |values|; 0 where all are 0. */
double siren_tensor_anisotropy(const siren_eigen *eigen);

#endif
