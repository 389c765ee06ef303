#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/phantom/phantom.h"

/* Beyond this many directions the spiral alone is even enough, and repulsion (n^2 a step) too slow. */
#define MAX_RELAXED 600
#define RELAX_STEPS 250

static void normalise(double v[3]) {
    double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    for (int k = 0; k < 3; k++) v[k] /= length;
}

/* Adds to `force` the repulsion of a charge at `from` on a charge at `on`. */
static void repel(const double on[3], const double from[3], double sign, double force[3]) {
    double d[3], squared = 1e-9;
    for (int k = 0; k < 3; k++) {
        d[k] = on[k] - sign * from[k];
        squared += d[k] * d[k];
    }
    double strength = 1 / (squared * sqrt(squared));
    for (int k = 0; k < 3; k++) force[k] += d[k] * strength;
}

void siren_directions(size_t n, size_t turn, double (*out)[3]) {
    /* The golden angle, and a start per shell that repeats late. */
    const double turn_cos = -0.7373688780783197, turn_sin = 0.6754902942615238;
    double c = 1, s = 0;
    for (size_t i = 0; i < 3 * turn; i++) {
        double next = c * 0.8 - s * 0.6;
        s = s * 0.8 + c * 0.6;
        c = next;
    }
    for (size_t i = 0; i < n; i++) {
        double z = ((double)i + 0.5) / (double)n, r = sqrt(1 - z * z);
        out[i][0] = r * c;
        out[i][1] = r * s;
        out[i][2] = z;
        double next = c * turn_cos - s * turn_sin;
        s = s * turn_cos + c * turn_sin;
        c = next;
    }
    if (n < 2 || n > MAX_RELAXED) return;
    for (int step = 0; step < RELAX_STEPS; step++) {
        /* Shrinking steps along the tangential force, each charge moved in turn. */
        double size = 0.35 * (1 - (double)step / RELAX_STEPS) / (double)n;
        for (size_t i = 0; i < n; i++) {
            double force[3] = {0, 0, 0};
            for (size_t j = 0; j < n; j++)
                if (j != i) {
                    repel(out[i], out[j], 1, force);
                    repel(out[i], out[j], -1, force);
                }
            double radial = force[0] * out[i][0] + force[1] * out[i][1] + force[2] * out[i][2],
                   length = 1e-12;
            for (int k = 0; k < 3; k++) {
                force[k] -= radial * out[i][k];
                length += force[k] * force[k];
            }
            /* The force between neighbours grows as n; a step never exceeds a share of their distance. */
            double scale = size / (sqrt(length) + 0.2 * (double)n);
            for (int k = 0; k < 3; k++) out[i][k] += force[k] * scale;
            normalise(out[i]);
        }
    }
    for (size_t i = 0; i < n; i++)
        if (out[i][2] < 0)
            for (int k = 0; k < 3; k++) out[i][k] = -out[i][k];
}

static bool parse_shell(const char *text, siren_shell *shell, const char **rest) {
    char *end = NULL;
    if (!isdigit((unsigned char)*text)) return false;
    shell->b = strtod(text, &end);
    if (*end != ':' || !isdigit((unsigned char)end[1])) return false;
    errno = 0;
    unsigned long long n = strtoull(end + 1, &end, 10);
    if (errno != 0 || n > SIZE_MAX || (*end != ',' && *end != 0)) return false;
    shell->n = (size_t)n;
    *rest = end;
    return true;
}

siren_status siren_shells_parse(const char *text, siren_shell **shells, size_t *n_shells) {
    siren_shell list[SIREN_PHANTOM_MAX_SHELLS];
    size_t n = 0;
    for (const char *next = text;;) {
        if (n == SIREN_PHANTOM_MAX_SHELLS)
            return siren_fail(SIREN_USAGE, "shells %s: more than the limit of %d; join shells of one b-value",
                              text, SIREN_PHANTOM_MAX_SHELLS);
        if (!parse_shell(next, &list[n], &next))
            return siren_fail(SIREN_USAGE,
                              "shells %s: item %zu is not B:N, a b-value in s/mm^2 and a number of volumes; "
                              "write for example 0:5,1000:64",
                              text, n + 1);
        n++;
        if (*next == 0) break;
        next++;
    }
    SIREN_TRY(siren_allocate(shells, n, sizeof **shells, "the shells"));
    memcpy(*shells, list, n * sizeof *list);
    *n_shells = n;
    return SIREN_OK;
}
