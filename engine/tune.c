#include "engine/tune.h"

#include "engine/bench.h"
#include "engine/layer.h"
#include "engine/sirencl.h"
#include "formats/config.h"
#include "host/digest.h"
#include "host/file.h"
#include "host/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const siren_shape_plan siren_shape_plans[SIREN_N_SHAPES] = {
    {"narrow", 96, 64, 96}, {"medium", 384, 256, 96}, {"wide", SIREN_MAX_WIDTH, 512, 72}};

#define CACHE_VERSION 1

/* ---- which there are ---- */

static const siren_configuration chain_candidates[] = {
    {.lanes = 16, .block_rows = 48},  {.lanes = 16, .block_rows = 96}, {.lanes = 16, .block_rows = 144},
    {.lanes = 16, .block_rows = 192}, {.lanes = 8, .block_rows = 48},  {.lanes = 8, .block_rows = 96},
    {.lanes = 8, .block_rows = 144},  {.lanes = 8, .block_rows = 192}};

/* items_m, items_n, quads_m, quads_n, slab */
static const siren_configuration layer_candidates[] = {
    {0, 0, 16, 16, 2, 2, 8}, {0, 0, 16, 16, 2, 2, 16}, {0, 0, 16, 16, 2, 4, 8}, {0, 0, 16, 8, 2, 2, 8},
    {0, 0, 16, 8, 2, 2, 16}, {0, 0, 8, 16, 2, 2, 8},   {0, 0, 8, 16, 2, 2, 16}, {0, 0, 8, 16, 4, 2, 8},
    {0, 0, 8, 8, 2, 2, 4},   {0, 0, 8, 8, 2, 2, 8},    {0, 0, 8, 8, 2, 2, 16},  {0, 0, 8, 8, 1, 1, 8},
    {0, 0, 4, 4, 1, 1, 8}};

const siren_configuration *siren_tune_candidates(siren_family family, size_t *n) {
    bool chain = family == SIREN_FAMILY_CHAIN;
    *n = chain ? sizeof chain_candidates / sizeof *chain_candidates
               : sizeof layer_candidates / sizeof *layer_candidates;
    return chain ? chain_candidates : layer_candidates;
}

bool siren_configuration_equal(const siren_configuration *a, const siren_configuration *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* Names of the fields in messages and in the cache, and the family that has them. */
static const struct {
    const char *name;
    size_t offset;
    siren_family family;
} fields[] = {{"lanes", offsetof(siren_configuration, lanes), SIREN_FAMILY_CHAIN},
              {"block_rows", offsetof(siren_configuration, block_rows), SIREN_FAMILY_CHAIN},
              {"items_m", offsetof(siren_configuration, items_m), SIREN_FAMILY_LAYER},
              {"items_n", offsetof(siren_configuration, items_n), SIREN_FAMILY_LAYER},
              {"quads_m", offsetof(siren_configuration, quads_m), SIREN_FAMILY_LAYER},
              {"quads_n", offsetof(siren_configuration, quads_n), SIREN_FAMILY_LAYER},
              {"slab", offsetof(siren_configuration, slab), SIREN_FAMILY_LAYER}};
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

/* ---- which a device uses ---- */

siren_shape siren_shape_of(const siren_network *network) {
    uint32_t widest = 0, shape = 0;
    for (uint32_t l = 0; l + 1 < network->n_layers; l++)
        if (network->layers[l].width > widest) widest = network->layers[l].width;
    while (shape + 1 < SIREN_N_SHAPES && widest > siren_shape_plans[shape].widest) shape++;
    return (siren_shape)shape;
}

siren_configuration siren_configuration_default(const siren_device *device) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    if (facts->family == SIREN_FAMILY_CHAIN)
        return (siren_configuration){.lanes = facts->vector_width >= 16 ? 16 : 8, .block_rows = 96};
    return siren_layer_default(device);
}

siren_configuration siren_configuration_of_shape(const siren_device *device, siren_shape shape) {
    static const siren_configuration none;
    siren_configuration configured = siren_device_configuration(device, shape);
    return siren_configuration_equal(&configured, &none) ? siren_configuration_default(device) : configured;
}

siren_configuration siren_configuration_of(const siren_device *device, const siren_network *network) {
    return siren_configuration_of_shape(device, siren_shape_of(network));
}

/* ---- measuring ---- */

