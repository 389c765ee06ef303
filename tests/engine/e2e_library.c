/* The public calls: arrays of every layout, archives in memory, boxes against the whole series that decompress writes,
 * several threads, and input that cannot be. */
#define _GNU_SOURCE
#include "tests/shared/devices.h"
#include "tests/shared/nifti_files.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>

enum { NX = 13, NY = 9, NZ = 6, NV = 5, N = NX * NY * NZ * NV };

static int16_t voxels[N]; /* (NV, NZ, NY, NX) */
static const double affine[3][4] = {{2, 0, 0.5, -10}, {0, 2.5, 0, 7}, {-0.5, 0, 3, 1}};

static siren_array dense_array(void) {
    return (siren_array){.voxels = voxels,
                         .datatype = SIREN_INT16,
                         .n_axes = 4,
                         .shape = {NX, NY, NZ, NV},
                         .slope = 0.25,
                         .inter = -3,
                         .affine = affine};
}

static siren_options *quick(const char *const *pairs) {
    siren_options *options = NULL;
    assert_siren_ok(siren_options_create(&options));
    assert_siren_ok(siren_options_set(options, "layers", "2"));
    assert_siren_ok(siren_options_set(options, "width", "24"));
    assert_siren_ok(siren_options_set(options, "epochs", "20"));
    assert_siren_ok(siren_options_set(options, "force", "true"));
    for (; pairs && *pairs; pairs += 2) assert_siren_ok(siren_options_set(options, pairs[0], pairs[1]));
    return options;
}

/* The archive of an array; free() it. */
static void *archive_of(const siren_array *array, const char *const *pairs, size_t *n_bytes) {
    siren_image *image = NULL;
    siren_options *options = quick(pairs);
    void *bytes = NULL;
    assert_siren_ok(siren_image_from_array(array, &image));
    assert_siren_ok(siren_compress_to_memory(device, image, options, &bytes, n_bytes));
    siren_image_free(image);
    siren_options_free(options);
    return bytes;
}

/* ---- arrays ---- */

static void every_layout_gives_the_same_archive(void **state) {
    (void)state;
    static int16_t other[2 * N], reversed[N];
    static uint8_t odd[2 * N + 1];
    siren_array array = dense_array();
    size_t n_first, n_bytes;
    void *first = archive_of(&array, NULL, &n_first), *bytes;

    for (int i = 0; i < N; i++) { /* volumes fastest, every other element unused */
        int v = i / (NX * NY * NZ), z = i / (NX * NY) % NZ, y = i / NX % NY, x = i % NX;
        other[2 * (((x * NY + y) * NZ + z) * NV + v)] = voxels[i];
        reversed[N - 1 - i] = voxels[i];
    }
    memcpy(odd + 1, voxels, sizeof voxels);
    siren_array c_order = array, backwards = array, unaligned = array, seven = array;
    c_order.voxels = other;
    memcpy(c_order.strides, (ptrdiff_t[]){4 * NY * NZ * NV, 4 * NZ * NV, 4 * NV, 4}, 4 * sizeof(ptrdiff_t));
    backwards.voxels = reversed + N - 1;
    memcpy(backwards.strides, (ptrdiff_t[]){-2, -2 * NX, -2 * NX * NY, -2 * NX * NY * NZ},
           4 * sizeof(ptrdiff_t));
    unaligned.voxels = odd + 1;
    const siren_array *arrays[] = {&c_order, &backwards, &unaligned};
    for (size_t i = 0; i < 3; i++) {
        bytes = archive_of(arrays[i], NULL, &n_bytes);
        assert_int_equal(n_bytes, n_first);
        assert_memory_equal(bytes, first, n_bytes);
        free(bytes);
    }
    seven.n_axes = 7;
    memcpy(seven.shape, (size_t[]){NX, NY, NZ, 1, NV, 1, 1}, sizeof seven.shape);
    siren_reader *reader = NULL;
    const siren_archive_info *info = NULL;
    bytes = archive_of(&seven, NULL, &n_bytes);
    assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
    assert_siren_ok(siren_reader_info(reader, &info));
    assert_true(info->nx == NX && info->ny == NY && info->nz == NZ && info->n_volumes == NV);
    assert_true(info->slope == 0.25 && info->inter == -3 && info->datatype == SIREN_INT16);
    siren_reader_close(reader);
    free(bytes);
    free(first);
}

