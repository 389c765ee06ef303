/* The public options: everything that calls may want to know. */
#ifndef SIREN_ENGINE_OPTIONS_H
#define SIREN_ENGINE_OPTIONS_H

#include "engine/settings.h"

struct siren_options {
    siren_compress_options compress; /* what it points to is static or in `owned` */
    siren_span volumes;              /* of decompress, */
    bool plain_sidecar;              /* too */
    siren_progress_fn progress;
    void *user;
    char *owned[4];                 /* paths, in the order of the table of options.c */
    char text[SIREN_SETTING_CHARS]; /* what siren_options_get() gave last */
};

/* What an archive without networks is made for. */
typedef enum {
    SIREN_TARGET_NONE,
    SIREN_TARGET_LOSSLESS,
    SIREN_TARGET_MAX_ERROR,
    SIREN_TARGET_RATIO,
    SIREN_TARGET_PSNR
} siren_target;
#define SIREN_TARGET_MOST 1e9
/* The target of a name, "max_error" or "max-error"; the least number that it takes. */
siren_target siren_target_find(const char *key);
double siren_target_least(siren_target target);
siren_target siren_target_of(const siren_compress_options *options);
/* In the place of any other. */
void siren_target_set(siren_compress_options *options, siren_target target, double value);

/* The default options, in the caller's struct; nothing is to be released. Returns `options`. */
const siren_options *siren_options_usual(siren_options *options);
/* Those of decompress. */
siren_decompress_options siren_options_decompress(const siren_options *options);

#endif
