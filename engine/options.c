#include "engine/options.h"

#include "engine/model/network.h"
#include "formats/number.h"
#include "host/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

siren_compress_options siren_compress_defaults(void) {
    return (siren_compress_options){.settings = siren_settings_defaults(), .memory_limit = SIZE_MAX};
}

const siren_options *siren_options_usual(siren_options *options) {
    *options = (siren_options){.compress = siren_compress_defaults()};
    return options;
}

siren_decompress_options siren_options_decompress(const siren_options *o) {
    return (siren_decompress_options){.slices = o->compress.settings.slices,
                                      .volumes = o->volumes,
                                      .overwrite = o->compress.overwrite,
                                      .plain_sidecar = o->plain_sidecar,
                                      .memory_limit = o->compress.memory_limit};
}

siren_status siren_options_create(siren_options **out) {
    siren_options *options = NULL;
    if (!out) return siren_fail(SIREN_USAGE, "siren_options_create: out must not be NULL");
    SIREN_TRY(siren_allocate(&options, 1, sizeof *options, "the options"));
    siren_options_usual(options);
    *out = options;
    return SIREN_OK;
}

void siren_options_free(siren_options *options) {
    if (!options) return;
    for (size_t i = 0; i < sizeof options->owned / sizeof *options->owned; i++) free(options->owned[i]);
    free(options);
}

/* ---- targets ---- */

static const char *const target_names[] = {"", "lossless", "max-error", "ratio", "size", "psnr", "noise"};
#define N_TARGETS (sizeof target_names / sizeof *target_names)

const char *siren_target_name(siren_target target) {
    return target > SIREN_TARGET_NONE && target < N_TARGETS ? target_names[target] : NULL;
}

siren_target siren_target_find(const char *key) {
    if (strcmp(key, "max_error") == 0) return SIREN_TARGET_MAX_ERROR;
    for (siren_target target = SIREN_TARGET_LOSSLESS; target < N_TARGETS; target++)
        if (strcmp(target_names[target], key) == 0) return target;
    return SIREN_TARGET_NONE;
}

#define MOST_AMOUNT 1e9

void siren_target_range(siren_target target, double *least, double *most) {
    const bool size = target == SIREN_TARGET_SIZE;
    *least = target == SIREN_TARGET_RATIO || size ? 1 : target == SIREN_TARGET_NOISE ? 1e-3 : 0;
    *most = size ? 0x1p53 : MOST_AMOUNT;
}

siren_status siren_target_parse(siren_target target, const char *what, const char *text,
                                siren_compress_options *o) {
    char number[64];
    size_t n = strlen(text), n_bytes = 0;
    bool percent = target == SIREN_TARGET_MAX_ERROR && n > 1 && n < sizeof number && text[n - 1] == '%';
    double amount = 0, least, most;
    siren_target_range(target, &least, &most);
    switch (target) {
    case SIREN_TARGET_LOSSLESS:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return siren_fail(SIREN_USAGE, "%s is '%s' but must be true or false", what, text);
        if (*text == 'f' && o->target == target) o->target = SIREN_TARGET_NONE;
        if (*text == 'f') return SIREN_OK;
        break;
    case SIREN_TARGET_SIZE:
        SIREN_TRY(siren_parse_bytes(what, text, least, most, &n_bytes));
        amount = (double)n_bytes;
        break;
    default:
        snprintf(number, sizeof number, "%.*s", percent ? (int)n - 1 : (int)sizeof number - 1, text);
        SIREN_TRY(siren_parse_real(what, percent ? number : text, least, percent ? 100 : most, &amount));
    }
    o->target = target;
    o->amount = amount;
    o->percent = percent;
    return SIREN_OK;
}

char *siren_target_format(const siren_compress_options *o, char out[SIREN_SETTING_CHARS]) {
    char number[SIREN_SETTING_CHARS];
    if (o->target == SIREN_TARGET_LOSSLESS)
        snprintf(out, SIREN_SETTING_CHARS, "true");
    else
        snprintf(out, SIREN_SETTING_CHARS, "%s%s", siren_number_format(o->amount, number),
                 o->percent ? "%" : "");
    return out;
}

/* ---- who meets a target ---- */

static bool model_is(const siren_compress_options *o, const char *model) {
    return strcmp(o->settings.model, model) == 0;
}

bool siren_model_is_network(const char *model) {
    return strcmp(model, SIREN_MODEL_AUTO) != 0 && strcmp(model, SIREN_MODEL_TRANSFORM) != 0 &&
           strcmp(model, SIREN_MODEL_PREDICTIVE) != 0;
}

