/* libFuzzer: decodes any bytes as a block of predictive coding. The first four choose the plan, and whether what follows is a context
 * network first, with its length in front; what comes out does not matter, but that it comes within the plan's memory and time, and the
 * same again. */
#include "engine/predictive/predictive.h"
#include "formats/series.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const siren_datatype types[] = {SIREN_UINT8,   SIREN_INT8,   SIREN_INT16, SIREN_UINT16,
                                           SIREN_INT32,   SIREN_UINT32, SIREN_INT64, SIREN_UINT64,
                                           SIREN_FLOAT32, SIREN_FLOAT64};
    uint8_t inside[16 * 16];
    if (size < 4) return 0;
    siren_predictive_plan plan = {types[data[0] % 10],
                                  1 + data[1] % 16u,
                                  1 + data[1] / 16u,
                                  1,
                                  1 + (size_t)data[2] % 12,
                                  NULL,
                                  0,
                                  NULL};
    const bool plan_of_network = data[3] / 4 % 4 == 3;
    if (data[3] % 4 == 0) {
        for (size_t i = 0; i < sizeof inside; i++) inside[i] = i * (data[3] | 1u) % 7 > 1;
        plan.inside = inside;
    }
    siren_context_network network;
    data += 4, size -= 4;
    if (plan_of_network && size >= 2) {
        size_t n_network = data[0] | (size_t)data[1] << 8;
        data += 2, size -= 2;
        n_network = n_network < size ? n_network : size;
        if (siren_context_decode("network", SIREN_CONTEXT_OF_VOXELS, data, n_network, &network) != SIREN_OK)
            return 0;
        plan.network = &network;
        data += n_network, size -= n_network;
    }
    size_t n = plan.nx * plan.ny * plan.n_volumes * siren_datatype_size(plan.datatype);
    uint8_t *voxels[2] = {calloc(n, 1), calloc(n, 1)};
    siren_status status[2];
    for (int run = 0; run < 2; run++)
        status[run] = siren_predictive_decode(&plan, "block", data, size, voxels[run]);
    if (status[0] != status[1] || memcmp(voxels[0], voxels[1], n) != 0) abort();
    free(voxels[0]), free(voxels[1]);
    return 0;
}
