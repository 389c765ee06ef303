#include "engine/encode/trained_batch.h"

#include "engine/archive/coded_record.h"
#include "engine/encode/corrected.h"
#include "engine/encode/quantise.h"
#include "formats/pack.h"
#include "host/opencl/profile.h"

#include <math.h>
#include <stdlib.h>

/* ---- points ---- */

siren_status siren_points_create(const siren_layout *layout, const siren_block *block, uint32_t **inside,
                                 siren_points **out) {
    SIREN_AT_END(siren_points_free_at) siren_points *points = NULL;
    const uint32_t n_inputs = layout->network.n_inputs;
    size_t n_samples = siren_layout_samples(layout, siren_block_points(block));
    SIREN_TRY(siren_allocate(&points, 1, sizeof *points, "the points of a block"));
    atomic_init(&points->n_owners, 1);
    SIREN_TRY(siren_allocate(&points->coordinates, n_samples, n_inputs * sizeof(float), "the coordinates"));
    siren_sample_coordinates(block, &layout->acquisition, (siren_span){0, layout->geometry.n_volumes},
                             n_inputs, 0, n_samples, points->coordinates);
    points->block = *block;
    points->inside = *inside;
    *inside = NULL;
    *out = SIREN_TAKE(points);
    return SIREN_OK;
}

siren_points *siren_points_share(siren_points *points) {
    atomic_fetch_add(&points->n_owners, 1);
    return points;
}

void siren_points_free(siren_points *points) {
    if (!points || atomic_fetch_sub(&points->n_owners, 1) > 1) return;
    free(points->inside);
    free(points->coordinates);
    free(points);
}

/* ---- networks and their blocks ---- */

siren_status siren_trained_create(const siren_series *series, const siren_layout *layout, const uint8_t *mask,
                                  siren_points *points, size_t n, siren_trained **out) {
    SIREN_AT_END(siren_trained_free_at) siren_trained *trained = NULL;
    SIREN_TRY(siren_allocate(&trained, 1, sizeof *trained, "the batch"));
    *trained = (siren_trained){
        .series = series, .mask = mask, .layout = *layout, .points = siren_points_share(points), .n = n};
    SIREN_TRY(siren_allocate(&trained->blocks, n, sizeof *trained->blocks, "the batch"));
    SIREN_TRY(siren_allocate(&trained->scaling, n * layout->geometry.n_volumes, sizeof *trained->scaling,
                             "the scaling"));
    SIREN_TRY(siren_allocate(&trained->params, n * siren_network_n_params(&layout->network), sizeof(float),
                             "the parameters"));
    *out = SIREN_TAKE(trained);
    return SIREN_OK;
}

void siren_trained_free(siren_trained *trained) {
    if (!trained) return;
    siren_points_free(trained->points);
    free(trained->blocks);
    free(trained->scaling);
    free(trained->params);
    free(trained);
}

size_t siren_trained_bytes(const siren_layout *layout, size_t n) {
    size_t n_points = siren_block_grid_points(&layout->grid), n_inputs = layout->network.n_inputs,
           of_point = siren_layout_samples(layout, 1) * n_inputs * sizeof(float),
           chunk = siren_layout_chunk(layout, n_points), bytes, params;
    bool fits = siren_mul(n, siren_network_n_params(&layout->network) * sizeof(float), &params) &&
                siren_mul(n_points, of_point + (layout->mask.section ? sizeof(uint32_t) : 0), &bytes) &&
                siren_add(bytes, params, &bytes) &&
                siren_add(bytes, chunk * layout->geometry.n_volumes * sizeof(float), &bytes) &&
                siren_add(bytes, siren_block_decoder_bytes(layout), &bytes);
    return fits ? bytes : SIZE_MAX;
}

siren_status siren_trained_targets(const siren_trained *trained, size_t nth, size_t first, size_t n,
                                   size_t pitch, float *targets) {
    const siren_trained_block *block = &trained->blocks[nth];
    const char *before = siren_profile_enter(SIREN_STAGE_TARGETS);
    siren_status status =
        siren_block_targets(trained->series, &block->block, block->scaling, first, n, pitch, targets);
    siren_profile_leave(before);
    return status;
}

