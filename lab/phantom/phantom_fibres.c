#include <math.h>

#include "lab/phantom/phantom_anatomy.h"

/* A bundle system at one point: how strongly it passes there and where to. */
typedef struct {
    double weight, axis[3];
} bundle;

static void set(bundle *b, double weight, double x, double y, double z) {
    double length = sqrt(x * x + y * y + z * z + 1e-12);
    b->weight = weight;
    b->axis[0] = x / length;
    b->axis[1] = y / length;
    b->axis[2] = z / length;
}

/* A soft interval: 1 well inside [low, high], 0 `edge` mm outside of it. */
static double above(double x) { return x > 0 ? x : 0; }

static double within(double x, double low, double high, double edge) {
    return siren_smoothstep(low - edge, low + edge, x) * (1 - siren_smoothstep(high - edge, high + edge, x));
}

/* Corpus callosum: left to right through the midline, rising to the convexity on both sides and bending to
 * the front (forceps minor) and to the back (forceps major). In the pons and the cerebellum's peduncles:
 * transverse fibres. */
static bundle callosal(const double p[3], bool cerebellar) {
    bundle b;
    double side = p[0] < 0 ? -1 : 1, ax = fabs(p[0]), reach = siren_smoothstep(3, 42, ax);
    if (cerebellar || p[2] < -24) {
        double weight =
            within(p[1], -60, -12, 7) * within(p[2], -50, -24, 6) * (1 - siren_smoothstep(20, 48, ax));
        set(&b, 0.9 * weight, 1, -side * 1.1 * siren_smoothstep(4, 24, ax), 0);
        return b;
    }
    double fan = siren_clamp((p[1] + 4) / 34, -1.6, 1.6), arch = (p[2] - 12) / 20;
    double weight =
        (1 - siren_smoothstep(24, 54, ax)) * siren_smoothstep(-2, 14, p[2] + 0.25 * fabs(p[1] + 4));
    double ring_y = (p[1] + 4) / 43, ring_z = (p[2] - 2) / 27, ring = sqrt(ring_y * ring_y + ring_z * ring_z);
    weight *= 0.35 + 0.65 * within(ring, 0.72, 1.12 + 0.5 * reach, 0.12);
    set(&b, 1.25 * weight, 1, side * fan * 2.2 * reach, side * 2.0 * reach * siren_clamp(arch, -0.3, 1.6));
    return b;
}

/* Corticospinal tract and corona radiata: up the brain stem, through the internal capsule, then fanning. */
static bundle projection(const double p[3]) {
    bundle b;
    double side = p[0] < 0 ? -1 : 1, ax = fabs(p[0]);
    if (p[2] < -12) {
        double weight = (1 - siren_smoothstep(9, 19, ax)) * within(p[1], -46, 2, 5);
        set(&b, weight, side * 0.35 * siren_smoothstep(-30, -12, p[2]), 0.18, 1);
        return b;
    }
    double x = p[0] - side * 14, y = p[1] + 15, z = p[2] + 34;
    double slant = fabs(ax - 14 - 0.16 * z) / (6 + 0.34 * above(z - 40)),
           fan = fabs(y) / (12 + 0.75 * above(z - 34));
    set(&b, 1.1 * siren_bump(0.30 * slant * slant) * siren_bump(0.25 * fan * fan), x, y, z);
    return b;
}

/* Association bundles, front to back: an arc through frontal, parietal and temporal lobes (superior
 * longitudinal and arcuate), a long low one (inferior fronto-occipital) and the cingulum over the callosum.
 */
static bundle association(const double p[3]) {
    bundle b;
    double ax = fabs(p[0]), y = p[1] + 6, z = p[2] + 2, radius = sqrt(y * y + z * z + 1e-9);
    double lateral = (ax - 37) / 13, arc = (radius - 30) / 15;
    double superior =
        siren_bump(lateral * lateral) * siren_bump(arc * arc) * siren_smoothstep(-22, 2, z + 0.4 * above(-y));
    double low_x = (ax - 33) / 10, low_z = (p[2] + 6) / 11;
    double inferior = siren_bump(low_x * low_x) * siren_bump(low_z * low_z) * within(p[1], -70, 50, 8);
    double ring_y = (p[1] + 4) / 43, ring_z = (p[2] - 2) / 27, ring = sqrt(ring_y * ring_y + ring_z * ring_z);
    double near_x = (ax - 8) / 6, rim = (ring - 1.14) / 0.2;
    double cingulum = 1.2 * siren_bump(near_x * near_x) * siren_bump(rim * rim);
    double total = superior + inferior + cingulum + 1e-12;
    double ty = (superior * z / radius + inferior + cingulum * ring_z) / total;
    double tz = (-superior * y / radius - 0.05 * inferior - cingulum * ring_y) / total;
    set(&b, total > 1.2 ? 1.2 : total, (p[0] < 0 ? 0.12 : -0.12), ty, tz);
    return b;
}

