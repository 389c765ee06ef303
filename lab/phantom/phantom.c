#include "lab/phantom/phantom.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lab/phantom/phantom_anatomy.h"
#include "host/rng.h"
#include "host/threads.h"
#include "host/float_bits.h"

#define NOISE_NAME 0x52696365u     /* the noise's counter word where fields have their small names */
#define NOMINAL_WHITE_MATTER 560.0 /* sets sigma where the grid misses all white matter */

/* Smooth maps used between the passes, and everything threads share. */
typedef struct {
    const siren_phantom_options *options;
    siren_phantom *phantom;
    float *signal, *depth;  /* (nz, ny, nx) at b = 0; depth below cortex, mm */
    double *wm_sum;         /* (nz) of signal over white matter */
    size_t *wm_count;       /* (nz) */
    atomic_size_t next;     /* slice to take */
    atomic_size_t finished; /* slices of this pass */
    atomic_bool cancelled;
    siren_progress_fn progress;
    void *user;
    const char *what;
} work;

/* One row of voxels: up to three tensors each, as arrays so that loops over x become vector code. */
typedef struct {
    float *amplitude, *across, *excess, *axis[3]; /* (nx): signal share, D across and D along minus across */
    size_t begin, end;                            /* voxels outside have amplitude 0 */
} row_tensors;

typedef struct {
    row_tensors tensors[SIREN_MAX_FIBRES];
    float *value;      /* (nx) */
    float *uniform[4]; /* (nx) of two volumes: radius and angle each */
    float *memory;
} row_scratch;

static double place_on_axis(size_t i, size_t n, double span, double single) {
    return n == 1 ? single : (((double)i + 0.5) / (double)n - 0.5) * span;
}

/* An axis of size 1 shows a plane that meets ventricles, nuclei and cortex. */
static void voxel_position(const siren_geometry *g, size_t x, size_t y, size_t z, double out[3]) {
    out[0] = place_on_axis(x, g->nx, SIREN_HEAD_X, 17);
    out[1] = place_on_axis(y, g->ny, SIREN_HEAD_Y, -8);
    out[2] = place_on_axis(z, g->nz, SIREN_HEAD_Z, 12);
}

static void anatomy_slice(work *w, siren_anatomy *anatomy, row_scratch *scratch, size_t z) {
    (void)scratch;
    const siren_geometry *g = &w->phantom->geometry;
    size_t voxel = z * g->ny * g->nx;
    for (size_t y = 0; y < g->ny; y++)
        for (size_t x = 0; x < g->nx; x++, voxel++) {
            siren_anatomy_point point;
            double position[3];
            voxel_position(g, x, y, z, position);
            siren_anatomy_at(anatomy, position, &point);
            w->phantom->tissue[voxel] = (uint8_t)point.tissue;
            w->signal[voxel] = (float)point.signal;
            w->depth[voxel] = (float)point.depth;
            if (point.tissue == SIREN_TISSUE_WM) {
                w->wm_sum[z] += w->signal[voxel];
                w->wm_count[z]++;
            }
        }
}

/* FA and MD of sum_i f_i D_i; no eigenvalues are needed: both follow from the trace and the sum of squares.
 */
static void truth_of(const siren_compartment *tensors, int n, float *fa, float *md) {
    double d[6] = {0};
    static const int row[6] = {0, 1, 2, 0, 0, 1}, column[6] = {0, 1, 2, 1, 2, 2};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 6; k++)
            d[k] += tensors[i].fraction * ((k < 3 ? tensors[i].across : 0) +
                                           (tensors[i].along - tensors[i].across) * tensors[i].axis[row[k]] *
                                               tensors[i].axis[column[k]]);
    double mean = (d[0] + d[1] + d[2]) / 3, all = 0, rest = 0;
    for (int k = 0; k < 6; k++) {
        double from_mean = k < 3 ? d[k] - mean : d[k], times = k < 3 ? 1 : 2;
        all += times * d[k] * d[k];
        rest += times * from_mean * from_mean;
    }
    *md = (float)mean;
    *fa = all > 0 ? (float)sqrt(1.5 * rest / all) : 0;
}

