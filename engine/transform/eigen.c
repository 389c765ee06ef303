#include "engine/transform/eigen.h"

#include "host/clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

SIREN_CLONES static double dot(const double *a, const double *b, size_t n) {
    double parts[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) parts[j] += a[i + (size_t)j] * b[i + (size_t)j];
    for (; i < n; i++) parts[i & 7] += a[i] * b[i];
    return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}

double siren_dot(const double *a, const double *b, size_t n) { return dot(a, b, n); }

SIREN_CLONES static void add_times(double *a, double factor, const double *b, size_t n) {
    for (size_t i = 0; i < n; i++) a[i] += factor * b[i];
}

void siren_add_times(double *a, double factor, const double *b, size_t n) { add_times(a, factor, b, n); }

/* Householder reflections from the last row on, until `a` is tridiagonal: `d` is its diagonal, `e[i]` stands
 * beside d[i] and d[i + 1]. Row i of `a` keeps the i-th reflection, of norm sqrt(2) or zero, in its first i
 * places. */
static void tridiagonalise(size_t n, double *a, double *d, double *e, double *p) {
    for (size_t i = n - 1; i > 0; i--) {
        double *u = a + i * n, norm = sqrt(siren_dot(u, u, i));
        d[i] = a[i * n + i];
        e[i - 1] = u[i - 1] > 0 ? -norm : norm;
        if (norm == 0) continue;
        u[i - 1] -= e[i - 1];
        double scale = 1 / sqrt(norm * (norm + fabs(u[i - 1] + e[i - 1])));
        for (size_t j = 0; j < i; j++) u[j] *= scale;
        /* A - u q^T - q u^T with q = A u - u (u^T A u) / 2, on the lower triangle */
        for (size_t j = 0; j < i; j++) p[j] = 0;
        for (size_t j = 0; j < i; j++) {
            const double *row = a + j * n;
            p[j] += siren_dot(row, u, j + 1);
            siren_add_times(p, u[j], row, j);
        }
        double inner = siren_dot(u, p, i);
        for (size_t j = 0; j < i; j++) p[j] -= inner / 2 * u[j];
        for (size_t j = 0; j < i; j++) {
            siren_add_times(a + j * n, -u[j], p, j + 1);
            siren_add_times(a + j * n, -p[j], u, j + 1);
        }
    }
    d[0] = a[0];
}

/* The product of the reflections takes their place: rows of the result are the axes in which the matrix is
 * tridiagonal. */
static void accumulate(size_t n, double *a, double *u) {
    for (size_t i = 0; i < n; i++) {
        memcpy(u, a + i * n, i * sizeof *u);
        for (size_t j = 0; j < i; j++) {
            double *row = a + j * n;
            siren_add_times(row, -siren_dot(row, u, i), u, i);
            row[i] = a[i * n + j] = 0;
        }
        a[i * n + i] = 1;
    }
}

/* Rows i and i + 1 turned. */
SIREN_CLONES static void rotate(double *x, double *y, size_t n, double c, double s) {
    for (size_t k = 0; k < n; k++) {
        double t = y[k];
        y[k] = s * x[k] + c * t;
        x[k] = c * x[k] - s * t;
    }
}

/* Implicit QL steps with Wilkinson's shift. */
static void diagonalise(size_t n, double *d, double *e, double *rows) {
    for (size_t l = 0; l < n; l++)
        for (int step = 0; step < 100; step++) {
            size_t m = l;
            while (m + 1 < n && fabs(e[m]) > 1e-16 * (fabs(d[m]) + fabs(d[m + 1]))) m++;
            if (m == l) break;
            double g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot(g, 1), s = 1, c = 1, p = 0;
            g = d[m] - d[l] + e[l] / (g + copysign(r, g));
            size_t i = m;
            while (i-- > l) {
                double f = s * e[i], b = c * e[i];
                r = hypot(f, g);
                e[i + 1] = r;
                if (r == 0) {
                    d[i + 1] -= p;
                    e[m] = 0;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                rotate(rows + i * n, rows + (i + 1) * n, n, c, s);
            }
            if (r == 0 && i + 1 > l) continue;
            d[l] -= p;
            e[l] = g;
            e[m] = 0;
        }
}

siren_status siren_eigen_symmetric(size_t n, double *a, double *values) {
    SIREN_FREE_AT_END double *e = NULL, *scratch = NULL;
    SIREN_TRY(siren_allocate(&e, n + 1, sizeof *e, "a matrix"));
    SIREN_TRY(siren_allocate(&scratch, n, sizeof *scratch, "a matrix"));
    tridiagonalise(n, a, values, e, scratch);
    accumulate(n, a, scratch);
    diagonalise(n, values, e, a);
    for (size_t i = 0; i < n; i++) {
        size_t largest = i;
        for (size_t j = i + 1; j < n; j++)
            if (values[j] > values[largest]) largest = j;
        double value = values[i];
        values[i] = values[largest];
        values[largest] = value;
        if (largest == i) continue;
        memcpy(scratch, a + i * n, n * sizeof *a);
        memcpy(a + i * n, a + largest * n, n * sizeof *a);
        memcpy(a + largest * n, scratch, n * sizeof *a);
    }
    return SIREN_OK;
}
