/* sirencl info */
#include "tools/tools.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Calls `line` with each "key=value" line of the provenance, cut in two. */
static void each_provenance(const char *provenance,
                            void (*line)(void *user, const char *key, const char *value), void *user) {
    for (const char *next = provenance; next && *next;) {
        size_t length = strcspn(next, "\n");
        char text[512];
        snprintf(text, sizeof text, "%.*s", (int)(length < sizeof text ? length : sizeof text - 1), next);
        char *equals = strchr(text, '=');
        if (equals) {
            *equals = '\0';
            line(user, text, equals + 1);
        }
        next += length + (next[length] == '\n');
    }
}

static void json_provenance(void *json, const char *key, const char *value) {
    siren_json_string(json, key, value);
}

static siren_status print_json(const char *path, const siren_archive_info *info) {
    siren_status status = SIREN_OK;
    siren_json *json = NULL;
    char weights[16];
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "file", path);
    siren_json_integer(json, "bytes", info->bytes);
    siren_json_integer(json, "series_bytes", info->series_bytes);
    siren_json_number(json, "ratio", info->ratio);
    siren_json_number(json, "ratio_float32", info->ratio_float32);
    siren_json_number(json, "psnr", info->psnr);
    siren_json_begin_array(json, "dims");
    siren_json_integer(json, NULL, info->nx);
    siren_json_integer(json, NULL, info->ny);
    siren_json_integer(json, NULL, info->nz);
    siren_json_end(json);
    siren_json_integer(json, "volumes", info->n_volumes);
    siren_json_string(json, "datatype", info->datatype);
    siren_json_integer(json, "nifti_version", (uint64_t)info->nifti_version);
    siren_json_number(json, "slope", info->slope);
    siren_json_number(json, "inter", info->inter);
    siren_json_begin_array(json, "layers");
    for (size_t i = 0; i < info->n_layers; i++) {
        siren_json_begin_object(json, NULL);
        siren_json_integer(json, "width", info->layers[i].width);
        siren_json_string(json, "activation", info->layers[i].activation);
        if (strcmp(info->layers[i].activation, "sine") == 0)
            siren_json_number(json, "w0", (double)info->layers[i].w0);
        siren_json_end(json);
    }
    siren_json_end(json);
    siren_json_integer(json, "params", info->n_params);
    siren_json_string(json, "weights", siren_tool_weights_name(info->weight_bits, weights));
    siren_json_begin_array(json, "attachments");
    for (size_t i = 0; i < info->n_attachments; i++) siren_json_string(json, NULL, info->attachments[i]);
    siren_json_end(json);
    siren_json_begin_object(json, "provenance");
    each_provenance(info->provenance, json_provenance, json);
    siren_json_end(json);
    siren_json_begin_array(json, "slices");
    for (size_t i = 0; i < info->n_slices; i++) {
        siren_json_begin_object(json, NULL);
        siren_json_integer(json, "slice", info->slices[i].slice);
        siren_json_number(json, "psnr", info->slices[i].psnr);
        siren_json_number(json, "mse", info->slices[i].mse);
        siren_json_integer(json, "bytes", info->slices[i].bytes);
        siren_json_end(json);
    }
    siren_json_end(json);
    SIREN_TRY(siren_tool_print_json(json));
done:
    siren_json_free(json);
    return status;
}

static void text_provenance(void *user, const char *key, const char *value) {
    (void)user;
    printf("  %-12s %s\n", key, value);
}

static void print_text(const char *path, const siren_archive_info *info, bool every_slice) {
    char bytes[32], size[32], params[32], weights[16];
    printf("%s: %s bytes (%s)\n", path, siren_format_integer(info->bytes, bytes),
           siren_format_bytes((double)info->bytes, size));
    printf("  image        %zu x %zu x %zu voxels, %zu volume%s, %s, NIfTI-%d, slope %g, inter %g\n",
           info->nx, info->ny, info->nz, info->n_volumes, info->n_volumes == 1 ? "" : "s", info->datatype,
           info->nifti_version, info->slope, info->inter);
    printf("  ratio        %.2f to %s voxels (%s), %.2f to float32\n", info->ratio, info->datatype,
           siren_format_bytes((double)info->series_bytes, size), info->ratio_float32);
    const siren_slice_info *worst = NULL;
    for (size_t i = 0; i < info->n_slices; i++)
        if (info->slices[i].mse > (worst ? worst->mse : 0)) worst = &info->slices[i];
    if (worst)
        printf("  PSNR         %.2f dB, mean of %zu slice%s; lowest %.2f dB in slice %u\n", info->psnr,
               info->n_slices, info->n_slices == 1 ? "" : "s", worst->psnr, (unsigned)worst->slice);
    else
        printf("  PSNR         exact: every volume of every slice is constant\n");
    printf("  network      ");
    for (size_t i = 0; i < info->n_layers; i++) {
        const siren_layer_info *layer = &info->layers[i];
        printf("%s%u %s", i ? ", " : "", (unsigned)layer->width, layer->activation);
        if (strcmp(layer->activation, "sine") == 0) printf(" (w0 %g)", (double)layer->w0);
    }
    printf("\n  parameters   %s a slice, stored as %s\n", siren_format_integer(info->n_params, params),
           siren_tool_weights_name(info->weight_bits, weights));
    printf("  attachments ");
    for (size_t i = 0; i < info->n_attachments; i++) printf(" %s", info->attachments[i]);
    printf("%s\n", info->n_attachments ? "" : " none");
    each_provenance(info->provenance, text_provenance, NULL);
    if (!every_slice) return;
    printf("  slice      bytes     PSNR\n");
    for (size_t i = 0; i < info->n_slices; i++)
        printf("  %5u %10s %8.2f\n", (unsigned)info->slices[i].slice,
               siren_format_integer(info->slices[i].bytes, bytes), info->slices[i].psnr);
}

int siren_tool_info(int argc, char **argv) {
    bool json = false;
    siren_common_options common = {0};
    const char *file[1];
    const siren_option options[] = {
        {"json", NULL, "machine-readable output", SIREN_OPTION_FLAG, &json, 0, 0},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "info",
        .arguments = "A.siren",
        .n_arguments = 1,
        .summary =
            "Tells what the archive says of itself, without decoding anything. The ratio is of the "
            "uncompressed series in its\n"
            "stored type to the archive's bytes; the PSNR is -10 log10 of the mean squared error of the "
            "exact decode on\n"
            "intensities scaled to [0,1] for each volume of a slice. With --verbose each slice has a line.",
        .example = "sirencl info --json dwi.siren",
        .options = options,
        .n_options = sizeof options / sizeof *options};
    int exit_code;
    if (!siren_terminal_begin(&usage, &common, argc, argv, file, &exit_code)) return exit_code;

    siren_archive_info info = {0};
    siren_status status = siren_info(file[0], &info);
    if (status == SIREN_OK && json)
        status = print_json(file[0], &info);
    else if (status == SIREN_OK)
        print_text(file[0], &info, common.verbose);
    siren_archive_info_free(&info);
    return siren_terminal_exit(status);
}
