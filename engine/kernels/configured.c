#include "engine/kernels/configured.h"

#include "cl/knobs.h"
#include "engine/kernels/known_devices.h"
#include "host/opencl/gemm.h"

#include <stdio.h>
#include <string.h>

const siren_width_plan siren_width_plans[SIREN_N_WIDTH_CLASSES] = {
    {"narrow", 96, 64, 96}, {"medium", 384, 256, 96}, {"wide", SIREN_MAX_WIDTH, 512, 72}};

bool siren_configuration_equal(const siren_configuration *a, const siren_configuration *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- the layer family's tile ---- */

#define TILE(items_m, items_n, quads_m, quads_n, slab) {0, 0, items_m, items_n, quads_m, quads_n, slab, 0},
static const siren_configuration defaults[] = {SIREN_LAYER_DEFAULTS(TILE)};
#define N_DEFAULTS (sizeof defaults / sizeof *defaults)
_Static_assert(N_DEFAULTS < SIREN_MOST_LAYER_DEFAULTS, "raise SIREN_MOST_LAYER_DEFAULTS");

bool siren_layer_tile_fits(const siren_device *device, const siren_configuration *c, size_t block_rows,
                           siren_layer_tile *out) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    size_t items = c->items_m * c->items_n;
    size_t tile_m = c->items_m * c->quads_m * 4, tile_n = c->items_n * c->quads_n * 4;
    /* Two slabs of both factors, their lines a quad longer; and a float per work-item in layer_output, or the lanes and
     * sums of layer_first_gradient, which has no slabs. */
    size_t slabs = 2 * c->slab * (tile_m + 4 + tile_n + 4) + items, lanes = 4 * items + 64;
    if (items > facts->max_work_group || (slabs > lanes ? slabs : lanes) * sizeof(float) > facts->local_bytes)
        return false;
    *out = (siren_layer_tile){.items = items, .tile_m = tile_m, .tile_n = tile_n};
    snprintf(out->options, sizeof out->options,
             "-D SIREN_ITEMS_M=%u -D SIREN_ITEMS_N=%u -D SIREN_QUADS_M=%u -D SIREN_QUADS_N=%u -D "
             "SIREN_SLAB=%u -D SIREN_BLOCK_ROWS=%zu",
             (unsigned)c->items_m, (unsigned)c->items_n, (unsigned)c->quads_m, (unsigned)c->quads_n,
             (unsigned)c->slab, block_rows);
    return true;
}

size_t siren_layer_defaults(const siren_device *device, siren_configuration out[SIREN_MOST_LAYER_DEFAULTS]) {
    const siren_known_device *known = siren_known_device_of(siren_device_get_facts(device));
    siren_layer_tile tile = {0}, liked = {.tile_m = SIZE_MAX, .tile_n = 1};
    size_t n = 0;
    if (known && known->family == SIREN_FAMILY_LAYER && /* CPUs are known for CLBlast's products, too */
        siren_layer_tile_fits(device, &known->configuration, SIREN_LAYER_BLOCK_ROWS, &liked))
        out[n++] = known->configuration;
    for (size_t i = 0; i < N_DEFAULTS; i++) {
        bool fits = siren_layer_tile_fits(device, &defaults[i], SIREN_LAYER_BLOCK_ROWS, &tile);
        bool smaller = n == 0 || tile.tile_m * tile.tile_n < liked.tile_m * liked.tile_n;
        if ((fits && smaller) || (n == 0 && i + 1 == N_DEFAULTS)) out[n++] = defaults[i];
    }
    return n;
}

siren_status siren_loops_fit(const siren_device *device, const siren_network *network, size_t passes) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    if (facts->loop_limit == 0 || passes < facts->loop_limit) return SIREN_OK;
    return siren_fail(
        SIREN_UNSUPPORTED,
        "the driver of the device %s ends loops after %llu passes, and a network of %zu output%s "
        "takes %zu: choose another --device",
        facts->name, (unsigned long long)facts->loop_limit, (size_t)siren_network_n_outputs(network),
        siren_plural(siren_network_n_outputs(network)), passes);
}

/* ---- which a device uses ---- */

siren_width_class siren_width_class_of(const siren_network *network) {
    uint32_t widest = 0, shape = 0;
    for (uint32_t l = 0; l + 1 < network->n_layers; l++)
        if (network->layers[l].width > widest) widest = network->layers[l].width;
    while (shape + 1 < SIREN_N_WIDTH_CLASSES && widest > siren_width_plans[shape].widest) shape++;
    return (siren_width_class)shape;
}

siren_configuration siren_configuration_default(const siren_device *device) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    if (facts->family == SIREN_FAMILY_CHAIN) {
        const siren_known_device *known = siren_known_device_of(facts);
        if (known) return known->configuration;
        return (siren_configuration){.lanes = facts->vector_width >= 16 ? 16 : 8, .block_rows = 96};
    }
    siren_configuration usual[SIREN_MOST_LAYER_DEFAULTS];
    siren_layer_defaults(device, usual);
    return usual[0];
}

/* The set that CLBlast is to multiply with, or 0. */
static unsigned clblast_set(const siren_device *device, unsigned tuned) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    if (facts->gemm == SIREN_GEMM_OWN || facts->matrix_units != SIREN_MATRIX_OFF) return 0;
    if (facts->gemm == SIREN_GEMM_AUTO || tuned != 0) return tuned;
    return siren_gemm_default(device);
}

siren_configuration siren_configuration_of_width(const siren_device *device, siren_width_class shape) {
    static const siren_configuration none;
    siren_configuration configured = siren_device_configuration(device, shape);
    unsigned tuned = configured.clblast;
    configured.clblast = 0;
    if (siren_configuration_equal(&configured, &none)) configured = siren_configuration_default(device);
    configured.clblast = clblast_set(device, tuned);
    return configured;
}

siren_configuration siren_configuration_of(const siren_device *device, const siren_network *network) {
    return siren_configuration_of_width(device, siren_width_class_of(network));
}

char *siren_kernels_text(const siren_device *device, const siren_network *network,
                         char out[SIREN_KERNELS_CHARS]) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    unsigned clblast = siren_configuration_of(device, network).clblast;
    if (clblast)
        snprintf(out, SIREN_KERNELS_CHARS, "layer, clblast %u", clblast);
    else
        snprintf(out, SIREN_KERNELS_CHARS, "%s%s", siren_family_name(facts->family),
                 facts->matrix_units == SIREN_MATRIX_OFF ? "" : ", tf32");
    return out;
}
