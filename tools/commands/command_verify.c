/* sirencl verify */
#include "engine/model/blocks.h"
#include "tools/common/file_walk.h"
#include "tools/common/many_files.h"
#include "tools/common/streams.h"
#include "tools/tools.h"

#include <stdio.h>

typedef struct {
    const char *const *files; /* (n) */
    size_t n, memory, n_sound;
    siren_device *device; /* NULL: the host */
    siren_json *json;     /* NULL: text */
    bool quiet;
    double start; /* clock, of all and then of each archive */
} verify_run;

static void run_free(verify_run *run) { siren_json_free(run->json); }

static siren_status verify_one(void *user, size_t nth) {
    verify_run *run = user;
    const char *file = run->files[nth];
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    size_t n_blocks = 0;
    if (nth > 0) run->start = siren_clock();
    SIREN_TRY(siren_verify_file(run->device, file, run->memory, siren_terminal_progress, NULL, &n_blocks));
    SIREN_TRY(siren_info(file, &info));
    siren_terminal_end_progress();
    run->n_sound++;
    const double seconds = siren_clock() - run->start;
    if (run->json) {
        siren_tool_json_begin_file(run->json, run->n);
        siren_json_string(run->json, "file", siren_terminal_name(file));
        siren_json_bool(run->json, "sound", true);
        siren_json_string(run->json, "kind", siren_block_kind_name(info.block_kind, 1));
        siren_json_integer(run->json, "blocks", n_blocks);
        siren_json_string(run->json, "device", siren_device_name(run->device));
        siren_json_number(run->json, "seconds", seconds);
        siren_tool_json_end_file(run->json, run->n);
    } else if (!run->quiet) {
        printf("%s: sound; %zu %s%s to the recorded bits on %s (%.2f s)\n", siren_terminal_name(file),
               n_blocks, siren_block_kind_name(info.block_kind, n_blocks),
               n_blocks == 1 ? " decodes" : " decode", siren_device_name(run->device), seconds);
        fflush(stdout); /* the next one may take long */
    }
    return SIREN_OK;
}

siren_status siren_tool_verify(int argc, char **argv) {
    siren_common_options common = {0};
    const char *device_choice = NULL;
    bool json = false, recursive = false, input, output;
    SIREN_AT_END(siren_file_list_free) siren_file_list found = {.n = 0};
    SIREN_FREE_AT_END const char **files = NULL;
    SIREN_TRY(siren_allocate(&files, (size_t)argc + 1, sizeof *files, "the file names"));
    size_t memory = siren_tool_memory();
    const siren_option options[] = {
        SIREN_TEXT("device", "D", SIREN_HOST_OPENCL_DEVICE_HELP, &device_choice),
        SIREN_FLAG("json", "machine-readable output: an object, of several archives an array", &json),
        SIREN_FLAG("recursive", SIREN_RECURSIVE_HELP, &recursive),
        {"memory", "BYTES", SIREN_MEMORY_HELP, SIREN_OPTION_BYTES, &memory, 0x1p20, 0x1p62},
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {
        .command = "verify",
        .arguments = "A.siren... | -",
        .n_arguments = 1,
        .n_more_arguments = SIREN_ANY_NUMBER,
        .summary =
            "Checks every checksum of the archive, decodes every block and compares it with its checksum.\n"
            "Exit code 3 for a damaged archive, 5 where a block decodes to other bits, 8 where some of "
            "several archives failed.",
        .example = "sirencl verify --device host dwi.siren",
        SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    SIREN_AT_END(run_free)
    verify_run run = {.memory = memory, .quiet = common.quiet};
    const double start = run.start = siren_clock();
    siren_terminal_catch_interrupt();
    SIREN_TRY(siren_file_streams(files, false, NULL, &input, &output));
    if (input) SIREN_TRY(siren_stream_read(SIREN_STREAM_ARCHIVE, memory, &files[0]));
    if (recursive) SIREN_TRY(siren_file_walk_names(files, (const char *const[]){".siren", NULL}, &found));
    run.files = recursive ? (const char *const *)found.paths : files;
    run.n = siren_tool_count_files(run.files);
    if (json) SIREN_TRY(siren_tool_json_of_files(run.n, &run.json));
    SIREN_TRY(siren_tool_open_decoder(device_choice, &run.device));
    status = siren_tool_each_file(run.files, run.n, run.json, verify_one, &run);
    siren_terminal_end_progress();
    if (json && (status == SIREN_OK || run.n > 1)) SIREN_TRY(siren_tool_print_json(run.json));
    if (!json && !common.quiet && run.n > 1)
        printf("%zu of %zu archives are sound (%.2f s)\n", run.n_sound, run.n, siren_clock() - start);
    return status;
}
