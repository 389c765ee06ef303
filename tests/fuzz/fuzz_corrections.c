/* libFuzzer: voxels and what they decode to, by any bytes, with a largest error: corrections bring each within it,
 * by parts as well, and touch nothing else; what was coded is damaged. Or any bytes as corrections: what comes of
 * them is the same again. */
#include "engine/archive/record.h"
#include "engine/encode/corrected.h"
#include "tests/fuzz/input.h"

#define MOST_VALUES 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    siren_layout layout;
    siren_block block;
    uint32_t inside[16 * 16 * 2];
    size_t n_values, size; /* of a value */
    uint8_t *wanted, *decoded;
} sample;

/* Corrections as they come: in the order of volumes and points, each where one is needed. */
typedef struct {
    const sample *s;
    siren_corrections_plan plan;
    bool valid;
    size_t next; /* volume * voxels + voxel, at least */
    uint8_t *voxels;
} corrected;

static void correct(void *user, size_t volume, size_t voxel, const siren_correction *correction) {
    corrected *c = user;
    const size_t n_voxels = siren_block_voxels(&c->s->block), i = volume * n_voxels + voxel;
    MUST(volume < c->plan.n_volumes && voxel < n_voxels && i >= c->next);
    MUST(!c->valid || !siren_correction_unneeded(&c->plan, c->s->wanted, c->voxels, i));
    c->next = i + 1;
    siren_correction_apply(&c->plan, correction, c->voxels, i);
}

static uint8_t *copy_of(const sample *s, const uint8_t *voxels) {
    uint8_t *copy = malloc(s->n_values * s->size);
    MUST(copy);
    memcpy(copy, voxels, s->n_values * s->size);
    return copy;
}

static siren_status decode(const sample *s, bool valid, const uint8_t *bytes, size_t n, uint8_t **out) {
    corrected c = {.s = s, .plan = siren_layout_corrections(&s->layout, &s->block), .valid = valid};
    c.voxels = *out = copy_of(s, s->decoded);
    const siren_status status = siren_corrections_decode(&c.plan, "block", bytes, n, correct, &c);
    MUST(status == SIREN_OK || (status == SIREN_CORRUPT && !valid));
    return status;
}

static void decode_any(const sample *s, const uint8_t *bytes, size_t n) {
    uint8_t *voxels[2];
    siren_status status[2];
    for (int run = 0; run < 2; run++) status[run] = decode(s, false, bytes, n, &voxels[run]);
    MUST(status[0] == status[1] && memcmp(voxels[0], voxels[1], s->n_values * s->size) == 0);
    free(voxels[0]), free(voxels[1]);
}

/* Points are within the bound, what is no point is as it was. */
static void check(const sample *s, const uint8_t *voxels) {
    const siren_corrections_plan plan = siren_layout_corrections(&s->layout, &s->block);
    const size_t n_voxels = siren_block_voxels(&s->block);
    for (size_t i = 0, point = 0; i < s->n_values; i++) {
        if (i % n_voxels == 0) point = 0;
        const bool is_point =
            point < siren_block_points(&s->block) && siren_block_voxel(&s->block, point) == i % n_voxels;
        if (is_point)
            MUST(siren_correction_unneeded(&plan, s->wanted, voxels, i));
        else
            MUST(memcmp(voxels + i * s->size, s->decoded + i * s->size, s->size) == 0);
        point += is_point;
    }
}

/* Of some volumes by themselves. */
static void check_part(const sample *s, siren_span volumes, const uint8_t *bytes, size_t n,
                       const uint8_t *whole) {
    const size_t n_volume = siren_block_voxels(&s->block) * s->size,
                 n_part = (volumes.end - volumes.begin) * n_volume;
    uint8_t *part = malloc(n_part);
    MUST(part);
    memcpy(part, s->decoded + volumes.begin * n_volume, n_part);
    MUST(siren_block_correct(&s->layout, "block", &s->block, volumes, bytes, n, part) == SIREN_OK);
    MUST(memcmp(part, whole + volumes.begin * n_volume, n_part) == 0);
    free(part);
}

