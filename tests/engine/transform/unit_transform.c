/* engine/transform: what was coded comes back as near as the step says, whatever the volumes, sides, mask and
 * missing values; parts are parts of the whole; damage is found; eigenvectors and cosines are those of double
 * precision. And with arguments, cases for the decoder in Python (transform_model.py):
 *     unit_transform write CASE FILE */
#include "tests/engine/transform/samples.h"
#include "engine/transform/coefficients.h"
#include "engine/transform/eigen.h"

#define PI 3.14159265358979323846

static double mse(const coded *c) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < c->n_points * c->n_volumes; i++)
        if (!isnan(c->targets[i])) {
            assert_true(c->y[i] >= 0 && c->y[i] <= 1);
            sum += ((double)c->y[i] - (double)c->targets[i]) * ((double)c->y[i] - (double)c->targets[i]);
            n++;
        }
    return n > 0 ? sum / n : 0;
}

/* ---- pieces ---- */

static void eigenvectors_are_those_of_the_matrix(void **unused) {
    (void)unused;
    for (size_t n = 1; n <= 70; n += n < 9 ? 1 : 13)
        for (int kind = 0; kind < 4; kind++) {
            double *a = calloc(n * n, sizeof *a), *vectors = calloc(n * n, sizeof *a),
                   *values = calloc(n, sizeof *a), scale = 1e-12;
            assert_true(a && vectors && values);
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j <= i; j++) /* random; 0; of rank 1; diagonal */
                    a[i * n + j] = a[j * n + i] = kind == 0   ? noise()
                                                  : kind == 1 ? 0
                                                  : kind == 2 ? (double)((i % 5) * (j % 5))
                                                  : i == j    ? 1 + (double)(i % 3)
                                                              : 0;
            memcpy(vectors, a, n * n * sizeof *a);
            assert_siren_ok(siren_eigen_symmetric(n, vectors, values));
            for (size_t i = 0; i < n * n; i++) scale = fmax(scale, fabs(a[i]));
            for (size_t i = 0; i < n; i++) {
                assert_true(i == 0 || values[i] <= values[i - 1]);
                for (size_t j = 0; j < n; j++) {
                    double product = 0, inner = 0;
                    for (size_t k = 0; k < n; k++) {
                        product += a[j * n + k] * vectors[i * n + k];
                        inner += vectors[i * n + k] * vectors[j * n + k];
                    }
                    assert_true(fabs(product - values[i] * vectors[i * n + j]) <
                                1e-12 * (double)n * (double)n * scale);
                    assert_true(fabs(inner - (i == j)) < 1e-12 * (double)n);
                }
            }
            free(a);
            free(vectors);
            free(values);
        }
}

/* The cosine transform in double precision, of a block of values up to `size`; saturated where it leaves 32 bits. */
static void cosines_are_those_of_double_precision(void **unused) {
    (void)unused;
    for (int trial = 0; trial < 300; trial++) {
        int32_t values[64], given[64];
        float forward[64];
        double size = ldexp(1, trial % 26), worst = 0, off = 0;
        for (int i = 0; i < 64; i++)
            given[i] = values[i] = (int32_t)(noise() * size * (random_u32() % 3 == 0));
        siren_block_inverse(values);
        for (int i = 0; i < 64; i++) {
            double sum = 0;
            for (int j = 0; j < 64; j++)
                sum += given[j] * (j / 8 ? 0.5 : sqrt(0.125)) * (j % 8 ? 0.5 : sqrt(0.125)) *
                       cos(PI * (2 * (i / 8) + 1) * (j / 8) / 16) *
                       cos(PI * (2 * (i % 8) + 1) * (j % 8) / 16);
            worst = fmax(worst, fabs(sum - values[i]));
            forward[i] = (float)sum;
        }
        assert_true(worst < 2 + size * 1e-3);
        siren_block_forward(forward);
        for (int i = 0; i < 64; i++) off = fmax(off, fabs((double)forward[i] - given[i]));
        assert_true(off < 1e-4 * size * 8 + 1e-3);
    }
}