static void fill_row(work *w, siren_anatomy *anatomy, row_scratch *r, size_t y, size_t z) {
    siren_phantom *phantom = w->phantom;
    const siren_geometry *g = &phantom->geometry;
    for (int i = 0; i < SIREN_MAX_FIBRES; i++) {
        r->tensors[i].begin = g->nx;
        r->tensors[i].end = 0;
    }
    for (size_t x = 0; x < g->nx; x++) {
        size_t voxel = (z * g->ny + y) * g->nx + x;
        siren_anatomy_point point;
        siren_compartment tensors[SIREN_MAX_FIBRES];
        double position[3];
        int n = 0;
        point.tissue = (siren_tissue)phantom->tissue[voxel];
        point.signal = w->signal[voxel];
        point.depth = w->depth[voxel];
        if (point.tissue != SIREN_TISSUE_AIR) {
            voxel_position(g, x, y, z, position);
            siren_anatomy_frame(anatomy, position, &point);
            n = siren_anatomy_tensors(anatomy, position, &point, tensors);
        }
        if (siren_tissue_in_brain(phantom->tissue[voxel]))
            truth_of(tensors, n, &phantom->fa[voxel], &phantom->md[voxel]);
        phantom->n_fibres[voxel] = point.tissue == SIREN_TISSUE_WM ? (uint8_t)n : 0;
        for (int i = 0; i < SIREN_MAX_FIBRES; i++) {
            row_tensors *t = &r->tensors[i];
            t->amplitude[x] = 0;
            t->across[x] = t->excess[x] = t->axis[0][x] = t->axis[1][x] = t->axis[2][x] = 0;
            if (i >= n) continue;
            if (x < t->begin) t->begin = x;
            t->end = x + 1;
            t->amplitude[x] = (float)(point.signal * tensors[i].fraction);
            t->across[x] = (float)tensors[i].across;
            t->excess[x] = (float)(tensors[i].along - tensors[i].across);
            for (int k = 0; k < 3; k++) t->axis[k][x] = (float)tensors[i].axis[k];
        }
    }
}

/* The three functions below are polynomials of our own, so that they vectorise and give the same bits
 * everywhere; each is within 2e-7 of the true value relative to 1 (exp: to itself). */

/* exp(x) for -87 <= x <= 0 */
static inline float exp_negative(float x) {
    float turns = x * 1.44269504f + 12582912.0f, whole = turns - 12582912.0f;
    float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float poly = 1.0f / 5040;
    poly = poly * r + 1.0f / 720;
    poly = poly * r + 1.0f / 120;
    poly = poly * r + 1.0f / 24;
    poly = poly * r + 1.0f / 6;
    poly = poly * r + 0.5f;
    poly = poly * r + 1.0f;
    poly = poly * r + 1.0f;
    return poly * siren_float_of((uint32_t)((int32_t)whole + 127) << 23);
}

/* -2 log(u) for 0 < u <= 1: log(m) by the series of atanh((m - 1) / (m + 1)), m within sqrt(2) of 1 */
static inline float minus_two_log(float u) {
    uint32_t bits = siren_bits_of(u), shifted = bits - 0x3F3504F3u;
    int32_t exponent = (int32_t)shifted >> 23;
    float m = siren_float_of(bits - ((uint32_t)exponent << 23));
    float s = (m - 1) / (m + 1), q = s * s;
    float poly = 2.0f / 9;
    poly = poly * q + 2.0f / 7;
    poly = poly * q + 2.0f / 5;
    poly = poly * q + 2.0f / 3;
    poly = poly * q + 2.0f;
    return -2.0f * (s * poly + (float)exponent * 0.69314718f);
}

/* cos(pi u) for 0 <= u <= 1, as a sine about the middle */
static inline float cosine_half_turn(float u) {
    float v = (0.5f - u) * 3.14159265f, q = v * v;
    float poly = 1.0f / 362880 - q * (1.0f / 39916800);
    poly = poly * q - 1.0f / 5040;
    poly = poly * q + 1.0f / 120;
    poly = poly * q - 1.0f / 6;
    poly = poly * q + 1.0f;
    return v * poly;
}

