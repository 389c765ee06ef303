/* sirencl compress */
#define _GNU_SOURCE
#include "engine/encode/choices.h"
#include "engine/model/blocks.h"
#include "engine/model/network.h"
#include "engine/archive/parameters.h"
#include "engine/options.h"
#include "engine/train/optimiser.h"
#include "formats/nifti.h"
#include "host/names.h"
#include "formats/original.h"
#include "tools/common/compress_options.h"
#include "tools/common/file_walk.h"
#include "tools/common/many_files.h"
#include "tools/common/provenance.h"
#include "tools/common/streams.h"
#include "tools/commands/profile_table.h"
#include "tools/datasets/bids.h"
#include "tools/tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Before training: what it will take. */
static void tell_foreseen(const siren_foreseen *f) {
    char size[32], time[32];
    if (isfinite(f->seconds))
        siren_terminal_tell("%s %ux%u: expected time %s, size %s", f->model, f->layers, f->width,
                            siren_format_seconds(f->seconds, time),
                            siren_format_bytes((double)f->n_bytes, size));
}

/* A line of provenance into the siren_settings `user`. */
static void take_setting(void *user, const char *key, const char *value) {
    const siren_setting *s;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (s->provenance && strcmp(s->provenance, key) == 0) siren_setting_parse(s, key, value, user);
}

/* GFLOP/s and seconds of training after the first report of progress; 0 where it was too short to tell, or blocks ended
 * early. */
static double training_rate(const siren_archive_info *info, double *seconds) {
    siren_network network = {.n_inputs =
                                 siren_block_inputs(info->block_kind) + (uint32_t)info->n_volume_coordinates,
                             .n_layers = (uint32_t)info->n_layers};
    siren_settings settings = siren_settings_defaults(); /* then as trained, not as the options were */
    double epochs, n_trained = 0, n_points = 0;
    siren_tool_each_provenance(info->provenance, take_setting, &settings);
    const double n_epochs = settings.until_gain > 0 ? 0 : (double)settings.epochs;
    *seconds = siren_terminal_advancing("epochs", &epochs);
    if (*seconds <= 0 || n_epochs <= 0 || info->n_layers == 0 || info->n_layers > SIREN_MAX_LAYERS) return 0;
    for (size_t i = 0; i < info->n_layers; i++) network.layers[i].width = info->layers[i].width;
    for (size_t i = 0; i < info->n_blocks; i++) {
        if (!(info->blocks[i].mse > 0)) continue; /* constant ones are not trained */
        n_points +=
            (double)info->blocks[i].n_points * (info->n_volume_coordinates > 0 ? (double)info->n_volumes : 1);
        n_trained++;
    }
    if (n_trained == 0) return 0;
    settings.epochs = 1;
    const double step = siren_training_flops(&network, &settings, (size_t)(n_points / n_trained));
    return 1e-9 * step * (n_epochs * n_trained - epochs) / *seconds;
}

static void print_anonymised(const siren_anonymised *told) {
    char text[SIREN_ANONYMISED_TEXT];
    printf("  anonymised   %s\n               the header is %s\n", siren_anonymised_text(told, text),
           siren_anonymised_header(told) ? "not that of the image byte for byte"
                                         : "that of the image byte for byte");
}

