/* The public options: everything that calls may want to know. */
#ifndef SIREN_ENGINE_OPTIONS_H
#define SIREN_ENGINE_OPTIONS_H

#include "engine/settings.h"

struct siren_options {
    siren_compress_options compress; /* what it points to is static or in `owned` */
    siren_span volumes;              /* of decompress */
    siren_progress_fn progress;
    void *user;
    char *owned[4];                 /* paths, in the order of the table of options.c */
    char text[SIREN_SETTING_CHARS]; /* what siren_options_get() gave last */
};

/* The default options, in the caller's struct; nothing is to be released. Returns `options`. */
const siren_options *siren_options_usual(siren_options *options);
/* Those of decompress. */
siren_decompress_options siren_options_decompress(const siren_options *options);

#endif
