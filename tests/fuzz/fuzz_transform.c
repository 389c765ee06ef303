/* libFuzzer, of slices of the transform model, of one quantiser or two, with networks for levels and pixels or
 * without: any bytes as a scaling, a basis and a slice; voxels: fitted, coded and decoded, the same with a network,
 * by parts and from examples' counts; what was coded is damaged; coefficients: levels come back as the encoder chose
 * them. What is decoded lies within [0, 1], and is the same again. */
#include "engine/transform/coefficient_recode.h"
#include "engine/transform/coefficients.h"
#include "engine/transform/restoration.h"
#include "tests/fuzz/input.h"

#define BLOCK SIREN_TRANSFORM_BLOCK
#define MOST_SIDE 32
#define MOST_VOLUMES 64
#define MOST_COEFFICIENTS 768 /* of what is coded, and twelve of a block: a few milliseconds */
#define NAME "fuzz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static siren_context_network for_levels, for_pixels;

/* A slice, and what it is decoded with. */
typedef struct {
    siren_block block;
    uint32_t inside[MOST_SIDE * MOST_SIDE];
    bool dependent, expects, restores;
    size_t n_volumes;
} recipe;

static size_t n_coefficients(const recipe *r) {
    return (r->block.nx + 7) / 8 * ((r->block.ny + 7) / 8) * BLOCK * r->n_volumes;
}

static void read_recipe(fuzz_input *in, unsigned how, recipe *r) {
    uint8_t inside[MOST_SIDE * MOST_SIDE];
    *r = (recipe){.block = {.nz = 1}, .dependent = how & 4, .expects = how & 8, .restores = how & 16};
    const bool coded = how % 4 > 0;
    r->n_volumes = 1 + input_byte(in) % (coded ? 12 : MOST_VOLUMES);
    r->block.nx = 1 + input_byte(in) % (coded ? 20 : MOST_SIDE);
    r->block.ny = 1 + input_byte(in) % (coded ? 20 : MOST_SIDE);
    while (coded && n_coefficients(r) > MOST_COEFFICIENTS)
        *(r->n_volumes > 2 ? &r->n_volumes : r->block.ny > 8 ? &r->block.ny : &r->block.nx) -= 1;
    if (how & 32) {
        input_mask(in, r->block.nx * r->block.ny, inside);
        for (size_t i = 0; i < r->block.nx * r->block.ny; i++)
            if (inside[i]) r->inside[r->block.n_inside++] = (uint32_t)i;
        r->block.inside = r->inside;
    }
    if (r->expects) input_network(in, SIREN_CONTEXT_OF_COEFFICIENTS, &for_levels);
    if (r->restores) input_network(in, SIREN_CONTEXT_OF_PIXELS, &for_pixels);
}

static float *new_targets(const recipe *r, size_t n_volumes) {
    float *y = calloc(siren_block_points(&r->block) * n_volumes + 1, sizeof *y);
    MUST(y);
    return y;
}

static siren_status decode(const siren_transform_basis *basis, const recipe *r, const uint8_t *bytes,
                           size_t n, siren_span volumes, float *y) {
    const siren_status status = siren_transform_decode_slice(basis, NAME, &r->block, bytes, n, volumes, y);
    MUST(status == SIREN_OK || status == SIREN_CORRUPT);
    for (size_t i = 0;
         status == SIREN_OK && i < siren_block_points(&r->block) * (volumes.end - volumes.begin); i++)
        MUST(y[i] >= 0 && y[i] <= 1);
    return status;
}

/* Volumes `part` by themselves are those of all, `whole`. */
static void check_part(const siren_transform_basis *basis, const recipe *r, const uint8_t *bytes, size_t n,
                       siren_span part, const float *whole) {
    const size_t n_part = part.end - part.begin;
    float *y = new_targets(r, n_part);
    MUST(decode(basis, r, bytes, n, part, y) == SIREN_OK);
    for (size_t i = 0; i < siren_block_points(&r->block); i++)
        MUST(memcmp(y + i * n_part, whole + i * r->n_volumes + part.begin, n_part * sizeof *y) == 0);
    free(y);
}

/* Any bytes: twice the same. */
static void decode_any(const siren_transform_basis *basis, const recipe *r, const uint8_t *bytes, size_t n) {
    const siren_span all = {0, r->n_volumes}, part = {r->n_volumes / 2, r->n_volumes};
    float *y = new_targets(r, r->n_volumes);
    if (decode(basis, r, bytes, n, all, y) == SIREN_OK) check_part(basis, r, bytes, n, part, y);
    free(y);
}