/* A file, and an array with that file's header, are the same archive, in a file and in memory. */
static void files_and_memory_agree(void **state) {
    (void)state;
    const char *image_path = scratch_path("series.nii"), *path = scratch_path("series.siren");
    siren_array array = dense_array();
    siren_options *options = quick(NULL);
    siren_image *image = NULL;
    siren_reader *reader = NULL;
    const void *header, *found;
    size_t n_header, n_file, n_bytes, n_found;
    void *bytes = archive_of(&array, NULL, &n_bytes);
    assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
    assert_siren_ok(siren_reader_header(reader, &header, &n_header));
    uint8_t *series = malloc(n_header + sizeof voxels);
    memcpy(series, header, n_header);
    memcpy(series + n_header, voxels, sizeof voxels);
    file_put(image_path, series, n_header + sizeof voxels);
    file_put(scratch_path("series.bval"), "0 1 2 3 4\n", 10);
    siren_reader_close(reader);
    free(bytes);

    array.header = series;
    array.header_bytes = n_header;
    array.slope = 77; /* the header's hold */
    assert_siren_ok(siren_image_from_array(&array, &image));
    assert_siren_ok(siren_image_attach(image, ".bval", "0 1 2 3 4\n", 10));
    assert_siren_ok(siren_compress_to_memory(device, image, options, &bytes, &n_bytes));
    siren_image_free(image);
    assert_siren_ok(siren_image_read(image_path, NULL, &image));
    assert_siren_ok(siren_compress(device, image, options, path));
    uint8_t *file = file_get(path, &n_file);
    assert_int_equal(n_file, n_bytes);
    assert_memory_equal(file, bytes, n_bytes);
    assert_siren_ok(siren_reader_open(path, &reader));
    assert_siren_ok(siren_reader_attachment(reader, ".bval", &found, &n_found));
    assert_true(n_found == 10 && memcmp(found, "0 1 2 3 4\n", 10) == 0);
    assert_siren_ok(siren_reader_attachment(reader, ".bvec", &found, &n_found));
    assert_null(found);
    size_t sound = 0;
    assert_siren_ok(siren_verify(NULL, path, NULL, &sound));
    assert_int_equal(sound, NZ);
    siren_reader_close(reader);
    siren_image_free(image);
    siren_options_free(options);
    free(file);
    free(bytes);
    free(series);
}

/* ---- boxes ---- */