/* Adds the tensor signals of one volume to r->value. */
static void add_signal(row_scratch *r, double b, const double g[3]) {
    float fb = (float)b, gx = (float)g[0], gy = (float)g[1], gz = (float)g[2];
    for (int i = 0; i < SIREN_MAX_FIBRES; i++) {
        const row_tensors *t = &r->tensors[i];
        const float *amplitude = t->amplitude, *across = t->across, *excess = t->excess;
        const float *ax = t->axis[0], *ay = t->axis[1], *az = t->axis[2];
        float *restrict value = r->value;
        for (size_t x = t->begin; x < t->end; x++) {
            float along = gx * ax[x] + gy * ay[x] + gz * az[x];
            float exponent = -fb * (across[x] + excess[x] * along * along);
            value[x] += amplitude[x] * exp_negative(exponent < -80.0f ? -80.0f : exponent);
        }
    }
}

/* What is left of each tissue's signal at an echo time, of that at SIREN_PHANTOM_TE: exp(-(te - SIREN_PHANTOM_TE) /
 * T2). T2 at 3 T in ms: white matter 69, grey matter 99, muscle 50 for what is outside the brain (Stanisz et al. 2005,
 * doi:10.1002/mrm.20605), fluid 2000. */
static void decay(double te, float factors[SIREN_TISSUE_WM + 1]) {
    static const float t2[SIREN_TISSUE_WM + 1] = {[SIREN_TISSUE_AIR] = 50,
                                                  [SIREN_TISSUE_HEAD] = 50,
                                                  [SIREN_TISSUE_CSF] = 2000,
                                                  [SIREN_TISSUE_GM] = 99,
                                                  [SIREN_TISSUE_WM] = 69};
    for (int tissue = SIREN_TISSUE_AIR; tissue <= SIREN_TISSUE_WM; tissue++)
        factors[tissue] =
            exp_negative(-(float)te / t2[tissue]) / exp_negative(-SIREN_PHANTOM_TE / t2[tissue]);
}

/* The echo time of a volume. */
static void add_decay(const work *w, row_scratch *r, size_t v, size_t voxel, size_t nx) {
    const siren_phantom_options *o = w->options;
    float factors[SIREN_TISSUE_WM + 1];
    if (o->n_echo_times == 0) return;
    decay(o->echo_times[v / (w->phantom->geometry.n_volumes / o->n_echo_times)], factors);
    for (size_t x = 0; x < nx; x++) r->value[x] *= factors[w->phantom->tissue[voxel + x]];
}

/* |S + n1 + i n2| = sqrt(S^2 + 2 S r cos(a) + r^2) with r Rayleigh and a uniform: of the angle only the
 * cosine counts, so half a turn of it is enough. */
static void add_noise(row_scratch *r, int half, size_t nx, double sigma) {
    const float *radius = r->uniform[2 * half], *angle = r->uniform[2 * half + 1];
    float *restrict value = r->value;
    float variance = (float)(sigma * sigma);
    for (size_t x = 0; x < nx; x++) {
        float squared = variance * minus_two_log(radius[x]), s = value[x];
        float sum = s * s + 2 * s * sqrtf(squared) * cosine_half_turn(angle[x]) + squared;
        value[x] = sqrtf(sum > 0 ? sum : 0);
    }
}

/* One Philox block serves one voxel in two successive volumes. */
static void draw_noise(row_scratch *r, uint64_t seed, size_t voxel, size_t nx, size_t pair) {
    for (size_t x = 0; x < nx; x++) {
        uint64_t index = voxel + x;
        siren_philox_block counter = {{(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)pair, NOISE_NAME}};
        siren_philox_block bits = siren_philox(counter, (uint32_t)seed, (uint32_t)(seed >> 32));
        for (int k = 0; k < 4; k++) r->uniform[k][x] = ((float)bits.word[k] + 0.5f) * 0x1p-32f;
    }
}

