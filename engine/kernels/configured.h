/* Which configuration of its kernel family a device uses for a network (docs/performance.md): what siren_tune_load()
 * found in the user's cache, else the default of the family. What is measured to choose one stands in
 * engine/care/tune.h. */
#ifndef SIREN_ENGINE_KERNELS_CONFIGURED_H
#define SIREN_ENGINE_KERNELS_CONFIGURED_H

#include "engine/model/network.h"
#include "host/opencl/device_configuration.h"

/* What is measured for a shape, and up to which width of the hidden layers it stands. */
typedef struct {
    const char *name;
    uint32_t widest; /* of its networks */
    uint32_t width;  /* of the network measured: siren-2d, 3 hidden layers, 69 outputs */
    uint32_t side;   /* of its square block of points */
} siren_width_plan;
extern const siren_width_plan siren_width_plans[SIREN_N_WIDTH_CLASSES];

siren_width_class siren_width_class_of(const siren_network *network);
/* What kernels for networks of a shape, or for `network`, are built with on the device. */
siren_configuration siren_configuration_of_width(const siren_device *device, siren_width_class shape);
siren_configuration siren_configuration_of(const siren_device *device, const siren_network *network);
/* What they would be built with if nothing had been measured. */
siren_configuration siren_configuration_default(const siren_device *device);
bool siren_configuration_equal(const siren_configuration *a, const siren_configuration *b);
/* "lanes 16, block_rows 96" into `out`. Returns `out`. */
#define SIREN_CONFIGURATION_CHARS 96
char *siren_configuration_text(const siren_configuration *configuration, char out[SIREN_CONFIGURATION_CHARS]);

/* Which kernels train the network: "chain", "layer", "layer, tf32" or "layer, clblast 2". Returns `out`. */
#define SIREN_KERNELS_CHARS 32
char *siren_kernels_text(const siren_device *device, const siren_network *network,
                         char out[SIREN_KERNELS_CHARS]);

/* The register and local-memory tile of a product (cl/product.cl). */
typedef struct {
    size_t items;          /* work-items of a group */
    size_t tile_m, tile_n; /* rows and columns of results of a group */
    char options[160];     /* build options of layer.cl and layer_gradient.cl */
} siren_layer_tile;

/* Whether the device can run the layer family with this tile for blocks of `block_rows` points; fills `out` then. */
bool siren_layer_tile_fits(const siren_device *device, const siren_configuration *configuration,
                           size_t block_rows, siren_layer_tile *out);
/* The tiles that the device may fall back to, from large to small, the one that it is known to like first: their
 * number, at least 1. */
#define SIREN_MOST_LAYER_DEFAULTS 8
size_t siren_layer_defaults(const siren_device *device, siren_configuration out[SIREN_MOST_LAYER_DEFAULTS]);

/* UNSUPPORTED, with a way out, where the device's driver ends the loops of a work-item before so many passes
 * (loop_limit of its facts), as kernels for the network need. */
siren_status siren_loops_fit(const siren_device *device, const siren_network *network, size_t passes);

#endif