static void print_summary(const char *archive, const siren_device *device, const siren_archive_info *info,
                          const siren_anonymised *anonymised, double image_bytes, double seconds) {
    char bytes[32], size[32], weights[16];
    double training, rate = training_rate(info, &training);
    printf("%s: %s byte%s (%s)\n", archive, siren_format_integer(info->bytes, bytes),
           siren_plural(info->bytes), siren_format_bytes((double)info->bytes, size));
    printf("  ratio        %.2f to %s voxels, %.2f to float32", info->ratio, info->datatype_name,
           info->ratio_float32);
    if (image_bytes > 0) printf(", %.2f to the file", image_bytes / (double)info->bytes);
    putchar('\n');
    if (info->masked)
        printf("  mask         %.1f %% of the voxels; the others come back as %g\n",
               100 * (double)info->n_inside / (double)info->n_voxels, info->background);
    if (isfinite(info->psnr) && info->block_kind == SIREN_BLOCK_VOLUME)
        printf("  scaled PSNR  %.2f dB, of the whole volume, weights %s\n", info->psnr,
               siren_weights_name(info->weight_bits, weights));
    else if (isfinite(info->psnr) && info->coding != SIREN_CODING_NETWORK)
        printf("  scaled PSNR  %.2f dB, mean of %zu %s\n", info->psnr, info->n_blocks,
               siren_block_kind_name(info->block_kind, info->n_blocks));
    else if (isfinite(info->psnr))
        printf("  scaled PSNR  %.2f dB, mean of %zu %s, weights %s\n", info->psnr, info->n_blocks,
               siren_block_kind_name(info->block_kind, info->n_blocks),
               siren_weights_name(info->weight_bits, weights));
    else if (info->coding == SIREN_CODING_PREDICTIVE)
        printf("  scaled PSNR  exact: every bit is kept%s\n", info->masked ? " inside the mask" : "");
    else
        printf("  scaled PSNR  exact: every volume of every block is constant\n");
    if (isfinite(info->psnr)) fputs(SIREN_SCALED_PSNR_NOTE, stdout);
    if (info->max_error > 0) printf("  error        at most %g stored units\n", info->max_error);
    if (info->n_apart > 0)
        printf("  apart        %s voxel%s far outside the rest, kept bit for bit\n",
               siren_format_integer(info->n_apart, bytes), siren_plural(info->n_apart));
    printf("  attached    ");
    for (size_t i = 0; i < info->n_attachments; i++) printf(" %s", info->attachments[i]);
    printf("%s\n", info->n_attachments ? "" : " none");
    if (anonymised) print_anonymised(anonymised);
    printf("  time         %.1f s on %s\n", seconds, siren_device_name(device));
    if (rate > 0) printf("  training     %.1f s at %.1f GFLOP/s\n", training, rate);
}

/* Where nobody said what is wanted: what else there is for the same ratio, and without loss. */
static siren_status print_instead(const char *image, const siren_compress_options *made,
                                  const siren_archive_info *info) {
    SIREN_AT_END(siren_plan_free) siren_plan plan = {.n = 0};
    const siren_setting *model = siren_setting_find("model");
    siren_compress_options rows[2] = {*made, *made};
    char time[2][32];
    SIREN_TRY(siren_setting_parse(model, model->key, SIREN_MODEL_AUTO, &rows[0].settings));
    SIREN_TRY(siren_setting_parse(model, model->key, SIREN_MODEL_PREDICTIVE, &rows[1].settings));
    rows[1].target = SIREN_TARGET_LOSSLESS;
    SIREN_TRY(siren_plan_file(NULL, image, rows, 2, siren_terminal_progress, NULL, &plan));
    siren_terminal_end_progress();
    const siren_choice *best = &plan.choices[0], *exact = &plan.choices[1];
    for (size_t i = 0; i < 2; i++) siren_format_seconds(plan.choices[i].seconds, time[i]);
    if (!*best->reason && best->psnr > info->psnr)
        printf(
            "  instead      --model auto: %.1f dB at a ratio of %.1f in about %s; --lossless: every bit at "
            "%.2f in %s\n",
            best->psnr, best->ratio, time[0], exact->ratio, time[1]);
    else
        printf("  instead      --lossless: every bit at a ratio of %.2f in about %s\n", exact->ratio,
               time[1]);
    return SIREN_OK;
}

