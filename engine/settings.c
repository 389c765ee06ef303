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

/* To add a setting: a field of siren_settings, a row here, and what uses it; then tests/unit_settings --write. */
static const siren_setting table[] = {
    {.key = "model",
     .option = "model",
     .argument = "NAME",
     .type = SIREN_SETTING_MODEL,
     .offset = AT(model),
     .standard = "siren-2d",
     .help = "kind of network",
     .provenance = "model",
     .share = SIREN_SHARE_BY_NETWORK},
    {.key = "layers",
     .option = "layers",
     .argument = "N",
     .type = SIREN_SETTING_UINT32,
     .offset = AT(layers),
     .minimum = 1,
     .maximum = SIREN_MAX_LAYERS - 1,
     .standard = "3",
     .unit = "hidden layers",
     .help = "as the model's name counts them",
     .share = SIREN_SHARE_BY_NETWORK},
    {.key = "width",
     .option = "width",
     .argument = "N",
     .type = SIREN_SETTING_UINT32,
     .offset = AT(width),
     .minimum = 1,
     .maximum = SIREN_MAX_WIDTH,
     .least_option = 16,
     .standard = "256",
     .unit = "units",
     .help = "of a hidden layer; multiples of 16 waste nothing",
     .share = SIREN_SHARE_BY_NETWORK},
    {.key = "weights",
     .option = "weights",
     .argument = "TYPE",
     .type = SIREN_SETTING_WEIGHTS,
     .offset = AT(weight_bits),
     .standard = "int8",
     .help = "how parameters are stored",
     .share = SIREN_SHARE_TRAINING,
     .suffix = "-",
     .flags = SIREN_SETTING_NAMED},
    {.key = "seed",
     .option = "seed",
     .argument = "N",
     .type = SIREN_SETTING_UINT64,
     .offset = AT(seed),
     .maximum = 0x1p64,
     .standard = "0",
     .help = "of the initial parameters",
     .provenance = "seed",
     .share = SIREN_SHARE_BATCH,
     .suffix = "-seed",
     .flags = SIREN_SETTING_NAMED},
    {.key = "lr",
     .option = "lr",
     .argument = "X",
     .type = SIREN_SETTING_FLOAT,
     .offset = AT(rate),
     .minimum = 1e-12,
     .maximum = 1,
     .standard = "auto",
     .unset = "auto",
     .help = "Adam's learning rate; auto: 3e-4 for slices, 2e-4 for volumes and patches",
     .provenance = "rate",
     .share = SIREN_SHARE_BATCH,
     .suffix = "-lr"},
    {.key = "w0",
     .option = "w0",
     .argument = "X",
     .type = SIREN_SETTING_FLOAT,
     .offset = AT(w0),
     .minimum = SIREN_MIN_W0,
     .maximum = SIREN_MAX_W0,
     .standard = "30",
     .help = "frequency of the sine layers",
     .share = SIREN_SHARE_BY_NETWORK,
     .suffix = "-w0_",
     .flags = SIREN_SETTING_IN_LAYERS},
    {.key = "blocks",
     .option = "blocks",
     .argument = "KIND",
     .type = SIREN_SETTING_BLOCKS,
     .offset = AT(blocks),
     .standard = "auto",
     .unset = "auto",
     .help = "what one network stands for; auto: slices for 2-D models, the volume for siren-3d",
     .suffix = "-"},
    {.key = "axis",
     .type = SIREN_SETTING_AXIS,
     .offset = AT(axis),
     .standard = "z",
     .help = "what slices are counted along",
     .suffix = "-axis"},
    {.key = "slices",
     .option = "slices",
     .argument = "A:B",
     .type = SIREN_SETTING_SPAN,
     .offset = AT(slices),
     .standard = "all",
     .unset = "all",
     .help = "slices to compress",
     .suffix = "-slices"},
    {.key = "epochs",
     .option = "epochs",
     .argument = "N",
     .type = SIREN_SETTING_SIZE,
     .offset = AT(epochs),
     .minimum = 1,
     .maximum = 10000000,
     .standard = "2000",
     .unit = "steps",
     .help = "of Adam",
     .provenance = "epochs",
     .suffix = "-epochs"},
    {.key = "points_per_epoch",
     .option = "points-per-epoch",
     .argument = "N",
     .type = SIREN_SETTING_SIZE,
     .offset = AT(points_per_epoch),
     .minimum = 1,
     .maximum = SIREN_MAX_POINTS,
     .standard = "all",
     .unset = "all",
     .unit = "points",
     .help = "of a block that a step sees, drawn in random turns",
     .provenance = "points_per_epoch",
     .suffix = "-points",
     .flags = SIREN_SETTING_LATE},
};
_Static_assert(sizeof table / sizeof *table <= SIREN_MAX_SETTINGS, "raise SIREN_MAX_SETTINGS");

