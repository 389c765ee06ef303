/* sirencl bench --compare, and the file it reads. */
#include "tools/commands/command_bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { FIELD_TEXT, FIELD_INTEGER, FIELD_NUMBER } field_type;

typedef struct {
    const char *key;
    field_type type;
    size_t offset;
    bool same; /* in runs that can be compared */
} field;

#define FIELD(key, type, same)                                                                               \
    { #key, type, offsetof(siren_bench_run, key), same }
#define MEASURED(key)                                                                                        \
    { #key, FIELD_NUMBER, offsetof(siren_bench_run, result.key), false }
static const field fields[] = {
    FIELD(device, FIELD_TEXT, false),
    FIELD(driver, FIELD_TEXT, false),
    FIELD(family, FIELD_TEXT, false),
    FIELD(sirencl, FIELD_TEXT, false),
    MEASURED(peak_gflops),
    FIELD(bandwidth_gbs, FIELD_NUMBER, false),
    MEASURED(step_gflops),
    MEASURED(step_share_of_peak),
    MEASURED(step_seconds),
    MEASURED(processor_seconds),
    MEASURED(step_flops),
    FIELD(step_bytes, FIELD_NUMBER, false),
    MEASURED(decode_gflops),
    MEASURED(decode_share_of_peak),
    MEASURED(decode_seconds),
    FIELD(decode_crc, FIELD_TEXT, false),
    MEASURED(psnr),
    FIELD(model, FIELD_TEXT, true),
    FIELD(optimiser, FIELD_TEXT, true),
    FIELD(layers, FIELD_INTEGER, true),
    FIELD(width, FIELD_INTEGER, true),
    FIELD(volumes, FIELD_INTEGER, true),
    FIELD(points, FIELD_INTEGER, true),
    FIELD(networks, FIELD_INTEGER, true),
    FIELD(epochs, FIELD_INTEGER, true),
};
#define N_FIELDS (sizeof fields / sizeof *fields)

static const char *text_of(const siren_bench_run *run, const field *f) {
    return *(const char *const *)((const char *)run + f->offset);
}

static uint64_t integer_of(const siren_bench_run *run, const field *f) {
    return *(const uint64_t *)((const char *)run + f->offset);
}

static double number_of(const siren_bench_run *run, const field *f) {
    return *(const double *)((const char *)run + f->offset);
}

void siren_bench_run_write(siren_json *json, const siren_bench_run *run) {
    for (size_t i = 0; i < N_FIELDS; i++) {
        const field *f = &fields[i];
        if (f->type == FIELD_TEXT) siren_json_string(json, f->key, text_of(run, f));
        if (f->type == FIELD_INTEGER) siren_json_integer(json, f->key, integer_of(run, f));
        if (f->type == FIELD_NUMBER) siren_json_number(json, f->key, number_of(run, f));
    }
}

static siren_status read_field(siren_value value, const field *f, siren_bench_run *run) {
    void *at = (char *)run + f->offset;
    if (f->type == FIELD_TEXT) return siren_value_string(value, at);
    if (f->type == FIELD_INTEGER) return siren_value_integer(value, 1, UINT64_MAX, at);
    return siren_value_number(value, -1e30, 1e30, at);
}

/* CORRUPT or USAGE where the file is no output of bench --json. */
static siren_status read_run(const char *path, siren_bench_run *run) {
    SIREN_TRY(siren_config_read(path, &run->texts));
    for (size_t i = 0; i < N_FIELDS; i++) {
        siren_value value = siren_value_member(siren_config_root(run->texts), fields[i].key);
        if (!siren_value_exists(value))
            return siren_fail(SIREN_CORRUPT,
                              "%s: has no \"%s\", so it is no output of this version's 'sirencl bench "
                              "--json'; measure again",
                              path, fields[i].key);
        SIREN_TRY(read_field(value, &fields[i], run));
    }
    return SIREN_OK;
}

static siren_status check_same(const char *const *files, const siren_bench_run *runs, size_t i) {
    for (size_t k = 0; k < N_FIELDS; k++) {
        const field *f = &fields[k];
        if (!f->same) continue;
        if (f->type == FIELD_TEXT && strcmp(text_of(&runs[i], f), text_of(&runs[0], f)) != 0)
            return siren_fail(SIREN_USAGE, "%s: %s is %s, but %s in %s; measure both with the same options",
                              files[i], f->key, text_of(&runs[i], f), text_of(&runs[0], f), files[0]);
        if (f->type == FIELD_INTEGER && integer_of(&runs[i], f) != integer_of(&runs[0], f))
            return siren_fail(SIREN_USAGE,
                              "%s: %s is %" PRIu64 ", but %" PRIu64
                              " in %s; measure both with the same options",
                              files[i], f->key, integer_of(&runs[i], f), integer_of(&runs[0], f), files[0]);
    }
    return SIREN_OK;
}

static bool same_bits(const siren_bench_run *a, const siren_bench_run *b) {
    return strcmp(a->decode_crc, b->decode_crc) == 0;
}

/* Decoded values, a voxel of a volume each, per second. */
static double decoded_values(const siren_bench_run *run) {
    return (double)run->points * (double)run->volumes / run->result.decode_seconds;
}

static void print_text(const char *const *files, const siren_bench_run *runs, size_t n) {
    printf("%s %" PRIu64 "x%" PRIu64 ", %" PRIu64 " outputs, %" PRIu64 " x %" PRIu64
           " points; PSNR after %" PRIu64 " steps of %s\n\n",
           runs->model, runs->layers, runs->width, runs->volumes, runs->networks, runs->points, runs->epochs,
           runs->optimiser);
    printf("%10s %10s %12s %8s %18s %10s  %-16s  %-6s  %s\n", "peak", "memory", "step", "of peak", "decode",
           "PSNR", "decoded bits", "family", "device, driver (file)");
    printf("%10s %10s %12s %8s %18s %10s\n", "GFLOP/s", "GB/s", "ms", "%", "million values/s", "dB");
    for (size_t i = 0; i < n; i++) {
        const siren_bench_run *r = &runs[i];
        printf("%10.1f %10.1f %12.3f %8.1f %18.2f %10.2f  %-16s%c %-6s  %s, %s (%s)\n", r->result.peak_gflops,
               r->bandwidth_gbs, 1e3 * r->result.step_seconds, 100 * r->result.step_share_of_peak,
               1e-6 * decoded_values(r), r->result.psnr, r->decode_crc, same_bits(r, runs) ? ' ' : '!',
               r->family, r->device, r->driver, files[i]);
    }
}

static siren_status print_json(const char *const *files, const siren_bench_run *runs, size_t n) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_begin_array(json, "runs");
    for (size_t i = 0; i < n; i++) {
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "file", files[i]);
        siren_bench_run_write(json, &runs[i]);
        siren_json_number(json, "decode_values_per_second", decoded_values(&runs[i]));
        siren_json_bool(json, "same_bits", same_bits(&runs[i], runs));
        siren_json_end(json);
    }
    siren_json_end(json);
    return siren_tool_print_json(json);
}

static void free_runs(siren_bench_run **runs) {
    for (siren_bench_run *run = *runs; run && run->texts; run++) siren_config_free(run->texts);
    free(*runs);
}

siren_status siren_bench_compare(const char *const *files, size_t n_files, bool json) {
    SIREN_AT_END(free_runs) siren_bench_run *runs = NULL;
    SIREN_TRY(siren_allocate(&runs, n_files + 1, sizeof *runs, "the files to compare"));
    for (size_t i = 0; i < n_files; i++) {
        SIREN_TRY(read_run(files[i], &runs[i]));
        SIREN_TRY(check_same(files, runs, i));
    }
    if (json)
        SIREN_TRY(print_json(files, runs, n_files));
    else
        print_text(files, runs, n_files);
    for (size_t i = 1; i < n_files; i++)
        if (!same_bits(&runs[i], runs))
            return siren_fail(
                SIREN_INTEGRITY,
                "%s: decoded to %s, but %s to %s: one of the two devices does not decode exactly; see "
                "'sirencl selftest'",
                files[i], runs[i].decode_crc, files[0], runs[0].decode_crc);
    return SIREN_OK;
}
