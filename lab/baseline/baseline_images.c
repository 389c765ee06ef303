/* Images of a series, each coded on its own on all processors. The compressed form is
 *
 *   header  SIREN_BASELINE_HEADER_BYTES
 *   u64     bytes of the side information as it is packed, and unpacked
 *   ...     the side information: minimum and maximum of each image in the stored type (of integer samples only),
 *           lengths of the codestreams (u32 each), number of voxels that are not finite (u64), their positions (u64
 *           each), their values in the stored type
 *   ...     the codestreams one after the other
 */
#include "lab/baseline/baseline_parts.h"
#include "lab/baseline/image_coder.h"
#include "formats/little_endian.h"
#include "formats/pack.h"
#include "host/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_SAMPLE 65535.0
#define COUNT_BYTES 8
#define PACKED_AT (SIREN_BASELINE_HEADER_BYTES + 2 * COUNT_BYTES) /* where packed side information begins */

/* ---- images ---- */

typedef struct {
    double minimum, maximum;
} image_range;

typedef struct {
    uint8_t *bytes;
    size_t n;
} codestream;

typedef struct {
    siren_baseline baseline;
    siren_geometry geometry;
    uint8_t *voxels; /* of the series; only read from while encoding */
    size_t n_images; /* image i holds voxels i * n_points ... */
    size_t n_points; /* ... of `depth` slices */
    size_t depth;
    image_range *ranges; /* (n_images) */
    codestream *streams; /* (n_images) */
    bool owns_bytes;     /* of the codestreams */
} image_set;

static void set_free(image_set *set) {
    for (size_t i = 0; set->streams && set->owns_bytes && i < set->n_images; i++) free(set->streams[i].bytes);
    free(set->streams);
    free(set->ranges);
}

static siren_status set_open(const siren_baseline *baseline, const siren_geometry *g, image_set *set) {
    *set = (image_set){.baseline = *baseline, .geometry = *g};
    set->depth = baseline->per == SIREN_PER_VOLUME ? g->nz : 1;
    set->n_points = g->nx * g->ny * set->depth;
    set->n_images = g->n_volumes * (g->nz / set->depth);
    SIREN_TRY(siren_allocate(&set->ranges, set->n_images, sizeof *set->ranges, "the images' ranges"));
    return siren_allocate(&set->streams, set->n_images, sizeof *set->streams, "the codestreams");
}

static uint8_t *image_voxels(const image_set *set, size_t i) {
    return set->voxels + i * set->n_points * siren_datatype_size(set->geometry.datatype);
}

/* Whether zfp takes the voxels as double: float holds integers up to 16 bits exactly. */
static bool is_wide(siren_datatype datatype) {
    return siren_datatype_size(datatype) > 2 && datatype != SIREN_FLOAT32;
}

/* Whether the samples of a type are the values themselves, with nothing lost. */
static bool is_integer(siren_datatype datatype) {
    return datatype != SIREN_FLOAT32 && datatype != SIREN_FLOAT64;
}

static const siren_image_coder *coder_of(const image_set *set) { return set->baseline.method->images; }

static siren_samples samples_of(const image_set *set) {
    return set->baseline.quality > 0 ? coder_of(set)->quality : coder_of(set)->plain;
}

/* Whether image `i`, whose range is known, has samples that differ from its values by an offset. */
static bool has_offset(const image_set *set, size_t i) {
    const image_range *range = &set->ranges[i];
    return samples_of(set) == SIREN_SAMPLES_OFFSET && is_integer(set->geometry.datatype) &&
           range->maximum - range->minimum <= LARGEST_SAMPLE;
}

static siren_image_shape shape_of(const image_set *set, size_t i) {
    const siren_geometry *g = &set->geometry;
    siren_image_shape shape = {g->nx, g->ny, set->depth, 16, (unsigned)siren_datatype_size(g->datatype)};
    const unsigned extent = (unsigned)fmin(set->ranges[i].maximum - set->ranges[i].minimum, LARGEST_SAMPLE);
    if (samples_of(set) == SIREN_SAMPLES_REAL) shape.bits = is_wide(g->datatype) ? 64 : 32;
    if (has_offset(set, i))
        for (shape.bits = 1; extent >> shape.bits > 0;) shape.bits++;
    return shape;
}

