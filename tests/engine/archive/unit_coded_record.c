/* Records of networks through the range coder: they come back bit for bit, whatever the weights and exceptional voxels;
 * they are smaller than LZMA's; damage is found or harmless. And with arguments, the same archive packed in both ways
 * for the decoder in Python (coded_record_model.py):
 *     unit_coded_record write CASE LZMA.siren CODED.siren */
#include "tests/shared/testing.h"
#include "tests/shared/random_numbers.h"
#include "engine/archive/coded_record.h"
#include "engine/archive/parameters.h"
#include "engine/encode/rounding.h"
#include "formats/pack.h"

#include <math.h>

typedef struct {
    unsigned weight_bits;
    uint32_t layers, width;
    siren_datatype datatype;
    unsigned one_in; /* so many voxels is exceptional; 0: none */
    bool constant;
} recipe;

enum { NX = 7, NY = 5, NZ = 2, NV = 6, N_VOXELS = NX * NY * NZ * NV };
static const recipe recipes[] = {
    {8, 3, 24, SIREN_INT16, 0, false},   {0, 2, 20, SIREN_FLOAT32, 9, false},
    {6, 1, 16, SIREN_FLOAT64, 1, false}, {7, 2, 33, SIREN_FLOAT32, 2, false},
    {9, 3, 16, SIREN_UINT8, 0, false},   {12, 4, 17, SIREN_INT32, 0, false},
    {8, 2, 16, SIREN_FLOAT32, 3, true},  {10, 1, 140, SIREN_FLOAT64, 40, false},
    {11, 2, 16, SIREN_UINT16, 0, false},
};
enum { N_RECIPES = sizeof recipes / sizeof *recipes };

typedef struct {
    siren_layout layout;
    double voxels[N_VOXELS]; /* room for every type */
    uint8_t *records[NZ];
    size_t n_records[NZ];
} sample;

static void make_record(sample *s, const recipe *r, const siren_series *series, size_t z) {
    siren_layout *layout = &s->layout;
    const siren_network *network = &layout->network;
    const siren_block block = siren_block_at(&layout->grid, z);
    siren_scaling scaling[NV];
    size_t n_params = siren_network_n_params(network);
    siren_apart apart;
    float *params = malloc(n_params * sizeof *params);
    uint8_t *bytes = malloc(siren_quantised_bytes(network, r->weight_bits));
    assert_true(params && bytes);
    for (size_t i = 0; i < n_params; i++) params[i] = (float)(0.1 * noise() * exp(0.3 * noise()));
    if (r->width == 33) memset(params, 0, n_params / 2 * sizeof *params);
    if (r->weight_bits == SIREN_FLOAT32_WEIGHTS) {
        params[3] = 1e30f, params[4] = -1e-18f, params[5] = 0;
        assert_siren_ok(siren_float32_write(params, n_params, bytes));
    } else {
        siren_rounded rounded;
        assert_siren_ok(siren_rounded_create(network, &rounded));
        siren_round_nearest(network, (siren_weight_form){.bits = r->weight_bits}, params, &rounded);
        assert_siren_ok(siren_rounded_write(network, r->weight_bits, &rounded, bytes));
        siren_rounded_free(&rounded);
    }
    assert_siren_ok(siren_block_scale(series, &block, NULL, scaling, &apart));
    assert_int_equal(apart.n > 0, r->one_in > 0);
    assert_siren_ok(siren_record_write(layout, &block, series, scaling, r->constant ? NULL : bytes, apart.n,
                                       &s->records[z], &s->n_records[z]));
    free(params);
    free(bytes);
}

static sample *make(size_t which) {
    const recipe *r = &recipes[which];
    sample *s = calloc(1, sizeof *s);
    assert_non_null(s);
    random_state = which;
    siren_layout *layout = &s->layout;
    layout->geometry = (siren_geometry){
        .version = 1, .datatype = r->datatype, .nx = NX, .ny = NY, .nz = NZ, .n_volumes = NV, .slope = 1};
    layout->weight_bits = r->weight_bits;
    layout->any_network = true;
    assert_siren_ok(
        siren_block_grid_create(SIREN_BLOCK_SLICE, NULL, &layout->geometry, 0, NZ, &layout->grid));
    assert_siren_ok(siren_network_from_model("siren-2d", r->layers, r->width, NV, 30, &layout->network));
    double values[N_VOXELS];
    for (size_t i = 0; i < N_VOXELS; i++) {
        values[i] = 100 + 20 * noise() + (r->datatype == SIREN_FLOAT64 ? 0 : 0.5);
        if (r->one_in && random_u32() % r->one_in == 0) values[i] = random_u32() % 2 ? NAN : -INFINITY;
    }
    siren_datatype_from_double(r->datatype, values, N_VOXELS, s->voxels);
    siren_series series = {.geometry = layout->geometry, .voxels = s->voxels};
    for (size_t z = 0; z < NZ; z++) make_record(s, r, &series, z);
    return s;
}

