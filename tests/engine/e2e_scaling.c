/* Hot voxels: whatever the model, blocks, type or mask, they come back bit for bit, the rest as well as without them,
 * and the figures are of the rest. Where there are none, robust scaling gives the bytes of the published one. */
#include "tests/shared/devices.h"
#include "formats/series.h"
#include "tests/shared/nifti_files.h"

#include <float.h>
#include <math.h>

enum { NX = 20, NY = 18, NZ = 3, NV = 4, SLICE = NX * NY, POINTS = SLICE * NZ, VALUES = POINTS * NV };

typedef union {
    int8_t i8[VALUES];
    uint8_t u8[VALUES];
    int16_t i16[VALUES];
    uint16_t u16[VALUES];
    int32_t i32[VALUES];
    uint32_t u32[VALUES];
    int64_t i64[VALUES];
    uint64_t u64[VALUES];
    float f32[VALUES];
    double f64[VALUES];
} voxels_of;

static void put(siren_datatype type, voxels_of *voxels, size_t i, double value) {
    switch (type) {
    case SIREN_INT8:
        voxels->i8[i] = (int8_t)value;
        break;
    case SIREN_UINT8:
        voxels->u8[i] = (uint8_t)value;
        break;
    case SIREN_INT16:
        voxels->i16[i] = (int16_t)value;
        break;
    case SIREN_UINT16:
        voxels->u16[i] = (uint16_t)value;
        break;
    case SIREN_INT32:
        voxels->i32[i] = (int32_t)value;
        break;
    case SIREN_UINT32:
        voxels->u32[i] = (uint32_t)value;
        break;
    case SIREN_INT64:
        voxels->i64[i] = value < 9e18 ? (int64_t)value : INT64_MAX - 5;
        break;
    case SIREN_UINT64:
        voxels->u64[i] = value < 18e18 ? (uint64_t)value : UINT64_MAX - 5;
        break;
    case SIREN_FLOAT32:
        voxels->f32[i] = (float)value;
        break;
    case SIREN_FLOAT64:
        voxels->f64[i] = value;
        break;
    }
}

static double get(siren_datatype type, const voxels_of *voxels, size_t i) {
    switch (type) {
    case SIREN_INT8:
        return voxels->i8[i];
    case SIREN_UINT8:
        return voxels->u8[i];
    case SIREN_INT16:
        return voxels->i16[i];
    case SIREN_UINT16:
        return voxels->u16[i];
    case SIREN_INT32:
        return voxels->i32[i];
    case SIREN_UINT32:
        return voxels->u32[i];
    case SIREN_INT64:
        return (double)voxels->i64[i];
    case SIREN_UINT64:
        return (double)voxels->u64[i];
    case SIREN_FLOAT32:
        return (double)voxels->f32[i];
    case SIREN_FLOAT64:
        return voxels->f64[i];
    }
    return NAN;
}

static bool is_inside(size_t i) {
    double x = (double)(i % NX) - 9, y = (double)(i / NX % NY) - 8;
    return x * x + y * y < 50;
}

/* 0 to about `most`, all values in use. */
static double signal(size_t i, double most) {
    double x = (double)(i % NX), y = (double)(i / NX % NY), z = (double)(i / SLICE % NZ),
           v = (double)(i / POINTS);
    return most * (0.5 + 0.45 * sin(0.35 * x + 0.2 * v) * cos(0.3 * y + 0.5 * z));
}

typedef struct {
    size_t place;
    double value;
} hot;

#define AT(x, y, z, v) ((size_t)(x) + NX * ((size_t)(y) + NY * ((size_t)(z) + NZ * (size_t)(v))))

typedef struct {
    const char *name;
    siren_datatype type;
    double most;
    bool masked;
    size_t n_apart; /* of these */
    hot hots[9];
    const char *options[9];
} trial;

typedef struct {
    double rmse, psnr; /* of the voxels that are not hot; what the archive tells */
    size_t n_bytes, n_apart;
    voxels_of *back;
    void *bytes;
} outcome;

static char mask_path[64];

