#include "engine/train/optimiser.h"

#include "cl/soap_layout.h"
#include "engine/train/sampler.h"

siren_adam_options siren_adam_options_of(const siren_settings *settings) {
    bool soap = settings->optimiser == SIREN_OPTIMISER_SOAP;
    return (siren_adam_options){.rate = settings->rate,
                                .beta1 = settings->beta1 > 0 ? settings->beta1 : SIREN_ADAM_BETA1,
                                .beta2 = settings->beta2 > 0 ? settings->beta2
                                         : soap              ? SIREN_SOAP_BETA2
                                                             : SIREN_ADAM_BETA2,
                                .epsilon = SIREN_ADAM_EPSILON};
}

size_t siren_soap_refresh_of(const siren_settings *settings) {
    return settings->refresh ? settings->refresh : SIREN_SOAP_REFRESH;
}

/* A side of n values of a gradient with `others` on its other side: its factor's mean, into the basis and back of it;
 * and in a turn S Q, reflections (4/3 n^3) and the basis that they make (as many), and the mean M out of the old basis
 * and into the new. */
static double side_flops(double n, double others, double refresh) {
    const double product = 2 * n * n * others;
    return 3 * product + (2 * n * n * n + 8 * n * n * n / 3 + 2 * product) / refresh;
}

static double soap_step_flops(const siren_network *network, size_t refresh) {
    double sum = 0;
    for (uint32_t l = 0; l < network->n_layers; l++) {
        const double out = network->layers[l].width, in = siren_network_layer_inputs(network, l) + 1.0;
        sum += side_flops(in, out, (double)refresh);
        if (out <= SIREN_SOAP_MOST_SIDE) sum += side_flops(out, in, (double)refresh);
    }
    return sum;
}

double siren_training_flops(const siren_network *network, const siren_settings *settings, size_t n_points) {
    double step = siren_network_step_flops(network, siren_points_of_step(settings, n_points));
    if (settings->optimiser == SIREN_OPTIMISER_SOAP)
        step += soap_step_flops(network, siren_soap_refresh_of(settings));
    return step * (double)settings->epochs;
}