siren_status siren_tune_probe(siren_device *device, const siren_configuration *candidate,
                              double seconds[SIREN_N_SHAPES]) {
    double measured[SIREN_N_SHAPES];
    size_t units = siren_device_get_facts(device)->compute_units, n_networks = units < 32    ? 1
                                                                               : units < 256 ? units / 16
                                                                                             : 16;
    for (int shape = 0; shape < SIREN_N_SHAPES; shape++)
        siren_device_configure(device, (siren_shape)shape, candidate);
    SIREN_RETURN_IF_FAILED(siren_selftest(device, NULL, NULL));
    for (int shape = 0; shape < SIREN_N_SHAPES; shape++) {
        const siren_shape_plan *plan = &siren_shape_plans[shape];
        const siren_block block = {.nx = plan->side, .ny = plan->side, .nz = 1};
        siren_network network;
        SIREN_RETURN_IF_FAILED(siren_network_from_model("siren-2d", 3, plan->width, 69, 30.0f, &network));
        SIREN_RETURN_IF_FAILED(
            siren_bench_least_step(device, &network, n_networks, &block, &measured[shape]));
    }
    memcpy(seconds, measured, sizeof measured);
    return SIREN_OK;
}

/* ---- the cache ---- */

/* What a measurement is of. */
typedef struct {
    const char *name;
    char value[300];
} identity_line;
#define N_IDENTITY 7

static void identify(const siren_device *device, identity_line lines[N_IDENTITY]) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    char kernels[SIREN_DIGEST_CHARS];
    siren_digest digest;
    siren_digest_begin(&digest);
    for (size_t i = 0; i < siren_n_kernel_sources; i++)
        siren_digest_add(&digest, siren_kernel_sources[i].text, siren_kernel_sources[i].length);
    siren_digest_end(&digest, kernels);
    const char *const names[] = {"platform", "device",  "driver", "compute_units",
                                 "family",   "sirencl", "kernels"};
    char units[16];
    snprintf(units, sizeof units, "%u", facts->compute_units);
    const char *const values[] = {facts->platform_version,          facts->name,     facts->driver, units,
                                  siren_family_name(facts->family), siren_version(), kernels};
    for (size_t i = 0; i < N_IDENTITY; i++) {
        lines[i].name = names[i];
        snprintf(lines[i].value, sizeof lines[i].value, "%s", values[i]);
    }
}

siren_status siren_tune_path(const siren_device *device, char **path) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char hex[SIREN_DIGEST_CHARS], *text = NULL;
    identity_line lines[N_IDENTITY];
    siren_digest digest;
    bool own =
        cache && *cache == '/'; /* relative ones are to be ignored (XDG Base Directory Specification) */
    if (!own && (!home || *home != '/'))
        return siren_fail(SIREN_SYSTEM, "neither XDG_CACHE_HOME nor HOME names a folder for the results of "
                                        "tuning; set one of them to an absolute path");
    identify(device, lines);
    siren_digest_begin(&digest);
    for (size_t i = 0; i < N_IDENTITY; i++)
        siren_digest_add(&digest, lines[i].value, strlen(lines[i].value) + 1);
    siren_digest_end(&digest, hex);
    size_t size = strlen(own ? cache : home) + 64;
    SIREN_RETURN_IF_FAILED(siren_allocate(&text, size, 1, "the path of the cache"));
    snprintf(text, size, "%s%s/sirencl/tune-%.16s.json", own ? cache : home, own ? "" : "/.cache", hex);
    *path = text;
    return SIREN_OK;
}

static void write_shape(siren_json *json, const siren_shape_plan *plan, const siren_tuned *tuned) {
    siren_configuration chosen = tuned->chosen;
    siren_json_begin_object(json, plan->name);
    for (size_t i = 0; i < N_FIELDS; i++)
        if (*field_of(&chosen, i) != 0) siren_json_integer(json, fields[i].name, *field_of(&chosen, i));
    siren_json_number(json, "seconds", tuned->seconds);
    siren_json_number(json, "default_seconds", tuned->default_seconds);
    siren_json_end(json);
}