static bool is_exact(siren_target target) {
    return target == SIREN_TARGET_LOSSLESS || target == SIREN_TARGET_MAX_ERROR;
}

siren_coding siren_options_coding(const siren_compress_options *o) {
    bool named = siren_setting_is_given(&o->settings, "model");
    if (model_is(o, SIREN_MODEL_TRANSFORM)) return SIREN_CODING_TRANSFORM;
    if (model_is(o, SIREN_MODEL_PREDICTIVE)) return SIREN_CODING_PREDICTIVE;
    if (siren_model_is_network(o->settings.model) && (named || o->target == SIREN_TARGET_NONE))
        return SIREN_CODING_NETWORK;
    return is_exact(o->target) ? SIREN_CODING_PREDICTIVE : SIREN_CODING_TRANSFORM;
}

bool siren_options_sized(const siren_compress_options *o) {
    return o->target != SIREN_TARGET_NONE && o->target != SIREN_TARGET_MAX_ERROR &&
           siren_options_coding(o) == SIREN_CODING_NETWORK;
}

/* A setting of training that was set from text; NULL where none was. */
static const char *given_training(const siren_compress_options *o) {
    static const char *const training[] = {"width",  "layers", "epochs", "lr",      "optimiser",  "schedule",
                                           "warmup", "beta1",  "beta2",  "refresh", "minibatches"};
    for (size_t i = 0; i < sizeof training / sizeof *training; i++)
        if (siren_setting_is_given(&o->settings, training[i])) return training[i];
    return NULL;
}

void siren_options_shape(siren_compress_options *o) {
    o->steps_open = false;
    if (!siren_options_sized(o) || !model_is(o, SIREN_USUAL_NETWORK) || given_training(o)) return;
    o->settings.layers = 5;
    o->settings.optimiser = SIREN_OPTIMISER_SOAP;
    o->settings.epochs = 500;
    o->steps_open = !siren_setting_is_given(&o->settings, "points_per_epoch");
}

#define LEAST_QUARTERED 16000 /* points: with fewer SOAP's own work takes what more steps gain */

void siren_options_pace(const siren_compress_options *o, size_t n_points, siren_settings *settings) {
    if (!o->steps_open || n_points < 2 * SIREN_LEAST_MINIBATCH) return;
    settings->minibatches = n_points < LEAST_QUARTERED ? 2 : 4;
    settings->epochs *= settings->minibatches;
    if (!siren_setting_is_given(settings, "gain_epochs")) settings->gain_epochs *= settings->minibatches;
    siren_settings_widen(settings, settings->width);
}

bool siren_options_weights_open(const siren_compress_options *o) {
    return siren_options_sized(o) && model_is(o, SIREN_USUAL_NETWORK) && !given_training(o) &&
           !siren_setting_is_given(&o->settings, "weights") && !siren_setting_is_given(&o->settings, "taper");
}

siren_status siren_options_settle(siren_compress_options *o) {
    const char *given = given_training(o), *name;
    const siren_setting *model = siren_setting_find("model");
    if (o->volume_coordinates && !siren_model_has_acquisition(o->settings.model))
        return siren_fail(SIREN_USAGE,
                          "--volume-coordinates are for model siren-nd, not for %s: leave out one of them",
                          o->settings.model);
    bool network = siren_model_is_network(o->settings.model);
    if (o->target == SIREN_TARGET_NONE && network && given) return SIREN_OK; /* as published */
    if (o->target == SIREN_TARGET_NONE && model_is(o, SIREN_MODEL_PREDICTIVE)) {
        o->target = SIREN_TARGET_LOSSLESS;
    } else if (o->target == SIREN_TARGET_NONE) {
        o->target = SIREN_TARGET_RATIO;
        o->amount = SIREN_USUAL_RATIO;
        if (network && !siren_setting_is_given(&o->settings, "model"))
            SIREN_TRY(siren_setting_parse(model, model->key, SIREN_USUAL_NETWORK, &o->settings));
    }
    name = siren_target_name(o->target);
    siren_coding coding = siren_options_coding(o);
    if (coding == SIREN_CODING_NETWORK &&
        (o->target == SIREN_TARGET_LOSSLESS || o->target == SIREN_TARGET_NOISE))
        return siren_fail(SIREN_USAGE, "--%s is not met by networks: leave out --model %s", name,
                          o->settings.model);
    if (coding == SIREN_CODING_TRANSFORM && o->target == SIREN_TARGET_LOSSLESS)
        return siren_fail(SIREN_USAGE,
                          "--%s is not met by the transform: leave out --model, or give predictive", name);
    if (coding == SIREN_CODING_PREDICTIVE && !is_exact(o->target) && o->target != SIREN_TARGET_NOISE)
        return siren_fail(SIREN_USAGE,
                          "--%s is not met by model predictive, which meets lossless, max-error and "
                          "noise: leave out --model, or give auto",
                          name);
    if (coding != SIREN_CODING_NETWORK && given) {
        const bool met = o->target != SIREN_TARGET_LOSSLESS && o->target != SIREN_TARGET_NOISE;
        return siren_fail(SIREN_USAGE, "--%s is of networks, but %s%s has none: leave it out%s", given,
                          model_is(o, SIREN_MODEL_AUTO) ? "model " : "--",
                          model_is(o, SIREN_MODEL_AUTO) ? "auto" : name,
                          met ? ", or give --model " SIREN_USUAL_NETWORK : "");
    }
    if (siren_options_sized(o) && siren_setting_is_given(&o->settings, "width"))
        return siren_fail(SIREN_USAGE,
                          "--width and --%s contradict each other: the target tells the width; leave "
                          "out one of them",
                          name);
    siren_options_shape(o);
    return SIREN_OK;
}

