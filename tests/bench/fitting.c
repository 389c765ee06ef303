/* Trials of ways to fit (docs/fitting.md): trains siren-2d on slices and tells, beside the best parameters, what means
 * of the last ones give, and what becomes of each with the output layer solved by least squares.
 *
 *   fitting IMAGE.nii.gz SLICE[:END] SEED [key=value ...]
 *
 * Keys: those of `sirencl compress` for training, and
 *   output=identity|relu|leaky-relu  of the network
 *   start=anew|before|solved         from the seed; from the slice before; from the seed with the output layer solved
 *   next_lr=1e-3 next_epochs=200     of slices that start from the one before; else as the first
 *   trunk=N                          trains one network with the outputs of every Nth slice, then tells of each slice
 *                                    what the trained hidden layers and an output layer of its own give
 *   average=0.2                      share of the last epochs that the means are of; 0: none
 *   marks=N                          epochs between two lines told on the way, with the output layer solved
 */
#include "engine/decode/decode.h"
#include "engine/encode/least_squares.h"
#include "engine/model/blocks.h"
#include "engine/settings.h"
#include "engine/train/sampler.h"
#include "engine/train/trainer.h"
#include "formats/nifti.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_MEANS 3
#define CHUNK 1024

static const double decays[N_MEANS] = {0, 0.99, 0.95}; /* 0: all alike */

typedef struct {
    siren_network network;
    size_t n_points, n_outputs, n_params, marks, next_epochs, trunk;
    double average;
    float next_rate;
    const char *start;
    float *coordinates, *targets, *outputs;
} trial;

static double psnr_of(const trial *t, const float *params) {
    double sum = 0;
    for (size_t first = 0; first < t->n_points; first += CHUNK) {
        size_t n = t->n_points - first < CHUNK ? t->n_points - first : CHUNK;
        if (siren_decode_host(&t->network, t->network.n_layers, params, n, t->coordinates + 2 * first,
                              t->outputs) != SIREN_OK)
            return NAN;
        for (size_t i = 0; i < n * t->n_outputs; i++) {
            double error = (double)t->outputs[i] - (double)t->targets[first * t->n_outputs + i];
            sum += error * error;
        }
    }
    return -10 * log10(sum / (double)(t->n_points * t->n_outputs));
}

/* `out` is `params` with the output layer solved for the targets. */
static siren_status solve(const trial *t, const float *params, float *out) {
    uint32_t last = t->network.n_layers - 1;
    size_t in = siren_network_layer_inputs(&t->network, last), at = t->n_params - (in + 1) * t->n_outputs;
    SIREN_AT_END(siren_least_squares_free) siren_least_squares problem = {0};
    SIREN_FREE_AT_END float *features = NULL;
    SIREN_TRY(siren_least_squares_create(in, t->n_outputs, &problem));
    SIREN_TRY(siren_allocate(&features, CHUNK * in, sizeof *features, "features"));
    memcpy(out, params, t->n_params * sizeof *out);
    for (size_t first = 0; first < t->n_points; first += CHUNK) {
        size_t n = t->n_points - first < CHUNK ? t->n_points - first : CHUNK;
        SIREN_TRY(siren_decode_host(&t->network, last, params, n, t->coordinates + 2 * first, features));
        siren_least_squares_add(&problem, n, features, t->targets + first * t->n_outputs);
    }
    for (size_t o = 0; o < t->n_outputs; o++) {
        problem.x[o] = (double)params[at + in * t->n_outputs + o];
        for (size_t k = 0; k < in; k++)
            problem.x[(1 + k) * problem.stride_m + o] = (double)params[at + o * in + k];
    }
    if (!siren_least_squares_factorise(&problem, 1e-8) || !siren_least_squares_solve(&problem))
        return SIREN_OK;
    for (size_t o = 0; o < t->n_outputs; o++) {
        out[at + in * t->n_outputs + o] = (float)problem.x[o];
        for (size_t k = 0; k < in; k++)
            out[at + o * in + k] = (float)problem.x[(1 + k) * problem.stride_m + o];
    }
    return SIREN_OK;
}

/* "32.10 -> 32.15": without and with the output layer solved. */
static siren_status tell(const trial *t, const char *what, const float *params, float *scratch) {
    printf(" %s %.2f", what, psnr_of(t, params));
    if (t->network.layers[t->network.n_layers - 1].activation != SIREN_IDENTITY) return SIREN_OK;
    SIREN_TRY(solve(t, params, scratch));
    printf(" -> %.2f", psnr_of(t, scratch));
    return SIREN_OK;
}

