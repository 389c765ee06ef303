#include "lab/sweep/sweep_input.h"

#include "engine/calls.h"
#include "engine/encode/brain_mask.h"
#include "engine/model/grid.h"
#include "lab/phantom/phantom_files.h"
#include "lab/run/run_folder.h"
#include "formats/diffusion_table.h"
#include "formats/nifti.h"
#include "host/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_OPTIONS_BYTES ((size_t)1 << 20) /* of a phantom's options */

static siren_status copy_text(const char *text, char **out) {
    char *copy = strdup(text);
    if (!copy) return siren_fail(SIREN_SYSTEM, "out of memory: cannot keep the path %s", text);
    *out = copy;
    return SIREN_OK;
}

/* All that decides what a phantom is. */
static siren_status phantom_text(const siren_experiment_input *asked, char **text) {
    const siren_phantom_options *o = &asked->phantom;
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_integers(json, "dims", (const size_t[]){o->nx, o->ny, o->nz}, 3);
    siren_json_begin_array(json, "shells");
    for (size_t i = 0; i < o->n_shells; i++) {
        siren_json_begin_array(json, NULL);
        siren_json_number(json, NULL, o->shells[i].b);
        siren_json_integer(json, NULL, o->shells[i].n);
        siren_json_end(json);
    }
    siren_json_end(json);
    if (o->n_echo_times > 0) siren_json_begin_array(json, "echo_times");
    for (size_t i = 0; i < o->n_echo_times; i++) siren_json_number(json, NULL, o->echo_times[i]);
    if (o->n_echo_times > 0) siren_json_end(json);
    siren_json_number(json, "snr", o->snr);
    siren_json_integer(json, "seed", o->seed);
    siren_json_string(json, "datatype", siren_datatype_name(o->datatype));
    siren_json_number(json, "voxel", asked->voxel);
    return siren_json_text(json, text);
}

/* Whether the file `path` holds `text`. */
static bool holds_text(const char *path, const char *text) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    if (siren_file_read(path, MAX_OPTIONS_BYTES, &bytes, &n_bytes) != SIREN_OK) return false;
    return n_bytes == strlen(text) && memcmp(bytes, text, n_bytes) == 0;
}

/* Makes the phantom unless its files are there and of these options, which are written last. */
static siren_status make_phantom(const char *run, const siren_experiment_input *asked,
                                 siren_progress_fn progress, void *user, siren_sweep_input *input) {
    SIREN_FREE_AT_END char *folder = NULL, *options = NULL, *text = NULL, *experiment = NULL;
    SIREN_TRY(siren_run_path(&folder, run, "inputs"));
    SIREN_TRY(siren_run_path(&input->image, folder, "%s.nii.gz", asked->name));
    SIREN_TRY(siren_run_path(&input->mask, folder, "%s_mask.nii.gz", asked->name));
    SIREN_TRY(siren_run_path(&options, folder, "%s.options", asked->name));
    SIREN_TRY(siren_run_path(&experiment, run, "experiment.json"));
    SIREN_TRY(phantom_text(asked, &text));
    bool same = holds_text(options, text);
    if (same && access(input->image, F_OK) == 0 && access(input->mask, F_OK) == 0) return SIREN_OK;
    SIREN_TRY(siren_folder_make(folder));
    siren_folder_clear_leftovers(folder);
    if (!same && siren_file_exists(options) && siren_file_exists(experiment))
        return siren_fail(
            SIREN_USAGE,
            "%s: was begun with another phantom %s, whose options are in %s; give another folder", run,
            asked->name, options);
    /* Files of these names are an earlier phantom's where its options are there, be they not written to the end. */
    const bool begun = access(options, F_OK) == 0;
    if (!begun) SIREN_TRY(siren_file_write(options, false, "", 0));
    siren_phantom_files files = {.phantom = &asked->phantom,
                                 .path = input->image,
                                 .voxel = asked->voxel,
                                 .overwrite = begun,
                                 .progress = progress,
                                 .user = user};
    siren_status status = siren_phantom_write(&files, NULL);
    if (status != SIREN_OK && !begun) unlink(options);
    SIREN_TRY(status);
    return siren_file_write(options, true, text, strlen(text));
}

static bool is_mask_made(const siren_experiment_input *asked) {
    return asked->mask && strcmp(asked->mask, SIREN_MASK_AUTO) == 0;
}