static _Atomic uint32_t random_state = 1;
static size_t random_below(size_t n) {
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

static siren_span random_span(size_t begin, size_t end) {
    size_t a = begin + random_below(end - begin), b = a + 1 + random_below(end - a);
    if (random_below(4) == 0) b = a + 1;
    return random_below(5) == 0 ? (siren_span){begin, end} : (siren_span){a, b};
}

/* An archive and all of its voxels, as decompress restored them. */
typedef struct {
    siren_reader *reader;
    int16_t *whole;
    size_t z_begin, z_end;
    int n_boxes;
    bool failed;
} boxes;

static void *read_boxes(void *user) {
    boxes *b = user;
    size_t nz = b->z_end - b->z_begin;
    int16_t *stored = malloc(sizeof voxels);
    float *values = malloc(N * sizeof *values);
    for (int i = 0; i < b->n_boxes && !b->failed; i++) {
        siren_box box = {random_span(0, NX), random_span(0, NY), random_span(b->z_begin, b->z_end),
                         random_span(0, NV)};
        size_t n = (box.x.end - box.x.begin) * (box.y.end - box.y.begin) * (box.z.end - box.z.begin) *
                   (box.volumes.end - box.volumes.begin);
        b->failed = siren_reader_read(b->reader, &box, SIREN_AS_STORED, stored, 2 * n) != SIREN_OK ||
                    siren_reader_read(b->reader, &box, SIREN_AS_FLOAT32, values, 4 * n) != SIREN_OK;
        size_t at = 0;
        for (size_t v = box.volumes.begin; v < box.volumes.end; v++)
            for (size_t z = box.z.begin; z < box.z.end; z++)
                for (size_t y = box.y.begin; y < box.y.end; y++)
                    for (size_t x = box.x.begin; x < box.x.end; x++, at++) {
                        int16_t wanted = b->whole[((v * nz + z - b->z_begin) * NY + y) * NX + x];
                        b->failed |= stored[at] != wanted || values[at] != (float)(wanted * 0.25 - 3);
                    }
    }
    free(stored);
    free(values);
    return NULL;
}

static void check_boxes(const char *const *pairs, size_t z_begin, size_t z_end) {
    siren_array array = dense_array();
    size_t n_bytes, n_back, n_header;
    const void *header;
    void *bytes = archive_of(&array, pairs, &n_bytes);
    siren_options *options = quick(NULL);
    file_put(scratch_path("boxes.siren"), bytes, n_bytes);
    assert_siren_ok(siren_decompress(NULL, scratch_path("boxes.siren"), options, scratch_path("boxes.nii")));
    uint8_t *back = file_get(scratch_path("boxes.nii"), &n_back);
    siren_reader *reader = NULL;
    assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
    assert_siren_ok(siren_reader_header(reader, &header, &n_header));
    assert_int_equal(n_back, n_header + 2 * NX * NY * NV * (z_end - z_begin));
    boxes b = {reader, malloc(n_back), z_begin, z_end, 150, false};
    memcpy(b.whole, back + n_header, n_back - n_header);
    const size_t caches[] = {(size_t)64 << 20, 0, 1500};
    for (size_t i = 0; i < 3; i++) {
        assert_siren_ok(siren_reader_set_cache(reader, caches[i]));
        read_boxes(&b);
        assert_false(b.failed);
    }
    assert_siren_ok(siren_reader_set_cache(reader, 4000)); /* so that blocks go while others look at them */
    pthread_t threads[4];
    boxes each[4] = {b, b, b, b};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_boxes, &each[i]), 0);
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 4; i++) assert_false(each[i].failed);
    siren_reader_close(reader);
    siren_options_free(options);
    free(b.whole);
    free(back);
    free(bytes);
}

static void boxes_of_slices(void **state) {
    (void)state;
    check_boxes((const char *const[]){"slices", "1:5", NULL}, 1, 5);
}

static void boxes_of_patches(void **state) {
    (void)state;
    check_boxes((const char *const[]){"model", "siren-3d", "blocks", "patch:5x4x4", NULL}, 0, NZ);
}

static void boxes_inside_a_mask(void **state) {
    (void)state;
    nifti_recipe recipe = {.version = 1, .datatype = 2, .bitpix = 8, .dim = {3, NX, NY, NZ, 1, 1, 1, 1}};
    uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe);
    for (int i = 0; i < NX * NY * NZ; i++) bytes[offset + (size_t)i] = i % NX > 3 && i / NX % NY < 7;
    memset(bytes + 252, 0, 4); /* no qform, no sform: it lies where the series does */
    file_put(scratch_path("mask.nii"), bytes, n);
    check_boxes((const char *const[]){"mask", scratch_path("mask.nii"), NULL}, 0, NZ);
    check_boxes((const char *const[]){"mask", scratch_path("mask.nii"), "model", "siren-3d", NULL}, 0, NZ);
}

/* ---- what cannot be ---- */

static void bad_arrays_are_refused(void **state) {
    (void)state;
    siren_array good = dense_array(), bad[10];
    siren_image *image = NULL;
    for (size_t i = 0; i < 10; i++) bad[i] = good;
    bad[0].voxels = NULL;
    bad[1].n_axes = 0;
    bad[2].n_axes = 8;
    bad[3].shape[2] = 0;
    bad[4].datatype = (siren_datatype)3;
    bad[5].shape[0] = SIZE_MAX;
    bad[6].shape[1] = SIZE_MAX / 8;
    bad[7].strides[1] = PTRDIFF_MAX / 2;
    bad[8].strides[3] = PTRDIFF_MIN;
    bad[9].slope = INFINITY;
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(siren_image_from_array(&bad[i], &image), SIREN_USAGE);
        assert_null(image);
    }
    uint8_t header[400] = {0};
    good.header = header;
    good.header_bytes = sizeof header;
    assert_int_equal(siren_image_from_array(&good, &image), SIREN_CORRUPT);
    assert_int_equal(siren_image_from_array(NULL, &image), SIREN_USAGE);
    assert_siren_ok(siren_image_from_array(
        &(siren_array){voxels, SIREN_INT16, 1, {N}, {0}, 0, 0, NULL, NULL, 0}, &image));
    assert_int_equal(siren_image_attach(image, "../x", "y", 1), SIREN_USAGE);
    assert_int_equal(siren_image_attach(image, ".nii", "y", 1), SIREN_USAGE);
    assert_siren_ok(siren_image_attach(image, ".json", "{}", 2));
    assert_int_equal(siren_image_attach(image, ".json", "{}", 2), SIREN_USAGE);
    siren_image_free(image);
}

