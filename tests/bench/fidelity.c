/* The level that training reaches, for comparison with the published code: PSNR of the best loss on one slice after 10,
 * 100, 500, 1000 and 2000 epochs of siren-2d, 3 layers of 256 units, learning rate 3e-4.
 *
 *   fidelity IMAGE.nii.gz SLICE SEED [DEVICE]
 */
#include "engine/model/blocks.h"
#include "engine/train/trainer.h"
#include "formats/nifti.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static siren_status measure(int argc, char **argv) {
    static const size_t marks[] = {10, 100, 500, 1000, 2000};
    SIREN_AT_END(siren_series_free) siren_series series = {.voxels = NULL};
    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    SIREN_AT_END(siren_trainer_free_at) siren_trainer *trainer = NULL;
    siren_network network;
    SIREN_FREE_AT_END float *targets = NULL, *coordinates = NULL, *params = NULL;
    SIREN_FREE_AT_END siren_scaling *scaling = NULL;
    float loss = 0;
    size_t run = 0;
    siren_apart apart;
    size_t z = strtoul(argv[2], NULL, 10);
    SIREN_TRY(siren_nifti_read(argv[1], SIZE_MAX, &series));
    const siren_geometry *g = &series.geometry;
    size_t n_points = g->nx * g->ny;
    if (z >= g->nz)
        return siren_fail(SIREN_USAGE, "%s: has %zu slices, so there is no slice %zu", argv[1], g->nz, z);
    SIREN_TRY(siren_network_from_model("siren-2d", 3, 256, (uint32_t)g->n_volumes, 30.0f, &network));
    SIREN_TRY(siren_allocate(&targets, n_points * g->n_volumes, sizeof *targets, "the targets"));
    SIREN_TRY(siren_allocate(&scaling, g->n_volumes, sizeof *scaling, "the scaling"));
    SIREN_TRY(siren_allocate(&coordinates, n_points, 2 * sizeof *coordinates, "the coordinates"));
    SIREN_TRY(siren_allocate(&params, siren_network_n_params(&network), sizeof *params, "the parameters"));
    siren_block slice = {.z = z, .nx = g->nx, .ny = g->ny, .nz = 1};
    siren_block_coordinates(&slice, 2, 0, n_points, coordinates);
    SIREN_TRY(siren_block_gather(&series, &slice, NULL, targets, scaling, &apart));
    siren_network_initialise(&network, strtoull(argv[3], NULL, 10), (uint32_t)z, params);
    SIREN_TRY(siren_device_open(argc > 4 ? argv[4] : NULL, &device));
    siren_trainer_plan plan = {.network = &network,
                               .n_networks = 1,
                               .n_points = n_points,
                               .coordinates = coordinates,
                               .max_epochs = 2000,
                               .adam = {3e-4f, 0.9f, 0.999f, 1e-8f}};
    SIREN_TRY(siren_trainer_create(device, &plan, &trainer));
    siren_target_source source =
        siren_target_array_source(&(siren_target_array){targets, n_points, g->n_volumes});
    SIREN_TRY(siren_trainer_start(trainer, params, &source, NULL));
    double start = siren_clock();
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        SIREN_TRY(siren_trainer_run(trainer, marks[i] - run, NULL, NULL));
        run = marks[i];
        SIREN_TRY(siren_trainer_best(trainer, NULL, &loss));
        printf("%s slice %zu seed %s: %4zu epochs %.2f dB, %.1f s\n", argv[1], z, argv[3], run,
               -10 * log10((double)loss), siren_clock() - start);
        fflush(stdout);
    }
    return SIREN_OK;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: fidelity IMAGE.nii.gz SLICE SEED [DEVICE]\n");
        return 2;
    }
    siren_status status = measure(argc, argv);
    if (status != SIREN_OK) fprintf(stderr, "fidelity: %s\n", siren_message());
    return siren_exit_code(status);
}
