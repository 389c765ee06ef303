/* sirencl decompress */
#include "formats/number.h"
#include "host/names.h"
#include "tools/common/file_walk.h"
#include "tools/common/many_files.h"
#include "tools/common/streams.h"
#include "tools/datasets/bids.h"
#include "tools/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static siren_status parse_voxel(const char *text, size_t out[3]) {
    if (siren_parse_three(text, ',', out)) return SIREN_OK;
    return siren_fail(
        SIREN_USAGE, "--voxel is '%s' but must be three whole numbers X,Y,Z that count from 0, like 40,52,20",
        text);
}

static siren_status print_json(const size_t voxel[3], const siren_voxel_series *series) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_integers(json, "voxel", voxel, 3);
    siren_json_bool(json, "inside", series->inside);
    siren_json_begin_array(json, "values");
    for (size_t i = 0; i < series->n_volumes; i++) siren_json_number(json, NULL, series->values[i]);
    siren_json_end(json);
    return siren_tool_print_json(json);
}

static void voxel_free(siren_voxel_series *series) { free(series->values); }

static siren_status print_voxel(const char *archive, const char *text,
                                const siren_decompress_options *options, bool json) {
    size_t voxel[3];
    SIREN_AT_END(voxel_free) siren_voxel_series series = {.values = NULL};
    char number[SIREN_NUMBER_BYTES];
    SIREN_TRY(parse_voxel(text, voxel));
    SIREN_TRY(siren_voxel_read(archive, voxel, options->volumes, options->memory_limit, &series));
    if (json) return print_json(voxel, &series);
    for (size_t i = 0; i < series.n_volumes; i++) puts(siren_number_format(series.values[i], number));
    return SIREN_OK;
}

/* All archives of one command line. */
typedef struct {
    siren_decompress_options options;
    siren_device *device; /* NULL: the host */
    siren_file_pairs pairs;
    siren_file_list found; /* where folders were named */
    const char *format;    /* ".nii.gz"; NULL: as the names say */
    bool quiet, to_stream, for_mrtrix;
    double start; /* clock, of all and then of each archive */
    size_t n_done;
} decompress_run;

static void run_free(decompress_run *run) {
    siren_file_pairs_free(&run->pairs);
    siren_file_list_free(&run->found);
    siren_stream_end();
}

/* What a pipe cannot carry. */
static void tell_companions(const char *archive) {
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    char names[256] = "";
    if (siren_info(archive, &info) != SIREN_OK || info.n_attachments == 0) return;
    for (size_t i = 0; i < info.n_attachments; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), " %s", info.attachments[i]);
    siren_terminal_tell("%s also holds%s, which do not go through a pipe; give a file's name to have them",
                        siren_terminal_name(archive), names);
}

static siren_status restore_one(void *user, size_t nth) {
    decompress_run *run = user;
    const char *image = run->pairs.outputs[nth];
    if (nth > 0) run->start = siren_clock();
    if (run->to_stream) SIREN_TRY(siren_stream_open(run->format ? run->format : ".nii", &image));
    SIREN_TRY(siren_decompress_file(run->device, run->pairs.inputs[nth], image, &run->options,
                                    siren_terminal_progress, NULL));
    siren_terminal_end_progress();
    run->n_done++;
    if (!run->quiet)
        printf("%s: restored in %.2f s on %s\n", siren_terminal_name(image), siren_clock() - run->start,
               siren_device_name(run->device));
    fflush(stdout); /* the next one may take long */
    if (!run->to_stream) return SIREN_OK;
    if (run->for_mrtrix) return siren_stream_finish_mrtrix();
    if (!run->quiet) tell_companions(run->pairs.inputs[nth]);
    return siren_stream_finish();
}

static siren_status restore(decompress_run *run, const char *device_choice) {
    const double start = run->start;
    SIREN_TRY(siren_tool_open_decoder(device_choice, &run->device));
    siren_status status = siren_tool_each_file(run->pairs.inputs, run->pairs.n, NULL, restore_one, run);
    siren_terminal_end_progress();
    if (!run->quiet && run->pairs.n > 1)
        printf("%zu of %zu archive%s restored in %.2f s\n", run->n_done, run->pairs.n,
               siren_plural(run->pairs.n), siren_clock() - start);
    return status;
}

/* USAGE where the name of an image says another format than was asked for. */
static siren_status check_format(const char *image, const char *format) {
    if (!format || siren_stream_named(image) || siren_has_suffix(image, format)) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: does not end in %s, which --format asks for; leave out one of them",
                      image, format);
}

/* Two names of which the second is no archive's are an archive and its image; all others are archives. */
static siren_status pair_names(const char **names, const char *folder, bool recursive, decompress_run *run) {
    const size_t n = siren_tool_count_files(names);
    bool input;
    SIREN_TRY(siren_file_streams(names, true, folder, &input, &run->to_stream));
    if (run->to_stream) SIREN_TRY(siren_stream_divert());
    if (run->for_mrtrix && !run->to_stream)
        return siren_fail(SIREN_USAGE, "--format mif is for a pipe to MRtrix3's commands; give '-' as OUT");
    run->options.alone = run->to_stream && !run->for_mrtrix; /* gradients go into its header */
    if (input && n == 1) names[1] = names[0];
    if (input) SIREN_TRY(siren_stream_read(SIREN_STREAM_ARCHIVE, run->options.memory_limit, &names[0]));
    if (input || run->to_stream ||
        (n == 2 && !folder && !recursive && !siren_has_suffix(names[1], ".siren"))) {
        SIREN_TRY(check_format(names[1], run->format));
        return siren_file_pairs_given(names, &run->pairs);
    }
    if (recursive)
        SIREN_TRY(siren_file_walk_names(names, (const char *const[]){".siren", NULL}, &run->found));
    return siren_file_pairs_derive(recursive ? (const char *const *)run->found.paths : names,
                                   (const char *const *)run->found.below, recursive ? run->found.n : n,
                                   folder, run->format ? run->format : ".nii.gz",
                                   "of several names all are archives, unless there are two of which the "
                                   "second is the image's, like x.nii.gz",
                                   &run->pairs);
}

