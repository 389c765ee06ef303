/* The transform model on slices of a series, every byte counted: basis, slices, and minimum and maximum of each
 * volume and slice.
 *     transform_bench SERIES.nii.gz Z0:Z1 STEP[,STEP...] [LAMBDA] [THREADS] [MASK.nii]
 * LAMBDA 0: the default. The mask's own bytes are not counted. SIREN_BENCH_TRAINING=N: the same levels with a context
 * network of 32 and 32 units after N steps of training, in a second line. */
#include "engine/encode/context_trainer.h"
#include "engine/transform/transform.h"
#include "formats/nifti.h"
#include "host/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMORY ((size_t)16 << 30)

typedef struct {
    const siren_series *series;
    const siren_transform_basis *basis;
    const siren_context_network *network;
    siren_transform_plan plan;
    siren_block *slices;
    size_t n_slices;
    uint8_t **bytes, **scaling_bytes;
    size_t *n_bytes, *n_scaling_bytes;
    double *mse;
    atomic_size_t next;
    siren_status status;
} work;

static void encode(void *user, size_t member) {
    work *w = user;
    size_t n_volumes = w->series->geometry.n_volumes;
    (void)member;
    for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n_slices;) {
        size_t n_points = siren_block_points(&w->slices[i]);
        siren_scaling *scaling = malloc(n_volumes * sizeof *scaling);
        siren_apart apart;
        float *targets = malloc((n_points * n_volumes + 1) * sizeof *targets);
        if (siren_block_gather(w->series, &w->slices[i], NULL, targets, scaling, &apart) != SIREN_OK ||
            siren_scaling_encode(scaling, n_volumes, &w->scaling_bytes[i], &w->n_scaling_bytes[i]) !=
                SIREN_OK ||
            siren_transform_encode_slice(w->basis, &w->plan, &w->slices[i], targets, &w->bytes[i],
                                         &w->n_bytes[i]) != SIREN_OK) {
            fprintf(stderr, "%s\n", siren_message());
            exit(1);
        }
        free(scaling);
        free(targets);
    }
}

static void decode(void *user, size_t member) {
    work *w = user;
    const siren_geometry *g = &w->series->geometry;
    (void)member;
    for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n_slices;) {
        size_t n_points = siren_block_points(&w->slices[i]);
        siren_scaling *scaling = malloc(g->n_volumes * sizeof *scaling);
        float *y = malloc(n_points * g->n_volumes * sizeof *y);
        void *voxels =
            malloc(siren_block_voxels(&w->slices[i]) * g->n_volumes * siren_datatype_size(g->datatype));
        if (siren_scaling_decode("bench", w->scaling_bytes[i], w->n_scaling_bytes[i], g->n_volumes,
                                 scaling) != SIREN_OK ||
            siren_transform_decode_slice(w->basis, "bench", &w->slices[i], w->bytes[i], w->n_bytes[i],
                                         (siren_span){0, g->n_volumes}, y) != SIREN_OK ||
            siren_block_restore(&w->slices[i], 0, n_points, g->datatype, g->n_volumes, scaling, y, voxels) !=
                SIREN_OK) {
            fprintf(stderr, "%s\n", siren_message());
            exit(1);
        }
        free(scaling);
        free(y);
        free(voxels);
    }
}

/* As the archive's figures: on targets, before rounding to the stored type. */
static void measure(void *user, size_t member) {
    work *w = user;
    size_t n_volumes = w->series->geometry.n_volumes;
    (void)member;
    for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n_slices;) {
        size_t n_points = siren_block_points(&w->slices[i]), n = 0;
        siren_scaling *scaling = malloc(n_volumes * sizeof *scaling);
        siren_apart apart;
        float *targets = malloc((n_points * n_volumes + 1) * sizeof *targets),
              *y = malloc(n_points * n_volumes * sizeof *y);
        double sum = 0;
        if (siren_block_gather(w->series, &w->slices[i], NULL, targets, scaling, &apart) != SIREN_OK ||
            siren_transform_decode_slice(w->basis, "bench", &w->slices[i], w->bytes[i], w->n_bytes[i],
                                         (siren_span){0, n_volumes}, y) != SIREN_OK)
            exit(1);
        for (size_t j = 0; j < n_points * n_volumes; j++)
            if (!isnan(targets[j])) {
                sum += ((double)y[j] - (double)targets[j]) * ((double)y[j] - (double)targets[j]);
                n++;
            }
        w->mse[i] = n > 0 ? sum / (double)n : 0;
        free(scaling);
        free(targets);
        free(y);
    }
}

