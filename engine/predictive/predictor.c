#include "engine/predictive/predictor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/clones.h"

/* Neighbours as (x, y): of the voxel itself those coded before, of the first and second reference those around it. */
static const int causal[SIREN_PREDICTOR_OWN][2] = {{-1, 0}, {0, -1},  {-1, -1}, {1, -1}, {-2, 0},
                                                   {0, -2}, {-2, -1}, {-1, -2}, {1, -2}, {2, -1}};
static const int around[9][2] = {{0, 0},   {-1, 0}, {1, 0},  {0, -1}, {0, 1},
                                 {-1, -1}, {1, -1}, {-1, 1}, {1, 1}};

void siren_predictor_terms(const siren_lattice *lattice, size_t volume, siren_predictor *predictor,
                           const int32_t *terms[SIREN_PREDICTOR_TERMS]) {
    size_t n = 0;
    const int32_t *own = lattice->values + (ptrdiff_t)volume * lattice->volume;
    for (size_t i = 0; i < SIREN_PREDICTOR_OWN; i++)
        terms[n++] = own + causal[i][0] + causal[i][1] * lattice->stride;
    for (size_t r = 0; r < predictor->n_references; r++) {
        const int32_t *other = lattice->values + (ptrdiff_t)predictor->references[r] * lattice->volume;
        for (size_t i = 0; i < (r == 0 ? 9u : r == 1 ? 5u : 1u); i++)
            terms[n++] = other + around[i][0] + around[i][1] * lattice->stride;
    }
    predictor->n_terms = n;
}

/* ---- for the encoder ---- */

#define N_TERMS (SIREN_PREDICTOR_TERMS + 2) /* and the constant, and the target */

struct siren_predictor_fit {
    const siren_lattice *lattice;
    double *gram; /* (n_volumes, n_volumes) of innovations: what the mean of two neighbours does not tell */
    float products[N_TERMS][N_TERMS];
    double sums[N_TERMS][N_TERMS];
};

void siren_predictor_fit_free(siren_predictor_fit *fit) {
    if (!fit) return;
    free(fit->gram);
    free(fit);
}

#define N_SAMPLES 2048

siren_status siren_predictor_fit_create(const siren_lattice *lattice, siren_predictor_fit **out) {
    SIREN_AT_END(siren_predictor_fit_free_at) siren_predictor_fit *fit = NULL;
    SIREN_FREE_AT_END float *innovations = NULL;
    size_t n_volumes = lattice->n_volumes, n = 0;
    size_t n_places = lattice->nz * lattice->ny * lattice->nx, step = n_places / N_SAMPLES + 1;
    SIREN_TRY(siren_allocate(&fit, 1, sizeof *fit, "the predictor"));
    fit->lattice = lattice;
    SIREN_TRY(siren_allocate(&fit->gram, n_volumes * n_volumes, sizeof *fit->gram, "the predictor"));
    SIREN_TRY(siren_allocate(&innovations, n_volumes * N_SAMPLES, sizeof *innovations, "the predictor"));
    for (size_t i = 0; i < n_places && n < N_SAMPLES; i += step) {
        size_t x = i % lattice->nx, y = i / lattice->nx % lattice->ny, z = i / lattice->nx / lattice->ny;
        if (lattice->inside && !lattice->inside[i]) continue;
        for (size_t v = 0; v < n_volumes; v++) {
            const int32_t *at = lattice->values + siren_lattice_at(lattice, v, z, y) + x;
            innovations[v * N_SAMPLES + n] =
                (float)at[0] - .5f * (float)at[-1] - .5f * (float)at[-lattice->stride];
        }
        n++;
    }
    for (size_t v = 0; v < n_volumes; v++)
        for (size_t w = 0; w <= v; w++) {
            const float *a = innovations + v * N_SAMPLES, *b = innovations + w * N_SAMPLES;
            float parts[8] = {0};
            for (size_t i = 0; i < N_SAMPLES; i += 8)
                for (size_t k = 0; k < 8; k++) parts[k] += a[i + k] * b[i + k];
            double sum = 0;
            for (size_t k = 0; k < 8; k++) sum += parts[k];
            fit->gram[v * n_volumes + w] = fit->gram[w * n_volumes + v] = sum / (double)(n ? n : 1);
        }
    *out = SIREN_TAKE(fit);
    return SIREN_OK;
}