static void free_sample(sample *s) {
    for (size_t z = 0; z < NZ; z++) free(s->records[z]);
    free(s);
}

static void records_come_back(void **unused) {
    (void)unused;
    for (size_t which = 0; which < N_RECIPES; which++) {
        sample *s = make(which);
        for (size_t z = 0; z < NZ; z++) {
            uint8_t *coded = NULL, *back = NULL, *packed = NULL;
            size_t n_coded = 0, n_packed;
            assert_siren_ok(
                siren_record_code("block", &s->layout, s->records[z], s->n_records[z], &coded, &n_coded));
            assert_non_null(coded);
            assert_siren_ok(siren_record_decode("block", &s->layout, coded, n_coded, s->n_records[z], &back));
            assert_memory_equal(back, s->records[z], s->n_records[z]);
            assert_siren_ok(siren_pack(s->records[z], s->n_records[z], &packed, &n_packed));
            assert_true(n_coded < n_packed);
            free(coded);
            free(back);
            free(packed);
        }
        free_sample(s);
    }
}

/* A stream of another length, or of bytes that lie, gives CORRUPT or some record of the right size. */
static void damage_is_harmless(void **unused) {
    (void)unused;
    size_t n_found = 0, n_tried = 0;
    for (size_t which = 0; which < N_RECIPES; which++) {
        sample *s = make(which);
        uint8_t *coded = NULL, *back = NULL;
        size_t n_coded = 0, n = s->n_records[0];
        assert_siren_ok(siren_record_code("block", &s->layout, s->records[0], n, &coded, &n_coded));
        assert_int_equal(siren_record_decode("block", &s->layout, coded, n_coded, n + 1, &back),
                         SIREN_CORRUPT);
        assert_int_equal(siren_record_decode("block", &s->layout, coded, n_coded - 1, n, &back),
                         SIREN_CORRUPT);
        assert_int_equal(siren_record_decode("block", &s->layout, coded, 0, n, &back), SIREN_CORRUPT);
        for (size_t i = 0; i < 200; i++, n_tried++) {
            size_t at = random_u32() % (i < 100 ? 20 : n_coded);
            uint8_t before = coded[at];
            siren_record record;
            coded[at] ^= (uint8_t)(1 + random_u32() % 255);
            if (siren_record_decode("block", &s->layout, coded, n_coded, n, &back) == SIREN_OK)
                siren_record_read("block", &s->layout, NX * NY, back, n, &record);
            else
                n_found++;
            free(back);
            back = NULL;
            coded[at] = before;
        }
        free(coded);
        free_sample(s);
    }
    assert_true(n_found > n_tried / 2);
}

static int write_archives(size_t which, const char *of_lzma, const char *of_coded) {
    sample *s = make(which % N_RECIPES);
    for (int coded = 0; coded < 2; coded++) {
        siren_archive_writer *writer = NULL;
        assert_siren_ok(siren_archive_writer_open(coded ? of_coded : of_lzma, true, &writer));
        assert_siren_ok(siren_layout_write(writer, &s->layout));
        for (size_t z = 0; z < NZ; z++) {
            siren_index_entry entry = {.block = (uint32_t)z, .coded = coded};
            uint8_t *bytes = NULL;
            size_t n = 0;
            if (coded)
                assert_siren_ok(
                    siren_record_code("block", &s->layout, s->records[z], s->n_records[z], &bytes, &n));
            else
                assert_siren_ok(siren_pack(s->records[z], s->n_records[z], &bytes, &n));
            assert_siren_ok(siren_archive_writer_packed_record(writer, &entry, bytes, n, s->n_records[z]));
            free(bytes);
        }
        assert_siren_ok(siren_archive_writer_commit(writer, NULL));
    }
    free_sample(s);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 5 && strcmp(argv[1], "write") == 0)
        return write_archives(strtoul(argv[2], NULL, 10), argv[3], argv[4]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(records_come_back),
                                       cmocka_unit_test(damage_is_harmless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