static void recode(void *user, size_t member) {
    work *w = user;
    (void)member;
    for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n_slices;) {
        uint8_t *bytes;
        if (siren_transform_recode_slice(w->basis, w->network, "bench", &w->slices[i], w->bytes[i],
                                         w->n_bytes[i], &bytes, &w->n_bytes[i]) != SIREN_OK) {
            fprintf(stderr, "%s\n", siren_message());
            exit(1);
        }
        free(w->bytes[i]);
        w->bytes[i] = bytes;
    }
}

/* Trains a network on all slices; its bytes. */
static size_t train(work *w, size_t n_steps, siren_context_network *network) {
    siren_context_examples examples = {.n = 0};
    siren_context_training training = {
        .kind = SIREN_CONTEXT_OF_COEFFICIENTS, .widths = {32, 32}, .n_steps = n_steps, .rate = .008f};
    uint8_t *bytes;
    size_t n_bytes;
    double bits;
    for (size_t i = 0; i < w->n_slices; i++)
        if (siren_transform_collect_slice(w->basis, "bench", &w->slices[i], w->bytes[i], w->n_bytes[i], 1, 0,
                                          &examples) != SIREN_OK)
            exit(1);
    if (siren_context_train(&examples, &training, network, &bits) != SIREN_OK ||
        siren_context_encode(network, &bytes, &n_bytes) != SIREN_OK)
        exit(1);
    printf("%zu examples, %.0f bytes; ", examples.n, bits * (double)examples.n / 8);
    free(bytes);
    free(examples.features);
    free(examples.magnitudes);
    return n_bytes;
}

/* Seconds of wall and of processor. */
static double run(work *w, size_t threads, void (*member)(void *, size_t), double *processor) {
    double start = siren_clock(), busy = siren_processor_clock();
    atomic_store(&w->next, 0);
    siren_threads_run(threads, member, w);
    *processor = siren_processor_clock() - busy;
    return siren_clock() - start;
}

