#include "engine/transform/coefficient_recode.h"

#include "engine/transform/coefficient_features.h"
#include "host/clones.h"

#include <stdlib.h>

#define INLINE __attribute__((always_inline)) static inline

/* ---- the state ---- */

static void begin_component(siren_coefficient_experts *experts) {
    siren_signs_component(&experts->signs);
    for (size_t i = 0; i < BLOCK; i++) {
        experts->before[i] =
            experts->n_blocks ? (uint32_t)((uint64_t)64 * experts->sums[i] / experts->n_blocks) : 0;
        experts->fading[i] = 4 * experts->before[i];
        experts->sums[i] = 0;
    }
    experts->n_blocks = 0;
}

static void end_block(siren_coefficients *coder, size_t b) {
    siren_coefficient_experts *experts = coder->experts;
    const uint8_t *m = coder->sizes[0] + b * BLOCK;
    siren_signs_block_done(&experts->signs, b);
    for (size_t i = 0; i < BLOCK; i++) {
        experts->sums[i] += m[i];
        experts->fading[i] =
            (uint32_t)((int32_t)experts->fading[i] + ((256 * m[i] - (int32_t)experts->fading[i]) >> 4));
    }
}

/* ---- coding ---- */

typedef enum { ENCODING, DECODING, COLLECTING } purpose;

/* Where bits go to or come from, or examples. */
typedef struct {
    siren_bit_stream bits;
    siren_context_examples *examples;
    size_t every, skipped; /* coefficients of which one becomes an example; those since the last one */
} passage;

INLINE bool code_counted(passage *to, siren_mixed_bit *bit, bool value, const purpose why) {
    if (why != COLLECTING) value = siren_stream_bit(&to->bits, bit->probability, value, why == DECODING);
    siren_mixed_update(bit, value);
    return value;
}

INLINE bool code_bit_model(passage *to, siren_bit_model *model, bool value, const purpose why) {
    if (why == COLLECTING) return value;
    value = siren_stream_bit(&to->bits, siren_bit_model_probability(model), value, why == DECODING);
    siren_bit_model_update(model, value);
    return value;
}

static inline siren_vote *voter(const place *p, size_t i, unsigned step) {
    return step == 0 ? p->zeros[i] : p->voters[i] + step;
}

/* Is a magnitude above i? Counts and the network, mixed. */
INLINE bool code_digit(siren_coefficients *coder, passage *to, const place *p, unsigned step, bool value,
                       const purpose why) {
    siren_coefficient_experts *experts = coder->experts;
    const unsigned mixed_as = step == 0 && p->quantiser ? SIREN_MAGNITUDE_STEPS : step;
    int64_t all = 0;
    for (size_t i = 0; i < MODELS; i++)
        experts->inputs[i] = experts->tables.stretch[*voter(p, i, step) >> 20];
    experts->inputs[MODELS] = experts->odds[step];
    experts->inputs[MODELS + 1] = 256;
    for (size_t s = 0; s < SIREN_EXPERT_SETS; s++) {
        const siren_bit_mixer *mixer = &experts->mixers[s][experts->classes[s]][mixed_as];
        int32_t x = siren_stretch_limited(siren_mix(mixer, experts->inputs, SIREN_EXPERT_INPUTS));
        experts->probabilities[s] = siren_squash(&experts->tables, x);
        all += x;
    }
    value = siren_stream_bit(&to->bits, siren_squash(&experts->tables, all / SIREN_EXPERT_SETS), value,
                             why == DECODING);
    for (size_t s = 0; s < SIREN_EXPERT_SETS; s++)
        siren_mixer_learn(&experts->mixers[s][experts->classes[s]][mixed_as], experts->inputs,
                          SIREN_EXPERT_INPUTS, (value ? 65535 : 0) - (int32_t)experts->probabilities[s], 15);
    for (size_t i = 0; i < MODELS; i++) siren_vote_update(voter(p, i, step), value);
    return value;
}

INLINE uint64_t code_magnitude(siren_coefficients *coder, passage *to, const place *p, uint64_t magnitude,
                               const purpose why) {
    for (uint32_t i = 0; i <= UNARY; i++)
        if (!code_digit(coder, to, p, step_of[i], magnitude > i, why)) return i;
    siren_integer_model *model = &coder->escape[p->band > 0];
    if (why == ENCODING) {
        siren_magnitude_put(to->bits.encoder, model, magnitude - UNARY - 1);
        return magnitude;
    }
    const uint64_t more = siren_magnitude_get(to->bits.decoder, model);
    return more < SIREN_LEVEL_LIMIT ? more + UNARY + 1 : (uint64_t)SIREN_LEVEL_LIMIT + 1;
}

