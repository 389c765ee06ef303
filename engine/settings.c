#include "engine/settings.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/parameters.h"
#include "engine/model/blocks.h"
#include "formats/number.h"

#define AT(field) offsetof(siren_settings, field)
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

#define ROW(key_, option_, argument_, type_, field_, standard_, ...)                                         \
    {                                                                                                        \
        .key = key_, .option = option_, .argument = argument_, .type = SIREN_SETTING_##type_,                \
        .offset = AT(field_), .standard = standard_, __VA_ARGS__                                             \
    }

/* To add a setting: a field of siren_settings, a row here, and what uses it; then unit_settings --write. */
static const siren_setting table[] = {
    ROW("model", "model", "NAME", MODEL, model, "siren-2d",
        .values = "siren-2d, siren-2d-relu, siren-2d-leaky, siren-2d-tanh, mlp-relu, mlp-tanh, mlp-siren, "
                  "mlp-siren-last, siren-3d, siren-nd, auto, transform or predictive",
        .values_option = "auto, transform, predictive, or a network: siren-2d, siren-2d-relu, "
                         "siren-2d-leaky, siren-2d-tanh, mlp-relu, mlp-tanh, mlp-siren, mlp-siren-last, "
                         "siren-3d or siren-nd",
        .help = "kind of network", .provenance = "model", .share = SIREN_SHARE_BY_NETWORK),
    ROW("layers", "layers", "N", UINT32, layers, "3", .minimum = 1, .maximum = SIREN_MAX_LAYERS - 1,
        .unit = "hidden layers", .help = "as the model's name counts them", .share = SIREN_SHARE_BY_NETWORK),
    ROW("width", "width", "N", UINT32, width, "256", .minimum = 1, .maximum = SIREN_MAX_WIDTH,
        .least_option = 16, .unit = "units", .help = "of a hidden layer; multiples of 16 waste nothing",
        .share = SIREN_SHARE_BY_NETWORK),
    ROW("weights", "weights", "TYPE", WEIGHTS, weight_bits, "int8",
        .values = "float32 or one of int6 to int12", .help = "how parameters are stored",
        .share = SIREN_SHARE_TRAINING, .suffix = "-", .flags = SIREN_SETTING_NAMED),
    ROW("seed", "seed", "N", UINT64, seed, "0", .maximum = 0x1p64, .help = "of the initial parameters",
        .provenance = "seed", .share = SIREN_SHARE_BATCH, .suffix = "-seed", .flags = SIREN_SETTING_NAMED),
    ROW("lr", "lr", "X", FLOAT, rate, "auto", .unset = "auto", .minimum = 1e-12, .maximum = 1,
        .help = "learning rate; auto: 3e-4 for slices, 2e-4 for volumes and patches, with soap 3e-3, or by "
                "the width",
        .provenance = "rate", .share = SIREN_SHARE_BATCH, .suffix = "-lr"),
    ROW("w0", "w0", "X", FLOAT, w0, "30", .minimum = SIREN_MIN_W0, .maximum = SIREN_MAX_W0,
        .help = "frequency of the sine layers", .share = SIREN_SHARE_BY_NETWORK, .suffix = "-w0_",
        .flags = SIREN_SETTING_IN_LAYERS),
    ROW("blocks", "blocks", "KIND", BLOCKS, blocks, "auto", .unset = "auto",
        .values = "slice, volume, or patch:XxYxZ with the voxels of a patch, like patch:16x16x16",
        .help = "what one network stands for; auto: slices for 2-D models, the volume for siren-3d",
        .suffix = "-"),
    ROW("axis", NULL, NULL, AXIS, axis, "z", .values = "x, y or z", .help = "what slices are counted along",
        .suffix = "-axis"),
    ROW("slices", "slices", "A:B", SPAN, slices, "all", .unset = "all",
        .values = "A:B, counted from 0 and without B", .help = "slices to compress", .suffix = "-slices"),
    ROW("epochs", "epochs", "N", SIZE, epochs, "2000", .minimum = 1, .maximum = 10000000, .unit = "steps",
        .help = "of the optimiser", .provenance = "epochs", .suffix = "-epochs"),
    ROW("points_per_epoch", "points-per-epoch", "N", SIZE, points_per_epoch, "all", .unset = "all",
        .minimum = 1, .maximum = SIREN_MAX_POINTS, .unit = "points",
        .help = "of a block that a step sees, in random turns; more than it has: all",
        .provenance = "points_per_epoch", .suffix = "-points", .flags = SIREN_SETTING_LATE),
    ROW("minibatches", "minibatches", "N", UINT32, minibatches, "1", .minimum = 1, .maximum = 1000,
        .unit = "parts",
        .help =
            "of a block's points, of at least 500 each: a step sees one of them, in random turns; with soap "
            "auto's rate is divided by the root of N",
        .provenance = "minibatches", .suffix = "-minibatches", .flags = SIREN_SETTING_LATE),
    ROW("scaling", "scaling", "RULE", CHOICE, scaling, "robust", .before = "range",
        .values = "robust or range", .names = NAMES("robust", "range"),
        .help = "whether the extremes that become 0 and 1 leave out what lies far outside the rest; range is "
                "published",
        .suffix = "-", .flags = SIREN_SETTING_LATE),
    ROW("packing", "packing", "KIND", CHOICE, packing, "auto", .unset = "auto",
        .values = "lzma, coded or smallest", .names = NAMES("auto", "lzma", "coded", "smallest"),
        .help = "how networks become bytes: by LZMA, as in the paper's archives, by the range coder, or as "
                "is smaller; "
                "auto: lzma in experiments, else smallest",
        .share = SIREN_SHARE_TRAINING, .suffix = "-", .flags = SIREN_SETTING_LATE),
    ROW("taper", "taper", "N", UINT32, taper, "0", .maximum = SIREN_MAX_TAPER, .unit = "bits",
        .help = "that weights lose from layer to layer in all, the first ones being those that all others "
                "build on; "
                "0: none, which is published, and one more at the output",
        .provenance = "taper", .share = SIREN_SHARE_TRAINING, .suffix = "-taper",
        .flags = SIREN_SETTING_LATE),
    ROW("optimiser", "optimiser", "NAME", CHOICE, optimiser, "adam", .values = "adam or soap",
        .names = NAMES("adam", "soap"),
        .help = "adam, which is published; soap: about as good in a quarter of the epochs",
        .provenance = "optimiser", .suffix = "-", .flags = SIREN_SETTING_LATE),
    ROW("schedule", "schedule", "NAME", CHOICE, schedule, "auto", .unset = "auto", .before = "constant",
        .values = "constant, cosine or linear", .names = NAMES("auto", "constant", "cosine", "linear"),
        .help = "how the learning rate falls to 0 over the epochs; auto: constant, which is published; "
                "with soap cosine, or linear where the rate goes by the width",
        .provenance = "schedule", .suffix = "-", .flags = SIREN_SETTING_LATE),
    ROW("warmup", "warmup", "N", SIZE, warmup, "auto", .unset = "auto", .before = "1", .minimum = 1,
        .maximum = 10000000, .unit = "steps",
        .help = "over which the learning rate rises to its full value; 1: full from the first; auto: 1, or "
                "20 with soap",
        .provenance = "warmup", .suffix = "-warmup", .flags = SIREN_SETTING_LATE),
    ROW("beta1", "beta1", "X", FLOAT, beta1, "auto", .unset = "auto", .minimum = 1e-6, .maximum = 0.999999,
        .help = "what the mean of gradients keeps in a step; auto: 0.9", .provenance = "beta1",
        .suffix = "-beta1_", .flags = SIREN_SETTING_LATE),
    ROW("beta2", "beta2", "X", FLOAT, beta2, "auto", .unset = "auto", .minimum = 1e-6, .maximum = 0.999999,
        .help = "what the mean of their squares keeps, and soap's factors; auto: 0.999, or 0.9 with soap",
        .provenance = "beta2", .suffix = "-beta2_", .flags = SIREN_SETTING_LATE),
    ROW("refresh", "refresh", "N", SIZE, refresh, "auto", .unset = "auto", .minimum = 1, .maximum = 10000000,
        .unit = "steps", .help = "from one turn of soap's bases to the next; auto: 10",
        .provenance = "refresh", .suffix = "-refresh", .flags = SIREN_SETTING_LATE),
    ROW("until_gain", "until-gain", "DB", FLOAT, until_gain, "off", .unset = "off", .minimum = 1e-6,
        .maximum = 100, .unit = "dB",
        .help =
            "that the last epochs must have gained, or the block's training ends before all epochs are run",
        .provenance = "until_gain", .suffix = "-until", .flags = SIREN_SETTING_LATE),
    ROW("gain_epochs", "gain-epochs", "N", SIZE, gain_epochs, "auto", .unset = "auto", .minimum = 1,
        .maximum = 10000000, .unit = "steps",
        .help =
            "over which until-gain is judged, each time so many are done; auto: a twentieth of the epochs",
        .provenance = "gain_epochs", .suffix = "-over", .flags = SIREN_SETTING_LATE),
    ROW("effort", "effort", "N", UINT32, effort, "5", .minimum = 1, .maximum = 9,
        .help =
            "for small archives: 1 to 3 count what came, from 4 on a network trained on the series "
            "expects what comes, larger and longer with each; of a transform from 6 on, and from 4 on two "
            "quantisers in turn",
        .share = SIREN_SHARE_TRAINING, .suffix = "-effort", .flags = SIREN_SETTING_LATE),
    ROW("access", "access", "KIND", CHOICE, access, "slice", .values = "slice or series",
        .names = NAMES("slice", "series"),
        .help = "what a lossless or near-lossless archive is read by: single slices; or, for one that is "
                "about 1 % smaller, eight "
                "slices at once",
        .share = SIREN_SHARE_TRAINING, .suffix = "-access-", .flags = SIREN_SETTING_LATE),
};
#define N_SETTINGS (sizeof table / sizeof *table)
_Static_assert(N_SETTINGS <= SIREN_MAX_SETTINGS, "raise SIREN_MAX_SETTINGS");

