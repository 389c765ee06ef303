#include "engine/care/tune.h"

#include "cl/knobs.h"
#include "engine/care/bench.h"
#include "engine/care/device_cache.h"
#include "engine/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which there are ---- */

#define CHAIN(lanes_, rows) {.lanes = (lanes_), .block_rows = (rows)},
#define LAYER(im, in, qm, qn, slab_) {0, 0, im, in, qm, qn, slab_, 0},
#define CLBLAST(set) {.clblast = (set)},
static const siren_configuration chain_candidates[] = {SIREN_CHAIN_CANDIDATES(CHAIN)
                                                           SIREN_CHAIN_CLBLAST_CANDIDATES(CLBLAST)};
static const siren_configuration layer_candidates[] = {SIREN_LAYER_CANDIDATES(LAYER)
                                                           SIREN_LAYER_CLBLAST_CANDIDATES(CLBLAST)};

const siren_configuration *siren_tune_candidates(siren_family family, size_t *n) {
    bool chain = family == SIREN_FAMILY_CHAIN;
    *n = chain ? sizeof chain_candidates / sizeof *chain_candidates
               : sizeof layer_candidates / sizeof *layer_candidates;
    return chain ? chain_candidates : layer_candidates;
}

/* Names of the fields in messages and in the cache, and the families that have them. */
#define OF_CHAIN (1u << SIREN_FAMILY_CHAIN)
#define OF_LAYER (1u << SIREN_FAMILY_LAYER)
static const struct {
    const char *name;
    size_t offset;
    unsigned families;
} fields[] = {{"lanes", offsetof(siren_configuration, lanes), OF_CHAIN},
              {"block_rows", offsetof(siren_configuration, block_rows), OF_CHAIN},
              {"items_m", offsetof(siren_configuration, items_m), OF_LAYER},
              {"items_n", offsetof(siren_configuration, items_n), OF_LAYER},
              {"quads_m", offsetof(siren_configuration, quads_m), OF_LAYER},
              {"quads_n", offsetof(siren_configuration, quads_n), OF_LAYER},
              {"slab", offsetof(siren_configuration, slab), OF_LAYER},
              {"clblast", offsetof(siren_configuration, clblast), OF_CHAIN | OF_LAYER}};
#define N_FIELDS (sizeof fields / sizeof *fields)

static uint32_t *field_of(siren_configuration *configuration, size_t i) {
    return (uint32_t *)((char *)configuration + fields[i].offset);
}

char *siren_configuration_text(const siren_configuration *configuration,
                               char out[SIREN_CONFIGURATION_CHARS]) {
    siren_configuration copy = *configuration;
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < N_FIELDS; i++)
        if (*field_of(&copy, i) != 0)
            used += (size_t)snprintf(out + used, SIREN_CONFIGURATION_CHARS - used, "%s%s %u",
                                     used ? ", " : "", fields[i].name, (unsigned)*field_of(&copy, i));
    return out;
}

/* ---- measuring ---- */