INLINE bool code_sign(siren_coefficients *coder, passage *to, unsigned at, uint64_t magnitude, bool negative,
                      const purpose why) {
    siren_coefficient_experts *experts = coder->experts;
    if (at == 0) return siren_stream_bit(&to->bits, 32768, negative, why == DECODING);
    const uint32_t probability = siren_signs_probability(
        &experts->signs, &experts->tables, (uint32_t)(magnitude < UINT32_MAX ? magnitude : UINT32_MAX));
    negative = siren_stream_bit(&to->bits, probability, negative, why == DECODING);
    siren_signs_coded(&experts->signs, negative);
    return negative;
}

static bool grow(siren_context_examples *examples) {
    const size_t room = examples->room ? 2 * examples->room : 4096;
    int8_t *features = realloc(examples->features, room * SIREN_COEFFICIENT_FEATURES);
    if (features) examples->features = features;
    uint8_t *magnitudes = features ? realloc(examples->magnitudes, room) : NULL;
    if (!magnitudes) return false;
    examples->magnitudes = magnitudes;
    examples->room = room;
    return true;
}

/* False where memory is out. */
static bool collect(passage *to, const int16_t *features, uint32_t magnitude) {
    siren_context_examples *examples = to->examples;
    if (++to->skipped < to->every) return true;
    to->skipped = 0;
    if (examples->n == examples->room && !grow(examples)) return false;
    int8_t *row = examples->features + examples->n * SIREN_COEFFICIENT_FEATURES;
    for (size_t i = 0; i < SIREN_COEFFICIENT_FEATURES; i++) row[i] = (int8_t)features[i];
    examples->magnitudes[examples->n++] = (uint8_t)at_most(magnitude, UINT8_MAX);
    return true;
}

/* How many diagonals hold a level that is not 0. */
static unsigned extent_of(const siren_coefficients *coder, const int32_t *levels, int32_t mean) {
    for (unsigned n = BLOCK; n-- > 0;)
        if (levels[coder->scan[n]] != (n == 0 ? mean : 0)) return coder->diagonal[n] + 1u;
    return 0;
}

INLINE unsigned code_extent(siren_coefficients *coder, passage *to, size_t block, unsigned extent,
                            const purpose why) {
    unsigned contexts[MODELS], known = 1;
    siren_mixed_bit bit;
    flag_bit(coder, block, &bit);
    if (!code_counted(to, &bit, extent > 0, why)) return 0;
    length_contexts(coder, block, contexts);
    for (int i = 4; i-- > 0;) {
        length_bit(coder, contexts, known, &bit);
        known = known << 1 | code_counted(to, &bit, (extent - 1) >> i & 1, why);
    }
    return at_most(known - 15, DIAGONALS);
}

/* One level, of which the mean is told as the difference from what was expected; false where it is beyond the limit. */
INLINE bool code_level(siren_coefficients *coder, passage *to, const surroundings *s, begun_block *begun,
                       size_t block, unsigned extent, unsigned n, unsigned *state, bool predicted,
                       int32_t *levels, uint8_t *kinds, int32_t mean, const purpose why) {
    siren_coefficient_experts *experts = coder->experts;
    const unsigned at = coder->scan[n];
    const size_t b = padded(coder, block);
    const int32_t given = why == DECODING ? 0 : levels[at] - (at == 0 ? mean : 0);
    int16_t features[SIREN_COEFFICIENT_FEATURES];
    uint64_t magnitude = (uint64_t)llabs(given);
    bool negative = given < 0;
    place p = place_at(coder, s, begun, n, quantiser_of(*state));
    if (at > 0) siren_signs_expect(&experts->signs, b, at);
    coefficient_features(coder, begun, block, extent, predicted, p.quantiser, at, features);
    if (why == COLLECTING) {
        if (!collect(to, features, (uint32_t)magnitude)) return false;
    } else {
        siren_context_odds(experts->network, features, experts->odds);
        experts->classes[0] = p.band;
        experts->classes[1] = quarters(coder, p.all, SIREN_EXPERT_CLASSES - 1);
        magnitude = code_magnitude(coder, to, &p, magnitude, why);
        if (magnitude > SIREN_LEVEL_LIMIT) return false;
        if (magnitude > 0) negative = code_sign(coder, to, at, magnitude, negative, why);
    }
    const int32_t level = negative ? -(int32_t)magnitude : (int32_t)magnitude;
    if (why == DECODING) levels[at] = level + (at == 0 ? mean : 0);
    if (magnitude > 0 && !(predicted && at == 0) && kinds)
        kinds[block * BLOCK + at] = (uint8_t)(p.kind + (magnitude > 1));
    const uint32_t size = size_of(coder, p.quantiser, (uint32_t)magnitude);
    if (at > 0) siren_signs_learn(&experts->signs, b, at, negative ? -(int32_t)size : (int32_t)size);
    place_done(coder, begun, n, size);
    *state = next_state(coder, *state, magnitude);
    return true;
}

