#include "cl/soap_layout.h"
#include "engine/train/optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Products of one launch, or of two in a row. */
typedef enum {
    STAGE_MEANS,
    STAGE_RIGHT,
    STAGE_LEFT,
    STAGE_BACK,
    STAGE_APPLY,
    STAGE_POWER,
    STAGE_M_BACK, /* M out of old bases, and into new ones */
    STAGE_M_OUT,
    STAGE_M_IN,
    STAGE_M_LEFT,
    N_STAGES
} siren_soap_stage;

/* At most of a layer in a stage: two means, two products of each side. */
#define MOST_JOBS (2 * SIREN_MAX_LAYERS)

typedef struct {
    int jobs[N_STAGES][MOST_JOBS][SIREN_SOAP_JOB_FIELDS];
    size_t n_jobs[N_STAGES], most_rows[N_STAGES], most_columns[N_STAGES];
    int layers[SIREN_MAX_LAYERS][SIREN_SOAP_LAYER_FIELDS];
    int sides[2 * SIREN_MAX_LAYERS][SIREN_SOAP_SIDE_FIELDS];
    size_t n_sides, most_side, n_values, n_arena; /* floats */
} siren_soap_tables;

typedef struct {
    siren_optimiser base;
    siren_soap_tables tables;
    siren_buffer *arena; /* (n_networks, n_arena) */
    siren_buffer *layers, *jobs, *sides;
    siren_kernel *gather, *product, *adam, *begin, *reflect, *end, *axes;
    size_t n_networks, n_active, n_layers, n_padded, group, lanes;
    siren_adam_options options;
    size_t refresh;   /* steps from one turn of the bases to the next */
    unsigned n_steps; /* taken since the restart */
} siren_soap;

/* ---- tables ---- */

/* Offsets in an arena of what a layer has; left is 0 where that side has no factor. */
typedef struct {
    const int *fields;
    int rows, columns; /* padded */
    int left, right;   /* S of the sides */
} siren_soap_layer;

static int array_of(const siren_soap_tables *tables, const siren_soap_layer *layer, int array) {
    return array * (int)tables->n_values + layer->fields[SIREN_SOAP_X];
}

static void add_job(siren_soap_tables *tables, siren_soap_stage stage, const int job[SIREN_SOAP_JOB_FIELDS]) {
    memcpy(tables->jobs[stage][tables->n_jobs[stage]++], job, sizeof tables->jobs[0][0]);
    if ((size_t)job[SIREN_SOAP_ROWS] > tables->most_rows[stage])
        tables->most_rows[stage] = (size_t)job[SIREN_SOAP_ROWS];
    if ((size_t)job[SIREN_SOAP_COLUMNS] > tables->most_columns[stage])
        tables->most_columns[stage] = (size_t)job[SIREN_SOAP_COLUMNS];
}

/* The place of S of a side of n values; 0: it has no factor. */
static int add_side(siren_soap_tables *tables, int n) {
    int pitch = SIREN_PADDED(n), s = (int)tables->n_arena, size = pitch * pitch;
    if (n > SIREN_SOAP_MOST_SIDE) return 0;
    memcpy(tables->sides[tables->n_sides++], (int[]){s, n}, sizeof tables->sides[0]);
    if ((size_t)n > tables->most_side) tables->most_side = (size_t)n;
    tables->n_arena += 4 * (size_t)size;
    add_job(tables, STAGE_POWER,
            (int[12]){SIREN_SOAP_STORE, pitch, pitch, n, s, pitch, 1, s + size, s + 3 * size});
    return s;
}

