#include "lab/phantom/phantom_anatomy.h"

#include <math.h>

#define N_OF(array) (sizeof(array) / sizeof *(array))

/* A pipeline of spheres and what lies between them, on both sides of the midline. */
typedef struct {
    double at[3], radius;
} node;

static const node ventricle_body[] = {{{5.5, 33, 2}, 2.5}, {{6.5, 24, 9}, 5},    {{6.5, 6, 17}, 5},
                                      {{8, -15, 19}, 4.8}, {{17, -30, 14}, 5.5}, {{23, -38, 4}, 5.5}};
static const node ventricle_occipital[] = {{{23, -38, 4}, 5}, {{24, -50, 2}, 3.5}, {{21, -60, 2}, 1.5}};
static const node ventricle_temporal[] = {
    {{23, -38, 4}, 5}, {{31, -27, -9}, 3.2}, {{33, -12, -17}, 2.4}, {{31, -3, -20}, 1.8}};
static const node caudate[] = {{{12, 22, 5}, 5.5}, {{14, 14, 12}, 5}, {{16, 0, 19}, 3}, {{20, -18, 20}, 2}};
static const node hippocampus[] = {
    {{22, 3, -20}, 6}, {{26, -10, -19}, 4.5}, {{27, -24, -12}, 3.8}, {{22, -32, -3}, 2.5}};
static const node stem[] = {
    {{0, -14, -6}, 15}, {{0, -19, -22}, 13}, {{0, -24, -38}, 13}, {{0, -32, -58}, 8.5}, {{0, -38, -80}, 7}};

siren_anatomy siren_anatomy_new(uint64_t seed) {
    return (siren_anatomy){.warp = siren_field_new(seed, 1, 42),
                           .warp_fine = siren_field_new(seed, 2, 13),
                           .fold = siren_field_new(seed, 3, 19),
                           .fold_fine = siren_field_new(seed, 4, 11),
                           .fold_depth = siren_field_new(seed, 5, 26),
                           .thickness = siren_field_new(seed, 6, 17),
                           .folia = siren_field_new(seed, 7, 16),
                           .csf = siren_field_new(seed, 8, 24),
                           .texture = siren_field_new(seed, 9, 21),
                           .texture_fine = siren_field_new(seed, 10, 5),
                           .bias = siren_field_new(seed, 11, 110),
                           .mean_diffusivity = siren_field_new(seed, 12, 23),
                           .anisotropy = siren_field_new(seed, 13, 18),
                           .bend = siren_field_new(seed, 14, 30),
                           .fold_wave = siren_field_new(seed, 15, 14)};
}

/* The distances below are in mm, positive inside, exact enough near the surface. */

static double ellipsoid(const double p[3], double cx, double cy, double cz, double rx, double ry, double rz) {
    double x = p[0] - cx, y = p[1] - cy, z = p[2] - cz;
    double ux = x / rx, uy = y / ry, uz = z / rz, vx = ux / rx, vy = uy / ry, vz = uz / rz;
    double scaled = sqrt(ux * ux + uy * uy + uz * uz), slope = sqrt(vx * vx + vy * vy + vz * vz);
    return slope > 0 ? (1 - scaled) * scaled / slope : rx < ry ? rx : ry;
}

static double pipeline(const double p[3], const node *nodes, size_t n) {
    double best = -1e9;
    for (size_t i = 0; i + 1 < n; i++) {
        const node *a = &nodes[i], *b = &nodes[i + 1];
        double along = 0, length = 0, distance = 0;
        for (int k = 0; k < 3; k++) {
            along += (p[k] - a->at[k]) * (b->at[k] - a->at[k]);
            length += (b->at[k] - a->at[k]) * (b->at[k] - a->at[k]);
        }
        along = siren_clamp(along / length, 0, 1);
        for (int k = 0; k < 3; k++) {
            double d = p[k] - a->at[k] - along * (b->at[k] - a->at[k]);
            distance += d * d;
        }
        double inside = a->radius + along * (b->radius - a->radius) - sqrt(distance);
        if (inside > best) best = inside;
    }
    return best;
}

static double above_zero(double x) { return x > 0 ? x : 0; }

/* The midline disc that the callosum bounds: no fissure parts the hemispheres there. > 0 inside. */
static double callosal_disc(const double p[3]) {
    double y = (p[1] + 4) / 43, z = (p[2] - 2) / 27;
    return (1 - sqrt(y * y + z * z)) * 33;
}

