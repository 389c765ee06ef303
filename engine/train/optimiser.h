/* First-order (and, one day, other) methods that turn a gradient into a step; a trainer holds one behind this
 * interface. */
#ifndef SIREN_ENGINE_TRAIN_OPTIMISER_H
#define SIREN_ENGINE_TRAIN_OPTIMISER_H

#include "engine/calls.h"
#include "engine/model/network.h"
#include "host/opencl/launch.h"

typedef struct siren_optimiser siren_optimiser;
struct siren_optimiser {
    /* Forgets its history: the next step is the first. */
    siren_status (*restart)(siren_optimiser *optimiser);
    /* One step of all networks, enqueued. `params`: (n_networks, n_padded) in/out; `partial_gradients`: (n_networks,
     * n_parts, n_padded) as engine/train/gradient gives them; `state`: (n_networks, SIREN_STATE_FIELDS), whose scale
     * and learning rate it takes, the latter times `factor` (engine/train/schedule.h). */
    siren_status (*step)(siren_optimiser *optimiser, siren_buffer *params,
                         const siren_buffer *partial_gradients, size_t n_parts, const siren_buffer *state,
                         float factor);
    /* One network less from now on, until restart(): the last one's history takes the place of network `ended`'s. */
    siren_status (*leave)(siren_optimiser *optimiser, size_t ended);
    void (*free)(siren_optimiser *optimiser);
    size_t n_bytes; /* of device memory that it holds */
};

#define SIREN_ADAM_BETA1 0.9f
#define SIREN_ADAM_BETA2 0.999f
#define SIREN_ADAM_EPSILON 1e-8f

/* Adam's constants; those above with .rate = 3e-4f are the published setting (2-D).
 * The trainer puts `rate` into the state of each network that is given no rate of its own. */
typedef struct {
    float rate, beta1, beta2, epsilon;
} siren_adam_options;

/* `*out` is yours: (*out)->free(*out). */
siren_status siren_adam_create(siren_device *device, const siren_network *network, size_t n_networks,
                               const siren_adam_options *options, siren_optimiser **out);

#define SIREN_SOAP_BETA2 0.9f    /* of the second moments, and of the factors; all else is Adam's */
#define SIREN_SOAP_REFRESH 10    /* steps from one turn of the bases to the next */
#define SIREN_SOAP_FIRST_TURNS 4 /* from the axes to the bases of the first gradient */

/* What the settings leave open, filled in; the rate is theirs. */
siren_adam_options siren_adam_options_of(const siren_settings *settings);
size_t siren_soap_refresh_of(const siren_settings *settings);

/* SOAP (docs/fitting.md): Adam in the eigenbasis of Shampoo's two factors of each layer, its bias a further column. The
 * first step makes the bases and moves nothing. UNSUPPORTED where the device's driver ends loops early. `*out` is
 * yours:
 * (*out)->free(*out). */
siren_status siren_soap_create(siren_device *device, const siren_network *network, size_t n_networks,
                               const siren_adam_options *options, size_t refresh, siren_optimiser **out);

/* Operations of all matrix products of one block's training over settings->epochs steps: siren_network_step_flops() of
 * the points that a step sees, and of SOAP its six products a step for each side of a layer's gradient, and what turns
 * of the bases take. Work that is not products (activations, loss, Adam) is not counted. */
double siren_training_flops(const siren_network *network, const siren_settings *settings, size_t n_points);

/* For tests: what SOAP holds of a network, an arena of cl/soap_layout.h; n_bytes / n_networks bytes. */
siren_status siren_soap_read(siren_optimiser *optimiser, size_t network, float *arena);

static inline void siren_optimiser_free_at(siren_optimiser **optimiser) {
    if (*optimiser) (*optimiser)->free(*optimiser);
}

#endif