static void add_layer_jobs(siren_soap_tables *tables, const siren_soap_layer *layer) {
    int in = layer->fields[SIREN_SOAP_IN], out = layer->fields[SIREN_SOAP_OUT], rows = layer->rows,
        columns = layer->columns;
    int x = array_of(tables, layer, SIREN_SOAP_ARRAY_X),
        transposed = array_of(tables, layer, SIREN_SOAP_ARRAY_TRANSPOSED),
        m = array_of(tables, layer, SIREN_SOAP_ARRAY_M), t = array_of(tables, layer, SIREN_SOAP_ARRAY_T),
        y = array_of(tables, layer, SIREN_SOAP_ARRAY_Y);
    int q_left = layer->left + rows * rows, q_right = layer->right + columns * columns,
        q_right_transposed = q_right + columns * columns;
    int half = layer->left ? t : y,
        half_of_m = layer->left ? t : m; /* without a factor on the left, the right side's are whole */
#define RIGHT(from, basis, to) (int[12]){SIREN_SOAP_STORE, rows, columns, in + 1, from, columns, 1, basis, to}
#define LEFT(a_row, a_k, from, to)                                                                           \
    (int[12]) { SIREN_SOAP_STORE, rows, columns, out, q_left, a_row, a_k, from, to }
    add_job(tables, STAGE_MEANS,
            (int[12]){SIREN_SOAP_MEAN, columns, columns, out, x, 1, columns, x, layer->right});
    add_job(tables, STAGE_RIGHT, RIGHT(x, q_right, half));
    add_job(tables, STAGE_M_OUT, RIGHT(half_of_m, q_right_transposed, y));
    add_job(tables, STAGE_M_IN, RIGHT(y, q_right, half_of_m));
    if (layer->left) {
        add_job(tables, STAGE_MEANS,
                (int[12]){SIREN_SOAP_MEAN, rows, rows, in + 1, x, columns, 1, transposed, layer->left});
        add_job(tables, STAGE_LEFT, LEFT(1, rows, t, y));
        add_job(tables, STAGE_BACK, LEFT(rows, 1, y, t));
        add_job(tables, STAGE_M_BACK, LEFT(rows, 1, m, t));
        add_job(tables, STAGE_M_LEFT, LEFT(1, rows, t, m));
    }
#undef RIGHT
#undef LEFT
    add_job(tables, STAGE_APPLY,
            (int[12]){SIREN_SOAP_APPLY, rows, columns, in + 1, half, columns, 1, q_right_transposed, in, out,
                      layer->fields[SIREN_SOAP_WEIGHTS], layer->fields[SIREN_SOAP_BIAS]});
}

/* The limits of networks keep offsets far below the ints' own. */
static void fill_tables(const siren_network *network, siren_soap_tables *tables) {
    int table[SIREN_MAX_LAYERS][SIREN_LAYER_FIELDS];
    siren_network_table(network, table[0]);
    for (uint32_t l = 0; l < network->n_layers; l++) {
        const int *of = table[l];
        const int fields[SIREN_SOAP_LAYER_FIELDS] = {(int)tables->n_values, of[SIREN_LAYER_IN],
                                                     of[SIREN_LAYER_OUT], of[SIREN_LAYER_WEIGHTS],
                                                     of[SIREN_LAYER_BIAS]};
        memcpy(tables->layers[l], fields, sizeof fields);
        tables->n_values += (size_t)of[SIREN_LAYER_OUT_PADDED] * SIREN_PADDED((size_t)of[SIREN_LAYER_IN] + 1);
    }
    tables->n_arena = SIREN_SOAP_ARRAYS * tables->n_values;
    for (uint32_t l = 0; l < network->n_layers; l++) {
        const int in = table[l][SIREN_LAYER_IN];
        siren_soap_layer layer = {tables->layers[l], table[l][SIREN_LAYER_OUT_PADDED], SIREN_PADDED(in + 1),
                                  0, 0};
        layer.left = add_side(tables, table[l][SIREN_LAYER_OUT]);
        layer.right = add_side(tables, in + 1);
        add_layer_jobs(tables, &layer);
    }
}

/* ---- steps ---- */