/* The value of a sample 1 above that of 0. */
static double unit_of(const image_set *set, size_t i) {
    return has_offset(set, i) ? 1 : (set->ranges[i].maximum - set->ranges[i].minimum) / LARGEST_SAMPLE;
}

double siren_baseline_images_least_rate(const siren_image_coder *coder, siren_datatype datatype) {
    const bool real = coder->quality == SIREN_SAMPLES_REAL;
    size_t sample = !real ? sizeof(uint16_t) : is_wide(datatype) ? sizeof(double) : sizeof(float);
    return (double)siren_datatype_size(datatype) / (double)sample;
}

/* ---- a team that takes images in turn ---- */

typedef struct {
    double *values; /* (n_points) */
    void *samples;  /* (n_points) uint16_t, float or double */
} image_scratch;

typedef struct image_team image_team;
typedef siren_status (*image_step)(const image_set *set, size_t i, const image_scratch *scratch);

struct image_team {
    const image_set *set;
    image_step step;
    const char *what;
    siren_progress_fn progress;
    void *user;
    atomic_size_t next, n_done;
    atomic_bool stopped; /* whoever sets it first says why: */
    siren_status status;
    char message[SIREN_MESSAGE_BYTES];
};

static void stop(image_team *team, siren_status status) {
    if (atomic_exchange(&team->stopped, true)) return;
    team->status = status;
    strcpy(team->message, siren_message());
}

/* Progress is told by the caller's thread, the first of the team. */
static siren_status tell(image_team *team, size_t member) {
    double done = (double)(atomic_fetch_add(&team->n_done, 1) + 1), total = (double)team->set->n_images;
    if (member > 0 || !team->progress || team->progress(team->user, done, total, team->what)) return SIREN_OK;
    return siren_fail(SIREN_CANCELLED, "%s was interrupted", team->set->baseline.method->name);
}

static siren_status take_images(image_team *team, size_t member) {
    const image_set *set = team->set;
    SIREN_FREE_AT_END double *values = NULL;
    SIREN_FREE_AT_END void *samples = NULL;
    SIREN_TRY(siren_allocate(&values, set->n_points, sizeof(double), "an image's values"));
    SIREN_TRY(siren_allocate(&samples, set->n_points, sizeof(double), "an image's samples"));
    for (size_t i; !atomic_load(&team->stopped) && (i = atomic_fetch_add(&team->next, 1)) < set->n_images;) {
        SIREN_TRY(team->step(set, i, &(image_scratch){values, samples}));
        SIREN_TRY(tell(team, member));
    }
    return SIREN_OK;
}

static void team_member(void *user, size_t member) {
    siren_status status = take_images(user, member);
    if (status != SIREN_OK) stop(user, status);
}

static siren_status run_team(const image_set *set, image_step step, const char *what,
                             siren_progress_fn progress, void *user) {
    SIREN_FREE_AT_END image_team *team = NULL;
    size_t n_threads = siren_processors() < set->n_images ? siren_processors() : set->n_images;
    SIREN_TRY(siren_allocate(&team, 1, sizeof *team, "a team for images"));
    team->set = set;
    team->step = step;
    team->what = what;
    team->progress = progress;
    team->user = user;
    siren_threads_run(n_threads, team_member, team);
    return atomic_load(&team->stopped) ? siren_fail(team->status, "%s", team->message) : SIREN_OK;
}

/* ---- encoding ---- */

