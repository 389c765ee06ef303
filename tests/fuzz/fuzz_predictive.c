/* libFuzzer: what follows a plan is either a block of predictive coding, any bytes, or voxels: these are coded, come
 * back exactly or within the bound, and what was coded is damaged. What comes of any bytes does not matter, but that
 * it comes within the plan's memory and time, and the same again. */
#include "engine/archive/corrections.h"
#include "engine/predictive/predictive.h"
#include "tests/fuzz/input.h"

#define MOST_VALUES 256 /* of voxels that are coded: a millisecond */
#define OUTSIDE 0x5A    /* what is left as it is */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t n_bytes_of(const siren_predictive_plan *plan) {
    return plan->nx * plan->ny * plan->nz * plan->n_volumes * siren_datatype_size(plan->datatype);
}

static siren_status decode(const siren_predictive_plan *plan, const uint8_t *bytes, size_t n, uint8_t **out) {
    const size_t n_voxels = n_bytes_of(plan);
    *out = malloc(n_voxels);
    MUST(*out);
    memset(*out, OUTSIDE, n_voxels);
    const siren_status status = siren_predictive_decode(plan, "block", bytes, n, *out);
    MUST(status == SIREN_OK || status == SIREN_CORRUPT);
    return status;
}

static void decode_any(const siren_predictive_plan *plan, const uint8_t *bytes, size_t n) {
    uint8_t *voxels[2];
    siren_status status[2];
    for (int run = 0; run < 2; run++) status[run] = decode(plan, bytes, n, &voxels[run]);
    MUST(status[0] == status[1] && memcmp(voxels[0], voxels[1], n_bytes_of(plan)) == 0);
    free(voxels[0]), free(voxels[1]);
}

static void check(const siren_predictive_plan *plan, const uint8_t *voxels, const uint8_t *decoded) {
    const size_t size = siren_datatype_size(plan->datatype), n_places = plan->nx * plan->ny * plan->nz;
    const siren_corrections_plan same = {.datatype = plan->datatype, .bound = plan->bound};
    for (size_t i = 0; i < n_places * plan->n_volumes; i++)
        if (!plan->inside || plan->inside[i % n_places])
            MUST(siren_correction_unneeded(&same, voxels, decoded, i));
        else
            for (size_t k = 0; k < size; k++) MUST(decoded[i * size + k] == OUTSIDE);
}

/* What a network would learn from: all voxels with a value, and each so many-th of these. */
static void check_examples(const siren_predictive_plan *plan, const void *voxels, size_t every,
                           size_t skipped) {
    siren_context_examples examples[2] = {{.n = 0}, {.n = 0}}, *all = &examples[0], *some = &examples[1];
    for (size_t i = 0; i < 2; i++) {
        const size_t most = siren_predictive_n_examples(plan, i ? every : 1);
        examples[i].features = malloc(most * SIREN_FEATURES);
        examples[i].targets = malloc(most * 2 * sizeof(float));
        MUST(examples[i].features && examples[i].targets);
        MUST(siren_predictive_collect(plan, voxels, i ? every : 1, i ? skipped : 0, &examples[i]) ==
             SIREN_OK);
        MUST(examples[i].n <= most);
    }
    MUST(some->n == (all->n > skipped ? (all->n - skipped + every - 1) / every : 0));
    for (size_t i = 0; i < some->n; i++) {
        const size_t at = skipped + i * every;
        MUST(isfinite(some->targets[2 * i]) && isfinite(some->targets[2 * i + 1]));
        MUST(memcmp(some->targets + 2 * i, all->targets + 2 * at, 2 * sizeof(float)) == 0);
        MUST(memcmp(some->features + i * SIREN_FEATURES, all->features + at * SIREN_FEATURES,
                    SIREN_FEATURES) == 0);
    }
    for (size_t i = 0; i < 2; i++) free(examples[i].features), free(examples[i].targets);
}

static void code_voxels(siren_predictive_plan *plan, fuzz_input *in, bool examples) {
    const fuzz_damage damage = input_damage(in);
    uint8_t *voxels, *bytes = NULL, *spoilt, *decoded;
    size_t n_bytes, n_spoilt;
    plan->bound = input_bound(in);
    voxels = malloc(n_bytes_of(plan));
    MUST(voxels);
    input_voxels(in, plan->datatype, plan->nx, n_bytes_of(plan) / siren_datatype_size(plan->datatype),
                 voxels);
    const siren_status status = siren_predictive_encode(plan, voxels, &bytes, &n_bytes);
    MUST(status == (plan->bound >= 0 && isfinite(plan->bound) ? SIREN_OK : SIREN_USAGE));
    if (status == SIREN_OK) {
        siren_predictive_plan blind = *plan; /* the decoder does without */
        blind.bound = 0;
        MUST(decode(&blind, bytes, n_bytes, &decoded) == SIREN_OK);
        check(plan, voxels, decoded);
        if (examples) check_examples(plan, voxels, 1 + damage.what[0][0] % 5, damage.what[0][1] % 5);
        free(decoded);
        if (damage.n > 0) {
            spoilt = input_spoil(&damage, bytes, n_bytes, &n_spoilt);
            decode_any(&blind, spoilt, n_spoilt);
            free(spoilt);
        }
        free(bytes);
    }
    free(voxels);
}

/* Reads a network's section that may be damaged; false where it is none. */
static bool read_network(fuzz_input *in, siren_context_network *network) {
    const fuzz_damage damage = input_damage(in);
    siren_context_network read;
    uint8_t *bytes, *spoilt;
    size_t n_bytes, n_spoilt;
    MUST(siren_context_encode(network, &bytes, &n_bytes) == SIREN_OK);
    spoilt = input_spoil(&damage, bytes, n_bytes, &n_spoilt);
    const siren_status status = siren_context_decode("network", network->kind, spoilt, n_spoilt, &read);
    MUST(status == SIREN_OK || (status == SIREN_CORRUPT && damage.n > 0));
    MUST(damage.n > 0 || memcmp(&read, network, sizeof read) == 0);
    free(bytes), free(spoilt);
    if (status == SIREN_OK) *network = read;
    return status == SIREN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static siren_context_network network;
    uint8_t inside[16 * 16 * 2];
    fuzz_input in = {data, size};
    const unsigned how = input_byte(&in), sides = input_byte(&in);
    siren_predictive_plan plan = {.datatype = input_datatype(&in),
                                  .nx = 1 + sides % 16,
                                  .ny = 1 + sides / 16,
                                  .nz = 1 + (how >> 1 & 1),
                                  .n_volumes = 1 + input_byte(&in) % 12u};
    const bool coded = how & 1;
    while (coded && plan.nx * plan.ny * plan.nz * plan.n_volumes > MOST_VALUES)
        *(plan.n_volumes > 1 ? &plan.n_volumes : plan.ny > 1 ? &plan.ny : &plan.nx) -= 1;
    if (how & 4) {
        input_mask(&in, plan.nx * plan.ny * plan.nz, inside);
        plan.inside = inside;
    }
    if (how & 8) {
        input_network(&in, SIREN_CONTEXT_OF_VOXELS, &network);
        if ((how & 48) == 48 && !read_network(&in, &network)) return 0;
        plan.network = &network;
    }
    if (coded)
        code_voxels(&plan, &in, how & 64);
    else
        decode_any(&plan, in.bytes, in.n);
    return 0;
}
