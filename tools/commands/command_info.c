/* sirencl info */
#include "engine/model/blocks.h"
#include "engine/archive/parameters.h"
#include "tools/common/file_walk.h"
#include "tools/common/many_files.h"
#include "tools/common/provenance.h"
#include "tools/common/streams.h"
#include "tools/tools.h"

#include <stdio.h>
#include <string.h>

static void json_provenance(void *json, const char *key, const char *value) {
    siren_json_string(json, key, value);
}

static void json_blocks(siren_json *json, const siren_archive_info *info) {
    bool slices = info->block_kind == SIREN_BLOCK_SLICE;
    siren_json_begin_array(json, slices ? "slices" : "blocks");
    for (size_t i = 0; i < info->n_blocks; i++) {
        const siren_block_info *block = &info->blocks[i];
        siren_json_begin_object(json, NULL);
        siren_json_integer(json, slices ? "slice" : "index", block->number);
        if (!slices) siren_json_integers(json, "first", block->first, 3);
        if (!slices) siren_json_integers(json, "size", block->size, 3);
        siren_json_number(json, "psnr", block->psnr);
        siren_json_number(json, "mse", block->mse);
        siren_json_integer(json, "bytes", block->bytes);
        if (info->masked) siren_json_integer(json, "points", block->n_points);
        siren_json_end(json);
    }
    siren_json_end(json);
}

static void write_json(siren_json *json, const char *path, const siren_archive_info *info) {
    char weights[16];
    siren_json_string(json, "file", path);
    siren_json_integer(json, "bytes", info->bytes);
    siren_json_integer(json, "series_bytes", info->series_bytes);
    siren_json_number(json, "ratio", info->ratio);
    siren_json_number(json, "ratio_float32", info->ratio_float32);
    siren_json_number(json, "psnr", info->psnr);
    siren_json_integer(json, "apart", info->n_apart);
    if (info->masked) {
        siren_json_begin_object(json, "mask");
        siren_json_integer(json, "inside", info->n_inside);
        siren_json_integer(json, "voxels", info->n_voxels);
        siren_json_number(json, "background", info->background);
        siren_json_end(json);
    }
    siren_json_integers(json, "dims", (const size_t[]){info->nx, info->ny, info->nz}, 3);
    siren_json_integers(json, "slices_held", (const size_t[]){info->z_begin, info->z_end}, 2);
    siren_json_integer(json, "volumes", info->n_volumes);
    siren_json_string(json, "datatype", info->datatype_name);
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
    if (info->n_volume_coordinates > 0) siren_json_begin_array(json, "volume_coordinates");
    for (size_t i = 0; i < info->n_volume_coordinates; i++)
        siren_json_string(json, NULL, info->volume_coordinates[i]);
    if (info->n_volume_coordinates > 0) siren_json_end(json);
    siren_json_integer(json, "params", info->n_params);
    if (info->coding == SIREN_CODING_PREDICTIVE || info->max_error > 0)
        siren_json_number(json, "max_error", info->max_error);
    if (info->coding == SIREN_CODING_NETWORK)
        siren_json_string(json, "weights", siren_weights_name(info->weight_bits, weights));
    if (info->context_bytes > 0) siren_json_integer(json, "context_bytes", info->context_bytes);
    if (info->restoration_bytes > 0) siren_json_integer(json, "restoration_bytes", info->restoration_bytes);
    siren_json_begin_array(json, "attachments");
    for (size_t i = 0; i < info->n_attachments; i++) siren_json_string(json, NULL, info->attachments[i]);
    siren_json_end(json);
    siren_json_begin_object(json, "provenance");
    siren_tool_each_provenance(info->provenance, json_provenance, json);
    siren_json_end(json);
    siren_json_string(json, "kind", siren_block_kind_name(info->block_kind, 1));
    json_blocks(json, info);
}

static void text_provenance(void *user, const char *key, const char *value) {
    (void)user;
    printf("  %-12s %s\n", key, value);
}