const siren_setting *siren_setting_at(size_t i) { return i < N_SETTINGS ? &table[i] : NULL; }

const siren_setting *siren_setting_find(const char *key) {
    for (size_t i = 0; key && i < N_SETTINGS; i++)
        if (strcmp(key, table[i].key) == 0 || (table[i].option && strcmp(key, table[i].option) == 0))
            return &table[i];
    return NULL;
}

/* ---- the field ---- */

static void *field_of(const siren_setting *s, const void *settings) { return (char *)settings + s->offset; }

static size_t field_bytes(const siren_setting *s) {
    static const size_t bytes[] = {
        [SIREN_SETTING_MODEL] = sizeof(const char *),   [SIREN_SETTING_WEIGHTS] = sizeof(unsigned),
        [SIREN_SETTING_UINT32] = sizeof(uint32_t),      [SIREN_SETTING_SIZE] = sizeof(size_t),
        [SIREN_SETTING_UINT64] = sizeof(uint64_t),      [SIREN_SETTING_FLOAT] = sizeof(float),
        [SIREN_SETTING_BLOCKS] = AT(axis) - AT(blocks), [SIREN_SETTING_AXIS] = sizeof(siren_axis),
        [SIREN_SETTING_SPAN] = sizeof(siren_span),      [SIREN_SETTING_CHOICE] = sizeof(unsigned)};
    return bytes[s->type];
}