static void store_row(siren_phantom *phantom, const float *value, size_t first) {
    size_t nx = phantom->geometry.nx;
    if (phantom->geometry.datatype == SIREN_FLOAT32) {
        memcpy((float *)phantom->voxels + first, value, nx * sizeof *value);
    } else if (phantom->geometry.datatype == SIREN_INT16) {
        int16_t *out = (int16_t *)phantom->voxels + first;
        for (size_t x = 0; x < nx; x++) out[x] = (int16_t)(value[x] < 32767.0f ? value[x] + 0.5f : 32767.0f);
    } else {
        uint16_t *out = (uint16_t *)phantom->voxels + first;
        for (size_t x = 0; x < nx; x++) out[x] = (uint16_t)(value[x] < 65535.0f ? value[x] + 0.5f : 65535.0f);
    }
}

static void signal_slice(work *w, siren_anatomy *anatomy, row_scratch *r, size_t z) {
    const siren_geometry *g = &w->phantom->geometry;
    size_t nx = g->nx, n_volume = g->nx * g->ny * g->nz;
    for (size_t y = 0; y < g->ny; y++) {
        size_t voxel = (z * g->ny + y) * nx;
        fill_row(w, anatomy, r, y, z);
        for (size_t v = 0; v < g->n_volumes; v++) {
            memset(r->value, 0, nx * sizeof *r->value);
            add_signal(r, w->phantom->gradients.bval[v], w->phantom->gradients.bvec[v]);
            add_decay(w, r, v, voxel, nx);
            if (w->phantom->sigma > 0) {
                if (v % 2 == 0) draw_noise(r, w->options->seed, voxel, nx, v / 2);
                add_noise(r, (int)(v % 2), nx, w->phantom->sigma);
            }
            store_row(w->phantom, r->value, v * n_volume + voxel);
        }
    }
}

static siren_status row_scratch_new(size_t nx, row_scratch *out) {
    const size_t arrays = SIREN_MAX_FIBRES * 6 + 5;
    SIREN_TRY(siren_allocate(&out->memory, nx * arrays, sizeof(float), "a row of the phantom"));
    float *next = out->memory;
    for (int i = 0; i < SIREN_MAX_FIBRES; i++) {
        row_tensors *t = &out->tensors[i];
        t->amplitude = next;
        t->across = next + nx;
        t->excess = next + 2 * nx;
        for (int k = 0; k < 3; k++) t->axis[k] = next + (size_t)(3 + k) * nx;
        next += 6 * nx;
    }
    out->value = next;
    for (int k = 0; k < 4; k++) out->uniform[k] = next + (size_t)(k + 1) * nx;
    return SIREN_OK;
}

typedef void (*slice_fn)(work *w, siren_anatomy *anatomy, row_scratch *scratch, size_t z);

/* One pass over the slices, and what each of its threads needs. */
typedef struct {
    work *work;
    slice_fn slice;
    size_t n_threads;
    row_scratch *scratch; /* (n_threads) */
} slice_pass;

static void pass_free(slice_pass *pass) {
    for (size_t i = 0; pass->scratch && i < pass->n_threads; i++) free(pass->scratch[i].memory);
    free(pass->scratch);
}

/* The caller's own thread, the first, reports progress. */
static void pass_member(void *user, size_t thread) {
    slice_pass *pass = user;
    work *w = pass->work;
    siren_anatomy anatomy = siren_anatomy_new(w->options->seed);
    for (;;) {
        size_t z = atomic_fetch_add(&w->next, 1);
        if (z >= w->phantom->geometry.nz || atomic_load(&w->cancelled)) break;
        pass->slice(w, &anatomy, &pass->scratch[thread], z);
        size_t finished = atomic_fetch_add(&w->finished, 1) + 1;
        if (thread == 0 && w->progress &&
            !w->progress(w->user, (double)finished, (double)w->phantom->geometry.nz, w->what))
            atomic_store(&w->cancelled, true);
    }
}