/* The finite values of an image, with the others replaced by their minimum (0 where there is none). */
static siren_status read_values(const image_set *set, size_t i, double *values, image_range *out) {
    image_range range = {INFINITY, -INFINITY};
    siren_datatype_to_double(set->geometry.datatype, image_voxels(set, i), set->n_points, values);
    for (size_t k = 0; k < set->n_points; k++) {
        if (!isfinite(values[k])) continue;
        if (values[k] < range.minimum) range.minimum = values[k];
        if (values[k] > range.maximum) range.maximum = values[k];
    }
    if (range.minimum > range.maximum) range = (image_range){0, 0};
    if (!isfinite(range.maximum - range.minimum))
        return siren_fail(SIREN_UNSUPPORTED,
                          "an image spans %g to %g, more than double precision can scale; clip the series",
                          range.minimum, range.maximum);
    for (size_t k = 0; k < set->n_points; k++)
        if (!isfinite(values[k])) values[k] = range.minimum;
    *out = range;
    return SIREN_OK;
}

/* Bounds are of stored units, which scaled samples do not have. */
static siren_status check_bound(const image_set *set, size_t i) {
    if (!(set->baseline.quality > 0) || samples_of(set) != SIREN_SAMPLES_OFFSET || has_offset(set, i))
        return SIREN_OK;
    return siren_fail(
        SIREN_UNSUPPORTED,
        "the method %s bounds errors of integers that span at most %g only, not of an image of %s "
        "from %g to %g; leave its errors out",
        set->baseline.method->name, LARGEST_SAMPLE, siren_datatype_name(set->geometry.datatype),
        set->ranges[i].minimum, set->ranges[i].maximum);
}

/* Whether there is nothing to code beside the range. */
static bool is_constant(const image_set *set, size_t i) {
    return samples_of(set) != SIREN_SAMPLES_REAL && !(set->ranges[i].maximum > set->ranges[i].minimum);
}

static siren_status encode_image(const image_set *set, size_t i, const image_scratch *scratch) {
    const image_range *range = &set->ranges[i];
    const double *values = scratch->values;
    const void *samples = scratch->samples;
    uint16_t *whole = scratch->samples;
    float *narrow = scratch->samples;
    SIREN_TRY(read_values(set, i, scratch->values, &set->ranges[i]));
    if (is_constant(set, i)) return SIREN_OK;
    SIREN_TRY(check_bound(set, i));
    const siren_image_shape shape = shape_of(set, i);
    const double unit = unit_of(set, i);
    if (shape.bits == 64) samples = values;
    for (size_t k = 0; k < set->n_points && shape.bits == 32; k++) narrow[k] = (float)values[k];
    for (size_t k = 0; k < set->n_points && shape.bits <= 16; k++)
        whole[k] = (uint16_t)lrint(unit == 1 ? values[k] - range->minimum
                                             : (values[k] - range->minimum) /
                                                   (range->maximum - range->minimum) * LARGEST_SAMPLE);
    return coder_of(set)->encode(&shape, samples, set->baseline.quality, &set->streams[i].bytes,
                                 &set->streams[i].n);
}

/* Positions and values of voxels that are not finite, behind their number. */
static siren_status list_exceptional(const image_set *set, uint8_t **out, size_t *n_out) {
    const size_t size = siren_datatype_size(set->geometry.datatype);
    size_t n = 0, n_bytes, at = 0;
    SIREN_FREE_AT_END double *values = NULL;
    SIREN_FREE_AT_END uint8_t *list = NULL;
    SIREN_TRY(siren_allocate(&values, set->n_points, sizeof *values, "an image's values"));
    for (int pass = 0; pass < 2; pass++) { /* count, then list */
        for (size_t i = 0; i < set->n_images && (pass == 0 || n > 0); i++) {
            siren_datatype_to_double(set->geometry.datatype, image_voxels(set, i), set->n_points, values);
            for (size_t k = 0; k < set->n_points; k++) {
                if (isfinite(values[k])) continue;
                if (pass == 0) {
                    n++;
                    continue;
                }
                siren_put_u64(list + COUNT_BYTES + 8 * at, i * set->n_points + k);
                memcpy(list + COUNT_BYTES + 8 * n + size * at++, image_voxels(set, i) + k * size, size);
            }
        }
        if (pass == 1) break;
        if (!siren_mul(n, 8 + size, &n_bytes) || !siren_add(n_bytes, COUNT_BYTES, &n_bytes))
            return siren_fail(SIREN_UNSUPPORTED, "cannot list %zu voxel%s without a finite value", n,
                              siren_plural(n));
        SIREN_TRY(siren_allocate(&list, n_bytes, 1, "voxels that are not finite"));
        siren_put_u64(list, n);
    }
    *out = SIREN_TAKE(list);
    *n_out = n_bytes;
    return SIREN_OK;
}

