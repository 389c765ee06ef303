/* sirencl compress */
#include "engine/model/blocks.h"
#include "engine/model/network.h"
#include "engine/archive/parameters.h"
#include "engine/options.h"
#include "tools/profile_table.h"
#include "tools/tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* GFLOP/s and seconds of training after the first report of progress; 0 where it was too short to tell. */
static double training_rate(const siren_settings *settings, const siren_archive_info *info, double *seconds) {
    siren_network network;
    double epochs, n_trained = 0, n_points = 0;
    *seconds = siren_terminal_advancing("epochs", &epochs);
    if (*seconds <= 0 ||
        siren_network_from_model(settings->model, settings->layers, settings->width,
                                 (uint32_t)info->n_volumes, settings->w0, &network) != SIREN_OK)
        return 0;
    for (size_t i = 0; i < info->n_blocks; i++) {
        if (!(info->blocks[i].mse > 0)) continue; /* constant ones are not trained */
        n_points += (double)info->blocks[i].n_points;
        n_trained++;
    }
    if (n_trained == 0) return 0;
    double step = siren_network_step_flops(&network, (size_t)(n_points / n_trained));
    return 1e-9 * step * ((double)settings->epochs * n_trained - epochs) / *seconds;
}

static void print_summary(const char *archive, const siren_device *device, const siren_settings *settings,
                          const siren_archive_info *info, double seconds) {
    char bytes[32], size[32], weights[16];
    double training, rate = training_rate(settings, info, &training);
    printf("%s: %s bytes (%s)\n", archive, siren_format_integer(info->bytes, bytes),
           siren_format_bytes((double)info->bytes, size));
    printf("  ratio      %.2f to %s voxels, %.2f to float32\n", info->ratio, info->datatype_name,
           info->ratio_float32);
    if (info->masked)
        printf("  mask       %.1f %% of the voxels; the others come back as %g\n",
               100 * (double)info->n_inside / (double)info->n_voxels, info->background);
    if (isfinite(info->psnr) && info->block_kind == SIREN_BLOCK_VOLUME)
        printf("  PSNR       %.2f dB, of the whole volume, weights %s\n", info->psnr,
               siren_weights_name(info->weight_bits, weights));
    else if (isfinite(info->psnr) && info->coding != SIREN_CODING_NETWORK)
        printf("  PSNR       %.2f dB, mean of %zu %s\n", info->psnr, info->n_blocks,
               siren_block_kind_name(info->block_kind, info->n_blocks));
    else if (isfinite(info->psnr))
        printf("  PSNR       %.2f dB, mean of %zu %s, weights %s\n", info->psnr, info->n_blocks,
               siren_block_kind_name(info->block_kind, info->n_blocks),
               siren_weights_name(info->weight_bits, weights));
    else if (info->coding == SIREN_CODING_PREDICTIVE)
        printf("  PSNR       exact: every bit is kept%s\n", info->masked ? " inside the mask" : "");
    else
        printf("  PSNR       exact: every volume of every block is constant\n");
    if (info->coding == SIREN_CODING_PREDICTIVE && info->max_error > 0)
        printf("  error      at most %g stored units\n", info->max_error);
    printf("  attached  ");
    for (size_t i = 0; i < info->n_attachments; i++) printf(" %s", info->attachments[i]);
    printf("%s\n", info->n_attachments ? "" : " none");
    printf("  time       %.1f s on %s\n", seconds, siren_device_name(device));
    if (rate > 0) printf("  training   %.1f s at %.1f GFLOP/s\n", training, rate);
}

static siren_status print_json(const char *archive, const siren_device *device,
                               const siren_archive_info *info, double seconds, siren_profile *profile) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "archive", archive);
    siren_json_integer(json, "bytes", info->bytes);
    siren_json_number(json, "ratio", info->ratio);
    siren_json_number(json, "ratio_float32", info->ratio_float32);
    siren_json_number(json, "psnr", info->psnr);
    siren_json_begin_array(json, "attachments");
    for (size_t i = 0; i < info->n_attachments; i++) siren_json_string(json, NULL, info->attachments[i]);
    siren_json_end(json);
    siren_json_number(json, "seconds", seconds);
    siren_json_string(json, "device", siren_device_name(device));
    if (profile) siren_tool_write_profile(json, profile);
    return siren_tool_print_json(json);
}

/* What the command line says about the device. */
typedef struct {
    const char *choice, *gemm;
    bool allow_failed, matrix_units;
} device_arguments;

/* The device to train on; its part in the profile begins here. */
static siren_status open_device(const device_arguments *a, siren_profile *profile, siren_device **out) {
    const char *wanted = a->choice ? a->choice : getenv("SIRENCL_DEVICE");
    if (wanted && strcmp(wanted, "host") == 0)
        return siren_fail(SIREN_USAGE, "device host only decodes: training needs an OpenCL device, see "
                                       "'sirencl devices'");
    SIREN_TRY_STAGE("opening the device", siren_device_open(a->choice, out));
    SIREN_TRY(siren_tool_use_gemm(*out, a->gemm, a->matrix_units));
    SIREN_TRY(siren_tool_prepare_trainer(*out, a->allow_failed));
    if (profile) SIREN_TRY(siren_device_set_profile(*out, profile));
    if (a->matrix_units) SIREN_TRY(siren_tool_use_matrix_units(*out));
    return SIREN_OK;
}