static void tensor(siren_compartment *c, double fraction, const double axis[3], double fa, double md) {
    /* FA of (1 + 2a, 1 - a, 1 - a) is 3a / sqrt(3 + 6a^2). */
    double a = fa / sqrt(3 - 2 * fa * fa);
    c->fraction = fraction;
    for (int k = 0; k < 3; k++) c->axis[k] = axis[k];
    c->along = md * (1 + 2 * a);
    c->across = md * (1 - a);
}

int siren_anatomy_tensors(siren_anatomy *a, const double position[3], const siren_anatomy_point *point,
                          siren_compartment out[SIREN_MAX_FIBRES]) {
    if (point->tissue == SIREN_TISSUE_AIR) return 0;
    double drift = siren_field_scalar(&a->mean_diffusivity, position);
    if (point->tissue == SIREN_TISSUE_CSF)
        return tensor(out, 1, point->normal, 0, 3.0e-3 * (1 + 0.03 * drift)), 1;
    if (point->tissue == SIREN_TISSUE_HEAD)
        return tensor(out, 1, point->normal, 0, point->signal > 600 ? 2.6e-3 : 1.0e-3), 1;
    double spread = siren_field_scalar(&a->anisotropy, position);
    if (point->tissue == SIREN_TISSUE_GM)
        return tensor(out, 1, point->normal, siren_clamp(0.11 + 0.05 * spread, 0.04, 0.2),
                      0.8e-3 * (1 + 0.07 * drift)),
               1;

    /* The bundles bend a little at random; every tract does. */
    double bend[3], p[3], sum = 0, kept = 0;
    siren_field_vector(&a->bend, position, bend);
    for (int k = 0; k < 3; k++) p[k] = point->place[k] + 5 * bend[k];
    bundle bundles[4] = {callosal(p, point->cerebellar), projection(p), association(p)};
    if (point->cerebellar) bundles[1].weight = bundles[2].weight = 0;
    /* Under the cortex and where nothing else passes: short fibres that leave the core outwards. */
    set(&bundles[3], 0.12 + 0.9 * (1 - siren_smoothstep(2, 9, point->depth)), point->normal[0],
        point->normal[1], point->normal[2]);
    int order[4] = {0, 1, 2, 3};
    for (int i = 1; i < 4; i++)
        for (int j = i; j > 0 && bundles[order[j]].weight > bundles[order[j - 1]].weight; j--) {
            int swap = order[j];
            order[j] = order[j - 1];
            order[j - 1] = swap;
        }
    /* The weakest goes; the others lose its weight, so that nothing jumps where the order changes. */
    double floor_weight = bundles[order[3]].weight;
    for (int i = 0; i < 3; i++) sum += bundles[order[i]].weight - floor_weight;
    double fraction[3];
    for (int i = 0; i < 3; i++) {
        fraction[i] = above(bundles[order[i]].weight - floor_weight - 0.15 * sum);
        kept += fraction[i];
    }
    /* Tight in the long bundles, looser under the cortex. */
    double tight = siren_smoothstep(2, 12, point->depth);
    double md = 0.7e-3 * (1 + 0.06 * drift);
    int n = 0;
    for (int i = 0; i < 3; i++) {
        if (fraction[i] <= 0) continue;
        double fa = siren_clamp(0.60 + 0.14 * tight + 0.06 * (bundles[order[i]].weight - 0.5) + 0.10 * spread,
                                0.5, 0.85);
        tensor(&out[n++], fraction[i] / kept, bundles[order[i]].axis, fa, md);
    }
    if (n == 0) tensor(&out[n++], 1, bundles[order[0]].axis, 0.6, md); /* four equal weights */
    return n;
}
