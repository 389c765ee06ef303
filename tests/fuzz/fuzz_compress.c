/* libFuzzer: compresses a small array of any values for any target that needs no device, by the public calls, and
 * reads the archive. What was promised must hold: every bit, the largest error, the size, the PSNR; the same archive
 * again; and parts as the whole. What is refused is refused for what the caller asked, in a sentence. */
#include "host/sirencl.h"
#include "tests/fuzz/input.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_VALUES = 8 * 8 * 3 * 6 };

typedef struct {
    siren_options *options;
    bool lossless;
    double max_error, size, ratio, psnr;
} target;

static void set(target *wanted, const char *key, const char *value) {
    MUST(siren_options_set(wanted->options, key, value) == SIREN_OK);
}

static void set_number(target *wanted, const char *key, double number) {
    char text[32];
    snprintf(text, sizeof text, "%.17g", number);
    set(wanted, key, text);
}

static void choose(fuzz_input *in, target *wanted) {
    static const double errors[] = {0.25, 1, 2, 3.7, 17, 1000, 1e9, 1e-3}, ratios[] = {1.5, 2, 5, 20},
                        psnrs[] = {5, 20, 35, 60, 90};
    const unsigned which = input_byte(in), much = input_byte(in), how = input_byte(in);
    char text[32];
    MUST(siren_options_create(&wanted->options) == SIREN_OK);
    switch (which % 6) {
    case 0:
        wanted->lossless = true;
        set(wanted, "lossless", "true");
        break;
    case 1:
        wanted->max_error = errors[much % 8];
        set_number(wanted, "max_error", wanted->max_error);
        break;
    case 2:
        snprintf(text, sizeof text, "%u%%", 1 + much % 50);
        set(wanted, "max_error", text);
        break;
    case 3:
        wanted->size = 400 + 16 * much;
        set_number(wanted, "size", wanted->size);
        break;
    case 4:
        wanted->ratio = ratios[much % 4];
        set_number(wanted, "ratio", wanted->ratio);
        break;
    default:
        wanted->psnr = psnrs[much % 5];
        set_number(wanted, "psnr", wanted->psnr);
    }
    if (which % 6 == 1 || which % 6 == 2) set(wanted, "model", which & 64 ? "transform" : "predictive");
    if (which & 128) set(wanted, "access", "series");
    if (how & 64) set(wanted, "scaling", "range");
    /* 1 to 3 are one; the others are slow. */
    set_number(wanted, "effort", how % 8 < 6 ? 1 : 2 * (how % 8) - 8);
}

/* Whether two stored values are the same bits, or at most `most` apart. */
static bool within(siren_datatype type, const uint8_t *a, const uint8_t *b, double most) {
    const size_t size = siren_datatype_size(type);
    if (memcmp(a, b, size) == 0) return true;
    if (type == SIREN_INT64 || type == SIREN_UINT64) {
        uint64_t x, y;
        memcpy(&x, a, size), memcpy(&y, b, size);
        const bool more = type == SIREN_INT64 ? (int64_t)x > (int64_t)y : x > y;
        return (long double)(more ? x - y : y - x) <= most;
    }
    double x, y;
    siren_datatype_to_double(type, a, 1, &x), siren_datatype_to_double(type, b, 1, &y);
    return fabs(x - y) <= most;
}

static void check(const target *wanted, const siren_array *array, const uint8_t *voxels, const void *bytes,
                  size_t n_bytes) {
    static uint8_t whole[MOST_VALUES * 8], part[MOST_VALUES * 8];
    const size_t size = siren_datatype_size(array->datatype), n_slice = array->shape[0] * array->shape[1],
                 nz = array->shape[2], n_values = n_slice * nz * array->shape[3];
    siren_reader *reader = NULL;
    const siren_archive_info *info;
    const siren_box all = {{0, 0}, {0, 0}, {0, 0}, {0, 0}},
                    last = {{0, 0}, {0, 0}, {nz - 1, nz}, {array->shape[3] - 1, array->shape[3]}};
    MUST(siren_reader_open_memory(bytes, n_bytes, &reader) == SIREN_OK);
    MUST(siren_reader_info(reader, &info) == SIREN_OK);
    MUST(info->bytes == n_bytes && info->series_bytes == n_values * size);
    MUST(siren_reader_read(reader, &all, SIREN_AS_STORED, whole, sizeof whole) == SIREN_OK);
    MUST(siren_reader_read(reader, &last, SIREN_AS_STORED, part, sizeof part) == SIREN_OK);
    MUST(memcmp(part, whole + (n_values - n_slice) * size, n_slice * size) == 0);
    if (wanted->lossless) MUST(memcmp(whole, voxels, n_values * size) == 0);
    if (wanted->max_error > 0)
        for (size_t i = 0; i < n_values; i++)
            MUST(within(array->datatype, whole + i * size, voxels + i * size, wanted->max_error));
    if (wanted->size > 0) MUST((double)n_bytes <= wanted->size);
    if (wanted->ratio > 0) MUST((double)n_bytes <= (double)(n_values * size) / wanted->ratio);
    if (wanted->psnr > 0) MUST(info->psnr >= wanted->psnr);
    siren_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
    static uint8_t voxels[MOST_VALUES * 8];
    fuzz_input in = {data, n_data};
    target wanted = {.options = NULL};
    siren_image *image = NULL;
    void *bytes[2] = {NULL, NULL};
    size_t n_bytes[2];
    MUST(siren_limit_processors(1) == SIREN_OK);
    choose(&in, &wanted);
    const siren_datatype type = input_datatype(&in);
    const unsigned plane = input_byte(&in), depth = input_byte(&in), scaled = input_byte(&in);
    siren_array array = {.voxels = voxels,
                         .datatype = type,
                         .n_axes = 4,
                         .shape = {1 + plane % 8, 1 + plane / 8 % 8, 1 + depth % 3, 1 + depth / 3 % 6},
                         .slope = scaled & 1   ? 0.5
                                  : scaled & 2 ? -2
                                               : 0,
                         .inter = scaled & 4 ? 10 : 0};
    const size_t n_values = array.shape[0] * array.shape[1] * array.shape[2] * array.shape[3];
    input_voxels(&in, type, array.shape[0], n_values, voxels);
    MUST(siren_image_from_array(&array, &image) == SIREN_OK);
    const int n_runs = scaled & 8 ? 2 : 1;
    for (int run = 0; run < n_runs; run++) {
        const siren_status status =
            siren_compress_to_memory(NULL, image, wanted.options, &bytes[run], &n_bytes[run]);
        MUST(status == SIREN_OK || status == SIREN_USAGE || status == SIREN_UNSUPPORTED ||
             status == SIREN_BOUND);
        MUST(status == SIREN_OK || *siren_message());
        if (status != SIREN_OK) break;
        if (run == 0) check(&wanted, &array, voxels, bytes[0], n_bytes[0]);
    }
    if (bytes[0] && n_runs == 2)
        MUST(bytes[1] && n_bytes[0] == n_bytes[1] && memcmp(bytes[0], bytes[1], n_bytes[0]) == 0);
    free(bytes[0]), free(bytes[1]);
    siren_image_free(image);
    siren_options_free(wanted.options);
    return 0;
}
