/* libFuzzer: any bytes as the unpacked record of a small network's block, in the weights and datatypes that the first two choose.
 * What is accepted has finite parameters. */
#include "engine/archive/parameters.h"
#include "engine/archive/record.h"

#include <math.h>
#include <stdlib.h>

#define N_VOLUMES 3
#define N_POINTS 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const siren_datatype types[] = {SIREN_UINT8, SIREN_INT16, SIREN_FLOAT32, SIREN_FLOAT64,
                                           SIREN_INT64};
    static const unsigned bits[] = {SIREN_FLOAT32_WEIGHTS, 6, 8, 11, 12};
    siren_scaling scaling[N_VOLUMES];
    siren_record record;
    if (size < 2) return 0;
    siren_layout layout = {
        .geometry =
            {.datatype = types[data[0] % 5], .nx = 5, .ny = 4, .nz = 1, .n_volumes = N_VOLUMES, .slope = 1},
        .weight_bits = bits[data[1] % 5],
        .any_network = true};
    if (siren_network_from_model("siren-2d", 2, 5, N_VOLUMES, 30, &layout.network) != SIREN_OK) abort();
    const size_t n_params = siren_network_n_params(&layout.network);
    float *params = malloc(n_params * sizeof *params);
    if (!params) abort();
    if (siren_record_read("fuzz", &layout, N_POINTS, data + 2, size - 2, &record) == SIREN_OK &&
        siren_record_unpack("fuzz", &layout, &record, scaling, params) == SIREN_OK && !record.constant)
        for (size_t i = 0; i < n_params; i++)
            if (!isfinite(params[i])) abort();
    free(params);
    return 0;
}