#define SOME_VALUES 4096 /* of volumes, taken apart at once */

siren_status siren_trained_sample_targets(const siren_trained *trained, size_t nth, size_t first, size_t n,
                                          size_t pitch, float *targets) {
    const size_t n_volumes = trained->layout.geometry.n_volumes,
                 most = n_volumes < SOME_VALUES ? SOME_VALUES / n_volumes : 1;
    SIREN_FREE_AT_END float *some = NULL;
    if (!trained->layout.acquisition.section)
        return siren_trained_targets(trained, nth, first, n, pitch, targets);
    SIREN_TRY(siren_allocate(&some, most * n_volumes, sizeof *some, "some targets"));
    for (size_t sample = first; sample < first + n;) {
        const size_t point = sample / n_volumes, left = (first + n - 1) / n_volumes - point + 1,
                     n_points = left < most ? left : most;
        SIREN_TRY(siren_trained_targets(trained, nth, point, n_points, n_volumes, some));
        for (; sample < first + n && sample < (point + n_points) * n_volumes; sample++)
            targets[(sample - first) * pitch] = some[sample - point * n_volumes];
    }
    return SIREN_OK;
}

/* ---- encoding ---- */

void siren_encoded_free(siren_encoded *encoded) {
    if (!encoded) return;
    free(SIREN_TAKE(encoded->packed));
}

/* Targets for as long as anybody wants the block. Whatever takes long reads some of them between its steps. */
typedef struct {
    const siren_trained *trained;
    const atomic_bool *stop;
    bool samples; /* as the network learns them; else those of points */
} wanted_targets;

static siren_status read_targets(void *user, size_t nth, size_t first, size_t n, size_t pitch,
                                 float *targets) {
    const wanted_targets *wanted = user;
    if (atomic_load(wanted->stop)) return siren_fail(SIREN_CANCELLED, "encoding was interrupted");
    return (wanted->samples ? siren_trained_sample_targets : siren_trained_targets)(wanted->trained, nth,
                                                                                    first, n, pitch, targets);
}

/* Which of a block's points are in the mask for figures; yours to free(). */
static siren_status cut_mask(const siren_trained *trained, const siren_block *block, uint8_t **out) {
    const siren_geometry *g = &trained->layout.geometry;
    uint8_t *inside = NULL;
    SIREN_TRY(siren_allocate(&inside, siren_block_points(block), 1, "the mask of a block"));
    for (size_t point = 0; point < siren_block_points(block); point++) {
        size_t voxel = siren_block_voxel(block, point), row = voxel / block->nx,
               z = block->z + row / block->ny, y = block->y + row % block->ny;
        inside[point] = trained->mask[(z * g->ny + y) * g->nx + block->x + voxel % block->nx];
    }
    *out = inside;
    return SIREN_OK;
}

/* Checksum and figures of a record as a reader will decode it; its corrections, where the layout has them. */
static siren_status check_record(const siren_trained *trained, const siren_layout *layout, size_t nth,
                                 const siren_target_source *targets, uint8_t **record,
                                 siren_encoded *encoded) {
    const siren_trained_block *block = &trained->blocks[nth];
    size_t chunk = siren_layout_chunk(layout, siren_block_points(&block->block));
    const size_t n_outputs = layout->geometry.n_volumes;
    SIREN_AT_END(siren_block_decoder_free_at) siren_block_decoder *decoder = NULL;
    SIREN_FREE_AT_END uint8_t *mask = NULL;
    SIREN_FREE_AT_END float *wanted = NULL;
    const void *voxels = NULL;
    char name[64];
    siren_block_name(&layout->grid, block->training.block, name, sizeof name);
    SIREN_TRY(siren_allocate(&wanted, chunk * n_outputs, sizeof *wanted, "some targets"));
    if (trained->mask) SIREN_TRY(cut_mask(trained, &block->block, &mask));
    siren_fidelity_watch watch = {
        .n_outputs = n_outputs, .targets = targets, .network = nth, .chunk = wanted, .mask = mask};
    siren_layout plain = *layout;
    plain.corrected = false;
    SIREN_TRY(siren_block_decoder_create(NULL, &plain, SIZE_MAX, &decoder));
    SIREN_TRY(siren_block_decode(decoder, name, &block->block, *record, encoded->n_unpacked,
                                 block->constant ? NULL : siren_fidelity_outputs, &watch, &voxels,
                                 &encoded->entry.decoded_crc));
    if (!block->constant) {
        encoded->fidelity = siren_fidelity_of(&watch.sums);
        encoded->entry.mse = encoded->fidelity.mse;
        encoded->spread = siren_fidelity_spread(&watch);
        encoded->masked = siren_fidelity_of(&watch.masked);
    }
    if (layout->corrected && isfinite(encoded->entry.mse))
        SIREN_TRY(siren_record_correct(layout, name, trained->series, &block->block, block->scaling, voxels,
                                       record, &encoded->n_unpacked, &encoded->entry));
    return SIREN_OK;
}