static siren_status read_format(const char *text, const char **out, bool *mif) {
    *out = NULL;
    if (!text) return SIREN_OK;
    *mif = strcmp(text, "mif") == 0;
    if (*mif || strcmp(text, "nii") == 0) *out = ".nii";
    if (strcmp(text, "nii.gz") == 0) *out = ".nii.gz";
    return *out ? SIREN_OK : siren_fail(SIREN_USAGE, "--format is '%s' but must be nii, nii.gz or mif", text);
}

siren_status siren_tool_decompress(int argc, char **argv) {
    siren_decompress_options decompress = {.memory_limit = siren_tool_memory()};
    siren_common_options common = {0};
    const char *device_choice = NULL, *voxel = NULL, *folder = NULL, *format = NULL;
    siren_bids_choice bids = {.on = false};
    bool json = false, recursive = false, input, output;
    SIREN_FREE_AT_END const char **files = NULL;
    SIREN_TRY(siren_allocate(&files, (size_t)argc + 1, sizeof *files, "the file names"));
    const siren_option options[] = {
        SIREN_TEXT("output", "DIR", "folder for the images; else each is beside its archive (also -o)",
                   &folder),
        {"slices", "A:B", "restore only slices A to B-1, counted from 0", SIREN_OPTION_SPAN,
         &decompress.slices, 0, 0},
        {"volumes", "A:B", "restore only volumes A to B-1, counted from 0;\nno other is evaluated",
         SIREN_OPTION_SPAN, &decompress.volumes, 0, 0},
        SIREN_TEXT(
            "voxel", "X,Y,Z",
            "print the values of one voxel, a line each, counted from 0,\nslope and intercept applied; "
            "without OUT, and on the host",
            &voxel),
        SIREN_FLAG("json", "with --voxel: machine-readable output", &json),
        SIREN_TEXT("format", "F",
                   "nii or nii.gz, where no image's name says which; mif: a pipe\nto MRtrix3's commands",
                   &format),
        SIREN_FLAG("recursive", SIREN_RECURSIVE_HELP, &recursive),
        SIREN_BIDS_OPTIONS(bids, "restore the data set that 'compress --bids' has made one of"),
        SIREN_TEXT("device", "D", SIREN_HOST_OPENCL_DEVICE_HELP, &device_choice),
        SIREN_FLAG("force", "replace an image that exists and the files beside it", &decompress.overwrite),
        SIREN_FLAG("plain-sidecar",
                   "restore the JSON sidecar byte for byte; else, where voxels are not, it gets the fields "
                   "LossyImageCompression, ...Ratio and ...Method",
                   &decompress.plain_sidecar),
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &decompress.memory_limit, 0x1p20, 0x1p62},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "decompress",
        .arguments = "IN.siren [OUT.nii[.gz]] | IN.siren... | IN.siren --voxel X,Y,Z | --bids IN OUT",
        .n_arguments = 1,
        .n_more_arguments = SIREN_ANY_NUMBER,
        .summary =
            "Restores the series with its original header, extensions, "
            "datatype, scaling, byte order and NIfTI version, and\n"
            "the attached files beside it. Each block is checked against its "
            "checksum: any device gives the same bits.\n"
            "Of two names the second is the image's, unless it ends in .siren; all others are archives, "
            "and x.siren becomes\n"
            "x.nii.gz. One that fails does not stop the others (exit code 8). '-' is standard input or "
            "output, "
            "and alone both.\n"
            "--volumes and --voxel decode a part of a block, of which there is no "
            "checksum: its record's is checked, and with\n"
            "--volumes some points of each block are compared with the host.",
        .example = "sirencl decompress --slices 20:21 --volumes 0:5 dwi.siren slice20.nii.gz",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    if (voxel && (files[1] || decompress.slices.end))
        return siren_fail(SIREN_USAGE, "--voxel prints one voxel's values: leave out %s",
                          files[1] ? files[1] : "--slices");
    if (voxel) SIREN_TRY(siren_file_streams(files, false, NULL, &input, &output));
    if (voxel && input)
        SIREN_TRY(siren_stream_read(SIREN_STREAM_ARCHIVE, decompress.memory_limit, &files[0]));
    if (voxel) return print_voxel(files[0], voxel, &decompress, json);
    if (json) return siren_fail(SIREN_USAGE, "--json is for --voxel X,Y,Z; give that, or leave it out");
    SIREN_AT_END(run_free)
    decompress_run run = {.options = decompress, .quiet = common.quiet, .start = siren_clock()};
    if (!common.quiet) run.options.replaced = siren_terminal_tell_replaced;
    siren_terminal_catch_interrupt();
    SIREN_TRY(read_format(format, &run.format, &run.for_mrtrix));
    SIREN_TRY(siren_bids_check(&bids, files, folder, recursive));
    if (bids.on) return siren_bids_restore(&bids, &run.options, device_choice, common.quiet);
    SIREN_TRY(pair_names(files, folder, recursive, &run));
    return restore(&run, device_choice);
}