static void write_anonymised(siren_json *json, const siren_anonymised *told) {
    siren_json_begin_object(json, "anonymised");
    siren_json_string(json, "header_fields", told->fields);
    siren_json_integer(json, "extension_bytes", told->n_extension_bytes);
    siren_json_integer(json, "bytes_after_voxels", told->n_tail);
    siren_json_string(json, "sidecar_keys", told->keys);
    siren_json_bool(json, "header_is_original", !siren_anonymised_header(told));
    siren_json_end(json);
}

static void write_json(siren_json *json, const char *archive, const siren_device *device,
                       const siren_archive_info *info, const siren_anonymised *anonymised, double image_bytes,
                       double seconds, siren_profile *profile) {
    siren_json_string(json, "archive", archive);
    siren_json_integer(json, "bytes", info->bytes);
    siren_json_number(json, "ratio", info->ratio);
    siren_json_number(json, "ratio_float32", info->ratio_float32);
    siren_json_number(json, "ratio_file", image_bytes > 0 ? image_bytes / (double)info->bytes : NAN);
    siren_json_number(json, "psnr", info->psnr);
    siren_json_integer(json, "apart", info->n_apart);
    siren_json_begin_array(json, "attachments");
    for (size_t i = 0; i < info->n_attachments; i++) siren_json_string(json, NULL, info->attachments[i]);
    siren_json_end(json);
    if (anonymised) write_anonymised(json, anonymised);
    siren_json_number(json, "seconds", seconds);
    siren_json_string(json, "device", siren_device_name(device));
    if (profile) siren_tool_write_profile(json, profile);
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
    siren_terminal_hint("; only networks need a device: --lossless and --model transform do without, and "
                        "decoding has --device host");
    SIREN_TRY_STAGE("opening the device", siren_tool_open_device(a->choice, !a->allow_failed, out));
    SIREN_TRY(siren_tool_use_gemm(*out, a->gemm, a->matrix_units));
    SIREN_TRY(siren_tool_prepare_trainer(*out, a->allow_failed));
    if (profile) SIREN_TRY(siren_device_set_profile(*out, profile));
    if (a->matrix_units) SIREN_TRY(siren_tool_use_matrix_units(*out));
    return SIREN_OK;
}

/* All images of one command line. */
typedef struct {
    const siren_compress_options *options;
    siren_device *device; /* NULL: none is needed */
    siren_profile *profile;
    siren_file_pairs pairs;
    siren_file_list found; /* where folders were named */
    siren_json *json;      /* NULL: text */
    bool quiet, to_stream, anonymise;
    bool instead; /* nobody said what is wanted: tell what else there is */
    bool force_larger;
    double start;               /* clock, of all and then of each image */
    double stored_bytes, bytes; /* of what was done: voxels, archives */
    size_t n_done;
} compress_run;

/* Of the file, where all of it went into the archive; 0 otherwise. */
static double bytes_of_image(const char *image, const siren_archive_info *info) {
    struct stat facts;
    const bool whole = info->z_begin == 0 && info->z_end == info->nz;
    return whole && stat(image, &facts) == 0 ? (double)facts.st_size : 0;
}

/* "dwi.part-3-of-8.siren" of "dwi.siren". `*out` is yours to free(). */
static siren_status name_of_part(const char *archive, siren_part part, char **out) {
    static const char suffix[] = ".siren";
    const bool ends = siren_has_suffix(archive, suffix);
    const size_t n = strlen(archive) - (ends ? strlen(suffix) : 0);
    if (asprintf(out, "%.*s.part-%zu-of-%zu%s", (int)n, archive, part.number, part.of, ends ? suffix : "") >=
        0)
        return SIREN_OK;
    *out = NULL;
    return siren_fail(SIREN_SYSTEM, "out of memory: the name of a part of %s", archive);
}