siren_status siren_encoded_pack(const char *name, const siren_layout *layout, siren_packing packing,
                                const uint8_t *record, siren_encoded *encoded) {
    SIREN_FREE_AT_END uint8_t *coded = NULL;
    size_t n_coded = 0;
    if (packing > SIREN_PACKING_LZMA)
        SIREN_TRY(siren_record_code(name, layout, record, encoded->n_unpacked, &coded, &n_coded));
    if (!coded || packing == SIREN_PACKING_SMALLEST)
        SIREN_TRY(siren_pack(record, encoded->n_unpacked, &encoded->packed, &encoded->n_packed));
    if (!coded || (encoded->packed && encoded->n_packed <= n_coded)) return SIREN_OK;
    free(encoded->packed);
    encoded->packed = SIREN_TAKE(coded);
    encoded->n_packed = n_coded;
    encoded->entry.coded = true;
    return SIREN_OK;
}

/* One block on its way to a record. */
typedef struct {
    const siren_trained *trained;
    size_t nth;
    const siren_settings *settings;
    siren_layout layout; /* the batch's, with the settings' weights */
    const siren_target_source *targets, *samples;
    char name[64];
} block_encoding;

/* Its record with weights of that form, not yet checked or packed. */
static siren_status make_record(const block_encoding *run, siren_weight_form form, uint8_t **record,
                                siren_encoded *encoded) {
    const siren_trained *trained = run->trained;
    const siren_trained_block *block = &trained->blocks[run->nth];
    const siren_network *network = &trained->layout.network;
    SIREN_FREE_AT_END uint8_t *parameters = NULL;
    size_t n_parameters = 0;
    *encoded = (siren_encoded){.entry = {.block = (uint32_t)block->training.block},
                               .constant = block->constant,
                               .diverged = block->diverged,
                               .n_epochs = block->n_epochs,
                               .fidelity = {0, NAN, NAN, NAN, NAN},
                               .masked = {0, NAN, NAN, NAN, NAN}};
    if (!block->constant)
        SIREN_TRY_STAGE(
            "quantising",
            siren_quantise(network, form, trained->params + block->at * siren_network_n_params(network),
                           siren_layout_samples(&run->layout, siren_block_points(&block->block)),
                           trained->points->coordinates, run->samples, run->nth, &parameters, &n_parameters));
    SIREN_TRY_STAGE("packing",
                    siren_record_write(&run->layout, &block->block, trained->series, block->scaling,
                                       parameters, block->n_exceptional, record, &encoded->n_unpacked));
    return SIREN_OK;
}

static siren_status encode_as_told(const block_encoding *run, siren_encoded *out) {
    const siren_settings *settings = run->settings;
    SIREN_AT_END(siren_encoded_free) siren_encoded encoded = {0};
    SIREN_FREE_AT_END uint8_t *record = NULL;
    const siren_weight_form form = {.bits = settings->weight_bits, .taper = settings->taper};
    SIREN_TRY(make_record(run, form, &record, &encoded));
    SIREN_TRY_STAGE("decode check",
                    check_record(run->trained, &run->layout, run->nth, run->targets, &record, &encoded));
    SIREN_TRY_STAGE("packing",
                    siren_encoded_pack(run->name, &run->layout, settings->packing, record, &encoded));
    *out = SIREN_TAKE(encoded);
    return SIREN_OK;
}