bool siren_setting_is_number(const siren_setting *s) {
    return s->type >= SIREN_SETTING_UINT32 && s->type <= SIREN_SETTING_FLOAT;
}

/* The least that a command line may give. */
static double least_option(const siren_setting *s) {
    return s->least_option > 0 ? s->least_option : s->minimum;
}

/* Of a whole number. */
uint64_t siren_setting_get_integer(const siren_setting *s, const void *settings) {
    const void *field = field_of(s, settings);
    if (s->type == SIREN_SETTING_UINT32) return *(const uint32_t *)field;
    return s->type == SIREN_SETTING_SIZE ? *(const size_t *)field : *(const uint64_t *)field;
}

void siren_setting_put_integer(const siren_setting *s, uint64_t value, void *settings) {
    void *field = field_of(s, settings);
    if (s->type == SIREN_SETTING_UINT32) *(uint32_t *)field = (uint32_t)value;
    if (s->type == SIREN_SETTING_SIZE) *(size_t *)field = (size_t)value;
    if (s->type == SIREN_SETTING_UINT64) *(uint64_t *)field = value;
}

int siren_setting_compare(const siren_setting *s, const siren_settings *a, const siren_settings *b) {
    if (s->type == SIREN_SETTING_MODEL) return strcmp(a->model, b->model);
    bool boxes = a->blocks == SIREN_BLOCK_PATCH && b->blocks == SIREN_BLOCK_PATCH;
    if (s->type == SIREN_SETTING_BLOCKS)
        return boxes ? memcmp(a->patch, b->patch, sizeof a->patch) : (int)a->blocks - (int)b->blocks;
    return memcmp(field_of(s, a), field_of(s, b), field_bytes(s));
}