siren_status siren_tune_probe(siren_device *device, const siren_configuration *candidate, bool verified,
                              double seconds[SIREN_N_WIDTH_CLASSES]) {
    double measured[SIREN_N_WIDTH_CLASSES];
    size_t units = siren_device_get_facts(device)->compute_units, n_networks = units < 32    ? 1
                                                                               : units < 256 ? units / 16
                                                                                             : 16;
    for (int shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
        siren_device_configure(device, (siren_width_class)shape, candidate);
    if (!verified) SIREN_TRY(siren_selftest(device, NULL, NULL));
    for (int shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) {
        const siren_width_plan *plan = &siren_width_plans[shape];
        const siren_block block = {.nx = plan->side, .ny = plan->side, .nz = 1};
        siren_network network;
        SIREN_TRY(siren_network_from_model("siren-2d", 3, plan->width, 69, 30.0f, &network));
        SIREN_TRY(siren_bench_least_step(device, &network, n_networks, &block, &measured[shape]));
    }
    memcpy(seconds, measured, sizeof measured);
    return SIREN_OK;
}

/* ---- the cache ---- */

#define CACHE_KIND "tune"

siren_status siren_tune_path(const siren_device *device, char **path) {
    return siren_device_cache_path(device, CACHE_KIND, path);
}

static void write_shape(siren_json *json, const siren_width_plan *plan, const siren_tuned *tuned) {
    siren_configuration chosen = tuned->chosen;
    siren_json_begin_object(json, plan->name);
    for (size_t i = 0; i < N_FIELDS; i++)
        if (*field_of(&chosen, i) != 0) siren_json_integer(json, fields[i].name, *field_of(&chosen, i));
    siren_json_number(json, "seconds", tuned->seconds);
    siren_json_number(json, "default_seconds", tuned->default_seconds);
    siren_json_end(json);
}

/* siren_device_cache_write()'s. */
static void write_shapes(siren_json *json, const void *user) {
    const siren_tuned *tuned = user;
    siren_json_begin_object(json, "shapes");
    for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
        write_shape(json, &siren_width_plans[shape], &tuned[shape]);
    siren_json_end(json);
}

siren_status siren_tune_save(siren_device *device, const siren_tuned tuned[SIREN_N_WIDTH_CLASSES]) {
    SIREN_TRY(siren_device_cache_write(device, CACHE_KIND, write_shapes, tuned));
    for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
        siren_device_configure(device, (siren_width_class)shape, &tuned[shape].chosen);
    return SIREN_OK;
}

/* One of the curated list: other values may be beyond what kernels and buffers allow. */
static siren_status read_shape(siren_value value, siren_family family, siren_configuration *out) {
    siren_configuration found = {0};
    size_t n = 0;
    const siren_configuration *candidates = siren_tune_candidates(family, &n);
    for (size_t i = 0; i < N_FIELDS; i++) {
        uint64_t number = 0;
        if (!(fields[i].families & 1u << family)) continue;
        SIREN_TRY(siren_value_integer(siren_value_member(value, fields[i].name), 0, 65536, &number));
        *field_of(&found, i) = (uint32_t)number;
    }
    for (size_t i = 0; i < n; i++)
        if (siren_configuration_equal(&candidates[i], &found)) {
            *out = found;
            return SIREN_OK;
        }
    return siren_value_fail(value, "is no configuration of the %s family", siren_family_name(family));
}

/* `*found` is false where nothing has been kept. */
static siren_status read_cache(const siren_device *device,
                               siren_configuration configurations[SIREN_N_WIDTH_CLASSES], bool *found) {
    SIREN_AT_END(siren_config_free_at) siren_config *file = NULL;
    *found = false;
    SIREN_TRY(siren_device_cache_read(device, CACHE_KIND, &file));
    if (!file) return SIREN_OK;
    siren_value shapes = siren_value_member(siren_config_root(file), "shapes");
    for (size_t shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++) {
        siren_value value = siren_value_member(shapes, siren_width_plans[shape].name);
        if (!siren_value_exists(value))
            SIREN_TRY(
                siren_value_fail(siren_config_root(file), "has no shape %s", siren_width_plans[shape].name));
        SIREN_TRY(read_shape(value, siren_device_get_facts(device)->family, &configurations[shape]));
    }
    *found = true;
    return SIREN_OK;
}

void siren_tune_load(siren_device *device) {
    siren_configuration configurations[SIREN_N_WIDTH_CLASSES];
    const char *wanted = getenv("SIRENCL_TUNE");
    bool found;
    if (wanted && strcmp(wanted, "off") == 0) return;
    if (read_cache(device, configurations, &found) != SIREN_OK)
        siren_log(SIREN_LOG_WARNING,
                  "%s; the kernels are built as if nothing had been measured: run 'sirencl tune' again",
                  siren_message());
    else if (found)
        for (int shape = 0; shape < SIREN_N_WIDTH_CLASSES; shape++)
            siren_device_configure(device, (siren_width_class)shape, &configurations[shape]);
}
