/* sirencl join */
#include "engine/calls.h"
#include "tools/common/many_files.h"
#include "tools/tools.h"

#include <stdio.h>

siren_status siren_tool_join(int argc, char **argv) {
    siren_common_options common = {0};
    bool overwrite = false, json = false;
    SIREN_FREE_AT_END const char **files = NULL;
    SIREN_TRY(siren_allocate(&files, (size_t)argc + 1, sizeof *files, "the file names"));
    const siren_option options[] = {
        SIREN_FLAG("force", "replace the archive where it exists", &overwrite),
        SIREN_FLAG("json", "machine-readable summary", &json),
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {.command = "join",
                               .arguments = "PART.siren... OUT.siren",
                               .n_arguments = 2,
                               .n_more_arguments = SIREN_ANY_NUMBER,
                               .summary = "Makes one archive of the parts that 'sirencl compress --part I/N' "
                                          "has made, given in any order: the\n"
                                          "bytes of a compression that was not divided. The parts stay.",
                               .example = "sirencl join dwi.part-*-of-8.siren dwi.siren",
                               SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    const size_t n = siren_tool_count_files(files) - 1;
    char bytes[32];
    siren_terminal_catch_interrupt();
    SIREN_TRY(siren_join_files(files, n, files[n], overwrite, &info));
    if (json) {
        SIREN_AT_END(siren_json_free_at) siren_json *summary = NULL;
        SIREN_TRY(siren_json_create(&summary));
        siren_json_string(summary, "archive", files[n]);
        siren_json_integer(summary, "parts", n);
        siren_json_integer(summary, "bytes", info.bytes);
        siren_json_number(summary, "ratio", info.ratio);
        return siren_tool_print_json(summary);
    }
    if (!common.quiet)
        printf("%s: %s bytes of %zu parts, ratio %.2f\n", files[n], siren_format_integer(info.bytes, bytes),
               n, info.ratio);
    return SIREN_OK;
}