int siren_settings_compare(const siren_settings *a, const siren_settings *b, siren_setting_share most) {
    int difference = 0;
    for (size_t i = 0; difference == 0 && i < N_SETTINGS; i++)
        if (table[i].share <= most) difference = siren_setting_compare(&table[i], a, b);
    return difference;
}

void siren_setting_copy(const siren_setting *s, const siren_settings *from, siren_settings *to) {
    memcpy(field_of(s, to), field_of(s, from), field_bytes(s));
}

bool siren_setting_is_untold(const siren_setting *s, const siren_settings *settings) {
    siren_settings before = siren_settings_defaults();
    if (s->before) siren_setting_parse(s, s->key, s->before, &before);
    return s->flags & SIREN_SETTING_LATE && siren_setting_compare(s, settings, &before) == 0;
}

/* ---- as text ---- */

/* strtoull would take "-1" and " 1". */
static siren_status parse_integer(const char *what, const char *text, double minimum, double maximum,
                                  uint64_t *out) {
    const char *end = text;
    while (isdigit((unsigned char)*end)) end++;
    if (end == text || *end != '\0')
        return siren_fail(SIREN_USAGE, "%s is '%s' but must be a whole number from %.10g to %.10g", what,
                          text, minimum, maximum);
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10);
    if (errno == ERANGE || (double)value < minimum || (double)value > maximum)
        return siren_fail(SIREN_USAGE, "%s is %s but must be from %.10g to %.10g", what, text, minimum,
                          maximum);
    *out = value;
    return SIREN_OK;
}

siren_status siren_parse_real(const char *what, const char *text, double minimum, double maximum,
                              double *out) {
    double value = 0;
    if (!siren_number_parse(text, &value))
        return siren_fail(SIREN_USAGE, "%s is '%s' but must be a number from %.10g to %.10g", what, text,
                          minimum, maximum);
    if (value < minimum || value > maximum)
        return siren_fail(SIREN_USAGE, "%s is %s but must be from %.10g to %.10g", what, text, minimum,
                          maximum);
    *out = value;
    return SIREN_OK;
}