static outcome go(const trial *t, const voxels_of *voxels, bool range) {
    siren_array array = {.voxels = voxels,
                         .datatype = t->type,
                         .n_axes = 4,
                         .shape = {NX, NY, NZ, NV},
                         .slope = 0.5,
                         .inter = 3};
    siren_image *image = NULL;
    siren_options *options = NULL;
    siren_reader *reader = NULL;
    const siren_archive_info *info = NULL;
    outcome o = {.back = malloc(sizeof *o.back)};
    assert_siren_ok(siren_options_create(&options));
    if (strcmp(t->options[0], "model") == 0) {
        assert_siren_ok(siren_options_set(options, "layers", "2"));
        assert_siren_ok(siren_options_set(options, "width", "32"));
        assert_siren_ok(siren_options_set(options, "epochs", "120"));
        assert_siren_ok(siren_options_set(options, "lr", "0.002"));
    }
    if (range) assert_siren_ok(siren_options_set(options, "scaling", "range"));
    if (t->masked) assert_siren_ok(siren_options_set(options, "mask", mask_path));
    for (const char *const *pair = t->options; *pair; pair += 2)
        assert_siren_ok(siren_options_set(options, pair[0], pair[1]));
    assert_siren_ok(siren_image_from_array(&array, &image));
    assert_siren_ok(siren_compress_to_memory(device, image, options, &o.bytes, &o.n_bytes));
    assert_siren_ok(siren_reader_open_memory(o.bytes, o.n_bytes, &reader));
    assert_siren_ok(siren_reader_info(reader, &info));
    assert_siren_ok(
        siren_reader_read(reader, &(siren_box){.x = {0, 0}}, SIREN_AS_STORED, o.back, sizeof *o.back));
    o.n_apart = (size_t)info->n_apart;
    o.psnr = info->psnr;
    siren_reader_close(reader);
    siren_image_free(image);
    siren_options_free(options);
    double squares = 0, n = 0;
    for (size_t i = 0; i < VALUES; i++) {
        bool is_hot = t->masked && !is_inside(i);
        for (size_t k = 0; k < 9; k++) is_hot = is_hot || (t->hots[k].value != 0 && t->hots[k].place == i);
        if (is_hot) continue;
        double error = get(t->type, voxels, i) - get(t->type, o.back, i);
        squares += error * error;
        n++;
    }
    o.rmse = sqrt(squares / n);
    return o;
}

static void drop(outcome *o) {
    free(o->back);
    free(o->bytes);
}

#define SLICES "model", "siren-2d"
#define VOLUME "model", "siren-3d"
#define PATCHES "model", "siren-3d", "blocks", "patch:10x9x3"
#define RATIO "ratio", "8"

