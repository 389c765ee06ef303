#include "lab/picture/otsu.h"

#include <math.h>

#define N_BINS 256

double siren_otsu_threshold(const double *values, size_t n) {
    double least = INFINITY, most = -INFINITY, counts[N_BINS] = {0}, all = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) continue;
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
    }
    const double width = (most - least) / N_BINS;
    if (!(width > 0)) return -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) continue;
        const int bin = (int)((values[i] - least) / width);
        counts[bin < N_BINS ? bin : N_BINS - 1]++;
    }
    for (int bin = 0; bin < N_BINS; bin++) {
        all += counts[bin];
        sum += counts[bin] * bin;
    }
    /* The variance between the classes is largest where that within them is least. */
    double best = -1, below = 0, sum_below = 0, found = least;
    for (int bin = 0; bin < N_BINS - 1; bin++) {
        below += counts[bin];
        sum_below += counts[bin] * bin;
        if (below == 0 || below == all) continue;
        const double apart = sum_below / below - (sum - sum_below) / (all - below);
        const double between = below * (all - below) * apart * apart;
        if (between <= best) continue;
        best = between;
        found = least + width * (bin + 1);
    }
    return found;
}
