#include "lab/picture/tensor.h"

#include <math.h>

#define MOST_SWEEPS 32 /* five to six reach rounding */

/* Turns the plane of axes p and q so that a[p][q] becomes 0; the columns of v follow. */
static void rotate(double a[3][3], double v[3][3], int p, int q) {
    if (a[p][q] == 0) return;
    const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    const double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1),
                 s = t * c;
    for (int k = 0; k < 3; k++) {
        const double kp = a[k][p], kq = a[k][q];
        a[k][p] = c * kp - s * kq;
        a[k][q] = s * kp + c * kq;
    }
    for (int k = 0; k < 3; k++) {
        const double pk = a[p][k], qk = a[q][k], vp = v[k][p], vq = v[k][q];
        a[p][k] = c * pk - s * qk;
        a[q][k] = s * pk + c * qk;
        v[k][p] = c * vp - s * vq;
        v[k][q] = s * vp + c * vq;
    }
    a[p][q] = a[q][p] = 0;
}

siren_eigen siren_tensor_eigen(const double e[SIREN_TENSOR_ELEMENTS]) {
    double a[3][3] = {{e[SIREN_TENSOR_XX], e[SIREN_TENSOR_XY], e[SIREN_TENSOR_XZ]},
                      {e[SIREN_TENSOR_XY], e[SIREN_TENSOR_YY], e[SIREN_TENSOR_YZ]},
                      {e[SIREN_TENSOR_XZ], e[SIREN_TENSOR_YZ], e[SIREN_TENSOR_ZZ]}};
    double v[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    for (int sweep = 0; sweep < MOST_SWEEPS && (a[0][1] != 0 || a[0][2] != 0 || a[1][2] != 0); sweep++) {
        rotate(a, v, 0, 1);
        rotate(a, v, 0, 2);
        rotate(a, v, 1, 2);
    }
    int order[3] = {0, 1, 2};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2 - i; j++)
            if (a[order[j]][order[j]] < a[order[j + 1]][order[j + 1]]) {
                const int k = order[j];
                order[j] = order[j + 1];
                order[j + 1] = k;
            }
    siren_eigen eigen;
    for (int i = 0; i < 3; i++) {
        eigen.values[i] = a[order[i]][order[i]];
        for (int k = 0; k < 3; k++) eigen.vectors[i][k] = v[k][order[i]];
    }
    return eigen;
}

double siren_tensor_anisotropy(const siren_eigen *eigen) {
    const double *l = eigen->values, mean = (l[0] + l[1] + l[2]) / 3;
    const double square = l[0] * l[0] + l[1] * l[1] + l[2] * l[2];
    const double x = l[0] - mean, y = l[1] - mean, z = l[2] - mean;
    return square > 0 ? sqrt(1.5 * (x * x + y * y + z * z) / square) : 0;
}