INLINE bool code_component(siren_coefficients *coder, passage *to, bool predicted, int32_t *levels,
                           uint8_t *kinds, const purpose why) {
    const size_t n_blocks = coder->across * coder->down;
    bool empty = true;
    siren_coefficients_next(coder);
    begin_component(coder->experts);
    if (why == DECODING) memset(levels, 0, n_blocks * BLOCK * sizeof *levels);
    if (kinds) memset(kinds, EXACT, n_blocks * BLOCK);
    for (size_t i = 0; i < n_blocks * BLOCK && why != DECODING; i++) empty = empty && levels[i] == 0;
    if (code_bit_model(to, &coder->empty, empty, why)) return true;
    predicted = code_bit_model(to, &coder->predicted, predicted, why);
    for (size_t block = 0; block < n_blocks; block++) {
        if (!coder->used[block]) continue;
        if (why == DECODING && siren_range_decoder_is_short(to->bits.decoder)) return false;
        const size_t b = padded(coder, block);
        int32_t *own = levels + block * BLOCK;
        const int32_t mean = predicted ? expected_mean(coder, levels, block) : 0;
        siren_signs_block(&coder->experts->signs, b);
        coder->experts->n_blocks++;
        const unsigned extent =
            code_extent(coder, to, block, why == DECODING ? 0 : extent_of(coder, own, mean), why);
        if (why == DECODING) own[0] = mean;
        if (extent == 0) {
            siren_signs_block_done(&coder->experts->signs, b);
            continue;
        }
        surroundings s;
        begun_block begun = {.count = 0};
        surroundings_begin(coder, block, &s);
        unsigned state = 0;
        for (unsigned n = 0; n < BLOCK && coder->diagonal[n] < extent; n++)
            if (!code_level(coder, to, &s, &begun, block, extent, n, &state, predicted, own, kinds, mean,
                            why))
                return false;
        if (abs(own[0]) > SIREN_LEVEL_LIMIT) return false;
        block_done(coder, block, &begun, extent);
        end_block(coder, b);
    }
    return true;
}

SIREN_CLONES static bool decode(siren_coefficients *coder, passage *to, int32_t *levels, uint8_t *kinds) {
    return code_component(coder, to, false, levels, kinds, DECODING);
}
SIREN_CLONES static void encode(siren_coefficients *coder, passage *to, bool predicted,
                                const int32_t *levels) {
    code_component(coder, to, predicted, (int32_t *)levels, NULL, ENCODING);
}
SIREN_CLONES static bool see(siren_coefficients *coder, passage *to, bool predicted, const int32_t *levels) {
    return code_component(coder, to, predicted, (int32_t *)levels, NULL, COLLECTING);
}

bool siren_coefficients_get_expected(siren_coefficients *coder, siren_range_decoder *decoder, int32_t *levels,
                                     uint8_t *kinds) {
    passage to = {.bits = {.decoder = decoder}};
    return decode(coder, &to, levels, kinds);
}

void siren_coefficients_recode(siren_coefficients *coder, siren_range_encoder *encoder, bool predicted,
                               const int32_t *levels) {
    passage to = {.bits = {.encoder = encoder}};
    encode(coder, &to, predicted, levels);
}

bool siren_coefficients_collect(siren_coefficients *coder, bool predicted, const int32_t *levels,
                                size_t every, size_t *skipped, siren_context_examples *examples) {
    passage to = {.examples = examples, .every = every, .skipped = *skipped};
    const bool seen = see(coder, &to, predicted, levels);
    *skipped = to.skipped;
    return seen;
}