/* Across an edge: what the forward turn made, the inverse undoes, along both axes and at every size. */
static void edges_are_undone(void **unused) {
    (void)unused;
    for (int trial = 0; trial < 200; trial++) {
        int apart = trial % 2 ? 1 : 8;
        float turned[2][64];
        int32_t values[2][64], given[2][64];
        double size = ldexp(16, trial % 18), before = 0, after = 0;
        for (int i = 0; i < 128; i++) given[i / 64][i % 64] = (int32_t)(noise() * size);
        for (int i = 0; i < 128; i++) turned[i / 64][i % 64] = (float)given[i / 64][i % 64];
        siren_edge_forward(turned[0], turned[1], apart);
        for (int i = 0; i < 128; i++) {
            values[i / 64][i % 64] = (int32_t)rintf(turned[i / 64][i % 64]);
            before += (double)given[i / 64][i % 64] * given[i / 64][i % 64];
            after += (double)turned[i / 64][i % 64] * (double)turned[i / 64][i % 64];
        }
        assert_true(fabs(after / before - 1) < 1e-4); /* orthogonal */
        siren_edge_inverse(values[0], values[1], apart);
        for (int i = 0; i < 128; i++)
            assert_true(fabs((double)values[i / 64][i % 64] - given[i / 64][i % 64]) < 3 + size * 4e-4);
    }
}

/* Values that no encoder makes leave 32 bits nowhere but by saturation; a sanitiser would tell. */
static void extremes_saturate(void **unused) {
    (void)unused;
    static const int32_t extremes[] = {0, 1, -1, 1 << 16, INT32_MAX, -INT32_MAX, INT32_MIN};
    siren_transform_coefficients c = {.n_components = 3, .unit = 20};
    assert_siren_ok(siren_slice_grid_create(&(siren_block){.nx = 20, .ny = 17, .nz = 1}, &c.grid));
    size_t n = c.n_components * c.grid.n_blocks * 64;
    c.values = malloc(n * sizeof *c.values);
    assert_non_null(c.values);
    for (int trial = 0; trial < 100; trial++) {
        for (size_t i = 0; i < n; i++)
            c.values[i] = trial < 7 ? extremes[trial] : extremes[random_u32() % (trial % 2 ? 7 : 3)];
        siren_transform_rebuild(&c);
    }
    /* 2^31 in one place of 64 is 2^31 / 8 in each pixel of the block, whose neighbours are 0; far from edges it
     * stays. */
    memset(c.values, 0, n * sizeof *c.values);
    c.values[0] = INT32_MAX;
    siren_transform_rebuild(&c);
    assert_true(abs(c.values[0] - (INT32_MAX / 8)) < INT32_MAX / 8000);
    siren_transform_coefficients_free(&c);
}

/* Means that are predicted, and coefficients far beyond the limit of levels, come back as the encoder chose them. */
static void levels_keep_to_their_limit(void **unused) {
    (void)unused;
    enum { ACROSS = 8, N = ACROSS * SIREN_TRANSFORM_BLOCK };
    static float wanted[N];
    static int32_t levels[N], back[N];
    static uint8_t kinds[N], kinds_back[N];
    const int8_t points[SIREN_RECONSTRUCTION_KINDS] = {0};
    const uint8_t used[ACROSS] = {64, 64, 64, 64, 64, 64, 64, 64};
    for (int two = 0; two < 2; two++)
        for (size_t sign = 0; sign < 2; sign++) {
            siren_coefficients *coder = NULL;
            siren_range_encoder encoder;
            siren_range_decoder decoder;
            uint8_t *bytes;
            size_t n_bytes;
            for (size_t block = 0; block < ACROSS; block++) /* alike, so that prediction pays */
                wanted[block * SIREN_TRANSFORM_BLOCK] =
                    (float)(sign ? -1e9 : 1e9) * (1 + (float)block / 1000);
            siren_range_encoder_begin(&encoder);
            assert_siren_ok(siren_coefficients_create(ACROSS, 1, 1, used, two, NULL, &coder));
            siren_coefficients_put(coder, &encoder, wanted, 0.1f, points, levels, kinds);
            siren_coefficients_free(coder);
            assert_siren_ok(siren_range_encoder_finish(&encoder, &bytes, &n_bytes));
            siren_range_decoder_begin(&decoder, bytes, n_bytes);
            assert_siren_ok(siren_coefficients_create(ACROSS, 1, 1, used, two, NULL, &coder));
            assert_true(siren_coefficients_get(coder, &decoder, back, kinds_back));
            assert_memory_equal(back, levels, sizeof back);
            assert_memory_equal(kinds_back, kinds, sizeof kinds);
            assert_true(abs(levels[0]) > SIREN_LEVEL_LIMIT / 4);
            assert_true(siren_coefficients_predicted(coder));
            assert_siren_ok(siren_range_decoder_finish(&decoder, "slice"));
            siren_coefficients_free(coder);
            free(bytes);
        }
}

