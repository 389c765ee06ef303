/* SOAP's tables, and where its arrays lie; included by C and by OpenCL C alike. An arena is SIREN_SOAP_ARRAYS arrays of
 * n_values floats, each with the layers' matrices (rows, columns) one after another, then for each side of a layer that
 * has a factor S, Q, Q's transpose and P = S Q, (pitch, pitch) each. */
#ifndef SIREN_CL_SOAP_LAYOUT_H
#define SIREN_CL_SOAP_LAYOUT_H

/* Sides of more values have no factor: their basis is the axes. All inputs have one. */
#define SIREN_SOAP_MOST_SIDE 1025

#define SIREN_SOAP_ITEM_ROWS 32 /* of a product that a work-item makes */

/* Arrays of an arena; X and its transpose are the first two. */
#define SIREN_SOAP_ARRAY_X 0
#define SIREN_SOAP_ARRAY_TRANSPOSED 1
#define SIREN_SOAP_ARRAY_M 2 /* L^T M R: the mean of X in the bases */
#define SIREN_SOAP_ARRAY_V 3 /* mean of Y^2 */
#define SIREN_SOAP_ARRAY_T 4 /* half of a rotation: X R */
#define SIREN_SOAP_ARRAY_Y 5 /* L^T X R */
#define SIREN_SOAP_ARRAYS 6

/* A layer. */
#define SIREN_SOAP_X 0 /* its place in each array */
#define SIREN_SOAP_IN 1
#define SIREN_SOAP_OUT 2
#define SIREN_SOAP_WEIGHTS 3 /* of cl/layout.h */
#define SIREN_SOAP_BIAS 4
#define SIREN_SOAP_LAYER_FIELDS 5

/* A product of two matrices of an arena. */
#define SIREN_SOAP_KIND 0
#define SIREN_SOAP_ROWS 1    /* of A and C, a multiple of SIREN_PAD */
#define SIREN_SOAP_COLUMNS 2 /* of B and C, and their pitch, a multiple of SIREN_PAD */
#define SIREN_SOAP_N_K 3
#define SIREN_SOAP_A 4     /* offset; element (i, k) is at i a_row + k a_k */
#define SIREN_SOAP_A_ROW 5
#define SIREN_SOAP_A_K 6
#define SIREN_SOAP_B 7
#define SIREN_SOAP_C 8       /* offset; inputs of the layer where the product goes to the parameters: */
#define SIREN_SOAP_OUTPUTS 9 /* rows that it has, */
#define SIREN_SOAP_TO_WEIGHTS 10
#define SIREN_SOAP_TO_BIAS 11
#define SIREN_SOAP_JOB_FIELDS 12

/* Kinds. */
#define SIREN_SOAP_STORE 0
#define SIREN_SOAP_MEAN 1
#define SIREN_SOAP_APPLY 2

/* A side of a layer that has a factor. */
#define SIREN_SOAP_S 0
#define SIREN_SOAP_SIDE 1 /* n */
#define SIREN_SOAP_SIDE_FIELDS 2

#endif