static double cerebrum(const double p[3]) {
    /* Narrower in front; lifted base under the frontal and occipital lobes, temporal lobes below. */
    double x = p[0] * (1 + 0.10 * siren_clamp(p[1] / 84, -1, 1)), ax = fabs(x);
    double shaped[3] = {x, p[1], p[2]};
    double hull = ellipsoid(shaped, 0, -3, 2.5, 66, 84, 58);
    double tx = (ax - 38) / 36, ty = (p[1] + 8) / 46;
    double base = -16 - 27 * siren_smoothstep(0.05, 0.75, siren_bump(tx * tx + ty * ty));
    return siren_smooth_min(hull, 0.8 * (p[2] - base), 6);
}

static double cerebellum(const double p[3]) {
    double side[3] = {fabs(p[0]), p[1], p[2]};
    double hull = -siren_smooth_min(-ellipsoid(side, 20, -54, -39, 32, 30, 24),
                                    -ellipsoid(side, 0, -52, -37, 16, 28, 25), 4);
    return hull;
}

/* How far the sampled function is from zero, in mm, by its slope along three forward differences. */
static double distance_to_zero(double here, const double ahead[3], double step) {
    double slope = 0;
    for (int k = 0; k < 3; k++) slope += (ahead[k] - here) * (ahead[k] - here);
    return fabs(here) / sqrt(slope / (step * step) + 1e-5);
}

/* The point of the hemisphere's core that `p` is seen from. */
static void core_of(const double p[3], double core[3]) {
    core[0] = p[0] < 0 ? -30 : 30;
    core[1] = siren_clamp(p[1], -40, 28);
    core[2] = siren_clamp(p[2], -6, 12);
}

/* Sulci stand on the hull where the folding field, spread from the core outwards, changes its sign. */
static double folding(siren_field *field, siren_field *wave, const double p[3]) {
    double core[3], r[3], sway[3], length = 1e-6;
    core_of(p, core);
    for (int k = 0; k < 3; k++) {
        r[k] = p[k] - core[k];
        length += r[k] * r[k];
    }
    length = sqrt(length);
    siren_field_vector(wave, p, sway);
    for (int k = 0; k < 3; k++) r[k] = core[k] + r[k] * (42 / length + 0.22) + 5.0 * sway[k];
    return siren_field_scalar(field, r);
}

static double sulcus_distance(siren_field *field, siren_field *wave, const double p[3]) {
    const double step = 0.6;
    double here = folding(field, wave, p), ahead[3];
    for (int k = 0; k < 3; k++) {
        double q[3] = {p[0], p[1], p[2]};
        q[k] += step;
        ahead[k] = folding(field, wave, q);
    }
    return distance_to_zero(here, ahead, step);
}

/* Distance to a sheet `d` mm away that ends `beyond` mm from here (<= 0: does not). */
static double sheet(double d, double beyond) { return sqrt(d * d + above_zero(beyond) * above_zero(beyond)); }

/* The lateral (Sylvian) fissure and the insula at its bottom. */
static double sylvian(const double p[3]) {
    double ax = fabs(p[0]), rise = -7 - 0.30 * (p[1] - 4) + 0.0015 * (p[1] - 4) * (p[1] - 4);
    double along = fabs(p[1] - 2) - 30;
    double slit = sqrt((p[2] - rise) * (p[2] - rise) + above_zero(39 - ax) * above_zero(39 - ax) +
                       above_zero(along) * above_zero(along));
    double up = fabs(p[2] - rise - 2) - 9, front = fabs(p[1] - 3) - 22;
    double insula =
        sqrt((ax - 40) * (ax - 40) + above_zero(up) * above_zero(up) + above_zero(front) * above_zero(front));
    return slit < insula ? slit : insula;
}