static void print_blocks(const siren_archive_info *info) {
    char bytes[32];
    bool slices = info->block_kind == SIREN_BLOCK_SLICE;
    printf("  %s      bytes     PSNR%s\n", slices ? "slice" : "block", slices ? "" : "  first voxel, size");
    for (size_t i = 0; i < info->n_blocks; i++) {
        const siren_block_info *block = &info->blocks[i];
        printf("  %5u %10s %8.2f", (unsigned)block->number, siren_format_integer(block->bytes, bytes),
               block->psnr);
        if (!slices)
            printf("  %zu,%zu,%zu  %zu x %zu x %zu", block->first[0], block->first[1], block->first[2],
                   block->size[0], block->size[1], block->size[2]);
        printf("\n");
    }
}

static void print_network(const siren_archive_info *info, const char *kind) {
    char params[32], weights[16];
    if (info->n_volume_coordinates > 0) {
        printf("  coordinates  x, y%s", info->block_kind == SIREN_BLOCK_SLICE ? "" : ", z");
        for (size_t i = 0; i < info->n_volume_coordinates; i++) printf(", %s", info->volume_coordinates[i]);
        printf("; one value of them\n");
    }
    printf("  network      ");
    for (size_t i = 0; i < info->n_layers; i++) {
        const siren_layer_info *layer = &info->layers[i];
        printf("%s%u %s", i ? ", " : "", (unsigned)layer->width, layer->activation);
        if (strcmp(layer->activation, "sine") == 0) printf(" (w0 %g)", (double)layer->w0);
    }
    printf("\n  parameters   %s a %s, stored as %s\n", siren_format_integer(info->n_params, params), kind,
           siren_weights_name(info->weight_bits, weights));
}

static void print_text(const char *path, const siren_archive_info *info, bool every_block) {
    char bytes[32], size[32];
    printf("%s: %s byte%s (%s)\n", path, siren_format_integer(info->bytes, bytes), siren_plural(info->bytes),
           siren_format_bytes((double)info->bytes, size));
    printf("  image        %zu x %zu x %zu voxels, %zu volume%s, %s, NIfTI-%d, slope %g, inter %g\n",
           info->nx, info->ny, info->nz, info->n_volumes, siren_plural(info->n_volumes), info->datatype_name,
           info->nifti_version, info->slope, info->inter);
    if (info->z_begin > 0 || info->z_end < info->nz)
        printf("  slices       %zu:%zu, a part of the image's 0:%zu\n", info->z_begin, info->z_end, info->nz);
    printf("  ratio        %.2f to %s voxels (%s), %.2f to float32\n", info->ratio, info->datatype_name,
           siren_format_bytes((double)info->series_bytes, size), info->ratio_float32);
    if (info->masked)
        printf("  mask         %s of %s voxel%s stored (%.1f %%); the others come back as %g\n",
               siren_format_integer(info->n_inside, bytes), siren_format_integer(info->n_voxels, size),
               siren_plural(info->n_voxels), 100 * (double)info->n_inside / (double)info->n_voxels,
               info->background);
    const char *kind = siren_block_kind_name(info->block_kind, 1);
    const siren_block_info *worst = NULL;
    for (size_t i = 0; i < info->n_blocks; i++)
        if (info->blocks[i].mse > (worst ? worst->mse : 0)) worst = &info->blocks[i];
    if (info->block_kind == SIREN_BLOCK_PATCH)
        printf("  blocks       %zu %s of up to %zu x %zu x %zu voxels\n", info->n_blocks,
               siren_block_kind_name(info->block_kind, info->n_blocks), info->blocks[0].size[0],
               info->blocks[0].size[1], info->blocks[0].size[2]);
    if (worst && info->block_kind == SIREN_BLOCK_VOLUME)
        printf("  scaled PSNR  %.2f dB, of the whole volume\n", info->psnr);
    else if (worst)
        printf("  scaled PSNR  %.2f dB, mean of %zu %s; lowest %.2f dB in %s %u\n", info->psnr,
               info->n_blocks, siren_block_kind_name(info->block_kind, info->n_blocks), worst->psnr, kind,
               (unsigned)worst->number);
    else if (info->coding == SIREN_CODING_PREDICTIVE)
        printf("  scaled PSNR  exact: every bit is kept%s\n", info->masked ? " inside the mask" : "");
    else
        printf("  scaled PSNR  exact: no value differs%s\n", info->masked ? " inside the mask" : "");
    if (worst) fputs(SIREN_SCALED_PSNR_NOTE, stdout);
    if (info->max_error > 0) printf("  error        at most %g stored units\n", info->max_error);
    if (info->n_apart > 0)
        printf("  apart        %s voxel%s far outside the rest, kept bit for bit\n",
               siren_format_integer(info->n_apart, bytes), siren_plural(info->n_apart));
    if (info->coding == SIREN_CODING_NETWORK) print_network(info, kind);
    if (info->context_bytes > 0)
        printf("  context      a network of %s bytes tells what to expect\n",
               siren_format_integer(info->context_bytes, bytes));
    if (info->restoration_bytes > 0)
        printf("  restoration  a network of %s bytes adds what quantisation took\n",
               siren_format_integer(info->restoration_bytes, bytes));

    printf("  attachments ");
    for (size_t i = 0; i < info->n_attachments; i++) printf(" %s", info->attachments[i]);
    printf("%s\n", info->n_attachments ? "" : " none");
    siren_tool_each_provenance(info->provenance, text_provenance, NULL);
    if (every_block) print_blocks(info);
}