siren_status siren_sweep_inputs_are_made(const char *run, const siren_experiment *experiment, bool *made) {
    SIREN_FREE_AT_END char *begun = NULL;
    SIREN_TRY(siren_run_path(&begun, run, "experiment.json"));
    *made = true;
    for (size_t i = 0; *made && i < experiment->n_inputs; i++) {
        const siren_experiment_input *asked = &experiment->inputs[i];
        SIREN_FREE_AT_END char *options = NULL, *image = NULL, *mask = NULL, *text = NULL, *own = NULL;
        if (is_mask_made(asked)) {
            SIREN_TRY(siren_run_path(&own, run, "inputs/%s_mask.nii", asked->name));
            *made = access(own, F_OK) == 0 && access(begun, F_OK) == 0;
        }
        if (asked->image || !*made) continue;
        SIREN_TRY(phantom_text(asked, &text));
        SIREN_TRY(siren_run_path(&options, run, "inputs/%s.options", asked->name));
        SIREN_TRY(siren_run_path(&image, run, "inputs/%s.nii.gz", asked->name));
        SIREN_TRY(siren_run_path(&mask, run, "inputs/%s_mask.nii.gz", asked->name));
        *made = holds_text(options, text) && access(image, F_OK) == 0 && access(mask, F_OK) == 0;
    }
    return SIREN_OK;
}

/* The mask that dwi2mask makes of the image, below the run's inputs. One that is there is taken once the run has begun
 * (its digest stands in experiment.json), else made anew, where the file of options tells that it is no user's. */
static siren_status make_mask(const char *run, const siren_experiment_input *asked, size_t memory_limit,
                              siren_progress_fn progress, void *user, siren_sweep_input *input) {
    SIREN_AT_END(siren_staging_discard_at) siren_staging *staging = NULL;
    SIREN_FREE_AT_END char *folder = NULL, *experiment = NULL, *options = NULL, *made = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    SIREN_TRY(siren_run_path(&folder, run, "inputs"));
    SIREN_TRY(siren_run_path(&experiment, run, "experiment.json"));
    SIREN_TRY(siren_run_path(&input->mask, folder, "%s_mask.nii", asked->name));
    SIREN_TRY(siren_run_path(&options, folder, "%s_mask.options", asked->name));
    if (siren_file_exists(experiment) && siren_file_exists(input->mask)) return SIREN_OK;
    SIREN_TRY(siren_folder_make(folder));
    siren_folder_clear_leftovers(folder);
    const bool own = siren_file_exists(options);
    if (!own && siren_file_exists(input->mask))
        return siren_fail(SIREN_USAGE, "%s: exists and was not made by a sweep; give another folder",
                          input->mask);
    SIREN_TRY(siren_staging_open(NULL, NULL, 0, true, &staging));
    SIREN_TRY(siren_brain_mask_make(input->image, asked->beside[SIREN_BESIDE_BVAL],
                                    asked->beside[SIREN_BESIDE_BVEC], staging, progress, user, &made));
    SIREN_TRY(siren_file_read(made, memory_limit, &bytes, &n_bytes));
    if (!own) SIREN_TRY(siren_file_write(options, false, SIREN_MASK_AUTO "\n", sizeof SIREN_MASK_AUTO));
    return siren_file_write(input->mask, own, bytes, n_bytes);
}

static siren_status find_mask(const char *run, const siren_experiment_input *asked, size_t memory_limit,
                              siren_progress_fn progress, void *user, siren_sweep_input *input) {
    siren_geometry mask;
    if (is_mask_made(asked))
        SIREN_TRY(make_mask(run, asked, memory_limit, progress, user, input));
    else if (asked->mask)
        SIREN_TRY(copy_text(asked->mask, &input->mask));
    if (!input->mask) return SIREN_OK;
    SIREN_TRY(siren_nifti_read_geometry(input->mask, &mask));
    SIREN_TRY(siren_grid_check(input->image, &input->geometry, input->mask, &mask, 1));
    return siren_digest_file(input->mask, input->mask_sha256);
}

/* The table given, or the phantom's. */
static siren_status find_coordinates(const char *run, const siren_experiment_input *asked,
                                     siren_sweep_input *input) {
    size_t n_bytes;
    if (asked->volume_coordinates)
        SIREN_TRY(copy_text(asked->volume_coordinates, &input->coordinates));
    else if (asked->phantom.n_echo_times > 0)
        SIREN_TRY(
            siren_run_path(&input->coordinates, run, "inputs/%s%s", asked->name, SIREN_PHANTOM_COORDINATES));
    if (!input->coordinates) return SIREN_OK;
    SIREN_TRY(siren_digest_file(input->coordinates, input->coordinates_sha256));
    SIREN_TRY(
        siren_acquisition_read(input->coordinates, input->geometry.n_volumes, &input->section, &n_bytes));
    return siren_acquisition_view(input->coordinates, input->geometry.n_volumes, input->section, n_bytes,
                                  &input->acquisition);
}