/* Sidecars attached from memory lose what identifies whatever their suffix is called. */
static void attached_sidecars_are_anonymised(void **state) {
    (void)state;
    static const char *const suffixes[] = {".json", ".JSON", "_bids.json", ".txt"};
    static const char sidecar[] = "{\"PatientName\": \"Doe^Jane\", \"EchoTime\": 1}";
    siren_array array = dense_array();
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        siren_options *options = NULL;
        siren_image *image = NULL;
        siren_reader *reader = NULL;
        void *bytes = NULL;
        const void *found;
        size_t n_bytes, n_found;
        assert_siren_ok(siren_options_create(&options));
        assert_siren_ok(siren_options_set(options, "lossless", "true"));
        assert_siren_ok(siren_options_set(options, "anonymise", "true"));
        assert_siren_ok(siren_image_from_array(&array, &image));
        assert_siren_ok(siren_image_attach(image, suffixes[i], sidecar, sizeof sidecar - 1));
        assert_siren_ok(siren_compress_to_memory(NULL, image, options, &bytes, &n_bytes));
        assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
        assert_siren_ok(siren_reader_attachment(reader, suffixes[i], &found, &n_found));
        assert_non_null(memmem(found, n_found, "EchoTime", 8));
        assert_int_equal(memmem(found, n_found, "Doe", 3) != NULL, strcmp(suffixes[i], ".txt") == 0);
        siren_reader_close(reader);
        siren_image_free(image);
        siren_options_free(options);
        free(bytes);
    }
}

static bool stop(void *user, double done, double total, const char *what) {
    (void)done, (void)total, (void)what;
    ++*(int *)user;
    return false;
}