static siren_status compress_part(compress_run *run, size_t nth, const siren_compress_options *options) {
    SIREN_FREE_AT_END char *archive = NULL;
    struct stat facts = {0};
    SIREN_TRY(name_of_part(run->pairs.outputs[nth], options->part, &archive));
    SIREN_TRY(siren_compress_file(run->device, run->pairs.inputs[nth], archive, options,
                                  siren_terminal_progress, NULL, NULL));
    siren_terminal_end_progress();
    if (stat(archive, &facts) != 0) return siren_fail(SIREN_SYSTEM, "%s: went", archive);
    if (run->json) {
        siren_tool_json_begin_file(run->json, run->pairs.n);
        siren_json_string(run->json, "archive", archive);
        siren_json_integer(run->json, "part", options->part.number);
        siren_json_integer(run->json, "of", options->part.of);
        siren_json_integer(run->json, "bytes", (uint64_t)facts.st_size);
        if (options->anonymise) write_anonymised(run->json, options->anonymise);
        siren_tool_json_end_file(run->json, run->pairs.n);
    } else if (!run->quiet) {
        char bytes[32];
        printf("%s: part %zu of %zu, %s bytes, %.1f s; 'sirencl join' makes one archive of all parts\n",
               archive, options->part.number, options->part.of,
               siren_format_integer((uint64_t)facts.st_size, bytes), siren_clock() - run->start);
        if (options->anonymise) print_anonymised(options->anonymise);
    }
    return SIREN_OK;
}

static siren_status compress_one(void *user, size_t nth) {
    compress_run *run = user;
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    const char *archive = run->pairs.outputs[nth], *image = run->pairs.inputs[nth];
    siren_compress_options options = *run->options;
    siren_anonymised anonymised = {.n_tail = 0};
    struct stat facts;
    if (nth > 0) run->start = siren_clock();
    if (run->anonymise) options.anonymise = &anonymised;
    if (!run->force_larger && stat(image, &facts) == 0) options.most_bytes = (size_t)facts.st_size;
    if (options.part.of > 0) return compress_part(run, nth, &options);
    if (run->to_stream) SIREN_TRY(siren_stream_open(".siren", &archive));
    SIREN_TRY(
        siren_compress_file(run->device, image, archive, &options, siren_terminal_progress, NULL, &info));
    siren_terminal_end_progress();
    const double seconds = siren_clock() - run->start;
    const double image_bytes = bytes_of_image(image, &info);
    if (image_bytes > 0 && (double)info.bytes > image_bytes)
        siren_terminal_warn("%s: is larger than %s; %s", siren_terminal_name(archive),
                            siren_terminal_name(image),
                            info.coding == SIREN_CODING_NETWORK
                                ? "a smaller network makes a smaller one, --lossless loses nothing, and "
                                  "--ratio R says how small it may be"
                                : "so small an image gains nothing");
    run->stored_bytes += (double)info.series_bytes;
    run->bytes += (double)info.bytes;
    run->n_done++;
    if (run->json) {
        siren_tool_json_begin_file(run->json, run->pairs.n);
        write_json(run->json, siren_terminal_name(archive), run->device, &info, options.anonymise,
                   image_bytes, seconds, run->profile);
        siren_tool_json_end_file(run->json, run->pairs.n);
    } else if (!run->quiet && run->pairs.n == 1) {
        print_summary(siren_terminal_name(archive), run->device, &info, options.anonymise, image_bytes,
                      seconds);
        if (run->instead && print_instead(image, run->options, &info) != SIREN_OK)
            siren_terminal_warn("%s", siren_message());
    } else if (!run->quiet) {
        char bytes[32];
        printf("%s: %s byte%s, ratio %.2f", archive, siren_format_integer(info.bytes, bytes),
               siren_plural(info.bytes), info.ratio);
        if (image_bytes > 0) printf(", %.2f to the file", image_bytes / (double)info.bytes);
        if (isfinite(info.psnr)) printf(", scaled PSNR %.2f dB", info.psnr);
        printf(", %.1f s\n", seconds);
        if (run->anonymise) print_anonymised(&anonymised);
        fflush(stdout); /* the next one may take long */
    }
    return run->to_stream ? siren_stream_finish() : SIREN_OK;
}