/* The products of `n_stages` stages from one on, which need nothing of each other. */
static siren_status multiply(siren_soap *soap, siren_buffer *params, const siren_buffer *state,
                             siren_soap_stage stage, size_t n_stages, float factor) {
    const siren_soap_tables *tables = &soap->tables;
    size_t first = 0, n = 0, rows = 0, columns = 0;
    for (size_t i = 0; i < stage; i++) first += tables->n_jobs[i];
    for (size_t i = stage; i < stage + n_stages; i++) {
        n += tables->n_jobs[i];
        if (tables->most_rows[i] > rows) rows = tables->most_rows[i];
        if (tables->most_columns[i] > columns) columns = tables->most_columns[i];
    }
    if (n == 0) return SIREN_OK;
    siren_range range = {.global = {columns / soap->lanes,
                                    (rows + SIREN_SOAP_ITEM_ROWS - 1) / SIREN_SOAP_ITEM_ROWS,
                                    n * soap->n_active},
                         .local = {soap->group}};
    return SIREN_LAUNCH(soap->product, range, SIREN_BUFFER(soap->arena), SIREN_BUFFER(params),
                        SIREN_BUFFER(state), SIREN_BUFFER(soap->jobs), SIREN_INT((int)first),
                        SIREN_INT((int)n), SIREN_INT((int)soap->n_padded), SIREN_INT((int)tables->n_arena),
                        SIREN_FLOAT(1 - soap->options.beta2), SIREN_FLOAT(factor));
}

/* A kernel for all sides, its first ids `wide`. */
static siren_status launch_sides(siren_soap *soap, siren_kernel *kernel, size_t wide) {
    siren_range range = {.global = {wide, soap->tables.n_sides, soap->n_active}, .local = {soap->group}};
    return SIREN_LAUNCH(kernel, range, SIREN_BUFFER(soap->arena), SIREN_BUFFER(soap->sides),
                        SIREN_INT((int)soap->tables.n_arena));
}

/* Reflections before `end`, each by a launch of its own where more than one work-item has columns. */
static siren_status reflect(siren_soap *soap, int first, int end, int step) {
    bool at_once = soap->group == 1;
    siren_range range = {
        .global = {at_once ? 1 : soap->tables.most_side, soap->tables.n_sides, soap->n_active},
        .local = {soap->group}};
    for (int k = first; k != end; k = at_once ? end : k + step)
        SIREN_TRY(SIREN_LAUNCH(soap->reflect, range, SIREN_BUFFER(soap->arena), SIREN_BUFFER(soap->sides),
                               SIREN_INT((int)soap->tables.n_arena), SIREN_INT(k),
                               SIREN_INT(at_once ? end : k + step), SIREN_INT(step)));
    return SIREN_OK;
}

/* One step of orthogonal iteration for all bases. */
static siren_status turn_bases(siren_soap *soap, siren_buffer *params, const siren_buffer *state) {
    int n = (int)soap->tables.most_side;
    SIREN_TRY(multiply(soap, params, state, STAGE_POWER, 2, 0));
    SIREN_TRY(multiply(soap, params, state, STAGE_M_OUT, 1, 0));
    SIREN_TRY(launch_sides(soap, soap->begin, soap->group == 1 ? 1 : (size_t)n));
    SIREN_TRY(reflect(soap, 0, n, 1));
    SIREN_TRY(reflect(soap, n - 1, -1, -1));
    SIREN_TRY(launch_sides(soap, soap->end, (size_t)n));
    SIREN_TRY(multiply(soap, params, state, STAGE_M_IN, 1, 0));
    return multiply(soap, params, state, STAGE_M_LEFT, 1, 0);
}

static siren_status soap_restart(siren_optimiser *base) {
    siren_soap *soap = (siren_soap *)base;
    soap->n_steps = 0;
    soap->n_active = soap->n_networks;
    SIREN_TRY(siren_buffer_zero(soap->arena));
    return launch_sides(soap, soap->axes, soap->tables.most_side);
}