/* Gradient tables are those given, or both that lie beside the series; masks those given, or the phantom's. */
static siren_status find_beside(const char *run, const siren_experiment_input *asked,
                                siren_sweep_input *input) {
    for (siren_beside i = 0; i < SIREN_N_BESIDE; i++) {
        const bool mask = i >= SIREN_BESIDE_WM;
        char suffix[8];
        snprintf(suffix, sizeof suffix, ".%s", siren_beside_name(i));
        if (asked->beside[i])
            SIREN_TRY(copy_text(asked->beside[i], &input->beside[i]));
        else if (!mask)
            SIREN_TRY(siren_neighbour_find(input->image, suffix, &input->beside[i], NULL));
        else if (!asked->image)
            SIREN_TRY(siren_run_path(&input->beside[i], run, "inputs/%s_%s.nii.gz", asked->name,
                                     siren_beside_name(i)));
    }
    const char *bval = input->beside[SIREN_BESIDE_BVAL], *bvec = input->beside[SIREN_BESIDE_BVEC];
    if (asked->beside[SIREN_BESIDE_BVAL] ||
        (bval && bvec && access(bval, R_OK) == 0 && access(bvec, R_OK) == 0))
        return SIREN_OK;
    for (siren_beside i = SIREN_BESIDE_BVAL; i <= SIREN_BESIDE_BVEC; i++) {
        const char *found = input->beside[i];
        if (found && access(found, R_OK) != 0)
            siren_log(SIREN_LOG_WARNING, "%s: cannot be read: %s; the gradient tables beside %s are left out",
                      found, strerror(errno), input->image);
        free(SIREN_TAKE(input->beside[i]));
    }
    return SIREN_OK;
}

siren_status siren_sweep_inputs_prepare(const char *run, const siren_experiment *experiment,
                                        size_t memory_limit, siren_progress_fn progress, void *user,
                                        siren_sweep_input **out) {
    SIREN_TRY(siren_allocate(out, experiment->n_inputs, sizeof **out, "the inputs"));
    for (size_t i = 0; i < experiment->n_inputs; i++) {
        const siren_experiment_input *asked = &experiment->inputs[i];
        siren_sweep_input *input = &(*out)[i];
        if (asked->image)
            SIREN_TRY(copy_text(asked->image, &input->image));
        else
            SIREN_TRY(make_phantom(run, asked, progress, user, input));
        SIREN_TRY(siren_nifti_read_geometry(input->image, &input->geometry));
        SIREN_TRY(siren_digest_file(input->image, input->sha256));
        SIREN_TRY(find_mask(run, asked, memory_limit, progress, user, input));
        SIREN_TRY(find_coordinates(run, asked, input));
        if (experiment->evaluation.wanted) SIREN_TRY(find_beside(run, asked, input));
        for (int k = 0; k < SIREN_N_BESIDE; k++)
            if (input->beside[k]) SIREN_TRY(siren_digest_file(input->beside[k], input->beside_sha256[k]));
    }
    return SIREN_OK;
}

void siren_sweep_inputs_free(siren_sweep_input *inputs, size_t n) {
    for (size_t i = 0; inputs && i < n; i++) {
        free(inputs[i].image);
        free(inputs[i].mask);
        free(inputs[i].coordinates);
        free(inputs[i].section);
        for (int k = 0; k < SIREN_N_BESIDE; k++) free(inputs[i].beside[k]);
    }
    free(inputs);
}

siren_trial_context siren_sweep_context(const siren_experiment *x, const siren_sweep_input *inputs,
                                        size_t which) {
    return (siren_trial_context){.input_sha256 = inputs[which].sha256,
                                 .mask_sha256 = inputs[which].mask ? inputs[which].mask_sha256 : NULL,
                                 .train_on_mask = x->inputs[which].train_on_mask,
                                 .coordinates_sha256 =
                                     inputs[which].coordinates ? inputs[which].coordinates_sha256 : NULL,
                                 .log_interval = x->log_interval,
                                 .keep_archives = x->keep_archives,
                                 .keep_curves = x->keep_curves,
                                 .keep_restored = x->keep_restored};
}

static siren_status read_mask(const siren_sweep_input *input, siren_axis axis, size_t memory_limit,
                              const siren_series *image, uint8_t **mask) {
    SIREN_AT_END(siren_series_free) siren_series series = {.voxels = NULL};
    SIREN_TRY(siren_nifti_read_for(SIREN_NIFTI_JUDGED, input->mask, memory_limit, &series));
    SIREN_TRY(siren_grid_check(input->image, &image->geometry, input->mask, &series.geometry, 1));
    SIREN_TRY(siren_grid_check_place(input->image, image, input->mask, &series));
    SIREN_TRY(siren_series_slice_along(&series, axis));
    return siren_mask_values(input->mask, &series, mask);
}

siren_status siren_sweep_input_read(const siren_sweep_input *input, siren_axis axis, size_t memory_limit,
                                    siren_series *series, uint8_t **mask) {
    SIREN_AT_END(siren_series_free) siren_series read = {.voxels = NULL};
    SIREN_FREE_AT_END uint8_t *inside = NULL;
    SIREN_TRY(siren_nifti_read(input->image, memory_limit, &read));
    if (input->mask) SIREN_TRY(read_mask(input, axis, memory_limit, &read, &inside));
    SIREN_TRY(siren_series_slice_along(&read, axis));
    *series = SIREN_TAKE(read);
    *mask = SIREN_TAKE(inside);
    return SIREN_OK;
}