static siren_status compress_all(compress_run *run) {
    const double start = run->start;
    char bytes[32], stored[32];
    siren_status status = siren_tool_each_file(run->pairs.inputs, run->pairs.n, run->json, compress_one, run);
    siren_terminal_end_progress();
    if (run->json && (status == SIREN_OK || run->pairs.n > 1)) SIREN_TRY(siren_tool_print_json(run->json));
    if (!run->json && !run->quiet && run->pairs.n > 1 && run->n_done > 0)
        printf("%zu of %zu image%s: %s in archives, %s of voxels, ratio %.2f, %.1f s on %s\n", run->n_done,
               run->pairs.n, siren_plural(run->pairs.n), siren_format_bytes(run->bytes, bytes),
               siren_format_bytes(run->stored_bytes, stored), run->stored_bytes / run->bytes,
               siren_clock() - start, siren_device_name(run->device));
    if (status == SIREN_OK && run->profile && !run->json && !run->quiet)
        siren_tool_print_profile(run->profile);
    return status;
}

static void run_free(compress_run *run) {
    siren_device_close(run->device);
    siren_profile_free(run->profile);
    siren_json_free(run->json);
    siren_file_pairs_free(&run->pairs);
    siren_file_list_free(&run->found);
    siren_stream_end();
}

static const char *const image_suffixes[] = {".nii", ".nii.gz", NULL};

/* Two names of which the second is no image's are an image and its archive; all others are images. */
static siren_status pair_names(const char **names, const char *folder, bool recursive,
                               siren_compress_options *o, compress_run *run) {
    size_t n = siren_tool_count_files(names);
    bool input;
    SIREN_TRY(siren_file_streams(names, true, folder, &input, &run->to_stream));
    if (run->to_stream) SIREN_TRY(siren_stream_divert());
    if (run->to_stream) o->resume = false; /* nothing lies beside it */
    if (input && n == 1) names[n++] = "-";
    if (input && o->mask && strcmp(o->mask, SIREN_MASK_AUTO) == 0)
        return siren_fail(SIREN_USAGE,
                          "--mask auto: MRtrix3 reads no pipe; save the image, or give a mask's file");
    if (input) SIREN_TRY(siren_stream_read(SIREN_STREAM_IMAGE, o->memory_limit, &names[0]));
    if (n == 2 && !folder && !recursive && !siren_named_as_image(names[1]))
        return siren_file_pairs_given(names, &run->pairs);
    if (input) return siren_fail(SIREN_USAGE, "%s: is an image's name, but an archive is written", names[1]);
    if (recursive) SIREN_TRY(siren_file_walk_names(names, image_suffixes, &run->found));
    if (recursive) n = run->found.n;
    if (n > 1 && (o->bval || o->bvec || o->sidecar || (o->mask && strcmp(o->mask, SIREN_MASK_AUTO) != 0)))
        return siren_fail(
            SIREN_USAGE,
            "--bval, --bvec, --sidecar and the file of --mask belong to one image, but %zu were "
            "given; compress that one alone",
            n);
    return siren_file_pairs_derive(
        recursive ? (const char *const *)run->found.paths : names, (const char *const *)run->found.below, n,
        folder, ".siren",
        "of several names all are images, unless there are two of which the second "
        "is the archive's, like x.siren",
        &run->pairs);
}

/* Whether model auto would try networks on the image. */
static bool networks_may_win(const char *image, const siren_compress_options *o) {
    siren_geometry geometry;
    return strcmp(o->settings.model, SIREN_MODEL_AUTO) == 0 &&
           (o->target == SIREN_TARGET_RATIO || o->target == SIREN_TARGET_SIZE) &&
           siren_nifti_read_geometry(image, &geometry) == SIREN_OK &&
           geometry.n_volumes >= SIREN_NETWORK_VOLUMES;
}

