/* No value is off by more than the bound, whatever decodes to it: random small series of every datatype, as networks
 * that know nothing and by the transform, with masks, NaN and values at their types' limits, read whole and in part.
 * SIREN_ENCODES says how many (10000 before a release). */
#include "tests/shared/testing.h"
#include "tests/shared/random_numbers.h"
#include "engine/archive/coded_record.h"
#include "engine/encode/corrected.h"
#include "engine/encode/trained_batch.h"
#include "engine/encode/transform_blocks.h"
#include "formats/little_endian.h"
#include "formats/nifti.h"
#include "tests/shared/nifti_files.h"

#include <math.h>

static size_t below(size_t n) { return random_u32() % n; }

static const struct {
    siren_datatype code;
    int bits;
    double low, high;
} types[] = {{SIREN_UINT8, 8, 0, 255},
             {SIREN_INT8, 8, -128, 127},
             {SIREN_INT16, 16, -32768, 32767},
             {SIREN_UINT16, 16, 0, 65535},
             {SIREN_INT32, 32, -0x1p31, 0x1p31 - 1},
             {SIREN_UINT32, 32, 0, 0x1p32 - 1},
             {SIREN_INT64, 64, -0x1p63, 0x1p63},
             {SIREN_UINT64, 64, 0, 0x1p64},
             {SIREN_FLOAT32, 32, -3e38, 3e38},
             {SIREN_FLOAT64, 64, -8e307, 8e307}};
enum { N_TYPES = sizeof types / sizeof *types };

/* ---- a series ---- */

typedef struct {
    siren_series series;
    size_t type;
    uint8_t *mask, *section; /* NULL: none */
    size_t n_section;
    double bound;
} sample;

/* A value as series have them, or at its type's limits. */
static void put_value(size_t type, size_t style, double *spread, void *voxels, size_t i) {
    double x = 100 + *spread * noise();
    bool is_float = types[type].code == SIREN_FLOAT32 || types[type].code == SIREN_FLOAT64;
    if (style == 1) x = below(3) ? types[type].low : types[type].high;
    if (style == 2)
        x = types[type].low + (types[type].high - types[type].low) * (random_u32() / 4294967296.0);
    if (style == 3) x = 7;
    if (is_float && style == 2) x = noise() * exp(8 * noise());
    if (is_float && style != 3 && below(20) == 0) x = below(2) ? NAN : below(2) ? INFINITY : -0.0;
    uint8_t *to = (uint8_t *)voxels + i * (size_t)types[type].bits / 8;
    siren_datatype_from_double(types[type].code, &x, 1, to);
    if (style == 2 && types[type].bits == 64 && !is_float)
        for (int byte = 0; byte < 8; byte++)
            to[byte] = (uint8_t)random_u32(); /* beyond what doubles tell apart */
}

static void make(sample *s) {
    const double bounds[] = {0, 0.3, 1, 2.5, 10, 1000, 1e9, 1e30};
    *s = (sample){.type = below(N_TYPES), .bound = bounds[below(8)]};
    if (below(2)) s->bound *= random_u32() / 4294967296.0;
    size_t size = (size_t)types[s->type].bits / 8, n[4];
    do {
        for (int i = 0; i < 4; i++) n[i] = 1 + below(i == 2 ? 2 : i == 3 ? 7 : 12);
    } while (n[0] * n[1] * n[2] * n[3] * size > 3700);
    nifti_recipe recipe = {.version = 1,
                           .datatype = types[s->type].code,
                           .bitpix = types[s->type].bits,
                           .slope = 1,
                           .dim = {4, (int64_t)n[0], (int64_t)n[1], (int64_t)n[2], (int64_t)n[3], 1, 1, 1}};
    uint8_t bytes[NIFTI_MOST_BYTES];
    file_put(scratch_path("image.nii"), bytes, nifti_make(&recipe, bytes));
    assert_siren_ok(siren_nifti_read(scratch_path("image.nii"), SIZE_MAX, &s->series));
    size_t n_voxels = n[0] * n[1] * n[2], style = below(4);
    double spread = exp(8 * (random_u32() / 4294967296.0));
    for (size_t i = 0; i < n_voxels * n[3]; i++)
        put_value(s->type, below(30) ? style : below(4), &spread, s->series.voxels, i);
    if (below(3) > 0) return;
    s->mask = malloc(n_voxels);
    assert_non_null(s->mask);
    for (size_t i = 0; i < n_voxels; i++) s->mask[i] = below(2) != 0;
    s->mask[below(n_voxels)] = 1;
    assert_siren_ok(siren_mask_pack(s->mask, &s->series, 0, n[2], &s->section, &s->n_section));
}