/* ---- what has no row among the settings ---- */

typedef enum { PATH, BYTES, SPAN, FLAG, TARGET } other_type;
static const struct {
    const char *key;
    other_type type;
    size_t offset; /* in siren_options */
    const char *help;
} others[] = {
#define COMPRESS(field) offsetof(siren_options, compress.field)
    {"bval", PATH, COMPRESS(bval), "file of b-values to attach; else the one beside the image"},
    {"bvec", PATH, COMPRESS(bvec), "file of directions to attach; else the one beside the image"},
    {"sidecar", PATH, COMPRESS(sidecar), "JSON sidecar to attach; else the one beside the image"},
    {"mask", PATH, COMPRESS(mask),
     "3-D image whose voxels other than 0 count; auto: made by MRtrix3's dwi2mask"},
    {"volume_coordinates", PATH, COMPRESS(volume_coordinates),
     "table with a row of coordinates for each volume, which model siren-nd learns in"},
    {"volumes", SPAN, offsetof(siren_options, volumes), "volumes to restore, a:b counted from 0"},
    {"memory", BYTES, COMPRESS(memory_limit), "memory that may be used, like 16G"},
    {"lossless", TARGET, 0, "true: every bit is kept"},
    {"max_error", TARGET, 0, "largest error of a stored value, or E% of their range"},
    {"ratio", TARGET, 0, "least ratio of stored voxels to the whole file"},
    {"size", TARGET, 0, "most bytes of the whole file, like 2M"},
    {"psnr", TARGET, 0, "least mean PSNR of the slices in dB"},
    {"noise", TARGET, 0, "root mean square error in units of the noise's sigma, which is estimated"},
    {"without_tail", FLAG, COMPRESS(without_tail),
     "whether bytes after the voxels are left out: true or false"},
    {"anonymise", FLAG, offsetof(siren_options, anonymise),
     "true: texts and extensions of the header, bytes after the voxels and what identifies in the JSON "
     "sidecar are not stored"},
    {"resume", FLAG, COMPRESS(resume),
     "true: finished blocks are kept in OUT.part until OUT is complete, and those found there taken"},
    {"force", FLAG, COMPRESS(overwrite), "whether files that exist are replaced: true or false"},
    {"plain_sidecar", FLAG, offsetof(siren_options, plain_sidecar),
     "whether a restored JSON sidecar is as it was, without a word of lossy compression: true or false"},
#undef COMPRESS
};
#define N_OTHERS (sizeof others / sizeof *others)

static size_t find_other(const char *key) {
    size_t i = 0;
    while (i < N_OTHERS && strcmp(key, others[i].key) != 0) i++;
    return i;
}

/* At most one target holds: the one that was set last. */
static siren_status set_target(siren_compress_options *o, const char *key, const char *value) {
    if (strcmp(value, "none") != 0) return siren_target_parse(siren_target_find(key), key, value, o);
    if (o->target == siren_target_find(key)) o->target = SIREN_TARGET_NONE;
    return SIREN_OK;
}

