#include "engine/options.h"

#include "formats/number.h"
#include "host/names.h"

#include <fnmatch.h>
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

siren_target siren_target_find(const char *key) {
    static const char *const names[] = {"", "lossless", "max?error", "ratio", "psnr"};
    for (siren_target target = SIREN_TARGET_LOSSLESS; target <= SIREN_TARGET_PSNR; target++)
        if (fnmatch(names[target], key, 0) == 0) return target;
    return SIREN_TARGET_NONE;
}

double siren_target_least(siren_target target) { return target == SIREN_TARGET_RATIO ? 1 : 0; }

siren_target siren_target_of(const siren_compress_options *o) {
    if (o->coding == SIREN_CODING_NETWORK) return SIREN_TARGET_NONE;
    if (o->coding == SIREN_CODING_TRANSFORM) return o->ratio > 0 ? SIREN_TARGET_RATIO : SIREN_TARGET_PSNR;
    return o->max_error > 0 ? SIREN_TARGET_MAX_ERROR : SIREN_TARGET_LOSSLESS;
}

void siren_target_set(siren_compress_options *o, siren_target target, double value) {
    o->coding = target == SIREN_TARGET_NONE   ? SIREN_CODING_NETWORK
                : target < SIREN_TARGET_RATIO ? SIREN_CODING_PREDICTIVE
                                              : SIREN_CODING_TRANSFORM;
    o->max_error = target == SIREN_TARGET_MAX_ERROR ? value : 0;
    o->ratio = target == SIREN_TARGET_RATIO ? value : 0;
    o->psnr = target == SIREN_TARGET_PSNR ? value : 0;
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
    {"volumes", SPAN, offsetof(siren_options, volumes), "volumes to restore, a:b counted from 0"},
    {"memory", BYTES, COMPRESS(memory_limit), "memory that may be used, like 16G"},
    {"lossless", TARGET, 0, "true: every bit is kept, without networks"},
    {"max_error", TARGET, COMPRESS(max_error), "largest error of a stored value, without networks"},
    {"ratio", TARGET, COMPRESS(ratio), "least ratio of stored voxels to the whole file, by the transform"},
    {"psnr", TARGET, COMPRESS(psnr), "least mean PSNR of the slices in dB, by the transform"},
    {"without_tail", FLAG, COMPRESS(without_tail),
     "whether bytes after the voxels are left out: true or false"},
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
    siren_target target = siren_target_find(key);
    double number = 0;
    if (strcmp(value, "none") == 0 || (target == SIREN_TARGET_LOSSLESS && strcmp(value, "false") == 0)) {
        if (siren_target_of(o) == target) siren_target_set(o, SIREN_TARGET_NONE, 0);
        return SIREN_OK;
    }
    if (target == SIREN_TARGET_LOSSLESS && strcmp(value, "true") != 0)
        return siren_fail(SIREN_USAGE, "%s is '%s' but must be true or false", key, value);
    if (target != SIREN_TARGET_LOSSLESS)
        SIREN_TRY(siren_parse_real(key, value, siren_target_least(target), SIREN_TARGET_MOST, &number));
    siren_target_set(o, target, number);
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
        if (siren_target_of(&options->compress) != siren_target_find(others[i].key)) return "none";
        return others[i].offset ? siren_number_format(*(const double *)field, text) : "true";
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
