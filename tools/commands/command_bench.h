/* One measurement of `sirencl bench`: what --json writes and --compare reads. */
#ifndef SIREN_TOOLS_COMMAND_BENCH_H
#define SIREN_TOOLS_COMMAND_BENCH_H

#include "engine/care/bench.h"
#include "tools/tools.h"

#define SIREN_BENCH_FILES 32 /* that a command line may name */

typedef struct {
    siren_config *texts; /* where it was read from: holds the texts */
    const char *device, *driver, *family, *sirencl;
    const char *decode_crc; /* 16 hexadecimal digits */
    const char *model, *optimiser;
    /* What was measured; epochs are the training steps after which psnr was taken. */
    uint64_t layers, width, volumes, points, networks, epochs;
    double bandwidth_gbs; /* siren_bench_bandwidth() */
    double step_bytes;    /* siren_network_step_bytes() */
    siren_bench_result result;
} siren_bench_run;

/* Adds the members of a run to the object being built. */
void siren_bench_run_write(siren_json *json, const siren_bench_run *run);
/* Prints the runs of `files` (n of them, 2 at least) side by side, as text or JSON. USAGE where they did not measure
 * the same; INTEGRITY, after the table, where the decoded bits are not those of the first. */
siren_status siren_bench_compare(const char *const *files, size_t n_files, bool json);

#endif
