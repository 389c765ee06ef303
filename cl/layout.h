/* Where things lie in a network's parameter array; included by C and by OpenCL C alike.
 *
 * Parameters of one network are one flat float array. Layer l holds its weights W as (out_padded, in_padded), row
 * major, then its bias (out_padded). Widths are padded to SIREN_PAD with zeros that training keeps zero: a padded unit
 * has zero weights in and out, so its gradient vanishes. The exchange order (archive, PyTorch) is the same without
 * padding. */
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
#define SIREN_LAYER_PACKED 7     /* offset of the layer in an array of packed weights (chain family) */
#define SIREN_LAYER_FIELDS 8

/* Inputs of a first layer on coordinates whose gradients are summed at once. */
#define SIREN_FIRST_INPUTS 3

/* Both sides of W rounded to whole strips of 32: room for W or its transpose as strips. */
#define SIREN_WHOLE_STRIPS(n) (((n) + 31) / 32 * 32)

/* Training state of a network, a row of the float array (n_networks, SIREN_STATE_FIELDS). */
#define SIREN_STATE_SCALE 0     /* 1 / (number of targets that are data) */
#define SIREN_STATE_BEST_LOSS 1 /* lowest loss so far */
#define SIREN_STATE_IMPROVED 2  /* 1 where the current parameters gave the lowest loss */
#define SIREN_STATE_RATE 3      /* learning rate */
#define SIREN_STATE_FIELDS 4

/* Pieces of a round in the chain family (chain_piece), in order; backwards once for each layer. */
#define SIREN_PIECE_POINTS 0
#define SIREN_PIECE_FORWARD 1 /* each layer */
#define SIREN_PIECE_LOSS 2
#define SIREN_PIECE_WEIGHTS 3
#define SIREN_PIECE_BIAS 4
#define SIREN_PIECE_INPUTS 5
#define SIREN_PIECE_FIRST 6 /* weights and bias of the first layer */

/* Floats of a point with n features on the device: the features, two edges, and zeros up to whole lines of a cache. */
#define SIREN_POINT_PITCH(n) SIREN_PADDED((n) + 2)

/* A mixture of discretised logistics (cl/code_length.cl): outputs of a network are so many means, log scales and
 * weights. */
#define SIREN_MIXTURE 3
#define SIREN_MIXTURE_OUTPUTS (3 * SIREN_MIXTURE)
#define SIREN_LEAST_LOG_SCALE -7.0f
#define SIREN_MOST_LOG_SCALE 5.0f
#define SIREN_UNIFORM_SHARE 2e-4f /* of the probability, dealt evenly to all values that an integer may have */

/* Activations. */
#define SIREN_IDENTITY 0
#define SIREN_SINE 1
#define SIREN_RELU 2
#define SIREN_TANH 3
#define SIREN_LEAKY_RELU 4
#define SIREN_LEAK 0.125f /* its slope below 0: a power of two, so that the product is exact */

#endif