siren_status siren_tune_save(siren_device *device, const siren_tuned tuned[SIREN_N_SHAPES]) {
    siren_status status = SIREN_OK;
    siren_json *json = NULL;
    siren_output *output = NULL;
    identity_line lines[N_IDENTITY];
    char *path = NULL, *folder = NULL, *text = NULL;
    SIREN_TRY(siren_tune_path(device, &path));
    identify(device, lines);
    SIREN_TRY(siren_json_create(&json));
    siren_json_integer(json, "version", CACHE_VERSION);
    for (size_t i = 0; i < N_IDENTITY; i++) siren_json_string(json, lines[i].name, lines[i].value);
    siren_json_begin_object(json, "shapes");
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++)
        write_shape(json, &siren_shape_plans[shape], &tuned[shape]);
    siren_json_end(json);
    SIREN_TRY(siren_json_text(json, &text));
    SIREN_TRY(siren_allocate(&folder, strlen(path) + 1, 1, "the folder of the cache"));
    memcpy(folder, path, (size_t)(strrchr(path, '/') - path));
    SIREN_TRY(siren_folder_make(folder));
    SIREN_TRY(siren_output_open(path, true, &output));
    SIREN_TRY(siren_output_write(output, text, strlen(text)));
    siren_output *whole = output;
    output = NULL;
    SIREN_TRY(siren_output_commit(whole));
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++)
        siren_device_configure(device, (siren_shape)shape, &tuned[shape].chosen);
done:
    siren_output_discard(output);
    siren_json_free(json);
    free(path);
    free(folder);
    free(text);
    return status;
}

/* Whether the file is of this device, driver and version. */
static siren_status check_identity(const char *path, siren_value root, const siren_device *device) {
    identity_line lines[N_IDENTITY];
    uint64_t version = 0;
    SIREN_RETURN_IF_FAILED(siren_value_integer(siren_value_member(root, "version"), 0, UINT64_MAX, &version));
    if (version != CACHE_VERSION)
        return siren_fail(SIREN_UNSUPPORTED, "%s: is of version %llu, not %d", path,
                          (unsigned long long)version, CACHE_VERSION);
    identify(device, lines);
    for (size_t i = 0; i < N_IDENTITY; i++) {
        const char *value = "";
        SIREN_RETURN_IF_FAILED(siren_value_string(siren_value_member(root, lines[i].name), &value));
        if (strcmp(value, lines[i].value) != 0)
            return siren_fail(SIREN_UNSUPPORTED, "%s: %s is '%s' there and '%s' here", path, lines[i].name,
                              value, lines[i].value);
    }
    return SIREN_OK;
}

/* One of the curated list: other values may be beyond what kernels and buffers allow. */
static siren_status read_shape(siren_value value, siren_family family, siren_configuration *out) {
    siren_configuration found = {0};
    size_t n = 0;
    const siren_configuration *candidates = siren_tune_candidates(family, &n);
    for (size_t i = 0; i < N_FIELDS; i++) {
        uint64_t number = 0;
        if (fields[i].family != family) continue;
        SIREN_RETURN_IF_FAILED(
            siren_value_integer(siren_value_member(value, fields[i].name), 0, 65536, &number));
        *field_of(&found, i) = (uint32_t)number;
    }
    for (size_t i = 0; i < n; i++)
        if (siren_configuration_equal(&candidates[i], &found)) {
            *out = found;
            return SIREN_OK;
        }
    return siren_value_fail(value, "is no configuration of the %s family", siren_family_name(family));
}

static siren_status read_cache(const char *path, const siren_device *device,
                               siren_configuration configurations[SIREN_N_SHAPES]) {
    siren_status status = SIREN_OK;
    siren_config *file = NULL;
    SIREN_TRY(siren_config_read(path, &file));
    siren_value root = siren_config_root(file);
    SIREN_TRY(check_identity(path, root, device));
    for (size_t shape = 0; shape < SIREN_N_SHAPES; shape++) {
        siren_value value =
            siren_value_member(siren_value_member(root, "shapes"), siren_shape_plans[shape].name);
        if (!siren_value_exists(value)) {
            status = siren_fail(SIREN_CORRUPT, "%s: has no shape %s", path, siren_shape_plans[shape].name);
            goto done;
        }
        SIREN_TRY(read_shape(value, siren_device_get_facts(device)->family, &configurations[shape]));
    }
done:
    siren_config_free(file);
    return status;
}

void siren_tune_load(siren_device *device) {
    siren_configuration configurations[SIREN_N_SHAPES];
    const char *wanted = getenv("SIRENCL_TUNE");
    char *path = NULL;
    if (wanted && strcmp(wanted, "off") == 0) return;
    if (siren_tune_path(device, &path) != SIREN_OK || access(path, F_OK) != 0) {
        free(path);
        return;
    }
    if (read_cache(path, device, configurations) == SIREN_OK)
        for (int shape = 0; shape < SIREN_N_SHAPES; shape++)
            siren_device_configure(device, (siren_shape)shape, &configurations[shape]);
    else
        siren_log(SIREN_LOG_WARNING,
                  "%s; the kernels are built as if nothing had been measured: run 'sirencl tune' again",
                  siren_message());
    free(path);
}