/* ---- the whole ---- */

static void round_trip(recipe r, double step) {
    sample s = make(r);
    coded c = code(&s, step);
    double error = mse(&c), bound = (4 + 120 / (double)c.n_points) * step * step / 12 + 1e-12;
    /* What is not worth its bits leaves more than rounding would; in few points, whole components are not. */
    if (error > bound)
        fail_msg("%zu x %zu, %zu volumes, noise %g, step %g: mse %g, beyond %g", r.nx, r.ny, r.n_volumes,
                 r.noise, step, error, bound);
    assert_int_equal(c.fitted.n_components, c.stored.n_components);
    assert_memory_equal(c.fitted.mean, c.stored.mean, r.n_volumes);
    assert_memory_equal(c.fitted.vectors, c.stored.vectors,
                        c.fitted.n_components * r.n_volumes * sizeof *c.fitted.vectors);
    drop(&c);
    discard(&s);
}

static void every_side_comes_back(void **unused) {
    (void)unused;
    for (size_t side = 1; side <= 20; side++) {
        round_trip((recipe){.nx = side, .ny = 21 - side, .nz = 1, .n_volumes = 5, .noise = 10}, 0.01);
        round_trip((recipe){.nx = side, .ny = side, .nz = 2, .n_volumes = 3, .noise = 10, .masked = true},
                   0.02);
    }
}

static void any_number_of_volumes_comes_back(void **unused) {
    (void)unused;
    static const size_t numbers[] = {1, 2, 3, 5, 8, 13, 40, 64, 65, 127, 200};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        round_trip((recipe){.nx = 24, .ny = 17, .nz = 3, .n_volumes = numbers[i], .noise = 20}, 0.02);
        round_trip((recipe){.nx = 9, .ny = 9, .nz = 1, .n_volumes = numbers[i], .noise = 20, .missing = true},
                   0.05);
    }
}

/* From steps beyond the range to the finest, where sums leave 32 bits. */
static void steps_of_all_sizes(void **unused) {
    (void)unused;
    for (double step = 4; step > 1.0 / 65536; step /= 3)
        round_trip((recipe){.nx = 23, .ny = 30, .nz = 1, .n_volumes = 12, .noise = 30, .missing = step < 0.1},
                   step > 2 ? 2 : step);
    sample s = make((recipe){.nx = 23, .ny = 30, .nz = 1, .n_volumes = 12, .noise = 30});
    coded c = code(&s, 1.0 / 65536);
    assert_true(-10 * log10(mse(&c)) > 95);
    drop(&c);
    siren_transform_basis basis;
    static const double wrong[] = {0, -1, NAN, INFINITY};
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            siren_transform_fit(&s.series, s.slices, 1, &(siren_transform_plan){.step = wrong[i]}, &basis),
            SIREN_USAGE);
    discard(&s);
}

/* Blocks without points cost nothing: an island in a large slice takes no more than by itself. */
static void outside_a_mask_costs_nothing(void **unused) {
    (void)unused;
    size_t sizes[2];
    for (int wide = 0; wide < 2; wide++) {
        const size_t side = wide ? 400 : 16;
        sample s = make((recipe){.nx = side, .ny = side, .nz = 1, .n_volumes = 4, .noise = 10});
        uint32_t inside[256];
        for (size_t i = 0; i < 256; i++) inside[i] = (uint32_t)(i / 16 * side + i % 16);
        s.slices->inside = inside;
        s.slices->n_inside = 256;
        for (size_t v = 0; v < 4; v++) /* the same values in both */
            for (size_t i = 0; i < 256; i++)
                s.voxels[v * side * side + inside[i]] = (float)((i * 37 + v * 11) % 101);
        coded c = code(&s, 0.05);
        sizes[wide] = c.n_bytes;
        drop(&c);
        s.slices->n_inside = 0; /* and no point at all */
        c = code(&s, 0.05);
        assert_true(c.n_bytes < 20 && c.n_basis_bytes < 20);
        drop(&c);
        discard(&s);
    }
    assert_int_equal(sizes[0], sizes[1]);
}