/* Moves the parameters by Adam's step number t in the bases. */
static siren_status move(siren_soap *soap, siren_buffer *params, const siren_buffer *state, double t,
                         float factor) {
    const siren_adam_options *o = &soap->options;
    siren_range vectors = {.global = {soap->tables.n_values / 16, soap->n_active}, .local = {soap->group}};
    SIREN_TRY(multiply(soap, params, state, STAGE_LEFT, 1, 0));
    SIREN_TRY(SIREN_LAUNCH(soap->adam, vectors, SIREN_BUFFER(soap->arena),
                           SIREN_INT((int)soap->tables.n_arena), SIREN_INT((int)soap->tables.n_values),
                           SIREN_FLOAT(o->beta1), SIREN_FLOAT(o->beta2), SIREN_FLOAT(o->epsilon),
                           SIREN_FLOAT((float)(1.0 / (1.0 - pow((double)o->beta1, t)))),
                           SIREN_FLOAT((float)(1.0 / (1.0 - pow((double)o->beta2, t))))));
    SIREN_TRY(multiply(soap, params, state, STAGE_BACK, 1, 0));
    return multiply(soap, params, state, STAGE_APPLY, 1, factor);
}

static siren_status soap_step(siren_optimiser *base, siren_buffer *params,
                              const siren_buffer *partial_gradients, size_t n_parts,
                              const siren_buffer *state, float factor) {
    siren_soap *soap = (siren_soap *)base;
    bool first = soap->n_steps++ == 0;
    siren_range vectors = {.global = {soap->tables.n_values / 16, soap->n_active}, .local = {soap->group}};
    SIREN_TRY(SIREN_LAUNCH(soap->gather, vectors, SIREN_BUFFER(soap->arena), SIREN_BUFFER(partial_gradients),
                           SIREN_BUFFER(state), SIREN_BUFFER(soap->layers), SIREN_INT((int)soap->n_layers),
                           SIREN_INT((int)n_parts), SIREN_INT((int)soap->n_padded),
                           SIREN_INT((int)soap->tables.n_arena), SIREN_INT((int)soap->tables.n_values)));
    SIREN_TRY(multiply(soap, params, state, STAGE_MEANS, first ? 1 : 2, 0));
    if (!first) SIREN_TRY(move(soap, params, state, soap->n_steps - 1, factor));
    for (int i = 0; first && i < SIREN_SOAP_FIRST_TURNS; i++) SIREN_TRY(turn_bases(soap, params, state));
    return soap->n_steps % soap->refresh == 0 ? turn_bases(soap, params, state) : SIREN_OK;
}

static siren_status soap_leave(siren_optimiser *base, size_t ended) {
    siren_soap *soap = (siren_soap *)base;
    size_t bytes = soap->tables.n_arena * sizeof(float), last = --soap->n_active;
    return ended == last ? SIREN_OK : siren_buffer_copy(soap->arena, last * bytes, ended * bytes, bytes);
}

siren_status siren_soap_read(siren_optimiser *optimiser, size_t network, float *arena) {
    siren_soap *soap = (siren_soap *)optimiser;
    size_t bytes = soap->tables.n_arena * sizeof *arena;
    return siren_buffer_read(soap->arena, network * bytes, arena, bytes);
}

/* ---- creation ---- */

static void soap_free(siren_optimiser *base) {
    siren_soap *soap = (siren_soap *)base;
    siren_kernel_free(soap->gather);
    siren_kernel_free(soap->product);
    siren_kernel_free(soap->adam);
    siren_kernel_free(soap->begin);
    siren_kernel_free(soap->reflect);
    siren_kernel_free(soap->end);
    siren_kernel_free(soap->axes);
    siren_buffer_free(soap->arena);
    siren_buffer_free(soap->layers);
    siren_buffer_free(soap->jobs);
    siren_buffer_free(soap->sides);
    free(soap);
}