int main(int argc, char **argv) {
    siren_series series;
    size_t z0, z1, threads = argc > 5 ? (size_t)atoi(argv[5]) : 2;
    if (argc < 4 || sscanf(argv[2], "%zu:%zu", &z0, &z1) != 2) return 2;
    if (siren_nifti_read(argv[1], MEMORY, &series) != SIREN_OK) {
        fprintf(stderr, "%s\n", siren_message());
        return 1;
    }
    if (z1 > series.geometry.nz || z1 == 0) z1 = series.geometry.nz;
    size_t n = z1 - z0, n_pixels = series.geometry.nx * series.geometry.ny;
    siren_series mask = {0};
    uint32_t *inside = NULL;
    double *values = NULL;
    if (argc > 6) {
        if (siren_nifti_read(argv[6], MEMORY, &mask) != SIREN_OK) return 1;
        inside = calloc(n_pixels * n, sizeof *inside);
        values = calloc(n_pixels * n, sizeof *values);
        siren_series_values(&mask, z0 * n_pixels, n_pixels * n, values);
    }
    double stored = (double)(series.geometry.nx * series.geometry.ny * n * series.geometry.n_volumes *
                             siren_datatype_size(series.geometry.datatype));
    for (char *at = argv[3]; *at;) {
        siren_transform_basis basis, stored_basis;
        uint8_t *basis_bytes;
        size_t n_basis_bytes, n_coded = 0, n_scaling = 0, n_psnr = 0;
        work w = {.series = &series, .plan = {strtod(at, &at), argc > 4 ? atof(argv[4]) : 0}, .n_slices = n};
        w.plan.dependent = getenv("SIREN_BENCH_DEPENDENT") != NULL;
        if (*at) at++;
        w.slices = calloc(n, sizeof *w.slices);
        w.bytes = calloc(n, sizeof *w.bytes);
        w.scaling_bytes = calloc(n, sizeof *w.scaling_bytes);
        w.n_bytes = calloc(n, sizeof *w.n_bytes);
        w.n_scaling_bytes = calloc(n, sizeof *w.n_scaling_bytes);
        w.mse = calloc(n, sizeof *w.mse);
        for (size_t i = 0; i < n; i++) {
            siren_block *slice = &w.slices[i];
            *slice = (siren_block){.z = z0 + i, .nx = series.geometry.nx, .ny = series.geometry.ny, .nz = 1};
            if (!inside) continue;
            slice->inside = inside + i * n_pixels;
            for (size_t voxel = 0; voxel < n_pixels; voxel++)
                if (values[i * n_pixels + voxel] != 0)
                    inside[i * n_pixels + slice->n_inside++] = (uint32_t)voxel;
        }
        double start = siren_clock(), psnr = 0, encode_busy, decode_busy, busy;
        if (siren_transform_fit(&series, w.slices, n, &w.plan, &basis) != SIREN_OK ||
            siren_transform_basis_encode(&basis, &basis_bytes, &n_basis_bytes) != SIREN_OK ||
            siren_transform_basis_decode("bench", basis_bytes, n_basis_bytes, basis.n_volumes,
                                         &stored_basis) != SIREN_OK) {
            fprintf(stderr, "%s\n", siren_message());
            return 1;
        }
        stored_basis.dependent = w.plan.dependent;
        double fit = siren_clock() - start;
        w.basis = &basis;
        double encoding = run(&w, threads, encode, &encode_busy);
        w.basis = &stored_basis;
        double decoding = run(&w, threads, decode, &decode_busy);
        run(&w, threads, measure, &busy);
        for (size_t i = 0; i < n; i++) {
            n_coded += w.n_bytes[i];
            n_scaling += w.n_scaling_bytes[i];
            if (w.mse[i] > 0) {
                psnr -= 10 * log10(w.mse[i]);
                n_psnr++;
            }
        }
        printf("step %-7g components %2zu  basis %5zu  scaling %5zu  slices %7zu  ratio %6.2f  PSNR %5.2f dB "
               " fit %.3f s  "
               "encode %.1f MB/s (of processor %.1f)  decode %.1f MB/s (%.1f)\n",
               w.plan.step, basis.n_components, n_basis_bytes, n_scaling, n_coded,
               stored / (double)(n_basis_bytes + n_coded + n_scaling),
               n_psnr ? psnr / (double)n_psnr : INFINITY, fit, stored / encoding / 1e6,
               stored / encode_busy / 1e6, stored / decoding / 1e6, stored / decode_busy / 1e6);
        if (getenv("SIREN_BENCH_TRAINING")) {
            static siren_context_network network;
            size_t n_network = train(&w, (size_t)atoi(getenv("SIREN_BENCH_TRAINING")), &network),
                   n_recoded = 0;
            w.network = &network;
            double recoding = run(&w, threads, recode, &encode_busy);
            stored_basis.network = &network;
            decoding = run(&w, threads, decode, &decode_busy);
            run(&w, threads, measure, &busy);
            for (size_t i = 0; i < n; i++) n_recoded += w.n_bytes[i];
            psnr = 0;
            for (size_t i = 0; i < n; i++)
                if (w.mse[i] > 0) psnr -= 10 * log10(w.mse[i]);
            printf("network %zu  slices %zu, %.2f %% less  PSNR %.2f  recode %.3f s  decode %.1f MB/s of "
                   "processor\n",
                   n_network, n_recoded,
                   100 - 100. * (double)(n_recoded + n_network + n_basis_bytes + n_scaling) /
                             (double)(n_coded + n_basis_bytes + n_scaling),
                   n_psnr ? psnr / (double)n_psnr : INFINITY, recoding, stored / decode_busy / 1e6);
        }
        for (size_t i = 0; i < n; i++) {
            free(w.bytes[i]);
            free(w.scaling_bytes[i]);
        }
        siren_transform_basis_free(&basis);
        siren_transform_basis_free(&stored_basis);
        free(basis_bytes);
        free(w.slices);
        free(w.bytes);
        free(w.scaling_bytes);
        free(w.n_bytes);
        free(w.n_scaling_bytes);
        free(w.mse);
    }
    siren_series_free(&series);
    siren_series_free(&mask);
    free(inside);
    free(values);
    return 0;
}