static const trial trials[] = {
    {"one in float32", SIREN_FLOAT32, 1000, false, 1, {{AT(3, 4, 1, 2), -500000}}, {SLICES}},
    {"in a volume of 3-D", SIREN_INT16, 1000, false, 1, {{AT(0, 0, 0, 0), 32767}}, {VOLUME}},
    {"in patches",
     SIREN_UINT16,
     3000,
     false,
     2,
     {{AT(19, 17, 2, 3), 65535}, {AT(1, 1, 1, 3), 60000}},
     {PATCHES}},
    {"a hybrid, both ends",
     SIREN_INT32,
     5000,
     false,
     2,
     {{AT(5, 5, 0, 1), 2147483647}, {AT(6, 6, 0, 1), -2147483647}},
     {"model", "mlp-siren"}},
    {"ReLU, a cluster",
     SIREN_INT16,
     1000,
     false,
     4,
     {{AT(5, 5, 2, 1), 30000}, {AT(6, 5, 2, 1), 25000}, {AT(5, 6, 2, 1), 20000}, {AT(6, 6, 2, 1), 29000}},
     {"model", "siren-2d-relu"}},
    {"tanh, of several sizes",
     SIREN_FLOAT64,
     10,
     false,
     3,
     {{AT(5, 5, 2, 1), 1e300}, {AT(16, 5, 2, 1), 1e10}, {AT(5, 16, 2, 1), 50}},
     {"model", "mlp-tanh"}},
    {"int8", SIREN_INT8, 40, false, 1, {{AT(7, 7, 1, 0), 127}}, {SLICES}},
    {"uint8", SIREN_UINT8, 90, false, 1, {{AT(7, 7, 1, 0), 255}}, {VOLUME}},
    {"uint32", SIREN_UINT32, 4000, false, 1, {{AT(7, 7, 1, 0), 4294967295.0}}, {PATCHES}},
    {"int64 beyond 2^53", SIREN_INT64, 4000, false, 1, {{AT(7, 7, 1, 0), 9.3e18}}, {SLICES}},
    {"uint64 beyond 2^53", SIREN_UINT64, 4000, false, 1, {{AT(7, 7, 1, 0), 1.9e19}}, {VOLUME}},
    {"FLT_MAX and NaN",
     SIREN_FLOAT32,
     1,
     false,
     2,
     {{AT(7, 7, 1, 0), (double)FLT_MAX},
      {AT(7, 7, 2, 0), -(double)FLT_MAX},
      {AT(8, 7, 1, 0), NAN},
      {AT(9, 9, 1, 3), INFINITY}},
     {SLICES}},
    {"inside a mask", SIREN_FLOAT32, 1000, true, 1, {{AT(9, 8, 1, 2), 500000}}, {SLICES}},
    {"inside a mask of a volume", SIREN_INT16, 1000, true, 1, {{AT(9, 8, 1, 2), -32768}}, {VOLUME}},
    {"transform", SIREN_INT16, 1000, false, 1, {{AT(9, 8, 1, 2), 32767}}, {RATIO}},
    {"transform, float64, cluster at both ends",
     SIREN_FLOAT64,
     1e-6,
     false,
     4,
     {{AT(9, 8, 1, 2), 1000}, {AT(10, 8, 1, 2), 1001}, {AT(2, 8, 1, 2), -5000}, {AT(9, 8, 2, 2), 7}},
     {"psnr", "50"}},
    {"transform inside a mask, NaN",
     SIREN_FLOAT32,
     300,
     true,
     1,
     {{AT(9, 8, 1, 2), 1e20}, {AT(7, 8, 1, 2), NAN}},
     {"psnr", "50"}},
};

static void the_rest_is_as_without(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof trials / sizeof *trials; k++) {
        const trial *t = &trials[k];
        voxels_of clean, spoiled;
        for (size_t i = 0; i < VALUES; i++) put(t->type, &clean, i, signal(i, t->most));
        spoiled = clean;
        for (size_t i = 0; i < 9 && t->hots[i].value != 0; i++)
            put(t->type, &spoiled, t->hots[i].place, t->hots[i].value);
        outcome a = go(t, &clean, false), b = go(t, &spoiled, false);
        size_t size = siren_datatype_size(t->type);
        assert_int_equal(a.n_apart, 0);
        if (b.n_apart != t->n_apart)
            fail_msg("%s: %zu voxels kept apart, not %zu", t->name, b.n_apart, t->n_apart);
        if (!(b.rmse <= 1.3 * a.rmse)) fail_msg("%s: the rest is off by %g, not %g", t->name, b.rmse, a.rmse);
        if ((double)b.n_bytes > 1.1 * (double)a.n_bytes + 200)
            fail_msg("%s: takes %zu bytes, not %zu", t->name, b.n_bytes, a.n_bytes);
        if (!(fabs(b.psnr - a.psnr) < 2)) fail_msg("%s: tells %g dB, not %g", t->name, b.psnr, a.psnr);
        for (size_t i = 0; i < 9 && t->hots[i].value != 0; i++)
            if (memcmp((uint8_t *)b.back + t->hots[i].place * size,
                       (uint8_t *)&spoiled + t->hots[i].place * size, size) != 0)
                fail_msg("%s: hot voxel %zu has other bits", t->name, i);
        drop(&a), drop(&b);
    }
}
/* By the published scaling a hot voxel takes the resolution: so this is what the others test. */
static void published_scaling_is_ruined(void **state) {
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        const trial *t = &trials[k];
        voxels_of voxels;
        for (size_t i = 0; i < VALUES; i++) put(t->type, &voxels, i, signal(i, t->most));
        put(t->type, &voxels, t->hots->place, t->hots->value);
        outcome a = go(t, &voxels, false), b = go(t, &voxels, true);
        assert_int_equal(b.n_apart, 0);
        assert_true(b.rmse > 3 * a.rmse);
        drop(&a), drop(&b);
    }
}