/* Bytes of an image's minimum and maximum. */
static size_t range_bytes(const image_set *set) {
    return samples_of(set) == SIREN_SAMPLES_REAL ? 0 : 2 * siren_datatype_size(set->geometry.datatype);
}

/* `*side` is yours to free(). */
static siren_status make_side(const image_set *set, uint8_t **side, size_t *n_side) {
    const size_t n_range = range_bytes(set), n_fixed = set->n_images * (n_range + 4);
    uint8_t *out = NULL;
    SIREN_FREE_AT_END uint8_t *exceptional = NULL;
    size_t n_exceptional = 0;
    SIREN_TRY(list_exceptional(set, &exceptional, &n_exceptional));
    SIREN_TRY(siren_allocate(&out, n_fixed + n_exceptional, 1, "side information"));
    for (size_t i = 0; i < set->n_images; i++) {
        const double range[2] = {set->ranges[i].minimum, set->ranges[i].maximum};
        if (n_range > 0) siren_datatype_from_double(set->geometry.datatype, range, 2, out + n_range * i);
        siren_put_u32(out + n_range * set->n_images + 4 * i, (uint32_t)set->streams[i].n);
    }
    memcpy(out + n_fixed, exceptional, n_exceptional);
    *side = out;
    *n_side = n_fixed + n_exceptional;
    return SIREN_OK;
}

static siren_status assemble(const image_set *set, uint8_t **bytes, size_t *n_bytes) {
    SIREN_FREE_AT_END uint8_t *side = NULL, *packed = NULL;
    uint8_t *out = NULL;
    size_t n_side = 0, n_packed = 0, n = PACKED_AT;
    SIREN_TRY(make_side(set, &side, &n_side));
    SIREN_TRY(siren_pack(side, n_side, &packed, &n_packed));
    n += n_packed;
    for (size_t i = 0; i < set->n_images; i++) n += set->streams[i].n;
    SIREN_TRY(siren_allocate(&out, n, 1, "the compressed form"));
    siren_baseline_header_write(&set->baseline, &set->geometry, out);
    siren_put_u64(out + SIREN_BASELINE_HEADER_BYTES, n_packed);
    siren_put_u64(out + SIREN_BASELINE_HEADER_BYTES + COUNT_BYTES, n_side);
    memcpy(out + PACKED_AT, packed, n_packed);
    uint8_t *at = out + PACKED_AT + n_packed;
    for (size_t i = 0; i < set->n_images; at += set->streams[i++].n)
        if (set->streams[i].n > 0) memcpy(at, set->streams[i].bytes, set->streams[i].n);
    *bytes = out;
    *n_bytes = n;
    return SIREN_OK;
}

/* Real samples do not hold integers of 64 bits. */
static siren_status check_exactness(const siren_baseline *baseline, siren_datatype datatype) {
    if (baseline->quality > 0 || baseline->method->images->plain != SIREN_SAMPLES_REAL ||
        (datatype != SIREN_INT64 && datatype != SIREN_UINT64))
        return SIREN_OK;
    return siren_fail(SIREN_UNSUPPORTED, "the method %s is not lossless for %s; give it a rate",
                      baseline->method->name, siren_datatype_name(datatype));
}