static void free_sample(sample *s) {
    siren_series_free(&s->series);
    free(s->mask);
    free(s->section);
}

/* ---- an archive of it ---- */

/* A network that nobody trained, as good as any to be wrong. */
static siren_status write_network(const sample *s, siren_layout *layout, siren_archive_writer *writer) {
    atomic_bool stop;
    atomic_init(&stop, false);
    const unsigned bits[] = {0, 6, 8, 12};
    unsigned weight_bits = layout->weight_bits = bits[below(4)];
    assert_siren_ok(siren_network_from_model("siren-2d", 1 + (uint32_t)below(2), 4,
                                             (uint32_t)s->series.geometry.n_volumes, 30, &layout->network));
    layout->any_network = true;
    assert_siren_ok(siren_layout_write(writer, layout));
    for (size_t z = 0; z < layout->grid.count; z++) {
        siren_block block;
        uint32_t *inside = NULL;
        siren_points *points = NULL;
        siren_trained *trained = NULL;
        siren_encoded encoded = {.packed = NULL};
        siren_apart apart;
        assert_siren_ok(siren_mask_block(&layout->mask, &layout->grid, z, &block, &inside));
        SIREN_TRY(siren_points_create(layout, &block, &inside, &points));
        assert_siren_ok(siren_trained_create(&s->series, layout, NULL, points, 1, &trained));
        siren_status status = siren_block_scale(&s->series, &points->block, NULL, trained->scaling, &apart);
        bool constant = true;
        for (size_t v = 0; status == SIREN_OK && v < s->series.geometry.n_volumes; v++)
            constant = constant && trained->scaling[v].minimum == trained->scaling[v].maximum;
        trained->blocks[0] = (siren_trained_block){.training = {z, 0, 1e-3f},
                                                   .block = points->block,
                                                   .scaling = trained->scaling,
                                                   .n_exceptional = apart.n,
                                                   .constant = constant};
        for (size_t i = 0; i < siren_network_n_params(&layout->network); i++)
            trained->params[i] = (float)(0.3 * noise());
        if (status == SIREN_OK)
            status = siren_trained_encode(
                trained, 0, &(siren_settings){.weight_bits = weight_bits, .packing = (siren_packing)below(4)},
                &stop, &encoded);
        if (status == SIREN_OK)
            assert_siren_ok(siren_archive_writer_packed_record(writer, &encoded.entry, encoded.packed,
                                                               encoded.n_packed, encoded.n_unpacked));
        siren_encoded_free(&encoded);
        siren_trained_free(trained);
        siren_points_free(points);
        SIREN_TRY(status);
    }
    return SIREN_OK;
}

static siren_status write_transform(const sample *s, siren_layout *layout, siren_archive_writer *writer) {
    siren_transform_blocks blocks = {0};
    siren_transform_target target = {.memory_limit = SIZE_MAX};
    layout->coding = SIREN_CODING_TRANSFORM;
    SIREN_TRY(siren_transform_blocks_encode(&s->series, layout, &target, NULL, NULL, &blocks));
    layout->basis = blocks.basis;
    layout->n_basis = blocks.n_basis;
    assert_siren_ok(siren_layout_write(writer, layout));
    assert_siren_ok(siren_transform_blocks_write(&blocks, writer));
    siren_transform_blocks_free(&blocks);
    return SIREN_OK;
}

static siren_status write_archive(const sample *s, bool network, uint8_t **bytes, size_t *n_bytes) {
    const siren_geometry *g = &s->series.geometry;
    siren_layout layout = {.geometry = *g, .corrected = true, .bound = s->bound};
    SIREN_AT_END(siren_archive_writer_discard_at) siren_archive_writer *writer = NULL;
    assert_siren_ok(siren_block_grid_create(SIREN_BLOCK_SLICE, NULL, g, 0, g->nz, &layout.grid));
    if (s->section)
        assert_siren_ok(
            siren_mask_view("mask", &layout.grid, g->datatype, s->section, s->n_section, &layout.mask));
    assert_siren_ok(siren_archive_writer_open(NULL, false, &writer));
    assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_HEADER, s->series.header,
                                                 (size_t)g->voxel_offset, true));
    SIREN_TRY(network ? write_network(s, &layout, writer) : write_transform(s, &layout, writer));
    return siren_archive_writer_take(SIREN_TAKE(writer), bytes, n_bytes);
}

/* ---- what comes back ---- */