static siren_status train(const trial *t, siren_trainer *trainer, size_t epochs, float rate, float *params) {
    SIREN_FREE_AT_END float *means = NULL, *scratch = NULL;
    size_t first_averaged = epochs - (size_t)(t->average * (double)epochs), n_averaged = 0;
    siren_target_source source =
        siren_target_array_source(&(siren_target_array){t->targets, t->n_points, t->n_outputs});
    SIREN_TRY(siren_allocate(&means, N_MEANS * t->n_params, sizeof *means, "means"));
    SIREN_TRY(siren_allocate(&scratch, t->n_params, sizeof *scratch, "parameters"));
    if (strcmp(t->start, "solved") == 0) {
        SIREN_TRY(solve(t, params, scratch));
        memcpy(params, scratch, t->n_params * sizeof *params);
    }
    SIREN_TRY(siren_trainer_start(trainer, params, &source, &rate));
    for (size_t epoch = 0; epoch < epochs;) {
        size_t n = epoch < first_averaged ? first_averaged - epoch : 1;
        if (t->marks && n > t->marks - epoch % t->marks) n = t->marks - epoch % t->marks;
        SIREN_TRY(siren_trainer_run(trainer, n, NULL, NULL));
        epoch += n;
        if (t->marks && epoch % t->marks == 0) {
            printf(" | %zu:", epoch);
            SIREN_TRY(siren_trainer_best(trainer, params, NULL));
            SIREN_TRY(tell(t, "", params, scratch));
        }
        if (epoch < first_averaged || t->average == 0) continue;
        SIREN_TRY(siren_trainer_params(trainer, params));
        n_averaged++;
        for (size_t m = 0; m < N_MEANS; m++) {
            double gain = fmax(1.0 / (double)n_averaged, 1 - decays[m]);
            if (decays[m] == 0) gain = 1.0 / (double)n_averaged;
            for (size_t i = 0; i < t->n_params; i++) {
                float *mean = &means[m * t->n_params + i];
                *mean += (float)gain * (params[i] - *mean);
            }
        }
    }
    SIREN_TRY(siren_trainer_best(trainer, params, NULL));
    printf(" |");
    SIREN_TRY(tell(t, "best", params, scratch));
    for (size_t m = 0; m < N_MEANS && n_averaged; m++) {
        char name[32];
        snprintf(name, sizeof name, "mean(%g)", decays[m]);
        SIREN_TRY(tell(t, name, means + m * t->n_params, scratch));
    }
    printf("\n");
    fflush(stdout);
    return SIREN_OK;
}

static siren_status parse(int argc, char **argv, siren_settings *settings, trial *t, uint32_t *activation) {
    *settings = siren_settings_defaults();
    t->start = "anew";
    *activation = SIREN_IDENTITY;
    for (int i = 4; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) return siren_fail(SIREN_USAGE, "%s is no key=value", argv[i]);
        *value++ = 0;
        if (strcmp(argv[i], "output") == 0) {
            *activation = strcmp(value, "relu") == 0         ? SIREN_RELU
                          : strcmp(value, "leaky-relu") == 0 ? SIREN_LEAKY_RELU
                                                             : SIREN_IDENTITY;
        } else if (strcmp(argv[i], "start") == 0)
            t->start = value;
        else if (strcmp(argv[i], "next_lr") == 0)
            t->next_rate = strtof(value, NULL);
        else if (strcmp(argv[i], "next_epochs") == 0)
            t->next_epochs = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "trunk") == 0)
            t->trunk = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "average") == 0)
            t->average = strtod(value, NULL);
        else if (strcmp(argv[i], "marks") == 0)
            t->marks = strtoul(value, NULL, 10);
        else if (siren_setting_find(argv[i]))
            SIREN_TRY(siren_setting_parse(siren_setting_find(argv[i]), argv[i], value, settings));
        else
            return siren_fail(SIREN_USAGE, "%s is no key", argv[i]);
    }
    siren_settings_resolve(settings, 2);
    return SIREN_OK;
}

/* A trainer of one network for so many epochs. */
static siren_status prepare(const trial *t, siren_device *device, const siren_settings *settings,
                            size_t epochs, siren_trainer **out) {
    siren_trainer_plan plan = {.network = &t->network,
                               .n_networks = 1,
                               .n_points = t->n_points,
                               .coordinates = t->coordinates,
                               .max_epochs = epochs,
                               .last_loss_only = true,
                               .optimiser = settings->optimiser,
                               .adam = siren_adam_options_of(settings),
                               .refresh = siren_soap_refresh_of(settings),
                               .schedule = {settings->schedule, settings->warmup},
                               .points_per_epoch = siren_points_of_step(settings, t->n_points)};
    return siren_trainer_create(device, &plan, out);
}

/* The slices' targets (n_points, n_volumes) into columns of `targets` (n_points, pitch). */
static siren_status gather(const siren_series *series, size_t z, float *slice, float *targets, size_t pitch) {
    const siren_geometry *g = &series->geometry;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    siren_block block = {.z = z, .nx = g->nx, .ny = g->ny, .nz = 1};
    siren_apart apart;
    SIREN_TRY(siren_allocate(&scaling, g->n_volumes, sizeof *scaling, "the scaling"));
    SIREN_TRY(siren_block_gather(series, &block, NULL, slice, scaling, &apart));
    for (size_t i = 0; targets && i < g->nx * g->ny; i++)
        memcpy(targets + i * pitch, slice + i * g->n_volumes, g->n_volumes * sizeof *slice);
    return SIREN_OK;
}