/* As an archive has them: behind a record, which is given back as it was. */
static void check_record(const sample *s, const uint8_t *corrections, size_t n_corrections,
                         const uint8_t *whole) {
    const siren_series series = {.geometry = s->layout.geometry, .voxels = s->wanted};
    siren_scaling scaling[12];
    siren_index_entry entry = {.block = 0};
    size_t n_record = 5, n_own, n_found;
    uint8_t *record = malloc(n_record), *voxels = copy_of(s, whole);
    const uint8_t *found;
    MUST(record);
    memcpy(record, "bytes", n_record);
    for (size_t v = 0; v < 12; v++) scaling[v] = (siren_scaling){0, (double)v};
    MUST(siren_record_correct(&s->layout, "block", &series, &s->block, scaling, s->decoded, &record,
                              &n_record, &entry) == SIREN_OK);
    n_own = n_record;
    MUST(siren_record_split("block", &s->layout, record, &n_own, &found, &n_found) == SIREN_OK);
    MUST(n_own == 5 && memcmp(record, "bytes", n_own) == 0 && n_found == n_corrections);
    MUST(n_found == 0 || memcmp(found, corrections, n_found) == 0);
    MUST(entry.decoded_crc == siren_block_crc(s->layout.geometry.datatype, voxels, s->n_values));
    free(record), free(voxels);
}

static void code_voxels(sample *s, const fuzz_damage *damage, siren_span part) {
    const siren_corrections_plan plan = siren_layout_corrections(&s->layout, &s->block);
    uint8_t *bytes, *voxels, *spoilt;
    size_t n_bytes, n_spoilt;
    MUST(siren_corrections_encode(&plan, s->wanted, s->decoded, &bytes, &n_bytes) == SIREN_OK);
    MUST(!bytes == (n_bytes == 0));
    decode(s, true, bytes, n_bytes, &voxels);
    MUST(bytes || memcmp(voxels, s->decoded, s->n_values * s->size) == 0);
    check(s, voxels);
    check_part(s, part, bytes, n_bytes, voxels);
    check_record(s, bytes, n_bytes, voxels);
    if (damage->n > 0) {
        spoilt = input_spoil(damage, bytes, n_bytes, &n_spoilt);
        decode_any(s, spoilt, n_spoilt);
        free(spoilt);
    }
    free(bytes), free(voxels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static sample s;
    uint8_t inside[16 * 16 * 2];
    fuzz_input in = {data, size};
    const unsigned how = input_byte(&in), sides = input_byte(&in);
    const siren_datatype type = input_datatype(&in);
    siren_geometry g = {.datatype = type,
                        .nx = 1 + sides % 16,
                        .ny = 1 + sides / 16,
                        .nz = 1 + (how >> 1 & 1),
                        .n_volumes = 1 + input_byte(&in) % 12u,
                        .slope = 1};
    while (siren_geometry_voxels(&g) > MOST_VALUES) *(g.n_volumes > 3 ? &g.n_volumes : &g.ny) -= 1;
    s = (sample){.layout = {.geometry = g, .corrected = true, .bound = fabs(input_bound(&in))},
                 .block = {.nx = g.nx, .ny = g.ny, .nz = g.nz},
                 .n_values = siren_geometry_voxels(&g),
                 .size = siren_datatype_size(type)};
    if (!isfinite(s.layout.bound)) return 0;
    if (how & 4) {
        input_mask(&in, siren_block_voxels(&s.block), inside);
        for (size_t i = 0; i < siren_block_voxels(&s.block); i++)
            if (inside[i]) s.inside[s.block.n_inside++] = (uint32_t)i;
        s.block.inside = s.inside;
    }
    const fuzz_damage damage = input_damage(&in);
    const size_t begin = input_byte(&in) % g.n_volumes;
    fuzz_input errors = how & 1 ? input_half(&in) : in;
    s.wanted = malloc(s.n_values * s.size);
    s.decoded = malloc(s.n_values * s.size);
    MUST(s.wanted && s.decoded);
    input_voxels(&in, type, g.nx, s.n_values, s.wanted);
    memcpy(s.decoded, s.wanted, s.n_values * s.size);
    if (!(how & 1)) {
        decode_any(&s, in.bytes, in.n);
    } else {
        /* All of them are others, or some. */
        const unsigned every = 1 + (how >> 3) % 8;
        uint8_t *other = malloc(s.n_values * s.size);
        MUST(other);
        input_voxels(&errors, type, g.nx, s.n_values, other);
        for (size_t i = 0; i < s.n_values; i++)
            if (i / 3 % every == 0) memcpy(s.decoded + i * s.size, other + i * s.size, s.size);
        free(other);
        code_voxels(&s, &damage, (siren_span){begin, g.n_volumes - begin % 2 * (g.n_volumes - begin > 1)});
    }
    free(s.wanted), free(s.decoded);
    return 0;
}