static void bad_calls_are_refused(void **state) {
    (void)state;
    siren_array array = dense_array();
    siren_image *image = NULL;
    siren_options *options = quick(NULL);
    siren_reader *reader = NULL;
    void *made = NULL;
    const char *value = NULL;
    size_t n_bytes, n_made = 0;
    int calls = 0;
    assert_siren_ok(siren_image_from_array(&array, &image));
    assert_int_equal(siren_options_set(options, "epoch", "5"), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "epochs"));
    assert_int_equal(siren_options_set(options, "epochs", "-5"), SIREN_USAGE);
    assert_int_equal(siren_options_set(options, "axis", "x"), SIREN_USAGE); /* of experiments alone */
    assert_siren_ok(siren_options_get(options, "epochs", &value));
    assert_string_equal(value, "20");
    assert_int_equal(siren_options_set(NULL, "epochs", "5"), SIREN_USAGE);
    assert_siren_ok(siren_options_set_progress(options, stop, &calls));
    assert_int_equal(siren_compress_to_memory(device, image, options, &made, &n_made), SIREN_CANCELLED);
    assert_true(calls > 0 && !made);
    assert_siren_ok(siren_options_set_progress(options, NULL, NULL));
    assert_siren_ok(siren_options_set(options, "mask", "auto"));
    assert_int_equal(siren_compress_to_memory(device, image, options, &made, &n_made), SIREN_USAGE);
    assert_int_equal(siren_compress(NULL, image, options, "x.siren"), SIREN_USAGE);
    assert_int_equal(siren_compress(device, NULL, options, "x.siren"), SIREN_USAGE);
    assert_int_equal(siren_compress(device, image, options, scratch_path("missing/x.siren")), SIREN_SYSTEM);
    assert_int_equal(siren_decompress(NULL, NULL, NULL, "x.nii"), SIREN_USAGE);
    assert_int_equal(siren_verify(NULL, NULL, NULL, NULL), SIREN_USAGE);
    assert_int_equal(siren_compare("x", NULL, NULL, NULL), SIREN_USAGE);
    assert_int_equal(siren_reader_open(NULL, &reader), SIREN_USAGE);
    assert_int_equal(siren_reader_open("nothing.siren", &reader), SIREN_SYSTEM);
    siren_image_free(image);
    siren_options_free(options);

    int16_t out[4];
    void *bytes = archive_of(&array, NULL, &n_bytes);
    assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
    const siren_box one = {{1, 2}, {1, 2}, {1, 2}, {1, 2}},
                    outside[] = {{{0, NX + 1}, {1, 2}, {1, 2}, {1, 2}},
                                 {{1, 2}, {SIZE_MAX - 1, SIZE_MAX}, {1, 2}, {1, 2}},
                                 {{1, 2}, {1, 2}, {3, 2}, {1, 2}},
                                 {{1, 2}, {1, 2}, {1, 2}, {NV, NV + 1}}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(siren_reader_read(reader, &outside[i], SIREN_AS_STORED, out, sizeof out),
                         SIREN_USAGE);
    assert_int_equal(siren_reader_read(reader, &one, SIREN_AS_STORED, out, 1), SIREN_USAGE);
    assert_int_equal(siren_reader_read(reader, &one, SIREN_AS_FLOAT32, out, 2), SIREN_USAGE);
    assert_int_equal(siren_reader_read(reader, &one, (siren_value_type)7, out, sizeof out), SIREN_USAGE);
    assert_int_equal(siren_reader_read(reader, NULL, SIREN_AS_STORED, out, sizeof out), SIREN_USAGE);
    assert_siren_ok(
        siren_reader_read(reader, &one, SIREN_AS_STORED, out, sizeof out)); /* as good as before */
    siren_reader_close(reader);
    free(bytes);
}

/* What an option says can be set again; ranges without an end, sizes beyond numbers. */
static void options_round_trip(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"volumes", "3:"},         {"volumes", "1:4"}, {"slices", "2:"},
                                           {"memory", "1.5G"},        {"mask", "m.nii"},  {"force", "true"},
                                           {"blocks", "patch:5x4x3"}, {"lr", "0.001"}};
    static const char *const bad[][2] = {{"memory", "0x10G"}, {"memory", "1e99G"},
                                         {"memory", "-1"},    {"force", "yes"},
                                         {"epochs", " 5"},    {"blocks", "patch:99999999999999999999x1x1"},
                                         {"volumes", "4:2"},  {"lr", "nan"}};
    siren_options *options = NULL;
    const char *value;
    assert_siren_ok(siren_options_create(&options));
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char kept[128];
        assert_siren_ok(siren_options_set(options, pairs[i][0], pairs[i][1]));
        assert_siren_ok(siren_options_get(options, pairs[i][0], &value));
        snprintf(kept, sizeof kept, "%s", value);
        assert_siren_ok(siren_options_set(options, pairs[i][0], kept));
        assert_siren_ok(siren_options_get(options, pairs[i][0], &value));
        assert_string_equal(value, kept);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(siren_options_set(options, bad[i][0], bad[i][1]), SIREN_USAGE);
    siren_options_free(options);
}