/* The error, by arithmetic of its own. */
static bool is_within(const sample *s, const void *wanted, const void *decoded) {
    size_t size = (size_t)types[s->type].bits / 8;
    if (memcmp(wanted, decoded, size) == 0) return true;
    if (types[s->type].code == SIREN_FLOAT32 || types[s->type].code == SIREN_FLOAT64) {
        double a, b;
        siren_datatype_to_double(types[s->type].code, wanted, 1, &a);
        siren_datatype_to_double(types[s->type].code, decoded, 1, &b);
        return s->bound > 0 && fabs(a - b) <= s->bound;
    }
    __int128 a = 0, b = 0;
    uint64_t x = 0, y = 0;
    memcpy(&x, wanted, size);
    memcpy(&y, decoded, size);
    if (siren_big_endian_machine()) x >>= 64 - 8 * size, y >>= 64 - 8 * size;
    a = x, b = y;
    if (types[s->type].low < 0) {
        if (x >> (8 * size - 1)) a -= (__int128)1 << (8 * size);
        if (y >> (8 * size - 1)) b -= (__int128)1 << (8 * size);
    }
    __int128 error = a < b ? b - a : a - b;
    return s->bound > 1e20 || error <= (__int128)s->bound;
}

static size_t n_violations;

/* Reads a box, and compares what of it is inside the mask. */
static void check_box(const sample *s, siren_reader *reader, const siren_box *box) {
    const siren_geometry *g = &s->series.geometry;
    size_t size = siren_datatype_size(g->datatype), nx = box->x.end - box->x.begin,
           ny = box->y.end - box->y.begin, nz = box->z.end - box->z.begin,
           nv = box->volumes.end - box->volumes.begin;
    uint8_t *voxels = malloc(nx * ny * nz * nv * size);
    assert_non_null(voxels);
    assert_siren_ok(siren_reader_read(reader, box, SIREN_AS_STORED, voxels, nx * ny * nz * nv * size));
    for (size_t i = 0; i < nx * ny * nz * nv; i++) {
        size_t x = box->x.begin + i % nx, y = box->y.begin + i / nx % ny, z = box->z.begin + i / nx / ny % nz,
               v = box->volumes.begin + i / nx / ny / nz, voxel = (z * g->ny + y) * g->nx + x;
        const uint8_t *wanted =
            (const uint8_t *)s->series.voxels + (v * g->nx * g->ny * g->nz + voxel) * size;
        if (!s->mask || s->mask[voxel]) n_violations += !is_within(s, wanted, voxels + i * size);
    }
    free(voxels);
}

static siren_span span_below(size_t n) {
    size_t begin = below(n);
    return (siren_span){begin, begin + 1 + below(n - begin)};
}

static void no_error_is_above_the_bound(void **unused) {
    (void)unused;
    const char *text = getenv("SIREN_ENCODES");
    size_t n = text ? strtoul(text, NULL, 10) : 150, n_refused = 0;
    random_state = text ? 1 : 0;
    for (size_t i = 0; i < n; i++) {
        sample s;
        uint8_t *bytes = NULL;
        size_t n_bytes = 0;
        siren_reader *reader = NULL;
        make(&s);
        const siren_geometry *g = &s.series.geometry;
        siren_status status = write_archive(&s, i % 2, &bytes, &n_bytes);
        if (status == SIREN_OK) {
            siren_box box = {{0, g->nx}, {0, g->ny}, {0, g->nz}, {0, g->n_volumes}};
            assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
            check_box(&s, reader, &box);
            siren_reader_close(reader);
            /* A new reader has nothing in its cache: some voxels of some volumes, by themselves. */
            assert_siren_ok(siren_reader_open_memory(bytes, n_bytes, &reader));
            box = (siren_box){{below(g->nx), 0}, {below(g->ny), 0}, {0, g->nz}, span_below(g->n_volumes)};
            box.x.end = box.x.begin + 1;
            box.y.end = box.y.begin + 1;
            check_box(&s, reader, &box);
            box = (siren_box){span_below(g->nx), span_below(g->ny), span_below(g->nz),
                              span_below(g->n_volumes)};
            check_box(&s, reader, &box);
            siren_reader_close(reader);
        } else {
            if (status != SIREN_UNSUPPORTED) fail_msg("encode %zu: %s", i, siren_message());
            n_refused++; /* ranges beyond double precision */
        }
        free(bytes);
        free_sample(&s);
    }
    printf("%zu encodes, %zu refused, %zu violations\n", n, n_refused, n_violations);
    assert_int_equal(n_violations, 0);
    assert_true(n_refused < n / 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_error_is_above_the_bound)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