siren_status siren_tool_compress(int argc, char **argv) {
    siren_compress_options compress = siren_compress_defaults();
    siren_common_options common = {0};
    bool json = false, profiling = false;
    double targets[SIREN_TARGET_PSNR + 1] = {-1, -1, -1, -1, -1}; /* not asked for */
    bool lossless = false;
    device_arguments wanted = {0};
    const char *files[2];
    compress.memory_limit = siren_tool_memory();
    const siren_option own[] = {
        SIREN_TEXT(
            "mask", "FILE",
            "train on and store only voxels that are not 0 in this 3-D\nimage, the others become a constant; "
            "auto: by MRtrix3's dwi2mask",
            &compress.mask),
        SIREN_FLAG("lossless",
                   "keep every bit, without networks: values are predicted, what is left is coded",
                   &lossless),
        {"max-error", "E", "the same with errors of up to E stored units", SIREN_OPTION_DOUBLE,
         &targets[SIREN_TARGET_MAX_ERROR], 0, SIREN_TARGET_MOST},
        {"ratio", "R",
         "without networks, by a transform of volumes and slices: a file of at\nmost a part in R of the "
         "stored voxels",
         SIREN_OPTION_DOUBLE, &targets[SIREN_TARGET_RATIO], 1, SIREN_TARGET_MOST},
        {"psnr", "DB", "by the same transform: a mean PSNR of the slices of at least DB", SIREN_OPTION_DOUBLE,
         &targets[SIREN_TARGET_PSNR], 0, SIREN_TARGET_MOST},
        SIREN_TEXT("bval", "FILE", "b-values to attach; else IN.bval, or bvals beside IN", &compress.bval),
        SIREN_TEXT("bvec", "FILE", "directions to attach; else IN.bvec, or bvecs beside IN", &compress.bvec),
        SIREN_TEXT("sidecar", "FILE", "JSON sidecar to attach; else IN.json where it exists",
                   &compress.sidecar),
        SIREN_TEXT("device", "D", SIREN_DEVICE_HELP, &wanted.choice),
        SIREN_FLAG("allow-failed-device", SIREN_ALLOW_FAILED_HELP, &wanted.allow_failed),
        SIREN_TEXT("gemm", "WHO", SIREN_GEMM_HELP, &wanted.gemm),
        SIREN_FLAG("matrix-units", SIREN_MATRIX_HELP, &wanted.matrix_units),
        {"memory", "BYTES",
         "bytes for series, training and decoding on host and\ndevice together, e.g. 16G; else half of "
         "the\nphysical memory",
         SIREN_OPTION_BYTES, &compress.memory_limit, 0x1p20, 0x1p62},
        SIREN_FLAG("no-tail", "leave out bytes that follow the voxels in the file", &compress.without_tail),
        SIREN_FLAG("force", "replace OUT.siren where it exists", &compress.overwrite),
        SIREN_FLAG("profile", "tell where the time went: kernels, transfers, stages of the host", &profiling),
        SIREN_FLAG("json", "machine-readable summary", &json),
        SIREN_COMMON_OPTIONS(common),
    };
    siren_option options[SIREN_MAX_SETTINGS + sizeof own / sizeof *own];
    size_t n = siren_setting_options(&compress.settings, options);
    memcpy(options + n, own, sizeof own);
    const siren_usage usage = {
        .command = "compress",
        .arguments = "IN.nii[.gz] OUT.siren",
        .n_arguments = 2,
        .summary = "Trains one network for each block (slice, volume or patch) and writes their quantised "
                   "parameters, the original\n"
                   "header, its extensions and the files beside the image (IN.bval, IN.bvec, IN.json) into "
                   "one archive.\n"
                   "Ctrl-C stops and leaves nothing behind. The same options on the same device give the "
                   "same bytes.",
        .example = "sirencl compress --device cpu --epochs 1000 dwi.nii.gz dwi.siren",
        .options = options,
        .n_options = n + sizeof own / sizeof *own};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    SIREN_AT_END(siren_profile_free_at) siren_profile *profile = NULL;
    SIREN_AT_END(siren_device_close_at) siren_device *device = NULL;
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    double start = siren_clock();
    siren_terminal_catch_interrupt();
    if (profiling) SIREN_TRY(siren_profile_create(&profile));
    if (lossless) targets[SIREN_TARGET_LOSSLESS] = 0;
    for (siren_target target = SIREN_TARGET_LOSSLESS; target <= SIREN_TARGET_PSNR; target++) {
        if (targets[target] < 0) continue;
        if (compress.coding != SIREN_CODING_NETWORK)
            return siren_fail(SIREN_USAGE,
                              "--lossless, --max-error, --ratio and --psnr are targets of which one can be "
                              "met; leave out the others");
        siren_target_set(&compress, target, targets[target]);
    }
    if (compress.coding == SIREN_CODING_NETWORK) SIREN_TRY(open_device(&wanted, profile, &device));
    SIREN_TRY(
        siren_compress_file(device, files[0], files[1], &compress, siren_terminal_progress, NULL, &info));
    siren_terminal_end_progress();
    double seconds = siren_clock() - start;
    if (json) return print_json(files[1], device, &info, seconds, profile);
    if (common.quiet) return SIREN_OK;
    print_summary(files[1], device, &compress.settings, &info, seconds);
    if (profile) siren_tool_print_profile(profile);
    return SIREN_OK;
}