/* Neither an archive nor what it is made of is replaced, whatever "force" says; nothing of a failure stays. */
static void inputs_are_not_replaced(void **state) {
    (void)state;
    siren_array array = dense_array();
    siren_options *options = quick(NULL);
    siren_image *image = NULL;
    size_t n_bytes, n_header, n_kept;
    const void *header;
    siren_reader *reader = NULL;
    void *bytes = archive_of(&array, NULL, &n_bytes);
    assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
    assert_siren_ok(siren_reader_header(reader, &header, &n_header));
    uint8_t *series = malloc(n_header + sizeof voxels);
    memcpy(series, header, n_header);
    memcpy(series + n_header, voxels, sizeof voxels);
    file_put(scratch_path("in.nii"), series, n_header + sizeof voxels);
    file_put(scratch_path("in.bval"), "0 1 2 3 4\n", 10);
    file_put(scratch_path("table"), "0 1 2 3 4\n", 10);
    siren_reader_close(reader);
    free(series);
    free(bytes);

    assert_siren_ok(siren_image_read(scratch_path("in.nii"), NULL, &image));
    const char *const inputs[] = {"in.nii", "in.bval"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(siren_compress(device, image, options, scratch_path(inputs[i])), SIREN_USAGE);
    assert_siren_ok(siren_options_set(options, "bvec", scratch_path("table")));
    assert_int_equal(siren_compress(device, image, options, scratch_path("table")), SIREN_USAGE);
    siren_options_free(options);

    /* An archive named as its own attachment. */
    options = quick(NULL);
    assert_siren_ok(siren_compress(device, image, options, scratch_path("q.bval")));
    free(file_get(scratch_path("q.bval"), &n_kept));
    assert_int_equal(siren_decompress(NULL, scratch_path("q.bval"), options, scratch_path("q.nii")),
                     SIREN_USAGE);
    assert_false(file_exists(scratch_path("q.nii")));
    free(file_get(scratch_path("q.bval"), &n_bytes));
    assert_int_equal(n_bytes, n_kept);
    siren_image_free(image);
    siren_options_free(options);
}

/* Whatever byte is changed or missing: a status, or the same voxels. */
static void damage_is_found(void **state) {
    (void)state;
    siren_array array = dense_array();
    const siren_box all = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
    static int16_t whole[N], again[N];
    size_t n_bytes;
    siren_reader *reader = NULL;
    uint8_t *bytes = archive_of(&array, (const char *const[]){"slices", "0:1", NULL}, &n_bytes);
    assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
    assert_siren_ok(siren_reader_read(reader, &all, SIREN_AS_STORED, whole, sizeof whole));
    siren_reader_close(reader);
    for (size_t i = 0; i < n_bytes; i += 1 + i % 3) {
        bytes[i] ^= 0x10;
        reader = NULL;
        if (siren_reader_open_memory(bytes, n_bytes, &reader) == SIREN_OK &&
            siren_reader_read(reader, &all, SIREN_AS_STORED, again, sizeof again) == SIREN_OK)
            assert_memory_equal(again, whole, 2 * NX * NY * NV);
        siren_reader_close(reader);
        bytes[i] ^= 0x10;
        uint8_t *shorter = malloc(i + 1); /* so that a sanitizer sees what is read behind its end */
        memcpy(shorter, bytes, i);
        assert_int_not_equal(siren_reader_open_memory(shorter, i, &reader), SIREN_OK);
        free(shorter);
    }
    /* A file that is cut after it was opened. */
    file_put(scratch_path("cut.siren"), bytes, n_bytes);
    assert_siren_ok(siren_reader_open(scratch_path("cut.siren"), &reader));
    assert_int_equal(truncate(scratch_path("cut.siren"), 100), 0);
    siren_status status = siren_reader_read(reader, &all, SIREN_AS_STORED, again, sizeof again);
    assert_true(status == SIREN_SYSTEM || status == SIREN_CORRUPT);
    siren_reader_close(reader);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_layout_gives_the_same_archive),
                                       cmocka_unit_test(files_and_memory_agree),
                                       cmocka_unit_test(boxes_of_slices),
                                       cmocka_unit_test(boxes_of_patches),
                                       cmocka_unit_test(boxes_inside_a_mask),
                                       cmocka_unit_test(bad_arrays_are_refused),
                                       cmocka_unit_test(attached_sidecars_are_anonymised),
                                       cmocka_unit_test(bad_calls_are_refused),
                                       cmocka_unit_test(damage_is_found),
                                       cmocka_unit_test(options_round_trip),
                                       cmocka_unit_test(inputs_are_not_replaced)};
    for (int i = 0; i < N; i++)
        voxels[i] = (int16_t)(i % NX * 30 + i / NX % NY * 11 - i / (NX * NY) * 5 + i * i % 7);
    int failed = run_on_family(SIREN_FAMILY_CHAIN, tests, sizeof tests / sizeof *tests);
    scratch_remove();
    return failed;
}