/* Depth below the cerebral cortex's surface, sulci included. */
static double cerebral_depth(siren_anatomy *a, const double p[3], double hull) {
    double ax = fabs(p[0]), inside = callosal_disc(p);
    /* Thin cortex over the callosum: the disc's rim counts double. */
    double fissure = sqrt(ax * ax + above_zero(inside) * above_zero(inside) * 4);
    double surface = siren_smooth_min(hull, fissure, 5);
    double depth = siren_smooth_min(surface, sylvian(p), 1.5);
    double reach = siren_clamp(18 + 9 * siren_field_scalar(&a->fold_depth, p), 8, 25);
    /* The medial wall is shallow: white matter of the callosum passes behind it. */
    reach = reach * (0.55 + 0.45 * siren_smoothstep(0, 18, ax));
    /* Sheets converge towards the core: they end before it. */
    double core[3], away = 0;
    core_of(p, core);
    for (int k = 0; k < 3; k++) away += (p[k] - core[k]) * (p[k] - core[k]);
    double beyond = surface - reach, near_core = 15 - sqrt(away);
    if (near_core > beyond) beyond = near_core;
    if (beyond > 8) return depth;
    depth = siren_smooth_min(depth, sheet(sulcus_distance(&a->fold, &a->fold_wave, p), beyond), 1.5);
    beyond = beyond + 0.6 * reach;
    if (beyond < 8)
        depth = siren_smooth_min(depth, sheet(sulcus_distance(&a->fold_fine, &a->fold_wave, p), beyond), 1.5);
    return depth;
}

/* Folia are stacked from top to bottom around the cerebellum's core. */
static double stacking(siren_anatomy *a, const double p[3]) {
    double y = p[1] + 42, z = p[2] + 42, x = 0.55 * p[0];
    double length = sqrt(x * x + y * y + z * z + 1e-6);
    return 24 * z / length + 3.5 * siren_field_scalar(&a->folia, p);
}

static double cerebellar_depth(siren_anatomy *a, const double p[3], double hull) {
    const double step = 0.5, spacing = 7.5;
    double here = stacking(a, p), slope = 0;
    for (int k = 0; k < 3; k++) {
        double q[3] = {p[0], p[1], p[2]};
        q[k] += step;
        double d = (stacking(a, q) - here) / step;
        slope += d * d;
    }
    double turn = here / spacing, nearest = floor(turn + 0.5);
    double reach = (long)nearest % 3 == 0 ? 15 : 9.5;
    double folium = sheet(fabs(turn - nearest) * spacing / sqrt(slope + 0.04), hull - reach);
    return siren_smooth_min(hull, folium, 1);
}

static bool in_ventricles(siren_anatomy *a, const double p[3]) {
    double side[3] = {fabs(p[0]), p[1], p[2]};
    if (callosal_disc(p) < -40) return false;
    double lateral = pipeline(side, ventricle_body, N_OF(ventricle_body));
    double horn = pipeline(side, ventricle_occipital, N_OF(ventricle_occipital));
    if (horn > lateral) lateral = horn;
    horn = pipeline(side, ventricle_temporal, N_OF(ventricle_temporal));
    if (horn > lateral) lateral = horn;
    lateral += 0.9 * siren_field_scalar(&a->csf, p);
    if (lateral > 0 && side[0] > 0.8) return true;
    if (side[0] < 2.2 && ellipsoid(p, 0, -7, -3, 9, 16, 11) > 0) return true; /* third */
    return ellipsoid(p, 0, -37, -36, 6, 4, 9) > 0;                            /* fourth */
}

/* Deep grey nuclei: the relative signal there, 0 where there is none. */
static double nucleus(const double p[3]) {
    double side[3] = {fabs(p[0]), p[1], p[2]};
    if (ellipsoid(side, 19.5, -1, 0, 4.5, 9, 6.5) > 0) return 0.66;                        /* pallidum */
    if (ellipsoid(side, 26.5 - 0.008 * p[1] * p[1], 4, 2, 4.8, 16, 10.5) > 0) return 0.93; /* putamen */
    if (ellipsoid(side, 11.5 - 0.12 * (p[1] + 12), -12, 6, 8, 14, 8.5) > 0) return 0.88;   /* thalamus */
    if (pipeline(side, caudate, N_OF(caudate)) > 0) return 0.96;
    if (pipeline(side, hippocampus, N_OF(hippocampus)) > 0) return 1.04;
    if (ellipsoid(side, 4.5, -21, -11, 3, 3.5, 4) > 0) return 0.68; /* red nucleus */
    if (ellipsoid(side, 13, -48, -39, 6, 4, 4.5) > 0) return 0.72;  /* dentate */
    return 0;
}

/* Skull, scalp, eyes around the intracranial space (`inside` < 0 here): relative signal, 0 in air. */
static double head(siren_anatomy *a, const double p[3], double inside) {
    double side[3] = {fabs(p[0]), p[1], p[2]};
    double eye = ellipsoid(side, 31, 79, -33, 12, 12, 12);
    if (eye > 0) return 1.9;
    double skull = 7 + 1.5 * siren_field_scalar(&a->csf, p),
           scalp = skull + 5 + 1.5 * siren_field_scalar(&a->thickness, p);
    if (inside > -skull) return 0.02;
    if (inside > -scalp || eye > -6) return 0.12 + 0.05 * siren_field_scalar(&a->texture_fine, p);
    return 0;
}

