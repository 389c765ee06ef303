#include "tests/shared/pytorch_trace.h"

#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const golden_names[] = {"siren_2d",  "siren_3d",       "siren_2d_relu", "mlp_relu", "mlp_tanh",
                                    "mlp_siren", "mlp_siren_last", "siren_2d_tanh", NULL};

/* The unread rest of a file. */
typedef struct {
    const uint8_t *bytes;
    size_t n_bytes;
    bool short_of_bytes;
} rest;

/* Little-endian unsigned number of `size` bytes; the file's byte order must not depend on the machine. */
static uint64_t take(rest *r, size_t size) {
    uint64_t value = 0;
    if (r->n_bytes < size) {
        r->short_of_bytes = true;
        return 0;
    }
    for (size_t i = 0; i < size; i++) value |= (uint64_t)r->bytes[i] << (8 * i);
    r->bytes += size;
    r->n_bytes -= size;
    return value;
}

static float take_single(rest *r) {
    uint32_t bits = (uint32_t)take(r, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double take_double(rest *r) {
    uint64_t bits = take(r, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static siren_status take_singles(rest *r, size_t n, float **out) {
    if (n > r->n_bytes / 4) return siren_fail(SIREN_CORRUPT, "golden trace: shorter than its sizes say");
    SIREN_TRY(siren_allocate(out, n, sizeof **out, "a golden trace"));
    for (size_t i = 0; i < n; i++) (*out)[i] = take_single(r);
    return SIREN_OK;
}

static siren_status take_doubles(rest *r, size_t n, double **out) {
    if (n > r->n_bytes / 8) return siren_fail(SIREN_CORRUPT, "golden trace: shorter than its sizes say");
    SIREN_TRY(siren_allocate(out, n, sizeof **out, "a golden trace"));
    for (size_t i = 0; i < n; i++) (*out)[i] = take_double(r);
    return SIREN_OK;
}

static siren_status parse(rest *r, const char *path, golden_trace *t) {
    if (r->n_bytes < 8 || memcmp(r->bytes, "SIRENTR1", 8) != 0)
        return siren_fail(SIREN_CORRUPT, "%s: not a golden trace", path);
    r->bytes += 8;
    r->n_bytes -= 8;
    t->nx = (uint32_t)take(r, 4);
    t->ny = (uint32_t)take(r, 4);
    t->nz = (uint32_t)take(r, 4);
    t->n_epochs = (uint32_t)take(r, 4);
    t->best_evaluated = (uint32_t)take(r, 4);
    t->best_stepped = (uint32_t)take(r, 4);
    t->learning_rate = take_double(r);
    t->network.n_inputs = (uint32_t)take(r, 4);
    t->network.n_layers = (uint32_t)take(r, 4);
    for (uint32_t l = 0; l < t->network.n_layers && l < SIREN_MAX_LAYERS; l++) {
        siren_layer *layer = &t->network.layers[l];
        layer->width = (uint32_t)take(r, 4);
        layer->activation = (uint32_t)take(r, 4);
        layer->w0 = take_single(r);
        layer->init = (uint32_t)take(r, 4);
    }
    SIREN_TRY(siren_network_check(&t->network, path, SIREN_CORRUPT));
    t->n_points = (size_t)t->nx * t->ny * t->nz;
    t->n_params = siren_network_n_params(&t->network);
    SIREN_TRY(take_singles(r, t->n_points * t->network.n_inputs, &t->coordinates));
    SIREN_TRY(take_singles(r, t->n_points * siren_network_n_outputs(&t->network), &t->targets));
    SIREN_TRY(take_singles(r, t->n_params, &t->initial));
    SIREN_TRY(take_doubles(r, t->n_epochs, &t->loss_double));
    SIREN_TRY(take_doubles(r, t->n_epochs, &t->loss_single));
    SIREN_TRY(take_doubles(r, t->n_params, &t->final_double));
    SIREN_TRY(take_singles(r, t->n_params, &t->final_single));
    if (r->short_of_bytes || r->n_bytes != 0)
        return siren_fail(SIREN_CORRUPT, "%s: its length does not fit its sizes", path);
    return SIREN_OK;
}

/* The bytes of a trace, which are yours to free(). */
static siren_status read_trace(const char *name, char path[4096], uint8_t **bytes, size_t *n_bytes) {
    const char *folder = getenv("SIREN_GOLDEN");
    int length = strchr(name, '/')
                     ? snprintf(path, 4096, "%s", name)
                     : snprintf(path, 4096, "%s/trace_%s.bin", folder ? folder : "tests/golden", name);
    if (length < 0 || length >= 4096)
        return siren_fail(SIREN_USAGE, "golden trace %s: the path is too long", name);
    return siren_file_read(path, (size_t)1 << 30, bytes, n_bytes);
}

siren_status golden_load(const char *name, golden_trace *trace) {
    char path[4096];
    uint8_t *bytes = NULL;
    rest r = {0};
    golden_trace loaded = {0};
    SIREN_TRY(read_trace(name, path, &bytes, &r.n_bytes));
    r.bytes = bytes;
    siren_status status = parse(&r, path, &loaded);
    free(bytes);
    if (status == SIREN_OK)
        *trace = loaded;
    else
        golden_free(&loaded);
    return status;
}

void golden_free(golden_trace *trace) {
    free(trace->coordinates);
    free(trace->targets);
    free(trace->initial);
    free(trace->loss_double);
    free(trace->loss_single);
    free(trace->final_double);
    free(trace->final_single);
    memset(trace, 0, sizeof *trace);
}

static siren_status parse_features(rest *r, golden_features *t) {
    if (r->n_bytes < 8 || memcmp(r->bytes, "SIRENFT1", 8) != 0)
        return siren_fail(SIREN_CORRUPT, "golden trace: not one of features");
    r->bytes += 8;
    r->n_bytes -= 8;
    uint32_t n_inputs = (uint32_t)take(r, 4), n_hidden = (uint32_t)take(r, 4), width = (uint32_t)take(r, 4);
    SIREN_TRY(siren_network_on_features(n_inputs, n_hidden, width, &t->network));
    t->n_points = (size_t)take(r, 4);
    t->n_steps = (size_t)take(r, 4);
    t->n_values = (size_t)take(r, 4);
    t->learning_rate = take_double(r);
    t->n_params = siren_network_n_params(&t->network);
    SIREN_TRY(take_singles(r, t->n_points * n_inputs, &t->features));
    SIREN_TRY(take_singles(r, 2 * t->n_points, &t->edges));
    SIREN_TRY(take_singles(r, t->n_params, &t->initial));
    SIREN_TRY(take_doubles(r, t->n_steps, &t->loss_double));
    SIREN_TRY(take_doubles(r, t->n_steps, &t->loss_single));
    SIREN_TRY(take_doubles(r, t->n_params, &t->final_double));
    SIREN_TRY(take_singles(r, t->n_params, &t->final_single));
    if (r->short_of_bytes || r->n_bytes != 0)
        return siren_fail(SIREN_CORRUPT, "golden trace of features: its length does not fit its sizes");
    return SIREN_OK;
}

siren_status golden_features_load(golden_features *trace) {
    char path[4096];
    uint8_t *bytes = NULL;
    rest r = {0};
    memset(trace, 0, sizeof *trace);
    SIREN_TRY(read_trace("features", path, &bytes, &r.n_bytes));
    r.bytes = bytes;
    siren_status status = parse_features(&r, trace);
    free(bytes);
    if (status != SIREN_OK) golden_features_free(trace);
    return status;
}

void golden_features_free(golden_features *trace) {
    free(trace->features);
    free(trace->edges);
    free(trace->initial);
    free(trace->loss_double);
    free(trace->loss_single);
    free(trace->final_double);
    free(trace->final_single);
    memset(trace, 0, sizeof *trace);
}