siren_status siren_parse_bytes(const char *what, const char *text, double minimum, double maximum,
                               size_t *out) {
    char number[64] = "";
    size_t n = strspn(text, "0123456789.");
    const char *end = text + n, *suffixes = "KMGT", *suffix;
    double value = NAN;
    if (n < sizeof number) memcpy(number, text, n);
    if (!siren_number_parse(number, &value)) value = NAN;
    if (*end && (suffix = strchr(suffixes, toupper((unsigned char)*end)))) {
        value = ldexp(value, 10 * (int)(suffix - suffixes + 1));
        end += strncmp(end + 1, "iB", 2) == 0 ? 3 : end[1] == 'B' ? 2 : 1;
    }
    if (!isfinite(value) || *end != '\0')
        return siren_fail(SIREN_USAGE, "%s is '%s' but must be a number of bytes like 1500000, 512M or 16G",
                          what, text);
    if (value < minimum || value > maximum)
        return siren_fail(SIREN_USAGE, "%s is %s but must be from %.0f to %.0f bytes", what, text, minimum,
                          maximum);
    *out = (size_t)value;
    return SIREN_OK;
}

siren_status siren_parse_span(const char *what, const char *text, siren_span *out) {
    char copy[64];
    const char *colon = strchr(text, ':');
    uint64_t begin = 0, end = 0;
    bool numbers = *text != '\0' && strlen(text) < sizeof copy;
    if (numbers && !colon) {
        numbers = parse_integer(what, text, 0, 0x1p53, &begin) == SIREN_OK;
        end = begin + 1;
    } else if (numbers) {
        strcpy(copy, text);
        copy[colon - text] = '\0';
        const char *last = copy + (colon - text) + 1;
        if (*copy) numbers = parse_integer(what, copy, 0, 0x1p53, &begin) == SIREN_OK;
        if (*last && numbers) {
            numbers = parse_integer(what, last, 0, 0x1p53, &end) == SIREN_OK;
            if (numbers && end <= begin)
                return siren_fail(SIREN_USAGE,
                                  "%s is %s, an empty range: it counts from 0 and ends before its second "
                                  "number, so that one slice "
                                  "is %" PRIu64 ":%" PRIu64,
                                  what, text, begin, begin + 1);
        }
    }
    if (!numbers)
        return siren_fail(
            SIREN_USAGE,
            "%s is '%s' but must be a range a:b (from a up to, not including, b), a:, :b or one number", what,
            text);
    *out = (siren_span){(size_t)begin, (size_t)end};
    return SIREN_OK;
}

bool siren_parse_three(const char *text, char separator, size_t out[3]) {
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        errno = 0;
        unsigned long long n = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
        if (!end || errno || n > SIZE_MAX || *end != (i < 2 ? separator : '\0')) return false;
        out[i] = (size_t)n;
        text = end + 1;
    }
    return true;
}

/* "slice", "volume" or "patch:16x16x16". */
static bool parse_blocks(const char *text, siren_settings *out) {
    size_t size[3] = {0};
    for (siren_block_kind kind = SIREN_BLOCK_SLICE; kind <= SIREN_BLOCK_VOLUME; kind++)
        if (strcmp(text, siren_block_kind_name(kind, 1)) == 0) {
            out->blocks = kind;
            return true;
        }
    if (strncmp(text, "patch:", 6) != 0 || !siren_parse_three(text + 6, 'x', size)) return false;
    for (size_t axis = 0; axis < 3; axis++)
        if (size[axis] == 0 || size[axis] > SIREN_MAX_POINTS) return false;
    out->blocks = SIREN_BLOCK_PATCH;
    memcpy(out->patch, size, sizeof size);
    return true;
}

static bool parse_model(const char *text, siren_settings *out) {
    static const char *const others[] = {SIREN_MODEL_AUTO, SIREN_MODEL_TRANSFORM, SIREN_MODEL_PREDICTIVE};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i], text) == 0) {
            out->model = others[i];
            return true;
        }
    for (size_t i = 0; siren_model_name(i); i++)
        if (strcmp(siren_model_name(i), text) == 0) {
            out->model = siren_model_name(i);
            return true;
        }
    return false;
}

static uint32_t bit_of(const char *key) { return (uint32_t)1 << (siren_setting_find(key) - table); }

bool siren_setting_is_given(const siren_settings *settings, const char *key) {
    return settings->given & bit_of(key);
}