/* Blocks can be divided where each one's record depends on nothing that others turn out to be. */
static siren_status read_part(const char *text, siren_compress_options *o) {
    SIREN_TRY(siren_part_parse("--part", text, &o->part));
    if (siren_options_coding(o) == SIREN_CODING_NETWORK && o->target == SIREN_TARGET_NONE) return SIREN_OK;
    return siren_fail(SIREN_USAGE,
                      siren_options_coding(o) == SIREN_CODING_NETWORK
                          ? "--part: a target is met by all blocks together and cannot be divided; say "
                            "by --width, --layers or --epochs what to train, and name no target"
                          : "--part: without networks there is nothing to divide, for it takes seconds; "
                            "leave it out");
}

siren_status siren_tool_compress(int argc, char **argv) {
    siren_wanted given = siren_wanted_defaults();
    siren_compress_options *compress = &given.made;
    siren_common_options common = {0};
    bool json = false, profiling = false;
    bool force_larger = false, recursive = false, anonymise = false;
    siren_bids_choice bids = {.on = false};
    device_arguments device = {0};
    const char *folder = NULL, *part = NULL;
    SIREN_FREE_AT_END const char **files = NULL;
    SIREN_TRY(siren_allocate(&files, (size_t)argc + 1, sizeof *files, "the file names"));
    compress->resume = true;
    const siren_option own[] = {
        SIREN_TEXT("output", "DIR", "folder for the archives; else each is beside its image (also -o)",
                   &folder),
        SIREN_TEXT(
            "volume-coordinates", "TABLE",
            "for model siren-nd: tab-separated coordinates of each volume, such as\nTE and b, below a row "
            "of names (docs/acquisition.md)",
            &compress->volume_coordinates),
        SIREN_TEXT("bval", "FILE", "b-values to attach; else IN.bval, or bvals beside IN", &compress->bval),
        SIREN_TEXT("bvec", "FILE", "directions to attach; else IN.bvec, or bvecs beside IN", &compress->bvec),
        SIREN_TEXT("sidecar", "FILE", "JSON sidecar to attach; else IN.json where it exists",
                   &compress->sidecar),
        SIREN_FLAG("anonymise",
                   "store neither texts and extensions of the header, nor bytes after the\nvoxels, nor what "
                   "identifies in the JSON sidecar",
                   &anonymise),
        SIREN_FLAG("recursive", SIREN_RECURSIVE_HELP, &recursive),
        SIREN_BIDS_OPTIONS(bids, "make a BIDS derivative of archives of the BIDS data set IN"),
        SIREN_TEXT("suffix", "S", "with --bids: series of these suffixes, e.g. dwi,bold; else dwi",
                   &bids.suffixes),
        SIREN_TEXT("device", "D", SIREN_DEVICE_HELP, &device.choice),
        SIREN_FLAG("allow-failed-device", SIREN_ALLOW_FAILED_HELP, &device.allow_failed),
        SIREN_TEXT("gemm", "WHO", SIREN_GEMM_HELP, &device.gemm),
        SIREN_FLAG("matrix-units", SIREN_MATRIX_HELP, &device.matrix_units),
        SIREN_FLAG("no-tail", "leave out bytes that follow the voxels in the file", &compress->without_tail),
        SIREN_TEXT(
            "part", "I/N",
            "train the Ith of N shares of the blocks alone, into\nOUT.part-I-of-N.siren, for 'sirencl join' "
            "(docs/clusters.md)",
            &part),
        SIREN_FLAG("force", "replace archives that exist, and nothing else", &compress->overwrite),
        SIREN_FLAG("no-resume", "begin anew, and drop what an interrupted run has kept in\nOUT.siren.part",
                   &compress->anew),
        SIREN_FLAG("force-larger", "train networks also where they will take more bytes than IN",
                   &force_larger),
        SIREN_FLAG("profile", "tell where the time went: kernels, transfers, stages of the host", &profiling),
        SIREN_FLAG("json", "machine-readable summary", &json),
        SIREN_COMMON_OPTIONS(common),
    };
    const size_t n_own = sizeof own / sizeof *own;
    siren_option options[SIREN_MOST_WANTED_OPTIONS + sizeof own / sizeof *own];
    const siren_usage usage = {
        .command = "compress",
        .arguments = "IN.nii[.gz] [OUT.siren] | IN.nii[.gz]... | --bids IN OUT",
        .n_arguments = 1,
        .n_more_arguments = SIREN_ANY_NUMBER,
        .summary =
            "Writes the image, its header and extensions and the files beside it (IN.bval, IN.bvec, IN.json) "
            "into one archive.\n"
            "At most one target: --lossless, --max-error, --ratio, --size, --psnr or --noise; without any it "
            "is --ratio 10\n"
            "by networks, one trained for each slice. With a target --model says how it is met. With "
            "--width, "
            "--layers,\n"
            "--epochs or --lr and without a target, networks are trained as these say. 'sirencl plan' "
            "compares "
            "the choices.\n"
            "Of two names the second is the archive's, unless it is an image's; all others are images, "
            "and x.nii.gz becomes\n"
            "x.siren. One that fails does not stop the others (exit code 8). '-' is standard input or "
            "output, and "
            "alone both.\n"
            "Ctrl-C stops it, and the same command goes on where it was, with what is kept in "
            "OUT.siren.part.\n"
            "The same options on the same device give the same bytes.",
        .example = "sirencl compress --model auto --ratio 20 dwi.nii.gz dwi.siren",
        .options = options,
        .n_options = siren_wanted_options(&given, own, n_own, options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, files, &status)) return status;

    SIREN_AT_END(run_free)
    compress_run run = {.options = compress, .quiet = common.quiet, .start = siren_clock()};
    siren_terminal_catch_interrupt();
    if (profiling) SIREN_TRY(siren_profile_create(&run.profile));
    SIREN_TRY(siren_wanted_read(&given));
    const bool open = compress->target == SIREN_TARGET_NONE;
    SIREN_TRY(siren_options_settle(compress));
    if (part) SIREN_TRY(read_part(part, compress));
    run.force_larger = force_larger;
    compress->foresee = tell_foreseen;
    run.anonymise = anonymise;
    SIREN_TRY(siren_bids_check(&bids, files, folder, recursive));
    bids.force_larger = force_larger;
    if (bids.on && (json || profiling || compress->bval || compress->bvec || compress->sidecar ||
                    (compress->mask && strcmp(compress->mask, SIREN_MASK_AUTO) != 0)))
        return siren_fail(SIREN_USAGE,
                          "--bids takes neither --json nor --profile, nor --bval, --bvec, --sidecar "
                          "or the file of --mask, which belong to one image");
    if (!bids.on) SIREN_TRY(pair_names(files, folder, recursive, compress, &run));
    if (part && (bids.on || run.to_stream))
        return siren_fail(SIREN_USAGE,
                          "--part makes a file of its own of each part, and goes with neither --bids nor "
                          "'-' as OUT");
    if (json) SIREN_TRY(siren_tool_json_of_files(run.pairs.n, &run.json));
    bool network = siren_options_coding(compress) == SIREN_CODING_NETWORK, tried = false;
    run.instead = network && open && compress->target != SIREN_TARGET_NONE;
    for (size_t i = 0; !network && !tried && i < run.pairs.n; i++)
        tried = networks_may_win(run.pairs.inputs[i], compress);
    if (network)
        SIREN_TRY(open_device(&device, run.profile, &run.device));
    else if (tried && open_device(&device, run.profile, &run.device) != SIREN_OK)
        siren_terminal_warn("networks are not tried: %s", siren_message());
    if (bids.on) return siren_bids_compress(&bids, compress, anonymise, run.device, common.quiet);
    return compress_all(&run);
}