const siren_setting *siren_setting_at(size_t i) {
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const siren_setting *siren_setting_find(const char *key) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t k = 0;
        while (key[k] && table[i].key[k] == (key[k] == '-' ? '_' : key[k])) k++;
        if (key[k] == '\0' && table[i].key[k] == '\0') return &table[i];
    }
    return NULL;
}

/* ---- the field ---- */

static void *field_of(const siren_setting *s, void *settings) { return (char *)settings + s->offset; }
static const void *field_in(const siren_setting *s, const siren_settings *settings) {
    return (const char *)settings + s->offset;
}

static size_t field_bytes(siren_setting_type type) {
    static const size_t bytes[] = {
        [SIREN_SETTING_MODEL] = sizeof(const char *),   [SIREN_SETTING_WEIGHTS] = sizeof(unsigned),
        [SIREN_SETTING_UINT32] = sizeof(uint32_t),      [SIREN_SETTING_SIZE] = sizeof(size_t),
        [SIREN_SETTING_UINT64] = sizeof(uint64_t),      [SIREN_SETTING_FLOAT] = sizeof(float),
        [SIREN_SETTING_BLOCKS] = AT(axis) - AT(blocks), [SIREN_SETTING_AXIS] = sizeof(siren_axis),
        [SIREN_SETTING_SPAN] = sizeof(siren_span)};
    return bytes[type];
}

bool siren_setting_is_number(const siren_setting *s) {
    return s->type >= SIREN_SETTING_UINT32 && s->type <= SIREN_SETTING_FLOAT;
}

/* Of the whole numbers. */
uint64_t siren_setting_get_integer(const siren_setting *s, const siren_settings *settings) {
    const void *field = field_in(s, settings);
    if (s->type == SIREN_SETTING_UINT32) return *(const uint32_t *)field;
    return s->type == SIREN_SETTING_SIZE ? *(const size_t *)field : *(const uint64_t *)field;
}

void siren_setting_put_integer(const siren_setting *s, uint64_t value, void *settings) {
    void *field = field_of(s, settings);
    if (s->type == SIREN_SETTING_UINT32)
        *(uint32_t *)field = (uint32_t)value;
    else if (s->type == SIREN_SETTING_SIZE)
        *(size_t *)field = (size_t)value;
    else
        *(uint64_t *)field = value;
}

static bool is_unset(const siren_setting *s, const siren_settings *settings) {
    static const siren_settings zero = {.model = ""};
    return s->unset && siren_setting_compare(s, settings, &zero) == 0;
}

int siren_setting_compare(const siren_setting *s, const siren_settings *a, const siren_settings *b) {
    if (s->type == SIREN_SETTING_MODEL) return strcmp(a->model, b->model);
    bool boxes = a->blocks == SIREN_BLOCK_PATCH && b->blocks == SIREN_BLOCK_PATCH;
    size_t n = s->type == SIREN_SETTING_BLOCKS && !boxes ? sizeof a->blocks : field_bytes(s->type);
    if (s->type == SIREN_SETTING_BLOCKS && boxes) return memcmp(a->patch, b->patch, sizeof a->patch);
    return memcmp(field_in(s, a), field_in(s, b), n);
}

int siren_settings_compare(const siren_settings *a, const siren_settings *b, siren_setting_share most) {
    int difference = 0;
    for (size_t i = 0; difference == 0 && i < sizeof table / sizeof *table; i++)
        if (table[i].share <= most) difference = siren_setting_compare(&table[i], a, b);
    return difference;
}

void siren_setting_copy(const siren_setting *s, const siren_settings *from, siren_settings *to) {
    memcpy(field_of(s, to), field_in(s, from), field_bytes(s->type));
}

bool siren_setting_is_untold(const siren_setting *s, const siren_settings *settings) {
    const siren_settings standard = siren_settings_defaults();
    return s->flags & SIREN_SETTING_LATE && siren_setting_compare(s, settings, &standard) == 0;
}

/* ---- numbers and ranges as text ---- */

static siren_status out_of_range(const char *what, const char *text, double minimum, double maximum) {
    return siren_fail(SIREN_USAGE, "%s is %s but must be from %.10g to %.10g", what, text, minimum, maximum);
}