/* Slices in any order by any thread: each writes its own part only. */
static siren_status run_pass(work *w, slice_fn slice, const char *what) {
    size_t nz = w->phantom->geometry.nz,
           n = w->options->n_threads ? w->options->n_threads : siren_processors();
    if (n > nz) n = nz;
    SIREN_AT_END(pass_free) slice_pass pass = {.work = w, .slice = slice, .n_threads = n};
    SIREN_TRY(siren_allocate(&pass.scratch, n, sizeof *pass.scratch, "the phantom's threads"));
    atomic_store(&w->next, 0);
    atomic_store(&w->finished, 0);
    w->what = what;
    for (size_t i = 0; i < n; i++) SIREN_TRY(row_scratch_new(w->phantom->geometry.nx, &pass.scratch[i]));
    siren_threads_run(n, pass_member, &pass);
    if (atomic_load(&w->cancelled)) return siren_fail(SIREN_CANCELLED, "the phantom was cancelled");
    return SIREN_OK;
}

siren_status siren_phantom_volumes(const siren_phantom_options *o, size_t *n_volumes) {
    const size_t axes[3] = {o->nx, o->ny, o->nz};
    for (int k = 0; k < 3; k++)
        if (axes[k] < 1 || axes[k] > SIREN_PHANTOM_MAX_AXIS)
            return siren_fail(SIREN_USAGE, "phantom: axis %c has %zu voxels; give 1 to %d", "xyz"[k], axes[k],
                              SIREN_PHANTOM_MAX_AXIS);
    size_t total = 0;
    for (size_t i = 0; i < o->n_shells; i++) {
        const siren_shell *shell = &o->shells[i];
        if (!(shell->b >= 0 && shell->b <= SIREN_PHANTOM_MAX_B))
            return siren_fail(SIREN_USAGE, "phantom: shell %zu has b = %g; give 0 to %g s/mm^2", i + 1,
                              shell->b, SIREN_PHANTOM_MAX_B);
        if (shell->n < 1 || shell->n > SIREN_PHANTOM_MAX_VOLUMES ||
            total + shell->n > SIREN_PHANTOM_MAX_VOLUMES)
            return siren_fail(
                SIREN_USAGE,
                "phantom: shell %zu has %zu volume%s; give at least 1 to each and at most %d in all", i + 1,
                shell->n, siren_plural(shell->n), SIREN_PHANTOM_MAX_VOLUMES);
        total += shell->n;
    }
    if (total == 0)
        return siren_fail(SIREN_USAGE, "phantom: no shell is given; give at least one, for example 0:5");
    if (!(o->snr >= 0))
        return siren_fail(
            SIREN_USAGE,
            "phantom: the signal-to-noise ratio is %g; give a positive number, or 0 for no noise", o->snr);
    if (o->datatype != SIREN_INT16 && o->datatype != SIREN_UINT16 && o->datatype != SIREN_FLOAT32)
        return siren_fail(SIREN_USAGE, "phantom: datatype %d is not offered; give int16, uint16 or float32",
                          (int)o->datatype);
    for (size_t i = 0; i < o->n_echo_times; i++)
        if (!siren_echo_time_is_possible(o->echo_times[i]))
            return siren_fail(SIREN_USAGE, "phantom: echo time %zu is %g ms; give %g to %g", i + 1,
                              o->echo_times[i], SIREN_PHANTOM_MIN_TE, SIREN_PHANTOM_MAX_TE);
    if (o->n_echo_times > SIREN_PHANTOM_MAX_ECHOES || total * o->n_echo_times > SIREN_PHANTOM_MAX_VOLUMES)
        return siren_fail(SIREN_USAGE,
                          "phantom: %zu volumes at each of %zu echo times are too many; give at most %d echo "
                          "times and %d volumes in all",
                          total, o->n_echo_times, SIREN_PHANTOM_MAX_ECHOES, SIREN_PHANTOM_MAX_VOLUMES);
    *n_volumes = o->n_echo_times > 0 ? total * o->n_echo_times : total;
    return SIREN_OK;
}