typedef struct {
    const char *const *files; /* (n) */
    size_t n;
    siren_json *json; /* NULL: text */
    bool every_block;
} info_run;

static void run_free(info_run *run) { siren_json_free(run->json); }

static siren_status tell_one(void *user, size_t nth) {
    const info_run *run = user;
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    SIREN_TRY(siren_info(run->files[nth], &info));
    if (run->json) {
        siren_tool_json_begin_file(run->json, run->n);
        write_json(run->json, siren_terminal_name(run->files[nth]), &info);
        siren_tool_json_end_file(run->json, run->n);
    } else {
        print_text(siren_terminal_name(run->files[nth]), &info, run->every_block);
    }
    return SIREN_OK;
}

siren_status siren_tool_info(int argc, char **argv) {
    bool json = false, recursive = false, input, output;
    siren_common_options common = {0};
    SIREN_AT_END(siren_file_list_free) siren_file_list found = {.n = 0};
    SIREN_FREE_AT_END const char **files = NULL;
    SIREN_TRY(siren_allocate(&files, (size_t)argc + 1, sizeof *files, "the file names"));
    const siren_option options[] = {
        SIREN_FLAG("json", "machine-readable output", &json),
        SIREN_FLAG("recursive", SIREN_RECURSIVE_HELP, &recursive),
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "info",
        .arguments = "A.siren... | -",
        .n_arguments = 1,
        .n_more_arguments = SIREN_ANY_NUMBER,
        .summary =
            "Tells what the archive says of itself, without decoding anything. The ratio is of the "
            "uncompressed series in its\n"
            "stored type to the archive's bytes; the scaled PSNR is -10 log10 of the mean squared error of "
            "the "
            "exact decode on\n"
            "intensities scaled to [0,1] for each volume of a block, inside the mask where there is one. "
            "With --verbose each\nblock has a line. --json gives an object, of several archives an array of "
            "them; one that "
            "fails does not stop\nthe others (exit code 8). '-' is standard input.",
        .example = "sirencl info --json dwi.siren",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    SIREN_AT_END(run_free)
    info_run run = {.every_block = common.verbose};
    SIREN_TRY(siren_file_streams(files, false, NULL, &input, &output));
    if (input) SIREN_TRY(siren_stream_read(SIREN_STREAM_ARCHIVE, SIZE_MAX, &files[0]));
    if (recursive) SIREN_TRY(siren_file_walk_names(files, (const char *const[]){".siren", NULL}, &found));
    run.files = recursive ? (const char *const *)found.paths : files;
    run.n = siren_tool_count_files(run.files);
    if (json) SIREN_TRY(siren_tool_json_of_files(run.n, &run.json));
    status = siren_tool_each_file(run.files, run.n, run.json, tell_one, &run);
    if (json && (status == SIREN_OK || run.n > 1)) SIREN_TRY(siren_tool_print_json(run.json));
    return status;
}