siren_status siren_baseline_images_encode(const siren_baseline *baseline, const siren_series *series,
                                          double ratio, siren_progress_fn progress, void *user,
                                          uint8_t **bytes, size_t *n_bytes) {
    (void)ratio; /* it is searched for by rates */
    SIREN_AT_END(set_free) image_set set = {.ranges = NULL};
    SIREN_TRY(check_exactness(baseline, series->geometry.datatype));
    SIREN_TRY(set_open(baseline, &series->geometry, &set));
    set.voxels = series->voxels;
    set.owns_bytes = true;
    SIREN_TRY(run_team(&set, encode_image, "encoding", progress, user));
    return assemble(&set, bytes, n_bytes);
}

/* ---- decoding ---- */

static siren_status decode_image(const image_set *set, size_t i, const image_scratch *scratch) {
    const siren_image_shape shape = shape_of(set, i);
    const codestream *stream = &set->streams[i];
    double *values = scratch->values;
    const uint16_t *whole = scratch->samples;
    const float *narrow = scratch->samples;
    const double minimum = set->ranges[i].minimum, unit = unit_of(set, i);
    void *samples = shape.bits == 64 ? (void *)values : scratch->samples;
    if (stream->n > 0)
        SIREN_TRY(coder_of(set)->decode(&shape, set->baseline.quality, stream->bytes, stream->n, samples));
    for (size_t k = 0; k < set->n_points && shape.bits == 32; k++) values[k] = narrow[k];
    for (size_t k = 0; k < set->n_points && shape.bits <= 16; k++)
        values[k] = stream->n > 0 ? minimum + whole[k] * unit : minimum;
    siren_datatype_from_double(set->geometry.datatype, values, set->n_points, image_voxels(set, i));
    return SIREN_OK;
}

static void restore_exceptional(const image_set *set, const uint8_t *list) {
    const size_t size = siren_datatype_size(set->geometry.datatype), n = (size_t)siren_get_u64(list);
    for (size_t i = 0; i < n; i++)
        memcpy(set->voxels + siren_get_u64(list + COUNT_BYTES + 8 * i) * size,
               list + COUNT_BYTES + 8 * n + size * i, size);
}

/* Ranges, lengths and places of the codestreams, which begin at `at`. Returns the list of exceptional voxels. */
static const uint8_t *read_side(image_set *set, const uint8_t *side, const uint8_t *at) {
    const size_t n_range = range_bytes(set);
    const uint8_t *lengths = side + n_range * set->n_images;
    for (size_t i = 0; i < set->n_images; i++) {
        double range[2] = {0, 0};
        if (n_range > 0) siren_datatype_to_double(set->geometry.datatype, side + n_range * i, 2, range);
        set->ranges[i] = (image_range){range[0], range[1]};
        set->streams[i] = (codestream){(uint8_t *)(uintptr_t)at, siren_get_u32(lengths + 4 * i)};
        at += set->streams[i].n;
    }
    return lengths + 4 * set->n_images;
}

siren_status siren_baseline_images_decode(const uint8_t *bytes, size_t n_bytes, siren_progress_fn progress,
                                          void *user, void *voxels, size_t n_voxel_bytes) {
    (void)n_bytes, (void)n_voxel_bytes; /* the header tells them */
    siren_baseline baseline;
    siren_geometry geometry;
    SIREN_AT_END(set_free) image_set set = {.ranges = NULL};
    SIREN_FREE_AT_END uint8_t *side = NULL;
    const size_t n_packed = (size_t)siren_get_u64(bytes + SIREN_BASELINE_HEADER_BYTES),
                 n_side = (size_t)siren_get_u64(bytes + SIREN_BASELINE_HEADER_BYTES + COUNT_BYTES);
    siren_baseline_header_read(bytes, &baseline, &geometry);
    SIREN_TRY(siren_unpack("side information", bytes + PACKED_AT, n_packed, n_side, &side));
    SIREN_TRY(set_open(&baseline, &geometry, &set));
    set.voxels = voxels;
    const uint8_t *exceptional = read_side(&set, side, bytes + PACKED_AT + n_packed);
    SIREN_TRY(run_team(&set, decode_image, "decoding", progress, user));
    restore_exceptional(&set, exceptional);
    return SIREN_OK;
}