static siren_status upload(siren_device *device, const void *table, size_t bytes, siren_buffer **out) {
    SIREN_TRY(siren_buffer_create(device, bytes, "a table of the optimiser", out));
    return siren_buffer_write(*out, 0, table, bytes);
}

static siren_status upload_tables(siren_soap *soap, siren_device *device) {
    const siren_soap_tables *tables = &soap->tables;
    SIREN_FREE_AT_END int *jobs = NULL;
    size_t n = 0, bytes = sizeof tables->jobs[0][0];
    SIREN_TRY(siren_allocate(&jobs, N_STAGES * MOST_JOBS, bytes, "the optimiser"));
    for (size_t stage = 0; stage < N_STAGES; n += tables->n_jobs[stage++])
        memcpy(jobs + n * SIREN_SOAP_JOB_FIELDS, tables->jobs[stage], tables->n_jobs[stage] * bytes);
    SIREN_TRY(upload(device, jobs, n * bytes, &soap->jobs));
    SIREN_TRY(upload(device, tables->layers, soap->n_layers * sizeof tables->layers[0], &soap->layers));
    return upload(device, tables->sides, tables->n_sides * sizeof tables->sides[0], &soap->sides);
}

static siren_status create_kernels(siren_soap *soap, siren_device *device) {
    const char *options = soap->lanes == 16 ? "-DSOAP_LANES=16" : "-DSOAP_LANES=1";
    SIREN_TRY(siren_kernel_create(device, "soap.cl", options, "soap_gather", &soap->gather));
    SIREN_TRY(siren_kernel_create(device, "soap.cl", options, "soap_product", &soap->product));
    SIREN_TRY(siren_kernel_create(device, "soap.cl", options, "soap_adam", &soap->adam));
    SIREN_TRY(siren_kernel_create(device, "soap.cl", options, "soap_basis_begin", &soap->begin));
    SIREN_TRY(siren_kernel_create(device, "soap.cl", options, "soap_reflect", &soap->reflect));
    SIREN_TRY(siren_kernel_create(device, "soap.cl", options, "soap_basis_end", &soap->end));
    return siren_kernel_create(device, "soap.cl", options, "soap_axes", &soap->axes);
}

siren_status siren_soap_create(siren_device *device, const siren_network *network, size_t n_networks,
                               const siren_adam_options *options, size_t refresh, siren_optimiser **out) {
    const siren_device_facts *facts = siren_device_get_facts(device);
    siren_soap *soap = NULL;
    if (facts->loop_limit > 0)
        return siren_fail(SIREN_UNSUPPORTED,
                          "the driver of the device %s ends loops early, and the products of the optimiser "
                          "soap are loops: choose "
                          "another --device, or --optimiser adam",
                          facts->name);
    SIREN_TRY(siren_allocate(&soap, 1, sizeof *soap, "the optimiser"));
    soap->base = (siren_optimiser){soap_restart, soap_step, soap_leave, soap_free, 0};
    SIREN_AT_END(siren_optimiser_free_at) siren_optimiser *made = &soap->base;
    soap->options = *options;
    soap->refresh = refresh;
    soap->n_networks = n_networks;
    soap->n_layers = network->n_layers;
    soap->n_padded = siren_network_n_padded(network);
    soap->group = siren_element_group(device);
    soap->lanes = facts->family == SIREN_FAMILY_CHAIN ? 16 : 1;
    fill_tables(network, &soap->tables);
    soap->base.n_bytes = n_networks * soap->tables.n_arena * sizeof(float);
    SIREN_TRY(create_kernels(soap, device));
    SIREN_TRY(upload_tables(soap, device));
    SIREN_TRY(siren_buffer_create(device, soap->base.n_bytes, "the optimiser's arena", &soap->arena));
    SIREN_TRY(soap_restart(made));
    *out = SIREN_TAKE(made);
    return SIREN_OK;
}