static siren_status set_other(siren_options *options, size_t i, const char *value) {
    void *field = (char *)options + others[i].offset;
    bool none = !*value || strcmp(value, "all") == 0;
    char *copy = NULL;
    switch (others[i].type) {
    case PATH:
        if (*value && !(copy = strdup(value)))
            return siren_fail(SIREN_SYSTEM, "out of memory: option %s", others[i].key);
        free(options->owned[i]);
        options->owned[i] = copy;
        *(const char **)field = copy;
        return SIREN_OK;
    case BYTES:
        if (!none) return siren_parse_bytes(others[i].key, value, 0x1p20, 0x1p62, field);
        *(size_t *)field = SIZE_MAX;
        return SIREN_OK;
    case SPAN:
        if (!none) return siren_parse_span(others[i].key, value, field);
        *(siren_span *)field = (siren_span){0};
        return SIREN_OK;
    case FLAG:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return siren_fail(SIREN_USAGE, "%s is '%s' but must be true or false", others[i].key, value);
        *(bool *)field = *value == 't';
        return SIREN_OK;
    case TARGET:
        return set_target(&options->compress, others[i].key, value);
    }
    return SIREN_OK;
}

static const char *get_other(siren_options *options, size_t i) {
    const void *field = (const char *)options + others[i].offset;
    const siren_span *span = field;
    char *text = options->text;
    switch (others[i].type) {
    case PATH:
        return options->owned[i] ? options->owned[i] : "";
    case BYTES:
        snprintf(text, sizeof options->text, "%zu", *(const size_t *)field);
        return *(const size_t *)field == SIZE_MAX ? "all" : text;
    case SPAN:
        snprintf(text, sizeof options->text, span->end ? "%zu:%zu" : "%zu:", span->begin, span->end);
        return span->begin || span->end ? text : "all";
    case FLAG:
        return *(const bool *)field ? "true" : "false";
    case TARGET:
        if (options->compress.target != siren_target_find(others[i].key)) return "none";
        return siren_target_format(&options->compress, text);
    }
    return "";
}

/* ---- all ---- */

/* The nth key; NULL behind the last. Settings that belong to experiments alone are none. */
static const char *key_at(size_t nth, const char **unit, const char **help) {
    const siren_setting *s;
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        if (s->option && nth-- == 0) {
            *unit = s->unit;
            *help = s->help;
            return s->key;
        }
    if (nth >= N_OTHERS) return NULL;
    *unit = NULL;
    *help = others[nth].help;
    return others[nth].key;
}

static siren_status unknown(const char *key) {
    const char *names[SIREN_MAX_SETTINGS + N_OTHERS], *unit, *help;
    size_t n = 0;
    while ((names[n] = key_at(n, &unit, &help))) n++;
    const char *nearest = siren_nearest_name(key, names, n);
    return siren_fail(SIREN_USAGE, "there is no option '%.64s'%s%s%s; docs/api.md lists them", key,
                      nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
}

siren_status siren_options_set(siren_options *options, const char *key, const char *value) {
    if (!options || !key || !value)
        return siren_fail(SIREN_USAGE, "siren_options_set: options, key and value must not be NULL");
    const siren_setting *s = siren_setting_find(key);
    if (s && s->option) return siren_setting_parse(s, s->key, value, &options->compress.settings);
    size_t i = find_other(key);
    return i < N_OTHERS ? set_other(options, i, value) : unknown(key);
}

siren_status siren_options_get(siren_options *options, const char *key, const char **value) {
    if (!options || !key || !value)
        return siren_fail(SIREN_USAGE, "siren_options_get: options, key and value must not be NULL");
    const siren_setting *s = siren_setting_find(key);
    size_t i = find_other(key);
    if (s && s->option)
        *value = siren_setting_format(s, &options->compress.settings, options->text);
    else if (i < N_OTHERS)
        *value = get_other(options, i);
    else
        return unknown(key);
    return SIREN_OK;
}

siren_status siren_options_visit(siren_options *options,
                                 void (*visit)(void *user, const char *key, const char *value,
                                               const char *help),
                                 void *user) {
    const char *key, *value, *unit, *help;
    char sentence[256];
    if (!options || !visit)
        return siren_fail(SIREN_USAGE, "siren_options_visit: options and visit must not be NULL");
    for (size_t i = 0; (key = key_at(i, &unit, &help)); i++) {
        SIREN_TRY(siren_options_get(options, key, &value));
        snprintf(sentence, sizeof sentence, "%s%s%s", unit ? unit : "", unit ? " " : "", help);
        visit(user, key, value, sentence);
    }
    return SIREN_OK;
}

siren_status siren_options_set_progress(siren_options *options, siren_progress_fn progress, void *user) {
    if (!options) return siren_fail(SIREN_USAGE, "siren_options_set_progress: options must not be NULL");
    options->progress = progress;
    options->user = user;
    return SIREN_OK;
}