static void constants_are_exact_and_small(void **unused) {
    (void)unused;
    sample s = make((recipe){.nx = 40, .ny = 33, .nz = 2, .n_volumes = 6});
    for (size_t i = 0; i < 40 * 33 * 2 * 6; i++) s.voxels[i] = (float)(7 + i / (40 * 33 * 2));
    coded c = code(&s, 0.05);
    assert_true(c.n_bytes < 20);
    assert_true(mse(&c) == 0);
    drop(&c);
    for (size_t i = 0; i < 40 * 33 * 2; i++) s.voxels[3 * 40 * 33 * 2 + i] = NAN; /* one without any value */
    for (size_t i = 0; i < 40 * 33; i++) s.voxels[i] = (float)(i % 40);
    c = code(&s, 0.01);
    assert_true(-10 * log10(mse(&c)) > 45);
    drop(&c);
    discard(&s);
}

static void volumes_are_parts_of_the_whole(void **unused) {
    (void)unused;
    sample s = make((recipe){.nx = 20, .ny = 13, .nz = 1, .n_volumes = 11, .noise = 20, .masked = true});
    for (int fine = 0; fine < 2; fine++) {
        coded c = code(&s, fine ? 0.0001 : 0.03);
        float *part = malloc(c.n_points * 11 * sizeof *part);
        assert_non_null(part);
        for (size_t begin = 0; begin < 11; begin++)
            for (size_t end = begin + 1; end <= 11; end++) {
                assert_siren_ok(siren_transform_decode_slice(&c.stored, "slice", s.slices, c.bytes, c.n_bytes,
                                                             (siren_span){begin, end}, part));
                for (size_t i = 0; i < c.n_points; i++)
                    assert_memory_equal(part + i * (end - begin), c.y + i * 11 + begin,
                                        (end - begin) * sizeof *part);
            }
        free(part);
        drop(&c);
    }
    discard(&s);
}

/* Cut short, lengthened or with other bits, bytes are CORRUPT or give other values, within [0, 1], and nothing
 * worse. */
static void damage_does_no_harm(void **unused) {
    (void)unused;
    sample s = make((recipe){.nx = 20, .ny = 19, .nz = 1, .n_volumes = 7, .noise = 20, .masked = true});
    coded c = code(&s, 0.03);
    float *y = malloc(c.n_points * 7 * sizeof *y);
    uint8_t *bytes = malloc(c.n_bytes + c.n_basis_bytes + 4096);
    assert_true(y && bytes);
    for (size_t n = 0; n < c.n_bytes; n++) {
        memcpy(bytes, c.bytes, n);
        assert_int_equal(
            siren_transform_decode_slice(&c.stored, "slice", s.slices, bytes, n, (siren_span){0, 7}, y),
            SIREN_CORRUPT);
    }
    memcpy(bytes, c.bytes, c.n_bytes);
    bytes[c.n_bytes] = 0;
    assert_int_equal(siren_transform_decode_slice(&c.stored, "slice", s.slices, bytes, c.n_bytes + 1,
                                                  (siren_span){0, 7}, y),
                     SIREN_CORRUPT);
    for (int trial = 0; trial < 3000; trial++) {
        size_t n = trial % 3 ? c.n_bytes : random_u32() % 4096;
        memcpy(bytes, c.bytes, c.n_bytes);
        if (trial % 3 == 0)
            for (size_t i = 0; i < n; i++)
                bytes[i] = (uint8_t)(trial % 2 ? random_u32() : trial % 4 ? 255 : 0);
        else
            for (int i = 0; i <= trial % 7; i++) bytes[random_u32() % n] ^= (uint8_t)(1u << random_u32() % 8);
        siren_status status =
            siren_transform_decode_slice(&c.stored, "slice", s.slices, bytes, n, (siren_span){0, 7}, y);
        assert_true(status == SIREN_OK || status == SIREN_CORRUPT);
        for (size_t i = 0; status == SIREN_OK && i < c.n_points * 7; i++) assert_true(y[i] >= 0 && y[i] <= 1);
    }
    for (size_t n = 0; n < c.n_basis_bytes; n++) {
        siren_transform_basis basis;
        memcpy(bytes, c.basis_bytes, n);
        assert_int_equal(siren_transform_basis_decode("basis", bytes, n, 7, &basis), SIREN_CORRUPT);
    }
    for (int trial = 0; trial < 3000; trial++) {
        siren_transform_basis basis;
        size_t n = trial % 3 ? c.n_basis_bytes : random_u32() % 300,
               n_volumes = trial % 5 ? 7 : 1 + random_u32() % 3000;
        memcpy(bytes, c.basis_bytes, c.n_basis_bytes);
        if (trial % 3 == 0)
            for (size_t i = 0; i < n; i++)
                bytes[i] = (uint8_t)(trial % 2 ? random_u32() : trial % 4 ? 255 : 0);
        else
            for (int i = 0; i <= trial % 7; i++) bytes[random_u32() % n] ^= (uint8_t)(1u << random_u32() % 8);
        siren_status status = siren_transform_basis_decode("basis", bytes, n, n_volumes, &basis);
        assert_true(status == SIREN_OK || status == SIREN_CORRUPT);
        if (status != SIREN_OK) continue;
        /* A basis of any vectors is decoded with. */
        basis.dependent = with_two;
        if (n_volumes == 7)
            assert_siren_ok(basis.n_components == c.stored.n_components
                                ? siren_transform_decode_slice(&basis, "slice", s.slices, c.bytes, c.n_bytes,
                                                               (siren_span){0, 7}, y)
                                : SIREN_OK);
        siren_transform_basis_free(&basis);
    }
    free(y);
    free(bytes);
    drop(&c);
    discard(&s);
}

