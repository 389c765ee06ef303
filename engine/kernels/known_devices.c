#define _GNU_SOURCE
#include "engine/kernels/known_devices.h"

#include <string.h>

const siren_known_device siren_known_devices[] = {
    /* CPUs under PoCL: docs/performance.md; of the Xeons the speed alone, with an earlier state of the kernels. */
    {SIREN_FAMILY_CHAIN, "", "AMD EPYC", 16, {.lanes = 16, .block_rows = 96}, true},
    {SIREN_FAMILY_CHAIN, "", "Xeon", 16, {.lanes = 16, .block_rows = 96}, true},
    /* docs/benchmarks/nvidia-h200.md */
    {SIREN_FAMILY_LAYER,
     "NVIDIA",
     "H200",
     0,
     {.items_m = 16, .items_n = 16, .quads_m = 2, .quads_n = 2, .slab = 8},
     true},
    /* 8 x 8 results, an item: 64 registers of 255 on NVIDIA and 256 on AMD; Intel has 128 of 32 bytes for 8 or 16
     * items, so that its groups are small. */
    {SIREN_FAMILY_LAYER,
     "NVIDIA",
     "",
     0,
     {.items_m = 16, .items_n = 16, .quads_m = 2, .quads_n = 2, .slab = 8},
     false},
    {SIREN_FAMILY_LAYER,
     "Advanced Micro Devices",
     "",
     0,
     {.items_m = 16, .items_n = 16, .quads_m = 2, .quads_n = 2, .slab = 8},
     false},
    {SIREN_FAMILY_LAYER,
     "Intel",
     "Graphics",
     0,
     {.items_m = 8, .items_n = 8, .quads_m = 2, .quads_n = 2, .slab = 8},
     false},
};
const size_t siren_n_known_devices = sizeof siren_known_devices / sizeof *siren_known_devices;

const siren_known_device *siren_known_device_of(const siren_device_facts *facts) {
    for (size_t i = 0; i < siren_n_known_devices; i++) {
        const siren_known_device *known = &siren_known_devices[i];
        if (known->family == facts->family && facts->vector_width >= known->vector_width &&
            strcasestr(facts->vendor, known->vendor) && strcasestr(facts->name, known->name))
            return known;
    }
    return NULL;
}