static void use_networks(const recipe *r, siren_transform_basis *basis) {
    basis->dependent = r->dependent;
    basis->network = r->expects ? &for_levels : NULL;
    basis->restoration = r->restores ? &for_pixels : NULL;
}

static void any_bytes(fuzz_input *in, const recipe *r) {
    siren_scaling scaling[MOST_VOLUMES];
    siren_transform_basis basis;
    const size_t first = input_byte(in), n_basis = first | (size_t)(input_byte(in) & 3) << 8;
    siren_scaling_decode(NAME, in->bytes, in->n, r->n_volumes, scaling);
    if (n_basis > in->n) return;
    if (siren_transform_basis_decode(NAME, in->bytes, n_basis, r->n_volumes, &basis) != SIREN_OK) return;
    use_networks(r, &basis);
    decode_any(&basis, r, in->bytes + n_basis, in->n - n_basis);
    siren_transform_basis_free(&basis);
}

/* ---- voxels ---- */

typedef struct {
    siren_series series;
    siren_scaling limits[MOST_VOLUMES], scaling[MOST_VOLUMES];
    siren_transform_plan plan;
    siren_transform_basis fitted, stored;
    uint8_t *basis, *bytes, *recoded; /* recoded: with a network */
    size_t n_basis, n_bytes, n_recoded;
    float *targets, *y;
} coded_slice;

static void coded_free(coded_slice *c) {
    free(c->series.voxels), free(c->basis), free(c->bytes), free(c->recoded), free(c->targets), free(c->y);
    siren_transform_basis_free(&c->fitted);
    siren_transform_basis_free(&c->stored);
}

/* Examples of coefficients and of pixels: those that are skipped are skipped, no more. */
static void check_examples(const coded_slice *c, const recipe *r, size_t every, size_t skipped) {
    siren_context_examples levels[2] = {{.n = 0}, {.n = 0}}, pixels[2] = {{.n = 0}, {.n = 0}};
    const size_t n_pixels = siren_block_points(&r->block) * c->stored.n_components;
    skipped %= every;
    for (size_t i = 0; i < 2; i++) {
        MUST(siren_transform_collect_slice(&c->stored, NAME, &r->block, c->bytes, c->n_bytes, i ? every : 1,
                                           i ? skipped : 0, &levels[i]) == SIREN_OK);
        MUST(siren_transform_lacking(&c->stored, NAME, &r->block, c->bytes, c->n_bytes, c->targets,
                                     i ? every : 1, i ? skipped : 0, &pixels[i]) == SIREN_OK);
    }
    MUST(levels[1].n == (levels[0].n + skipped) / every);
    MUST(pixels[0].n == n_pixels);
    MUST(pixels[1].n == (n_pixels > skipped ? (n_pixels - skipped + every - 1) / every : 0));
    for (size_t i = 0; i < pixels[1].n; i++)
        MUST(pixels[1].targets[i] == pixels[0].targets[skipped + i * every]);
    for (size_t i = 0; i < 2; i++) {
        free(levels[i].features), free(levels[i].magnitudes);
        free(pixels[i].features), free(pixels[i].targets);
    }
}

/* The basis and the slice as a reader has them. */
static void check_basis(const coded_slice *c) {
    const siren_transform_basis *a = &c->fitted, *b = &c->stored;
    MUST(a->n_components == b->n_components && memcmp(a->mean, b->mean, a->n_volumes) == 0);
    MUST(memcmp(a->precision, b->precision, a->n_components) == 0);
    MUST(memcmp(a->vectors, b->vectors, a->n_components * a->n_volumes * sizeof *a->vectors) == 0);
}

/* False where a range is too wide for double precision. */
static bool code_slice(coded_slice *c, const recipe *r) {
    siren_apart apart;
    const siren_status status = siren_transform_fit(&c->series, &r->block, 1, &c->plan, &c->fitted);
    MUST(status == SIREN_OK || (status == SIREN_UNSUPPORTED && !c->plan.limits));
    if (status != SIREN_OK) return false;
    MUST(siren_transform_basis_encode(&c->fitted, &c->basis, &c->n_basis) == SIREN_OK);
    MUST(siren_transform_basis_decode(NAME, c->basis, c->n_basis, r->n_volumes, &c->stored) == SIREN_OK);
    c->stored.dependent = r->dependent;
    check_basis(c);
    c->targets = new_targets(r, r->n_volumes);
    c->y = new_targets(r, r->n_volumes);
    MUST(siren_block_gather(&c->series, &r->block, c->plan.limits, c->targets, c->scaling, &apart) ==
         SIREN_OK);
    MUST(siren_transform_encode_slice(&c->fitted, &c->plan, &r->block, c->targets, &c->bytes, &c->n_bytes) ==
         SIREN_OK);
    return true;
}

