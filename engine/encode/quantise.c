#include "engine/encode/quantise.h"

#include "engine/decode/decode.h"
#include "engine/encode/rounding.h"

#include <math.h>

/* Mean squared error of the exact decode over the targets that are data; infinity where it is not finite. */
static siren_status decoded_error(const siren_network *network, const float *params, size_t n_points,
                                  const float *coordinates, const siren_target_source *targets, size_t nth,
                                  double *mse) {
    enum { CHUNK = 1024 };
    size_t n_outputs = siren_network_n_outputs(network), n_data = 0;
    double sum = 0;
    SIREN_FREE_AT_END float *y = NULL, *wanted = NULL;
    SIREN_TRY(siren_allocate(&y, CHUNK * n_outputs, sizeof *y, "some decoded points"));
    SIREN_TRY(siren_allocate(&wanted, CHUNK * n_outputs, sizeof *wanted, "some targets"));
    for (size_t first = 0; first < n_points; first += CHUNK) {
        size_t n = n_points - first < CHUNK ? n_points - first : CHUNK;
        SIREN_TRY(siren_decode_host(network, network->n_layers, params, n,
                                    coordinates + first * network->n_inputs, y));
        SIREN_TRY(targets->read(targets->user, nth, first, n, n_outputs, wanted));
        for (size_t i = 0; i < n * n_outputs; i++) {
            if (isnan(wanted[i])) continue;
            double difference = (double)y[i] - (double)wanted[i];
            sum += difference * difference;
            n_data++;
        }
    }
    sum /= n_data > 0 ? (double)n_data : 1.0;
    *mse = isfinite(sum) ? sum : INFINITY;
    return SIREN_OK;
}

siren_status siren_quantise(const siren_network *network, siren_weight_form form, const float *params,
                            size_t n_points, const float *coordinates, const siren_target_source *targets,
                            size_t nth, uint8_t **bytes, size_t *n_bytes) {
    SIREN_AT_END(siren_rounded_free) siren_rounded plain = {0}, fitted = {0};
    SIREN_FREE_AT_END float *decoded = NULL;
    SIREN_FREE_AT_END uint8_t *made = NULL;
    size_t n_params = siren_network_n_params(network), n_made = siren_quantised_bytes(network, form.bits);
    SIREN_TRY(siren_weights_check(form.bits));
    for (size_t i = 0; i < n_params; i++)
        if (!isfinite(params[i]))
            return siren_fail(SIREN_USAGE, "parameter %zu of %zu is not finite; train with a lower rate", i,
                              n_params);
    SIREN_TRY(siren_allocate(&made, n_made, 1, "the quantised parameters"));
    if (form.bits == SIREN_FLOAT32_WEIGHTS) {
        SIREN_TRY(siren_float32_write(params, n_params, made));
    } else {
        siren_rounding_options options = siren_rounding_defaults();
        double plain_error, fitted_error;
        SIREN_TRY(siren_allocate(&decoded, n_params, sizeof *decoded, "the rounded parameters"));
        SIREN_TRY(siren_rounded_create(network, &plain));
        SIREN_TRY(siren_rounded_create(network, &fitted));
        siren_round_nearest(network, form, params, &plain);
        siren_rounded_params(network, &plain, decoded);
        SIREN_TRY(decoded_error(network, decoded, n_points, coordinates, targets, nth, &plain_error));
        SIREN_TRY(siren_round_fitted(network, form, &options, params, n_points, coordinates, targets, nth,
                                     &fitted));
        siren_rounded_params(network, &fitted, decoded);
        SIREN_TRY(decoded_error(network, decoded, n_points, coordinates, targets, nth, &fitted_error));
        SIREN_TRY(
            siren_rounded_write(network, form.bits, fitted_error < plain_error ? &fitted : &plain, made));
    }
    *bytes = SIREN_TAKE(made);
    *n_bytes = n_made;
    return SIREN_OK;
}
