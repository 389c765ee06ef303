#include "engine/sweep_input.h"

#include "engine/phantom_files.h"
#include "engine/run_folder.h"
#include "formats/nifti.h"
#include "host/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static siren_status copy_text(const char *text, char **out) {
    char *copy = strdup(text);
    if (!copy) return siren_fail(SIREN_SYSTEM, "out of memory: cannot keep the path %s", text);
    *out = copy;
    return SIREN_OK;
}

/* The phantom's series comes last of its files: where it stands, all do. */
static siren_status make_phantom(const char *run, const siren_experiment_input *asked,
                                 siren_progress_fn progress, void *user, siren_sweep_input *input) {
    siren_status status = SIREN_OK;
    char *folder = NULL;
    SIREN_TRY(siren_run_path(&folder, run, "inputs"));
    SIREN_TRY(siren_run_path(&input->image, folder, "%s.nii.gz", asked->name));
    SIREN_TRY(siren_run_path(&input->mask, folder, "%s_mask.nii.gz", asked->name));
    SIREN_TRY(siren_folder_make(folder));
    siren_folder_clear_leftovers(folder);
    if (access(input->image, F_OK) == 0) goto done;
    siren_phantom_files files = {&asked->phantom, input->image, 0, true, progress, user};
    SIREN_TRY(siren_phantom_write(&files, NULL));
done:
    free(folder);
    return status;
}

siren_status siren_sweep_inputs_prepare(const char *run, const siren_experiment *experiment,
                                        siren_progress_fn progress, void *user, siren_sweep_input **out) {
    siren_status status = SIREN_OK;
    siren_sweep_input *inputs = NULL;
    SIREN_TRY(siren_allocate(&inputs, experiment->n_inputs, sizeof *inputs, "the inputs"));
    for (size_t i = 0; i < experiment->n_inputs; i++) {
        const siren_experiment_input *asked = &experiment->inputs[i];
        siren_sweep_input *input = &inputs[i];
        if (asked->image)
            SIREN_TRY(copy_text(asked->image, &input->image));
        else
            SIREN_TRY(make_phantom(run, asked, progress, user, input));
        if (asked->mask) {
            free(input->mask);
            input->mask = NULL;
            SIREN_TRY(copy_text(asked->mask, &input->mask));
        }
        SIREN_TRY(siren_nifti_read_geometry(input->image, &input->geometry));
        SIREN_TRY(siren_digest_file(input->image, input->sha256));
        if (input->mask) SIREN_TRY(siren_digest_file(input->mask, input->mask_sha256));
    }
    *out = inputs;
    inputs = NULL;
done:
    siren_sweep_inputs_free(inputs, experiment->n_inputs);
    return status;
}

void siren_sweep_inputs_free(siren_sweep_input *inputs, size_t n) {
    for (size_t i = 0; inputs && i < n; i++) {
        free(inputs[i].image);
        free(inputs[i].mask);
    }
    free(inputs);
}

/* The voxels of a mask as 0 and 1. */
static siren_status read_mask(const siren_sweep_input *input, siren_axis axis, size_t memory_limit,
                              const siren_geometry *g, uint8_t **out) {
    siren_status status = SIREN_OK;
    siren_series series = {.voxels = NULL};
    uint8_t *mask = NULL;
    double *values = NULL;
    size_t n;
    SIREN_TRY(siren_nifti_read(input->mask, memory_limit, &series));
    const siren_geometry *m = &series.geometry;
    if (m->nx != g->nx || m->ny != g->ny || m->nz != g->nz || m->n_volumes != 1)
        SIREN_TRY(
            siren_fail(SIREN_USAGE,
                       "%s: the mask is %zu x %zu x %zu with %zu volumes, but %s is %zu x %zu x %zu; give a "
                       "mask of one volume on that grid",
                       input->mask, m->nx, m->ny, m->nz, m->n_volumes, input->image, g->nx, g->ny, g->nz));
    SIREN_TRY(siren_series_slice_along(&series, axis));
    n = m->nx * m->ny;
    SIREN_TRY(siren_allocate(&mask, n * m->nz, 1, "the mask"));
    SIREN_TRY(siren_allocate(&values, n, sizeof *values, "a slice of the mask"));
    for (size_t z = 0; z < m->nz; z++) {
        siren_datatype_to_double(m->datatype,
                                 (const uint8_t *)series.voxels + z * n * siren_datatype_size(m->datatype), n,
                                 values);
        for (size_t i = 0; i < n; i++) mask[z * n + i] = values[i] > 0 || values[i] < 0;
    }
    *out = mask;
    mask = NULL;
done:
    siren_series_free(&series);
    free(mask);
    free(values);
    return status;
}

siren_status siren_sweep_input_read(const siren_sweep_input *input, siren_axis axis, size_t memory_limit,
                                    siren_series *series, uint8_t **mask) {
    siren_status status = SIREN_OK;
    siren_series read = {.voxels = NULL};
    uint8_t *inside = NULL;
    SIREN_TRY(siren_nifti_read(input->image, memory_limit, &read));
    if (input->mask) SIREN_TRY(read_mask(input, axis, memory_limit, &read.geometry, &inside));
    SIREN_TRY(siren_series_slice_along(&read, axis));
    *series = read;
    *mask = inside;
    return SIREN_OK;
done:
    siren_series_free(&read);
    free(inside);
    return status;
}