/* Minimum and maximum of volumes, bit for bit. */
static void check_scaling(const coded_slice *c, const recipe *r) {
    siren_scaling back[MOST_VOLUMES];
    uint8_t *bytes;
    size_t n;
    MUST(siren_scaling_encode(c->scaling, r->n_volumes, &bytes, &n) == SIREN_OK);
    MUST(siren_scaling_decode(NAME, bytes, n, r->n_volumes, back) == SIREN_OK);
    MUST(memcmp(back, c->scaling, r->n_volumes * sizeof *back) == 0);
    free(bytes);
}

/* With a network for levels they are the same. */
static void check_recoded(coded_slice *c, const recipe *r) {
    float *y = new_targets(r, r->n_volumes);
    MUST(siren_transform_recode_slice(&c->stored, &for_levels, NAME, &r->block, c->bytes, c->n_bytes,
                                      &c->recoded, &c->n_recoded) == SIREN_OK);
    c->stored.network = &for_levels;
    MUST(decode(&c->stored, r, c->recoded, c->n_recoded, (siren_span){0, r->n_volumes}, y) == SIREN_OK);
    MUST(memcmp(y, c->y, siren_block_points(&r->block) * r->n_volumes * sizeof *y) == 0);
    free(y);
}

static void damage_slice(const coded_slice *c, const recipe *r, const fuzz_damage *damage, bool of_basis) {
    const uint8_t *bytes = r->expects ? c->recoded : c->bytes;
    const size_t n_bytes = r->expects ? c->n_recoded : c->n_bytes;
    size_t n;
    uint8_t *spoilt =
        of_basis ? input_spoil(damage, c->basis, c->n_basis, &n) : input_spoil(damage, bytes, n_bytes, &n);
    siren_transform_basis basis;
    if (!of_basis) {
        decode_any(&c->stored, r, spoilt, n);
    } else if (siren_transform_basis_decode(NAME, spoilt, n, r->n_volumes, &basis) == SIREN_OK) {
        use_networks(r, &basis);
        decode_any(&basis, r, bytes, n_bytes);
        siren_transform_basis_free(&basis);
    }
    free(spoilt);
}

static void voxels(fuzz_input *in, recipe *r) {
    const fuzz_damage damage = input_damage(in);
    const siren_datatype type = input_datatype(in);
    const unsigned how = input_byte(in), octave = input_byte(in), fraction = input_byte(in),
                   examples = input_byte(in);
    const double step = ldexp(256 + fraction + octave / 19 / 13., -7 - (int)(octave % 19));
    static coded_slice c;
    size_t n_apart;
    const siren_span all = {0, r->n_volumes};
    c = (coded_slice){.series = {.geometry = {.datatype = type,
                                              .nx = r->block.nx,
                                              .ny = r->block.ny,
                                              .nz = 1,
                                              .n_volumes = r->n_volumes}},
                      .plan = {.step = step, .dependent = r->dependent}};
    if (how & 2) c.plan.lambda = ldexp(1, (int)(how >> 2 & 15) - 12);
    const size_t n = siren_geometry_voxels(&c.series.geometry);
    c.series.voxels = malloc(n * siren_datatype_size(type));
    MUST(c.series.voxels);
    input_voxels(in, type, r->block.nx, n, c.series.voxels);
    for (size_t v = 0; how & 1 && v < r->n_volumes; v++)
        MUST(siren_block_limits(&c.series, &r->block, v, &c.limits[v], &n_apart) == SIREN_OK);
    if (how & 1) c.plan.limits = c.limits;
    if (code_slice(&c, r)) {
        MUST(decode(&c.stored, r, c.bytes, c.n_bytes, all, c.y) == SIREN_OK);
        if (examples % 8 == 7) check_examples(&c, r, 1 + examples / 8 % 8, examples / 64);
        check_scaling(&c, r);
        if (r->expects) check_recoded(&c, r);
        use_networks(r, &c.stored);
        decode_any(&c.stored, r, r->expects ? c.recoded : c.bytes, r->expects ? c.n_recoded : c.n_bytes);
        if (damage.n > 0) damage_slice(&c, r, &damage, how >> 6 == 3);
    }
    coded_free(&c);
}