siren_status siren_phantom_gradients(const siren_phantom_options *o, siren_diffusion_table *out) {
    size_t n_volumes = 0;
    SIREN_TRY(siren_phantom_volumes(o, &n_volumes));
    out->n_volumes = n_volumes;
    SIREN_TRY(siren_allocate(&out->bval, n_volumes, sizeof *out->bval, "the b-values"));
    SIREN_TRY(siren_allocate(&out->bvec, n_volumes, sizeof *out->bvec, "the gradient directions"));
    size_t volume = 0;
    for (size_t i = 0; i < o->n_shells; i++) {
        if (o->shells[i].b > 0) siren_directions(o->shells[i].n, i, out->bvec + volume);
        for (size_t k = 0; k < o->shells[i].n; k++) out->bval[volume++] = o->shells[i].b;
    }
    for (size_t of_echo = volume; volume < n_volumes; volume++) {
        out->bval[volume] = out->bval[volume - of_echo];
        memcpy(out->bvec[volume], out->bvec[volume - of_echo], sizeof *out->bvec);
    }
    return SIREN_OK;
}

void siren_phantom_free(siren_phantom *phantom) {
    if (!phantom) return;
    free(phantom->voxels);
    free(phantom->tissue);
    free(phantom->n_fibres);
    free(phantom->fa);
    free(phantom->md);
    free(phantom->gradients.bval);
    free(phantom->gradients.bvec);
    memset(phantom, 0, sizeof *phantom);
}

static void work_free(work *w) {
    free(w->signal);
    free(w->depth);
    free(w->wm_sum);
    free(w->wm_count);
}

siren_status siren_phantom_make(const siren_phantom_options *options, siren_progress_fn progress, void *user,
                                siren_phantom *out) {
    size_t n_volumes = 0, n = 0, all = 0, wm_count = 0;
    double wm_sum = 0;
    SIREN_TRY(siren_phantom_volumes(options, &n_volumes));
    SIREN_AT_END(siren_phantom_free)
    siren_phantom phantom = {.geometry = {.version = 1,
                                          .datatype = options->datatype,
                                          .nx = options->nx,
                                          .ny = options->ny,
                                          .nz = options->nz,
                                          .n_volumes = n_volumes,
                                          .slope = 1}};
    SIREN_AT_END(work_free)
    work w = {.options = options, .phantom = &phantom, .progress = progress, .user = user};
    if (!siren_mul(options->nx, options->ny, &n) || !siren_mul(n, options->nz, &n) ||
        !siren_mul(n, n_volumes, &all))
        return siren_fail(
            SIREN_USAGE,
            "phantom: %zu x %zu x %zu x %zu voxels exceed the address space; give smaller dimensions",
            options->nx, options->ny, options->nz, n_volumes);
    SIREN_TRY(
        siren_allocate(&phantom.voxels, all, siren_datatype_size(options->datatype), "the phantom series"));
    SIREN_TRY(siren_allocate(&phantom.tissue, n, 1, "the tissue map"));
    SIREN_TRY(siren_allocate(&phantom.n_fibres, n, 1, "the map of fibre populations"));
    SIREN_TRY(siren_allocate(&phantom.fa, n, sizeof *phantom.fa, "the FA map"));
    SIREN_TRY(siren_allocate(&phantom.md, n, sizeof *phantom.md, "the MD map"));
    SIREN_TRY(siren_allocate(&w.signal, n, sizeof *w.signal, "the signal map"));
    SIREN_TRY(siren_allocate(&w.depth, n, sizeof *w.depth, "the depth map"));
    SIREN_TRY(siren_allocate(&w.wm_sum, options->nz, sizeof *w.wm_sum, "sums of slices"));
    SIREN_TRY(siren_allocate(&w.wm_count, options->nz, sizeof *w.wm_count, "counts of slices"));
    SIREN_TRY(siren_phantom_gradients(options, &phantom.gradients));

    SIREN_TRY(run_pass(&w, anatomy_slice, "anatomy"));
    for (size_t z = 0; z < options->nz; z++) {
        wm_sum += w.wm_sum[z];
        wm_count += w.wm_count[z];
    }
    if (options->snr > 0 && isfinite(options->snr))
        phantom.sigma = (wm_count ? wm_sum / (double)wm_count : NOMINAL_WHITE_MATTER) / options->snr;
    SIREN_TRY(run_pass(&w, signal_slice, "signals"));
    *out = SIREN_TAKE(phantom);
    return SIREN_OK;
}