static void scaling_is_lossless(void **unused) {
    (void)unused;
    static const double ends[][2] = {
        {0, 0},      {-5, 7},        {0, 4095},  {-0x1p52, 0x1p52},    {0x1p53 + 2, 0x1p60}, {-0.0, 0.0},
        {0.5, 0.75}, {-1e-30, 3e38}, {0.1, 0.2}, {-1.7e308, -1.6e308}, {5e-324, 1e-310},     {-3.3, 1e17}};
    for (size_t first = 0; first < 12; first++)
        for (size_t n = 1; first + n <= 12; n++) {
            siren_scaling scaling[12], back[12];
            uint8_t *bytes;
            size_t n_bytes;
            for (size_t i = 0; i < n; i++)
                scaling[i] = (siren_scaling){ends[first + i][0], ends[first + i][1]};
            assert_siren_ok(siren_scaling_encode(scaling, n, &bytes, &n_bytes));
            assert_siren_ok(siren_scaling_decode("scaling", bytes, n_bytes, n, back));
            assert_memory_equal(scaling, back, n * sizeof *back);
            for (size_t cut = 0; cut < n_bytes; cut++)
                assert_int_equal(siren_scaling_decode("scaling", bytes, cut, n, back), SIREN_CORRUPT);
            for (int trial = 0; trial < 200; trial++) {
                bytes[random_u32() % n_bytes] ^= (uint8_t)(1u << random_u32() % 8);
                siren_status status = siren_scaling_decode("scaling", bytes, n_bytes, n, back);
                assert_true(status == SIREN_OK || status == SIREN_CORRUPT);
                for (size_t i = 0; status == SIREN_OK && i < n; i++)
                    assert_true(isfinite(back[i].maximum - back[i].minimum));
            }
            free(bytes);
        }
}

/* ---- cases for the decoder in Python ---- */

static int write_case(size_t number, const char *path) {
    static const struct {
        recipe r;
        double step;
    } cases[] = {
        {{.nx = 16, .ny = 16, .nz = 1, .n_volumes = 4, .noise = 20}, 0.03},
        {{.nx = 13, .ny = 18, .nz = 1, .n_volumes = 9, .noise = 30, .masked = true}, 0.02},
        {{.nx = 1, .ny = 1, .nz = 1, .n_volumes = 1, .noise = 30}, 0.1},
        {{.nx = 25, .ny = 7, .nz = 2, .n_volumes = 3, .noise = 5, .missing = true}, 0.0003},
        {{.nx = 9, .ny = 8, .nz = 1, .n_volumes = 40, .noise = 60}, 0.2},
        {{.nx = 16, .ny = 17, .nz = 1, .n_volumes = 2, .noise = 3}, 0.00002},
        {{.nx = 40, .ny = 32, .nz = 1, .n_volumes = 6, .noise = 10, .masked = true}, 1.5},
        {{.nx = 25, .ny = 18, .nz = 1, .n_volumes = 5, .noise = 20}, 0.03},
        {{.nx = 13, .ny = 18, .nz = 1, .n_volumes = 24, .noise = 30, .masked = true}, 0.05},
        {{.nx = 25, .ny = 7, .nz = 2, .n_volumes = 3, .noise = 5, .missing = true}, 0.0003},
        {{.nx = 16, .ny = 17, .nz = 1, .n_volumes = 2, .noise = 3}, 0.00002},
        {{.nx = 1, .ny = 1, .nz = 1, .n_volumes = 1, .noise = 30}, 0.1},
    };
    if (number >= sizeof cases / sizeof *cases) return 2;
    with_two = number >= 7;
    sample s = make(cases[number].r);
    coded c = code(&s, cases[number].step);
    const int status = write_coded(&s, &c, NULL, 0, path);
    drop(&c);
    discard(&s);
    return status;
}