typedef struct {
    double detail;
    uint32_t volume;
} volume_detail;

static int by_detail(const void *a, const void *b) {
    const volume_detail *x = a, *y = b;
    return x->detail != y->detail ? (x->detail > y->detail) - (x->detail < y->detail)
                                  : (x->volume > y->volume) - (x->volume < y->volume);
}

siren_status siren_predictor_order(const siren_lattice *lattice, uint32_t *order) {
    volume_detail *details = NULL;
    SIREN_TRY(siren_allocate(&details, lattice->n_volumes, sizeof *details, "the order of volumes"));
    for (size_t v = 0; v < lattice->n_volumes; v++) {
        double sum = 0;
        for (size_t z = 0; z < lattice->nz; z++)
            for (size_t y = 1; y < lattice->ny; y++) {
                const int32_t *row = lattice->values + siren_lattice_at(lattice, v, z, y);
                for (size_t x = 1; x < lattice->nx; x++)
                    if (siren_lattice_has(lattice, v, z, y, x)) {
                        double d =
                            (double)row[x] - .5 * row[x - 1] - .5 * row[(ptrdiff_t)x - lattice->stride];
                        sum += d * d;
                    }
            }
        /* In half octaves, so that like volumes stay in their order. */
        details[v] = (volume_detail){floor(2 * log2(sum + 1)), (uint32_t)v};
    }
    qsort(details, lattice->n_volumes, sizeof *details, by_detail);
    for (size_t v = 0; v < lattice->n_volumes; v++) order[v] = details[v].volume;
    free(details);
    return SIREN_OK;
}

/* Forward selection: each time the volume that tells most of what is left. */
static void choose_references(siren_predictor_fit *fit, size_t volume, siren_predictor *out) {
    size_t n_volumes = fit->lattice->n_volumes;
    const double *gram = fit->gram;
    double(*made)[SIREN_PREDICTOR_REFERENCES] = calloc(volume + 1, sizeof *made);
    double *left = calloc(volume + 1, sizeof *left), *told = calloc(volume + 1, sizeof *told);
    out->n_references = 0;
    if (!made || !left || !told) goto done;
    for (size_t v = 0; v <= volume; v++) {
        left[v] = gram[v * n_volumes + v] + 1e-3;
        told[v] = gram[v * n_volumes + volume];
    }
    double all = left[volume];
    for (size_t k = 0; k < SIREN_PREDICTOR_REFERENCES && k < volume; k++) {
        size_t best = volume;
        double most = k == 0 ? -1 : 0.005 * all;
        for (size_t v = 0; v < volume; v++)
            if (left[v] > 1e-3 * gram[v * n_volumes + v] && told[v] * told[v] / left[v] > most) {
                best = v;
                most = told[v] * told[v] / left[v];
            }
        if (best == volume) break;
        out->references[out->n_references++] = best;
        double norm = sqrt(left[best]), target = told[best] / norm;
        double row[SIREN_PREDICTOR_REFERENCES];
        memcpy(row, made[best], sizeof row);
        for (size_t v = 0; v < volume; v++) {
            double x = gram[v * n_volumes + best];
            for (size_t i = 0; i < k; i++) x -= made[v][i] * row[i];
            x /= norm;
            made[v][k] = x;
            left[v] -= x * x;
            told[v] -= x * target;
        }
        left[best] = 0;
        all -= target * target;
        if (all < 1e-9) break;
    }
    if (volume > 0 && out->n_references == 0) out->references[out->n_references++] = volume - 1;
done:
    free(made), free(left), free(told);
}