static bool parse_choice(const siren_setting *s, const char *text, unsigned *out) {
    for (unsigned i = 0; s->names[i]; i++)
        if (strcmp(s->names[i], text) == 0) {
            *out = i;
            return true;
        }
    return false;
}

/* Rows without a key are no settings. */
siren_status siren_setting_parse(const siren_setting *s, const char *what, const char *text, void *settings) {
    void *field = field_of(s, settings);
    double least = least_option(s), real = 0;
    uint64_t integer = 0;
    bool known = true;
    if (s->unset && (strcmp(text, s->unset) == 0 || (siren_setting_is_number(s) && strcmp(text, "0") == 0))) {
        memset(field, 0, s->type == SIREN_SETTING_BLOCKS ? sizeof(siren_block_kind) : field_bytes(s));
        if (s->key) ((siren_settings *)settings)->given &= ~bit_of(s->key);
        return SIREN_OK;
    }
    switch (s->type) {
    case SIREN_SETTING_MODEL:
        known = parse_model(text, settings);
        break;
    case SIREN_SETTING_WEIGHTS:
        known = siren_weights_parse(text, field);
        break;
    case SIREN_SETTING_CHOICE:
        known = parse_choice(s, text, field);
        break;
    case SIREN_SETTING_BLOCKS:
        known = parse_blocks(text, settings);
        break;
    case SIREN_SETTING_AXIS:
        known = strlen(text) == 1 && *text >= 'x' && *text <= 'z';
        if (known) *(siren_axis *)field = (siren_axis)(*text - 'x');
        break;
    case SIREN_SETTING_SPAN:
        SIREN_TRY(siren_parse_span(what, text, field));
        break;
    case SIREN_SETTING_FLOAT:
        SIREN_TRY(siren_parse_real(what, text, least, s->maximum, &real));
        *(float *)field = (float)real;
        break;
    default:
        SIREN_TRY(parse_integer(what, text, least, s->maximum, &integer));
        siren_setting_put_integer(s, integer, settings);
    }
    if (known && s->key) ((siren_settings *)settings)->given |= bit_of(s->key);
    if (known) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s is '%s' but must be %s", what, text,
                      s->values_option ? s->values_option : s->values);
}

char *siren_setting_format(const siren_setting *s, const void *settings, char out[SIREN_SETTING_CHARS]) {
    static const char zero[sizeof(siren_span)];
    const void *field = field_of(s, settings);
    const size_t *size = s->type == SIREN_SETTING_BLOCKS ? ((const siren_settings *)settings)->patch : field;
    const size_t n = SIREN_SETTING_CHARS,
                 n_bytes = s->type == SIREN_SETTING_BLOCKS ? sizeof(siren_block_kind) : field_bytes(s);
    if (s->unset && memcmp(field, zero, n_bytes) == 0)
        snprintf(out, n, "%s", s->unset);
    else if (s->type == SIREN_SETTING_MODEL)
        snprintf(out, n, "%s", *(const char *const *)field);
    else if (s->type == SIREN_SETTING_WEIGHTS)
        siren_weights_name(*(const unsigned *)field, out);
    else if (s->type == SIREN_SETTING_CHOICE)
        snprintf(out, n, "%s", s->names[*(const unsigned *)field]);
    else if (s->type == SIREN_SETTING_FLOAT)
        siren_number_format_float(*(const float *)field, out);
    else if (s->type == SIREN_SETTING_AXIS)
        snprintf(out, n, "%c", "xyz"[*(const siren_axis *)field]);
    else if (s->type == SIREN_SETTING_SPAN)
        snprintf(out, n, size[1] ? "%zu:%zu" : "%zu:", size[0], size[1]);
    else if (s->type != SIREN_SETTING_BLOCKS)
        snprintf(out, n, "%" PRIu64, siren_setting_get_integer(s, settings));
    else
        snprintf(out, n, *(const siren_block_kind *)field == SIREN_BLOCK_PATCH ? "%s:%zux%zux%zu" : "%s",
                 siren_block_kind_name(*(const siren_block_kind *)field, 1), size[0], size[1], size[2]);
    return out;
}

