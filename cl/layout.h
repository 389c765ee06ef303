/* Where things lie in a network's parameter array; included by C and by OpenCL C alike.
 *
 * Parameters of one network are one flat float array. Layer l holds its weights W as (out_padded, in_padded), row major,
 * then its bias (out_padded). Widths are padded to SIREN_PAD with zeros that training keeps zero: a padded unit has zero
 * weights in and out, so its gradient vanishes. The exchange order (archive, PyTorch) is the same without padding. */
#ifndef SIREN_CL_LAYOUT_H
#define SIREN_CL_LAYOUT_H

#define SIREN_PAD 16
#define SIREN_PADDED(n) (((n) + SIREN_PAD - 1) / SIREN_PAD * SIREN_PAD)

/* One row of the layer table, an int array (n_layers, SIREN_LAYER_FIELDS) that every kernel reads. */
#define SIREN_LAYER_IN 0         /* inputs */
#define SIREN_LAYER_OUT 1        /* outputs */
#define SIREN_LAYER_IN_PADDED 2
#define SIREN_LAYER_OUT_PADDED 3
#define SIREN_LAYER_WEIGHTS 4    /* offset of W in the flat array, a multiple of SIREN_PAD */
#define SIREN_LAYER_BIAS 5       /* offset of the bias */
#define SIREN_LAYER_ACTIVATION 6 /* SIREN_IDENTITY ... */
#define SIREN_LAYER_PANELS 7     /* offset of W transposed into panels, in the panel array (chain family) */
#define SIREN_LAYER_FIELDS 8

#define SIREN_IDENTITY 0
#define SIREN_SINE 1
#define SIREN_RELU 2
#define SIREN_TANH 3

#endif