/* products += scale * f f', upper triangle in steps of 4 columns. */
SIREN_CLONES static void add_products(float products[N_TERMS][N_TERMS], const float f[N_TERMS], size_t n,
                                      float scale) {
    for (size_t i = 0; i < n; i++) {
        float x = f[i] * scale;
        for (size_t j = i & ~(size_t)3; j < n; j++) products[i][j] += x * f[j];
    }
}

/* Solves the normal equations by Cholesky and rounds weight after weight, those that are left making up for it. */
static void solve_rounded(double sums[N_TERMS][N_TERMS], size_t n, int32_t *weights) {
    double exact[N_TERMS], right[N_TERMS];
    for (size_t i = 0; i < n; i++) {
        right[i] = sums[i][n];
        sums[i][i] += 1e-5 * sums[i][i] + 1e-3;
    }
    for (size_t i = 0; i < n; i++) { /* sums becomes R of R'R in the upper triangle */
        double x = sums[i][i];
        for (size_t k = 0; k < i; k++) x -= sums[k][i] * sums[k][i];
        sums[i][i] = x > 1e-12 ? sqrt(x) : 1e-6;
        for (size_t j = i + 1; j < n; j++) {
            double y = sums[i][j];
            for (size_t k = 0; k < i; k++) y -= sums[k][i] * sums[k][j];
            sums[i][j] = y / sums[i][i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) right[i] -= sums[k][i] * right[k];
        right[i] /= sums[i][i];
    }
    for (size_t i = n; i-- > 0;) {
        double x = right[i];
        for (size_t j = i + 1; j < n; j++) x -= sums[i][j] * exact[j];
        x = rint(x / sums[i][i] * (1 << SIREN_WEIGHT_BITS));
        if (!(fabs(x) <= SIREN_LARGEST_WEIGHT))
            x = x > 0 ? SIREN_LARGEST_WEIGHT : x < 0 ? -SIREN_LARGEST_WEIGHT : 0;
        weights[i] = (int32_t)x;
        exact[i] = x / (1 << SIREN_WEIGHT_BITS);
    }
}

void siren_predictor_fit_volume(siren_predictor_fit *fit, size_t volume, const uint32_t *noise,
                                siren_predictor *out) {
    const siren_lattice *lattice = fit->lattice;
    const int32_t *terms[SIREN_PREDICTOR_TERMS], *own = lattice->values + (ptrdiff_t)volume * lattice->volume;
    choose_references(fit, volume, out);
    siren_predictor_terms(lattice, volume, out, terms);
    size_t n = out->n_terms;
    memset(fit->sums, 0, sizeof fit->sums);
    for (size_t z = 0; z < lattice->nz; z++)
        for (size_t y = 0; y < lattice->ny; y++) {
            memset(fit->products, 0, sizeof fit->products);
            for (size_t x = 0; x < lattice->nx; x++) {
                if (!siren_lattice_has(lattice, volume, z, y, x)) continue;
                ptrdiff_t at = siren_lattice_at(lattice, 0, z, y) + (ptrdiff_t)x;
                float f[N_TERMS], spread = 8;
                for (size_t i = 0; i < n; i++) f[i] = (float)terms[i][at];
                f[n] = SIREN_PREDICTOR_CONSTANT;
                f[n + 1] = (float)own[at];
                if (volume == 0)
                    spread += 4 * (fabsf(f[0] - f[2]) + fabsf(f[1] - f[2]) + fabsf(f[1] - f[3]));
                else
                    spread += (float)noise[at];
                add_products(fit->products, f, n + 2, 1 / (spread * spread));
            }
            for (size_t i = 0; i < n + 2; i++)
                for (size_t j = i; j < n + 2; j++) fit->sums[i][j] += (double)fit->products[i][j];
        }
    solve_rounded(fit->sums, n + 1, out->weights);
}