/* Sixteenths of a bit that may be taken from all layers together, how near to its bytes a record has to come, and how
 * often it is made for that. */
#define MOST_LESS(n) (4 * 16 * (n))
#define NEAR 0.997
#define MOST_RECORDS 8

/* The record that has the most bytes of those that were made and have no more than the budget; else the smallest. */
static siren_status encode_within(const block_encoding *run, const siren_record_budget *budget,
                                  siren_encoded *out) {
    const siren_settings *settings = run->settings;
    const siren_network *network = &run->layout.network;
    SIREN_AT_END(siren_encoded_free) siren_encoded best = {0};
    SIREN_FREE_AT_END uint8_t *best_record = NULL;
    const unsigned n = network->n_layers - 1;
    const double bytes_of_one = siren_rounded_bytes_of_bit(network) / (16 * n),
                 first = ceil((budget->expected - (double)budget->n_bytes) / bytes_of_one);
    /* Below low are too many bytes, from high on few enough. */
    unsigned low = 0, high = MOST_LESS(n) + 1, less = first > 0 ? (unsigned)fmin(first, MOST_LESS(n)) : 0;
    for (int i = 0; i < MOST_RECORDS; i++) {
        SIREN_AT_END(siren_encoded_free) siren_encoded encoded = {0};
        SIREN_FREE_AT_END uint8_t *record = NULL;
        const siren_weight_form form = {settings->weight_bits, settings->taper, less};
        SIREN_TRY(make_record(run, form, &record, &encoded));
        SIREN_TRY_STAGE("packing",
                        siren_encoded_pack(run->name, &run->layout, settings->packing, record, &encoded));
        const double spare = (double)budget->n_bytes - (double)encoded.n_packed;
        const bool fits = spare >= 0,
                   better = !best.packed ||
                            (best.n_packed > budget->n_bytes ? encoded.n_packed < best.n_packed
                                                             : fits && encoded.n_packed > best.n_packed);
        if (fits)
            high = less;
        else
            low = less + 1;
        if (better) {
            siren_encoded_free(&best);
            free(best_record);
            best_record = SIREN_TAKE(record);
            best = SIREN_TAKE(encoded);
        }
        if (low >= high || (fits && (double)best.n_packed >= NEAR * (double)budget->n_bytes)) break;
        const double next = (double)less - floor(spare / bytes_of_one);
        less = next <= (double)low ? low : next >= (double)high ? high - 1 : (unsigned)next;
    }
    SIREN_TRY_STAGE("decode check",
                    check_record(run->trained, &run->layout, run->nth, run->targets, &best_record, &best));
    *out = SIREN_TAKE(best);
    return SIREN_OK;
}

siren_status siren_trained_encode_within(const siren_trained *trained, size_t nth,
                                         const siren_settings *settings, const siren_record_budget *budget,
                                         const atomic_bool *stop, siren_encoded *out) {
    wanted_targets wanted = {trained, stop, false}, wanted_samples = {trained, stop, true};
    const siren_target_source targets = {read_targets, &wanted}, samples = {read_targets, &wanted_samples};
    const siren_trained_block *block = &trained->blocks[nth];
    block_encoding run = {trained, nth, settings, trained->layout, &targets, &samples, ""};
    run.layout.weight_bits = settings->weight_bits;
    siren_block_name(&run.layout.grid, block->training.block, run.name, sizeof run.name);
    if (!budget || block->constant || settings->weight_bits == SIREN_FLOAT32_WEIGHTS)
        return encode_as_told(&run, out);
    return encode_within(&run, budget, out);
}

siren_status siren_trained_encode(const siren_trained *trained, size_t nth, const siren_settings *settings,
                                  const atomic_bool *stop, siren_encoded *out) {
    return siren_trained_encode_within(trained, nth, settings, NULL, stop, out);
}
