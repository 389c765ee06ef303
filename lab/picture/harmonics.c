#define _GNU_SOURCE
#include "lab/picture/harmonics.h"

#include <math.h>

bool siren_harmonics_order(size_t n_coefficients, unsigned *order) {
    for (unsigned l = 0; l <= SIREN_HARMONICS_MOST_ORDER; l += 2)
        if ((size_t)(l + 1) * (l + 2) / 2 == n_coefficients) {
            *order = l;
            return true;
        }
    return false;
}

void siren_harmonics(unsigned order, const double u[3], double *out) {
    const double x = u[2], sine = sqrt(fmax(0, 1 - x * x)), azimuth = atan2(u[1], u[0]);
    double sectoral = sqrt(1 / (4 * M_PI)); /* N_mm P_m^m */
    for (unsigned m = 0; m <= order; m++) {
        if (m > 0) sectoral *= -sqrt((2.0 * m + 1) / (2.0 * m)) * sine;
        const double cosine_part = m == 0 ? 1 : M_SQRT2 * cos(m * azimuth),
                     sine_part = M_SQRT2 * sin(m * azimuth);
        double below = 0, value = sectoral; /* N_lm P_l^m of l - 1 and of l */
        for (unsigned l = m; l <= order; l++) {
            if (l > m) {
                const double ll = (double)l * l, mm = (double)m * m, kk = (l - 1.0) * (l - 1.0);
                const double next =
                    sqrt((4 * ll - 1) / (ll - mm)) * (x * value - sqrt((kk - mm) / (4 * kk - 1)) * below);
                below = value;
                value = next;
            }
            if (l % 2 != 0) continue;
            const size_t centre = (size_t)l * (l + 1) / 2;
            out[centre + m] = value * cosine_part;
            if (m > 0) out[centre - m] = value * sine_part;
        }
    }
}