static void expect_same_bytes(const trial *t, const voxels_of *voxels) {
    outcome a = go(t, voxels, false), b = go(t, voxels, true);
    if (a.n_bytes != b.n_bytes || memcmp(a.bytes, b.bytes, a.n_bytes) != 0)
        fail_msg("%s: %zu voxels are kept apart, and other bytes written", t->name, a.n_apart);
    drop(&a), drop(&b);
}

/* What is no fault of an image changes nothing. */
static void clean_images_keep_their_bytes(void **state) {
    (void)state;
    static const trial kinds[] = {
        {"clean", SIREN_INT16, 1000, false, 0, {{0, 0}}, {SLICES}},
        {"clean volume", SIREN_FLOAT32, 1000, true, 0, {{0, 0}}, {VOLUME}},
        {"clean patches", SIREN_UINT8, 200, false, 0, {{0, 0}}, {PATCHES}},
        {"clean transform", SIREN_UINT16, 200, false, 0, {{0, 0}}, {RATIO}},
    };
    voxels_of voxels;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        trial t = kinds[k];
        for (size_t i = 0; i < VALUES; i++) put(t.type, &voxels, i, signal(i, t.most));
        if (t.type == SIREN_FLOAT32) voxels.f32[AT(9, 9, 1, 1)] = NAN; /* as ever */
        expect_same_bytes(&t, &voxels);
        t.name = "half and half";
        for (size_t i = 0; i < VALUES; i++) put(t.type, &voxels, i, i % NX < NX / 2 ? signal(i, 10) : 100);
        expect_same_bytes(&t, &voxels);
        t.name = "a mask of few voxels";
        for (size_t i = 0; i < VALUES; i++) put(t.type, &voxels, i, i % SLICE == 17);
        if (strcmp(t.options[0], "ratio") != 0) expect_same_bytes(&t, &voxels);
        t.name = "labels";
        for (size_t i = 0; i < VALUES; i++)
            put(t.type, &voxels, i, i % SLICE == 17 ? 251 : (double)(i / 7 % 9));
        expect_same_bytes(&t, &voxels);
    }
}

static void what_may_overflow_is_refused(void **state) {
    (void)state;
    voxels_of voxels;
    for (size_t i = 0; i < VALUES; i++) voxels.f32[i] = (float)signal(i, 0.9 * (double)FLT_MAX);
    siren_array array = {
        .voxels = &voxels, .datatype = SIREN_FLOAT32, .n_axes = 4, .shape = {NX, NY, NZ, NV}};
    siren_image *image = NULL;
    void *bytes = NULL;
    size_t n_bytes;
    assert_siren_ok(siren_image_from_array(&array, &image));
    assert_int_equal(siren_compress_to_memory(device, image, NULL, &bytes, &n_bytes), SIREN_UNSUPPORTED);
    assert_non_null(strstr(siren_message(), "may leave float32"));
    siren_image_free(image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_is_as_without),
        cmocka_unit_test(published_scaling_is_ruined),
        cmocka_unit_test(clean_images_keep_their_bytes),
        cmocka_unit_test(what_may_overflow_is_refused),
    };
    const nifti_recipe mask = {
        .version = 1, .datatype = 2, .bitpix = 8, .dim = {3, NX, NY, NZ, 1, 1, 1, 1}, .slope = 1};
    static uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&mask, bytes);
    for (size_t i = 0; i < POINTS; i++) bytes[NIFTI_VOXEL_OFFSET(&mask) + i] = is_inside(i);
    snprintf(mask_path, sizeof mask_path, "%s", scratch_path("mask.nii"));
    file_put(mask_path, bytes, n);
    int failed = run_on_family(SIREN_FAMILY_CHAIN, tests, sizeof tests / sizeof *tests);
    scratch_remove();
    return failed;
}