/* What the hidden layers of `params` give each slice with an output layer solved for it. */
static siren_status tell_trunk(const trial *all, const siren_series *series, siren_span span,
                               const float *params, float *slice) {
    SIREN_FREE_AT_END float *mine = NULL, *solved = NULL;
    trial t = *all;
    uint32_t last = t.network.n_layers - 1;
    t.network.layers[last].width = (uint32_t)series->geometry.n_volumes;
    t.n_outputs = series->geometry.n_volumes;
    t.n_params = siren_network_n_params(&t.network);
    t.targets = slice;
    SIREN_TRY(siren_allocate(&mine, t.n_params, sizeof *mine, "parameters"));
    SIREN_TRY(siren_allocate(&solved, t.n_params, sizeof *solved, "parameters"));
    size_t of_output = (siren_network_layer_inputs(&t.network, last) + 1) * t.n_outputs;
    memcpy(mine, params, (t.n_params - of_output) * sizeof *mine);
    for (size_t z = span.begin; z < span.end; z++) {
        SIREN_TRY(gather(series, z, slice, NULL, 0));
        SIREN_TRY(solve(&t, mine, solved));
        printf("z %zu%s %.2f\n", z, (z - span.begin) % t.trunk == 0 ? ", of the trunk," : "",
               psnr_of(&t, solved));
    }
    return SIREN_OK;
}

static siren_status measure(int argc, char **argv) {
    SIREN_AT_END(siren_series_free) siren_series series = {.voxels = NULL};
    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    SIREN_AT_END(siren_trainer_free_at) siren_trainer *trainer = NULL, *next = NULL;
    SIREN_FREE_AT_END float *targets = NULL, *slice = NULL, *coordinates = NULL, *params = NULL,
                            *outputs = NULL, *scratch = NULL;
    siren_settings settings;
    siren_span span;
    trial t = {0};
    uint32_t activation;
    SIREN_TRY(parse(argc, argv, &settings, &t, &activation));
    SIREN_TRY(siren_parse_span("slices", argv[2], &span));
    SIREN_TRY(siren_nifti_read(argv[1], SIZE_MAX, &series));
    const siren_geometry *g = &series.geometry;
    if (span.end > g->nz) return siren_fail(SIREN_USAGE, "%s: has %zu slices", argv[1], g->nz);
    size_t n_trained = t.trunk ? (span.end - span.begin + t.trunk - 1) / t.trunk : 1;
    t.n_points = g->nx * g->ny;
    t.n_outputs = n_trained * g->n_volumes;
    SIREN_TRY(siren_network_from_model("siren-2d", settings.layers, settings.width, (uint32_t)t.n_outputs,
                                       settings.w0, &t.network));
    t.network.layers[t.network.n_layers - 1].activation = activation;
    t.n_params = siren_network_n_params(&t.network);
    SIREN_TRY(siren_allocate(&targets, t.n_points * t.n_outputs, sizeof *targets, "the targets"));
    SIREN_TRY(siren_allocate(&slice, t.n_points * g->n_volumes, sizeof *slice, "the targets of a slice"));
    SIREN_TRY(siren_allocate(&coordinates, t.n_points, 2 * sizeof *coordinates, "the coordinates"));
    SIREN_TRY(siren_allocate(&params, t.n_params, sizeof *params, "the parameters"));
    SIREN_TRY(siren_allocate(&scratch, t.n_params, sizeof *scratch, "the parameters"));
    SIREN_TRY(siren_allocate(&outputs, CHUNK * t.n_outputs, sizeof *outputs, "outputs"));
    t.targets = targets, t.coordinates = coordinates, t.outputs = outputs;
    siren_block_coordinates(&(siren_block){.nx = g->nx, .ny = g->ny, .nz = 1}, 2, 0, t.n_points, coordinates);
    SIREN_TRY(siren_device_open(NULL, &device));
    SIREN_TRY(prepare(&t, device, &settings, settings.epochs, &trainer));
    if (t.next_epochs) SIREN_TRY(prepare(&t, device, &settings, t.next_epochs, &next));
    for (size_t z = span.begin; z < span.end; z += t.trunk ? span.end : 1) {
        bool follows = z > span.begin && strcmp(t.start, "before") == 0;
        for (size_t i = 0; i < n_trained; i++)
            SIREN_TRY(gather(&series, z + i * t.trunk, slice, targets + i * g->n_volumes, t.n_outputs));
        if (!follows) siren_network_initialise(&t.network, strtoull(argv[3], NULL, 10), (uint32_t)z, params);
        printf("z %zu", z);
        if (follows) SIREN_TRY(tell(&t, "start", params, scratch));
        SIREN_TRY(train(&t, follows && next ? next : trainer,
                        follows && next ? t.next_epochs : settings.epochs,
                        follows && t.next_rate > 0 ? t.next_rate : settings.rate, params));
    }
    return t.trunk ? tell_trunk(&t, &series, span, params, slice) : SIREN_OK;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: fitting IMAGE.nii.gz SLICE[:END] SEED [key=value ...]\n");
        return 2;
    }
    siren_status status = measure(argc, argv);
    if (status != SIREN_OK) fprintf(stderr, "fitting: %s\n", siren_message());
    return siren_exit_code(status);
}