char *siren_setting_range(const siren_setting *s, char out[SIREN_SETTING_CHARS]) {
    const char *format = s->maximum < 0x1p64 ? "%.10g to %.10g" : "%.10g to 2^64 - 1";
    if (siren_setting_is_number(s))
        snprintf(out, SIREN_SETTING_CHARS, format, least_option(s), s->maximum);
    else
        snprintf(out, SIREN_SETTING_CHARS, "%s", s->values);
    return out;
}

/* ---- all of them ---- */

siren_settings siren_settings_defaults(void) {
    siren_settings settings = {.model = "", .patch = {16, 16, 16}};
    for (size_t i = 0; i < N_SETTINGS; i++)
        siren_setting_parse(&table[i], table[i].key, table[i].standard, &settings);
    settings.given = 0;
    return settings;
}

siren_status siren_settings_check(const siren_settings *settings) {
    siren_settings unused = *settings;
    char text[SIREN_SETTING_CHARS];
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (siren_setting_is_number(&table[i]) && table[i].share != SIREN_SHARE_BY_NETWORK)
            SIREN_TRY(siren_setting_parse(&table[i], table[i].key,
                                          siren_setting_format(&table[i], settings, text), &unused));
    return SIREN_OK;
}

#define MOST_LAYERS_BY_WIDTH 5

/* SOAP's rate where it was measured for each width (docs/fitting.md): a step changes what a layer puts out by about the
 * rate times the width, and more layers stand less of it. */
static float rate_by_width(uint32_t layers, uint32_t width) {
    return layers <= 3 ? fminf(12e-3f, 0.75f / (float)width) : fminf(6e-3f, 0.3f / (float)width);
}

/* Gradients of a part of the points are noisier, with a standard deviation that grows as this root
 * (docs/fitting.md). */
static float soap_rate(const siren_settings *s, bool by_width) {
    const float rate = by_width ? rate_by_width(s->layers, s->width) : 3e-3f;
    return s->minibatches > 1 ? rate / sqrtf((float)s->minibatches) : rate;
}

bool siren_settings_rate_by_width(const siren_settings *settings) {
    return settings->optimiser == SIREN_OPTIMISER_SOAP && settings->layers <= MOST_LAYERS_BY_WIDTH &&
           strcmp(settings->model, "siren-2d") == 0;
}

void siren_settings_widen(siren_settings *settings, uint32_t width) {
    settings->width = width;
    if (siren_settings_rate_by_width(settings) && !siren_setting_is_given(settings, "lr"))
        settings->rate = soap_rate(settings, true);
}

void siren_settings_resolve(siren_settings *settings, uint32_t n_inputs) {
    if (siren_model_has_acquisition(settings->model) && settings->blocks != SIREN_BLOCK_BY_MODEL)
        n_inputs = siren_block_inputs(settings->blocks);
    const bool soap = settings->optimiser == SIREN_OPTIMISER_SOAP,
               by_width = n_inputs == 2 && siren_settings_rate_by_width(settings);
    if (!(settings->rate > 0) && soap) settings->rate = soap_rate(settings, by_width);
    if (!(settings->rate > 0)) settings->rate = n_inputs == 2 ? 3e-4f : 2e-4f; /* the published ones */
    if (settings->blocks == SIREN_BLOCK_BY_MODEL)
        settings->blocks = n_inputs == 2 ? SIREN_BLOCK_SLICE : SIREN_BLOCK_VOLUME;
    if (settings->schedule == SIREN_SCHEDULE_AUTO)
        settings->schedule = !soap      ? SIREN_SCHEDULE_CONSTANT
                             : by_width ? SIREN_SCHEDULE_LINEAR
                                        : SIREN_SCHEDULE_COSINE;
    if (settings->warmup == 0) settings->warmup = soap ? 20 : 1;
    if (settings->until_gain > 0 && settings->gain_epochs == 0)
        settings->gain_epochs = settings->epochs < 20 ? 1 : settings->epochs / 20;
}
