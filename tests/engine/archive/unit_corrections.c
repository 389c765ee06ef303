/* Corrections: what they say brings every value within the bound, and none is made where it is within already; damage
 * is found or harmless. And with arguments, cases for the decoder in Python (corrections_model.py):
 *     unit_corrections write CASE FILE */
#include "tests/shared/testing.h"
#include "tests/shared/random_numbers.h"
#include "engine/archive/corrections.h"
#include "formats/series.h"

#include <math.h>

enum { MOST = 9 * 8 * 2 * 5 };
static const struct {
    siren_datatype datatype;
    size_t nx, ny, nz, n_volumes;
    double bound, error; /* spread of what decodes */
    bool masked;
} cases[] = {
    {SIREN_INT16, 9, 8, 1, 5, 3, 4, false},       {SIREN_UINT8, 7, 8, 2, 4, 10, 60, true},
    {SIREN_FLOAT32, 9, 5, 1, 5, 0.25, 1, false},  {SIREN_FLOAT64, 6, 8, 2, 3, 0, 1e-3, true},
    {SIREN_INT64, 5, 5, 1, 5, 0, 1e6, false},     {SIREN_UINT64, 5, 5, 2, 2, 7.9, 1e19, false},
    {SIREN_INT8, 9, 8, 1, 5, 0, 300, false},      {SIREN_UINT16, 1, 8, 1, 5, 100, 90, false},
    {SIREN_FLOAT32, 4, 4, 1, 3, 1e-12, 1, false}, {SIREN_INT32, 9, 1, 2, 5, 1e30, 1e9, false},
};
enum { N_CASES = sizeof cases / sizeof *cases };

typedef struct {
    siren_corrections_plan plan;
    siren_block block;
    uint32_t inside[MOST];
    double wanted[MOST], decoded[MOST]; /* room for every type */
    uint8_t *bytes;
    size_t n_bytes, n_values, n_corrected;
} sample;

static void make(size_t which, sample *s) {
    const size_t size = siren_datatype_size(cases[which].datatype);
    double x[MOST];
    *s = (sample){.n_corrected = 0};
    random_state = which;
    s->block = (siren_block){.nx = cases[which].nx, .ny = cases[which].ny, .nz = cases[which].nz};
    size_t n_voxels = s->block.nx * s->block.ny * s->block.nz;
    for (size_t i = 0; cases[which].masked && i < n_voxels; i++)
        if (random_u32() % 3) s->inside[s->block.n_inside++] = (uint32_t)i;
    if (cases[which].masked) s->block.inside = s->inside;
    s->plan = (siren_corrections_plan){&s->block, cases[which].datatype, cases[which].n_volumes,
                                       cases[which].bound};
    s->n_values = n_voxels * s->plan.n_volumes;
    assert_true(s->n_values <= MOST);
    for (size_t i = 0; i < s->n_values; i++) x[i] = 100 + 50 * noise();
    siren_datatype_from_double(s->plan.datatype, x, s->n_values, s->wanted);
    for (size_t i = 0; i < s->n_values; i++) x[i] += i / n_voxels == 1 ? 0 : cases[which].error * noise();
    siren_datatype_from_double(s->plan.datatype, x, s->n_values, s->decoded);
    for (size_t i = 0; i < n_voxels; i++) /* volume 1 is as it should be */
        memcpy((uint8_t *)s->decoded + (n_voxels + i) * size, (uint8_t *)s->wanted + (n_voxels + i) * size,
               size);
    assert_siren_ok(siren_corrections_encode(&s->plan, s->wanted, s->decoded, &s->bytes, &s->n_bytes));
}

static void apply(void *user, size_t volume, size_t voxel, const siren_correction *correction) {
    sample *s = user;
    size_t i = volume * siren_block_voxels(&s->block) + voxel;
    if (siren_correction_unneeded(&s->plan, s->wanted, s->decoded, i))
        fail_msg("value %zu needs no correction", i);
    siren_correction_apply(&s->plan, correction, s->decoded, i);
    s->n_corrected++;
}

static void values_come_within_the_bound(void **unused) {
    (void)unused;
    for (size_t which = 0; which < N_CASES; which++) {
        sample s;
        make(which, &s);
        assert_siren_ok(siren_corrections_decode(&s.plan, "block", s.bytes, s.n_bytes, apply, &s));
        for (size_t v = 0; v < s.plan.n_volumes; v++)
            for (size_t point = 0; point < siren_block_points(&s.block); point++)
                assert_true(siren_correction_unneeded(&s.plan, s.wanted, s.decoded,
                                                      v * siren_block_voxels(&s.block) +
                                                          siren_block_voxel(&s.block, point)));
        assert_int_equal(s.n_corrected == 0, s.n_bytes == 0);
        assert_int_equal(s.n_bytes == 0, cases[which].bound == 1e30);
        free(s.bytes);
    }
}

static void count(void *user, size_t volume, size_t voxel, const siren_correction *correction) {
    sample *s = user;
    assert_true(volume < s->plan.n_volumes && voxel < siren_block_voxels(&s->block));
    siren_correction_apply(&s->plan, correction, s->decoded, volume * siren_block_voxels(&s->block) + voxel);
}

static void damage_is_harmless(void **unused) {
    (void)unused;
    size_t n_found = 0, n_tried = 0;
    for (size_t which = 0; which < N_CASES; which++) {
        sample s;
        make(which, &s);
        for (size_t i = 0; i < 200 && s.n_bytes > 0; i++, n_tried++) {
            size_t at = random_u32() % s.n_bytes, n = random_u32() % 4 ? s.n_bytes : at + 1;
            s.bytes[at] ^= (uint8_t)(1 + random_u32() % 255);
            siren_status status = siren_corrections_decode(&s.plan, "block", s.bytes, n, count, &s);
            assert_true(status == SIREN_OK || status == SIREN_CORRUPT);
            n_found += status == SIREN_CORRUPT;
        }
        free(s.bytes);
    }
    assert_true(n_found > n_tried * 9 / 10);
}

static int write_case(size_t which, const char *path) {
    sample s;
    make(which % N_CASES, &s);
    size_t size = siren_datatype_size(s.plan.datatype), n_voxels = siren_block_voxels(&s.block);
    FILE *file = fopen(path, "wb");
    uint8_t mask[MOST] = {0};
    assert_non_null(file);
    for (size_t point = 0; point < siren_block_points(&s.block); point++)
        mask[siren_block_voxel(&s.block, point)] = 1;
    fprintf(file, "%zu %zu %zu %zu %d %zu %a\n", s.block.nx, s.block.ny, s.block.nz, s.plan.n_volumes,
            (int)s.plan.datatype, s.n_bytes, s.plan.bound);
    fwrite(mask, 1, n_voxels, file);
    if (s.n_bytes) fwrite(s.bytes, 1, s.n_bytes, file);
    fwrite(s.decoded, size, s.n_values, file);
    assert_siren_ok(siren_corrections_decode(&s.plan, "block", s.bytes, s.n_bytes, apply, &s));
    fwrite(s.decoded, size, s.n_values, file);
    free(s.bytes);
    return fclose(file);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "write") == 0) return write_case(strtoul(argv[2], NULL, 10), argv[3]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_come_within_the_bound),
                                       cmocka_unit_test(damage_is_harmless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