static void outward(const double p[3], bool cerebellar, double out[3]) {
    double core[3] = {0, -42, -42}, length = 1e-9;
    if (!cerebellar) core_of(p, core);
    for (int k = 0; k < 3; k++) {
        out[k] = p[k] - core[k];
        length += out[k] * out[k];
    }
    length = sqrt(length);
    for (int k = 0; k < 3; k++) out[k] /= length;
}

/* Receive coils around the head: stronger at its rim and behind. */
static double coil_gain(siren_anatomy *a, const double p[3]) {
    double x = p[0] / 80, y = p[1] / 95, z = p[2] / 75;
    return 0.90 + 0.16 * (x * x + y * y) - 0.06 * y + 0.05 * z + 0.12 * siren_field_scalar(&a->bias, p);
}

void siren_anatomy_frame(siren_anatomy *a, const double position[3], siren_anatomy_point *out) {
    double shift[3], fine[3];
    siren_field_vector(&a->warp, position, shift);
    siren_field_vector(&a->warp_fine, position, fine);
    for (int k = 0; k < 3; k++) out->place[k] = position[k] + 4.5 * shift[k] + 2.6 * fine[k];
    double small = cerebellum(out->place);
    out->cerebellar = small > 0 && small > cerebrum(out->place);
    outward(out->place, out->cerebellar, out->normal);
}

void siren_anatomy_at(siren_anatomy *a, const double position[3], siren_anatomy_point *out) {
    siren_anatomy_frame(a, position, out);
    const double *p = out->place;
    double relative = 1;
    double large = cerebrum(p), small = cerebellum(p), trunk = pipeline(p, stem, N_OF(stem));
    double intracranial = -siren_smooth_min(-large, siren_smooth_min(-small, -trunk, 6), 8);
    out->depth = 100;
    if (intracranial < -1.3 - 1.2 * siren_field_scalar(&a->csf, position)) {
        relative = head(a, p, intracranial);
        out->tissue = relative > 0 ? SIREN_TISSUE_HEAD : SIREN_TISSUE_AIR;
    } else if (in_ventricles(a, p)) {
        out->tissue = SIREN_TISSUE_CSF;
    } else if (large <= 0 && small <= 0 && trunk <= 0) {
        out->tissue = SIREN_TISSUE_CSF;
        relative = 0.8 + 0.15 * siren_field_scalar(&a->thickness, p);
    } else if ((relative = nucleus(p)) > 0) {
        out->tissue = SIREN_TISSUE_GM;
    } else if (trunk > 2 && large < 25) {
        out->tissue = SIREN_TISSUE_WM;
        relative = 1.04;
    } else {
        double t = siren_field_scalar(&a->thickness, p), gap, ribbon;
        relative = 1;
        if (out->cerebellar) {
            out->depth = cerebellar_depth(a, p, small);
            gap = 0.3;
            ribbon = 2.0 + 0.3 * t;
        } else {
            out->depth = cerebral_depth(a, p, large);
            gap = siren_clamp(0.45 + 0.5 * siren_field_scalar(&a->csf, p), 0, 1.2) +
                  0.9 * (1 - siren_smoothstep(0, 5, large)) + 1.2 * (1 - siren_smoothstep(2, 6, sylvian(p)));
            ribbon = 2.9 + 0.6 * t;
        }
        if (out->depth < gap) relative = 0.72 + 0.15 * t; /* narrow fluid carries vessels and membranes */
        out->tissue = out->depth < gap            ? SIREN_TISSUE_CSF
                      : out->depth < gap + ribbon ? SIREN_TISSUE_GM
                                                  : SIREN_TISSUE_WM;
    }

    static const double level[] = {[SIREN_TISSUE_AIR] = 0,
                                   [SIREN_TISSUE_HEAD] = 800,
                                   [SIREN_TISSUE_CSF] = 1900,
                                   [SIREN_TISSUE_GM] = 790,
                                   [SIREN_TISSUE_WM] = 560};
    double texture = 1 + 0.07 * siren_field_scalar(&a->texture, position) +
                     0.035 * siren_field_scalar(&a->texture_fine, position);
    out->signal = out->tissue == SIREN_TISSUE_AIR
                      ? 0
                      : level[out->tissue] * relative * texture * coil_gain(a, position);
}