/* strtoull would take "-1" and " 1". */
siren_status siren_parse_integer(const char *what, const char *text, double minimum, double maximum,
                                 uint64_t *out) {
    const char *end = text;
    while (isdigit((unsigned char)*end)) end++;
    if (end == text || *end != '\0')
        return siren_fail(SIREN_USAGE, "%s is '%s' but must be a whole number from %.10g to %.10g", what,
                          text, minimum, maximum);
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10);
    if (errno == ERANGE || (double)value < minimum || (double)value > maximum)
        return out_of_range(what, text, minimum, maximum);
    *out = value;
    return SIREN_OK;
}

siren_status siren_parse_real(const char *what, const char *text, double minimum, double maximum,
                              double *out) {
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || isspace((unsigned char)*text) || isnan(value))
        return siren_fail(SIREN_USAGE, "%s is '%s' but must be a number from %.10g to %.10g", what, text,
                          minimum, maximum);
    if (value < minimum || value > maximum) return out_of_range(what, text, minimum, maximum);
    *out = value;
    return SIREN_OK;
}

siren_status siren_parse_bytes(const char *what, const char *text, double minimum, double maximum,
                               size_t *out) {
    char *end = NULL;
    double value = isdigit((unsigned char)*text) ? strtod(text, &end) : NAN;
    const char *suffixes = "KMGT", *suffix;
    if (end && *end && (suffix = strchr(suffixes, toupper((unsigned char)*end)))) {
        value = ldexp(value, 10 * (int)(suffix - suffixes + 1));
        end += strncmp(end + 1, "iB", 2) == 0 ? 3 : end[1] == 'B' ? 2 : 1;
    }
    if (!isfinite(value) || !end || *end != '\0')
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
        numbers = siren_parse_integer(what, text, 0, 0x1p53, &begin) == SIREN_OK;
        end = begin + 1;
    } else if (numbers) {
        strcpy(copy, text);
        copy[colon - text] = '\0';
        const char *last = copy + (colon - text) + 1;
        if (*copy) numbers = siren_parse_integer(what, copy, 0, 0x1p53, &begin) == SIREN_OK;
        if (*last && numbers) {
            numbers = siren_parse_integer(what, last, 0, 0x1p53, &end) == SIREN_OK;
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

/* "slice", "volume" or "patch:16x16x16". */
static bool parse_blocks(const char *text, siren_settings *out) {
    size_t size[3] = {0}, n = 0;
    for (siren_block_kind kind = SIREN_BLOCK_SLICE; kind <= SIREN_BLOCK_VOLUME; kind++)
        if (strcmp(text, siren_block_kind_name(kind, 1)) == 0) {
            out->blocks = kind;
            return true;
        }
    const char *at = strncmp(text, "patch:", 6) == 0 ? text + 6 : "";
    while (n < 3 && isdigit((unsigned char)*at)) {
        char *end = NULL;
        size[n++] = strtoull(at, &end, 10);
        at = *end == 'x' && n < 3 ? end + 1 : end;
    }
    if (n != 3 || *at != '\0' || size[0] == 0 || size[1] == 0 || size[2] == 0) return false;
    out->blocks = SIREN_BLOCK_PATCH;
    memcpy(out->patch, size, sizeof size);
    return true;
}

static bool parse_model(const char *text, siren_settings *out) {
    size_t i = 0;
    while (siren_model_name(i) && strcmp(siren_model_name(i), text) != 0) i++;
    if (siren_model_name(i)) out->model = siren_model_name(i);
    return siren_model_name(i) != NULL;
}

static bool parse_axis(const char *text, siren_settings *out) {
    const char *axis = strlen(text) == 1 ? strchr("xyz", *text) : NULL;
    if (axis) out->axis = (siren_axis)(*axis - 'x');
    return axis != NULL;
}

siren_status siren_setting_parse(const siren_setting *s, const char *what, const char *text, void *settings) {
    char range[SIREN_SETTING_CHARS];
    double least = s->least_option > 0 ? s->least_option : s->minimum, real = 0;
    uint64_t integer = 0;
    bool known = true;
    if (s->unset && (strcmp(text, s->unset) == 0 || (siren_setting_is_number(s) && strcmp(text, "0") == 0))) {
        memset(field_of(s, settings), 0,
               s->type == SIREN_SETTING_BLOCKS ? sizeof(siren_block_kind) : field_bytes(s->type));
        return SIREN_OK;
    }
    switch (s->type) {
    case SIREN_SETTING_MODEL:
        known = parse_model(text, settings);
        break;
    case SIREN_SETTING_WEIGHTS:
        known = siren_weights_parse(text, field_of(s, settings));
        break;
    case SIREN_SETTING_BLOCKS:
        known = parse_blocks(text, settings);
        break;
    case SIREN_SETTING_AXIS:
        known = parse_axis(text, settings);
        break;
    case SIREN_SETTING_SPAN:
        return siren_parse_span(what, text, field_of(s, settings));
    case SIREN_SETTING_FLOAT:
        SIREN_RETURN_IF_FAILED(siren_parse_real(what, text, least, s->maximum, &real));
        *(float *)field_of(s, settings) = (float)real;
        break;
    default:
        SIREN_RETURN_IF_FAILED(siren_parse_integer(what, text, least, s->maximum, &integer));
        siren_setting_put_integer(s, integer, settings);
    }
    if (known) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s is '%s' but must be %s", what, text, siren_setting_range(s, range));
}

char *siren_setting_format(const siren_setting *s, const siren_settings *settings,
                           char out[SIREN_SETTING_CHARS]) {
    const size_t n = SIREN_SETTING_CHARS;
    if (is_unset(s, settings)) {
        snprintf(out, n, "%s", s->unset);
        return out;
    }
    switch (s->type) {
    case SIREN_SETTING_MODEL:
        snprintf(out, n, "%s", settings->model);
        break;
    case SIREN_SETTING_WEIGHTS:
        return siren_weights_name(settings->weight_bits, out);
    case SIREN_SETTING_FLOAT:
        return siren_number_format_float(*(const float *)field_in(s, settings), out);
    case SIREN_SETTING_BLOCKS:
        if (settings->blocks == SIREN_BLOCK_PATCH)
            snprintf(out, n, "patch:%zux%zux%zu", settings->patch[0], settings->patch[1], settings->patch[2]);
        else
            snprintf(out, n, "%s", siren_block_kind_name(settings->blocks, 1));
        break;
    case SIREN_SETTING_AXIS:
        snprintf(out, n, "%c", "xyz"[settings->axis]);
        break;
    case SIREN_SETTING_SPAN:
        snprintf(out, n, settings->slices.end ? "%zu:%zu" : "%zu:", settings->slices.begin,
                 settings->slices.end);
        break;
    default:
        snprintf(out, n, "%" PRIu64, siren_setting_get_integer(s, settings));
    }
    return out;
}

char *siren_setting_range(const siren_setting *s, char out[SIREN_SETTING_CHARS]) {
    static const char *const ranges[] = {
        [SIREN_SETTING_WEIGHTS] = "float32 or one of int6 to int12",
        [SIREN_SETTING_BLOCKS] =
            "slice, volume, or patch:XxYxZ with the voxels of a patch, like patch:16x16x16",
        [SIREN_SETTING_AXIS] = "x, y or z",
        [SIREN_SETTING_SPAN] = "A:B, counted from 0 and without B"};
    const size_t n = SIREN_SETTING_CHARS;
    double least = s->least_option > 0 ? s->least_option : s->minimum;
    size_t length = 0;
    if (siren_setting_is_number(s) && s->maximum >= 0x1p64)
        snprintf(out, n, "%.0f to %" PRIu64, least, UINT64_MAX);
    else if (siren_setting_is_number(s))
        snprintf(out, n, "%.10g to %.10g", least, s->maximum);
    else if (s->type != SIREN_SETTING_MODEL)
        snprintf(out, n, "%s", ranges[s->type]);
    else
        for (size_t i = 0; siren_model_name(i) && length < n; i++)
            length += (size_t)snprintf(out + length, n - length, "%s%s",
                                       i == 0                    ? ""
                                       : siren_model_name(i + 1) ? ", "
                                                                 : " or ",
                                       siren_model_name(i));
    return out;
}

/* ---- all of them ---- */

siren_settings siren_settings_defaults(void) {
    siren_settings settings = {.model = "", .patch = {16, 16, 16}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        siren_setting_parse(&table[i], table[i].key, table[i].standard, &settings);
    return settings;
}

siren_status siren_settings_check(const siren_settings *settings) {
    siren_settings unused = *settings;
    char text[SIREN_SETTING_CHARS];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (siren_setting_is_number(&table[i]) && table[i].share != SIREN_SHARE_BY_NETWORK)
            SIREN_RETURN_IF_FAILED(siren_setting_parse(
                &table[i], table[i].key, siren_setting_format(&table[i], settings, text), &unused));
    return SIREN_OK;
}

void siren_settings_resolve(siren_settings *settings, uint32_t n_inputs) {
    if (!(settings->rate > 0)) settings->rate = n_inputs == 2 ? 3e-4f : 2e-4f; /* the published ones */
    if (settings->blocks == SIREN_BLOCK_BY_MODEL)
        settings->blocks = n_inputs == 2 ? SIREN_BLOCK_SLICE : SIREN_BLOCK_VOLUME;
}