/* At one step two quantisers leave smaller errors, and in as many bytes by far. */
static void two_quantisers_are_better_than_one(void **unused) {
    (void)unused;
    const bool was = with_two;
    sample s = make((recipe){.nx = 64, .ny = 64, .nz = 1, .n_volumes = 12, .noise = 20});
    double errors[2], bytes[2];
    for (int two = 0; two < 2; two++) {
        with_two = two;
        coded c = code(&s, two ? 0.032 : 0.03);
        errors[two] = mse(&c);
        bytes[two] = (double)(c.n_bytes + c.n_basis_bytes);
        drop(&c);
    }
    if (!(errors[1] < errors[0] && bytes[1] < 0.97 * bytes[0]))
        fail_msg("mse %g and %g, bytes %g and %g", errors[0], errors[1], bytes[0], bytes[1]);
    with_two = was;
    discard(&s);
}

/* Bytes of another day and machine still give the same values: a case of the same form. */
static void golden_bytes_are_read(void **unused) {
    (void)unused;
    char path[4096];
    size_t n_volumes, nx, ny, n_basis, n_slice, n_inside = 0;
    snprintf(path, sizeof path, "%s/transform.bin", getenv("SIREN_GOLDEN"));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu %zu %zu %zu %zu", &n_volumes, &nx, &ny, &n_basis, &n_slice), 5);
    assert_int_equal(fgetc(file), '\n');
    uint8_t *bytes = malloc(nx * ny + n_basis + n_slice);
    uint32_t *inside = malloc(nx * ny * sizeof *inside);
    assert_true(bytes && inside);
    assert_int_equal(fread(bytes, 1, nx * ny + n_basis + n_slice, file), nx * ny + n_basis + n_slice);
    for (size_t i = 0; i < nx * ny; i++)
        if (bytes[i]) inside[n_inside++] = (uint32_t)i;
    size_t n = n_inside * n_volumes;
    float *y = malloc(n * sizeof *y);
    uint8_t *expected = malloc(4 * n);
    assert_true(expected && y);
    assert_int_equal(fread(expected, 4, n, file), n);
    fclose(file);
    siren_block block = {.nx = nx, .ny = ny, .nz = 1, .inside = inside, .n_inside = n_inside};
    siren_transform_basis basis;
    assert_siren_ok(siren_transform_basis_decode("basis", bytes + nx * ny, n_basis, n_volumes, &basis));
    assert_siren_ok(siren_transform_decode_slice(&basis, "slice", &block, bytes + nx * ny + n_basis, n_slice,
                                                 (siren_span){0, n_volumes}, y));
    for (size_t i = 0; i < n; i++) assert_true(y[i] == siren_get_f32(expected + 4 * i));
    siren_transform_basis_free(&basis);
    free(bytes);
    free(inside);
    free(expected);
    free(y);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "write") == 0) return write_case(strtoul(argv[2], NULL, 10), argv[3]);
    const struct CMUnitTest pieces[] = {
        cmocka_unit_test(eigenvectors_are_those_of_the_matrix),
        cmocka_unit_test(cosines_are_those_of_double_precision),
        cmocka_unit_test(edges_are_undone),
        cmocka_unit_test(extremes_saturate),
        cmocka_unit_test(levels_keep_to_their_limit),
        cmocka_unit_test(scaling_is_lossless),
        cmocka_unit_test(two_quantisers_are_better_than_one),
        cmocka_unit_test(golden_bytes_are_read),
    };
    const struct CMUnitTest whole[] = {
        cmocka_unit_test(every_side_comes_back),
        cmocka_unit_test(any_number_of_volumes_comes_back),
        cmocka_unit_test(steps_of_all_sizes),
        cmocka_unit_test(outside_a_mask_costs_nothing),
        cmocka_unit_test(constants_are_exact_and_small),
        cmocka_unit_test(volumes_are_parts_of_the_whole),
        cmocka_unit_test(damage_does_no_harm),
    };
    int failed = cmocka_run_group_tests(pieces, NULL, NULL);
    for (int two = 0; two < 2; two++) {
        with_two = two;
        failed += cmocka_run_group_tests(whole, NULL, NULL);
    }
    return failed;
}