/* ---- coefficients ---- */

/* Up to the largest that a step of 2^-16 gives, and beyond. */
static void wanted_coefficients(const fuzz_input *in, size_t n, float *out) {
    for (size_t i = 0; i < n; i++) {
        const int byte = (int8_t)input_byte_at(in, 2 * i);
        out[i] =
            ldexpf((float)byte / 16, input_byte_at(in, 2 * i + 1) % 8 ? 0 : input_byte_at(in, 2 * i + 1) / 8);
    }
}

static void coefficients(fuzz_input *in, const recipe *r) {
    enum { MOST_BLOCKS = 16, COMPONENTS = 3 };
    static float wanted[MOST_BLOCKS * BLOCK];
    static int32_t levels[COMPONENTS][MOST_BLOCKS * BLOCK], back[MOST_BLOCKS * BLOCK];
    static uint8_t kinds[COMPONENTS][MOST_BLOCKS * BLOCK], kinds_back[MOST_BLOCKS * BLOCK];
    siren_slice_grid grid;
    siren_coefficients *coder, *recoder;
    siren_range_encoder encoder, recoded;
    siren_range_decoder decoder;
    uint8_t *bytes[2];
    size_t n_bytes[2];
    int8_t points[SIREN_RECONSTRUCTION_KINDS];
    bool predicted[COMPONENTS];
    const float lambda = ldexpf(1, (int)(input_byte(in) % 16) - 12);
    for (size_t i = 0; i < sizeof points; i++) points[i] = (int8_t)input_byte_at(in, i);
    MUST(siren_slice_grid_create(&r->block, &grid) == SIREN_OK && grid.n_blocks <= MOST_BLOCKS);
    const size_t n = grid.n_blocks * BLOCK;
    siren_range_encoder_begin(&encoder);
    siren_range_encoder_begin(&recoded);
    MUST(siren_coefficients_create(grid.across, grid.down, COMPONENTS, grid.used, r->dependent, NULL,
                                   &coder) == SIREN_OK);
    for (size_t k = 0; k < COMPONENTS; k++) {
        fuzz_input part = *in;
        part.bytes += k * part.n / COMPONENTS, part.n -= k * part.n / COMPONENTS;
        wanted_coefficients(&part, n, wanted);
        siren_coefficients_put(coder, &encoder, wanted, lambda, points, levels[k], kinds[k]);
    }
    siren_coefficients_free(coder);
    MUST(siren_range_encoder_finish(&encoder, &bytes[0], &n_bytes[0]) == SIREN_OK);
    for (int with = 0; with <= r->expects; with++) {
        siren_range_decoder_begin(&decoder, bytes[with], n_bytes[with]);
        MUST(siren_coefficients_create(grid.across, grid.down, COMPONENTS, grid.used, r->dependent,
                                       with ? &for_levels : NULL, &coder) == SIREN_OK);
        for (size_t k = 0; k < COMPONENTS; k++) {
            MUST(siren_coefficients_get(coder, &decoder, back, kinds_back));
            MUST(memcmp(back, levels[k], n * sizeof *back) == 0 && memcmp(kinds_back, kinds[k], n) == 0);
            if (with == 0) predicted[k] = siren_coefficients_predicted(coder);
        }
        MUST(siren_range_decoder_finish(&decoder, NAME) == SIREN_OK);
        siren_coefficients_free(coder);
        if (with == 1 || !r->expects) continue;
        MUST(siren_coefficients_create(grid.across, grid.down, COMPONENTS, grid.used, r->dependent,
                                       &for_levels, &recoder) == SIREN_OK);
        for (size_t k = 0; k < COMPONENTS; k++)
            siren_coefficients_recode(recoder, &recoded, predicted[k], levels[k]);
        siren_coefficients_free(recoder);
        MUST(siren_range_encoder_finish(&recoded, &bytes[1], &n_bytes[1]) == SIREN_OK);
    }
    for (int with = 0; with <= r->expects; with++) free(bytes[with]);
    siren_range_encoder_free(&recoded);
    siren_slice_grid_free(&grid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input in = {data, size};
    static recipe r;
    const unsigned how = input_byte(&in);
    read_recipe(&in, how, &r);
    if (how % 4 == 0)
        any_bytes(&in, &r);
    else if (how % 4 == 1)
        coefficients(&in, &r);
    else
        voxels(&in, &r);
    return 0;
}
