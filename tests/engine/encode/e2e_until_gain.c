/* Blocks that end early (--until-gain): curves, epochs and records are those of each block alone, in batches of any
 * size. */
#include "tests/shared/devices.h"
#include "engine/encode/encoder.h"
#include "formats/nifti.h"
#include "tests/shared/nifti_files.h"

#include <math.h>

/* Slices of a few waves, each shorter than those of the slice before, and a constant one. */
enum { NX = 9, NY = 7, NZ = 7, NV = 2, CONSTANT = 3, EPOCHS = 60, LOG = 7, MOST_ROWS = EPOCHS / LOG + 3 };

static void read_image(siren_series *series) {
    nifti_recipe recipe = {
        .version = 1, .datatype = 16, .bitpix = 32, .dim = {4, NX, NY, NZ, NV, 1, 1, 1}, .slope = 1};
    static uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), offset = NIFTI_VOXEL_OFFSET(&recipe);
    for (int i = 0; i < NX * NY * NZ * NV; i++) {
        int x = i % NX, y = i / NX % NY, z = i / (NX * NY) % NZ;
        nifti_put_real(bytes + offset + 4 * i, 4, false,
                       z == CONSTANT ? 7 : 100 + 50 * sin(0.4 * x * (z + 1) + 0.3 * y));
    }
    file_put(scratch_path("image.nii"), bytes, n);
    assert_siren_ok(siren_nifti_read(scratch_path("image.nii"), SIZE_MAX, series));
}

typedef struct {
    size_t n, epochs[MOST_ROWS];
    double mse[MOST_ROWS];
} curve;

static void add_row(void *user, size_t nth, size_t epoch, const siren_fidelity *f) {
    curve *c = (curve *)user + nth;
    assert_true(c->n < MOST_ROWS);
    c->epochs[c->n] = epoch;
    c->mse[c->n++] = f->mse;
}

static siren_encoded encode(const siren_trained *trained, size_t nth) {
    siren_encoded encoded;
    atomic_bool stop;
    atomic_init(&stop, false);
    assert_siren_ok(siren_trained_encode(
        trained, nth, &(siren_settings){.weight_bits = 8, .packing = SIREN_PACKING_SMALLEST}, &stop,
        &encoded));
    return encoded;
}

static void blocks_end_as_alone(void **state) {
    (void)state;
    siren_series series = {.voxels = NULL};
    siren_layout layout = {.any_network = true};
    siren_settings settings = siren_settings_defaults();
    siren_training trainings[NZ];
    size_t n_early = 0, n_ends = 0, ends[NZ];
    curve together[NZ] = {0};
    read_image(&series);
    settings.epochs = EPOCHS;
    settings.until_gain = 0.5f;
    settings.rate = 1e-3f;
    siren_settings_resolve(&settings, 2);
    assert_int_equal(settings.gain_epochs, EPOCHS / 20);
    settings.gain_epochs = 10;
    layout.geometry = series.geometry;
    assert_siren_ok(siren_network_from_model("siren-2d", 2, 24, NV, 30.0f, &layout.network));
    assert_siren_ok(siren_block_grid_create(SIREN_BLOCK_SLICE, NULL, &series.geometry, 0, NZ, &layout.grid));
    const siren_encoder_plan plan = {
        .series = &series, .layout = &layout, .settings = &settings, .log_interval = LOG};
    siren_encoder *encoder = NULL, *other = NULL;
    assert_siren_ok(siren_encoder_create(device, &plan, &encoder));
    assert_siren_ok(siren_encoder_create(device, &plan, &other));
    for (size_t z = 0; z < NZ; z++) trainings[z] = (siren_training){z, 0, z == 1 ? 1e-9f : settings.rate};
    for (size_t done = 0; done < NZ;) {
        siren_trained *batch = NULL;
        assert_siren_ok(siren_encoder_train(encoder, trainings + done, NZ - done, add_row, NULL,
                                            together + done, &batch));
        for (size_t i = 0; i < batch->n; i++) {
            const size_t z = done + i, end = batch->blocks[i].n_epochs;
            siren_trained *alone = NULL;
            curve single = {0};
            assert_siren_ok(siren_encoder_train(other, trainings + z, 1, add_row, NULL, &single, &alone));
            assert_int_equal(alone->blocks[0].n_epochs, end);
            assert_memory_equal(&single, &together[z], sizeof single);
            siren_encoded a = encode(batch, i), b = encode(alone, 0);
            assert_int_equal(a.n_epochs, end);
            assert_int_equal(a.n_packed, b.n_packed);
            assert_memory_equal(a.packed, b.packed, a.n_packed);
            siren_encoded_free(&a), siren_encoded_free(&b);
            siren_trained_free(alone);
            if (z == CONSTANT) {
                assert_int_equal(end, 0);
                continue;
            }
            assert_true(end % settings.gain_epochs == 0 && end > settings.gain_epochs);
            assert_int_equal(single.epochs[single.n - 1], end); /* the last row, and none twice */
            for (size_t row = 0; row + 1 < single.n; row++) assert_int_equal(single.epochs[row], row * LOG);
            n_early += end < EPOCHS;
            ends[n_ends++] = end;
        }
        done += batch->n;
        siren_trained_free(batch);
    }
    assert_true(n_early > 0 && ends[1] == 2 * settings.gain_epochs);
    size_t n_others = 0;
    for (size_t i = 0; i < n_ends; i++) n_others += ends[i] != ends[1];
    assert_true(n_others > 1);
    siren_encoder_free(encoder), siren_encoder_free(other);
    siren_series_free(&series);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_end_as_alone)};
    return run_on_families(tests, 1);
}
