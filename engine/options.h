/* The public options: everything that calls may want to know. */
#ifndef SIREN_ENGINE_OPTIONS_H
#define SIREN_ENGINE_OPTIONS_H

#include "engine/settings.h"

struct siren_options {
    siren_compress_options compress; /* what it points to is static or in `owned` */
    siren_span volumes;              /* of decompress, */
    bool plain_sidecar;              /* too */
    bool anonymise; /* what is stored; siren_compress() makes the list of what was taken out */
    siren_progress_fn progress;
    void *user;
    char *owned[5];                 /* paths, in the order of the table of options.c */
    char text[SIREN_SETTING_CHARS]; /* what siren_options_get() gave last */
};

/* "max-error"; NULL where there is none, or no more. Static. */
const char *siren_target_name(siren_target target);
/* The target of a name, "max_error" or "max-error". */
siren_target siren_target_find(const char *key);
/* What amounts there are of one that is a number. */
void siren_target_range(siren_target target, double *least, double *most);
/* Sets a target from text, in the place of any other: "5" or "2%" of max-error, "2M" of a size, else a number; of
 * lossless "true" or "false". USAGE names `what`, text and range. */
siren_status siren_target_parse(siren_target target, const char *what, const char *text,
                                siren_compress_options *options);
/* As siren_target_parse() reads it, into `out`, which it returns. */
char *siren_target_format(const siren_compress_options *options, char out[SIREN_SETTING_CHARS]);

/* Whether the model names networks; auto does not. */
bool siren_model_is_network(const char *model);
/* Makes the choices of a user who left them open: without target and without settings of training, a ratio of 10; with
 * a target and without a model, the one that meets it best in little time. USAGE for what contradicts each other. */
#define SIREN_USUAL_RATIO 10
#define SIREN_USUAL_NETWORK "siren-2d"
siren_status siren_options_settle(siren_compress_options *options);
/* How siren-2d is trained where a target tells its width and the user nothing of its training: deeper than published,
 * and by SOAP in a quarter of the epochs, which is better at equal bytes (docs/fitting.md, Shapes). Other networks stay
 * as published:
 * a ReLU at the end may die under SOAP. */
void siren_options_shape(siren_compress_options *options);
/* Where they are trained so: as many passes over the points by more steps, halves of blocks of twice
 * SIREN_LEAST_MINIBATCH points or more, quarters of large ones. `n_points`: of the largest block; `settings`: those of
 * the options, resolved. */
void siren_options_pace(const siren_compress_options *options, size_t n_points, siren_settings *settings);
/* Whether such networks are sized and nothing is said of their weights: then their bits are chosen
 * (siren_size_networks()). */
bool siren_options_weights_open(const siren_compress_options *options);
/* What is coded, of options that are settled or were set as a struct; of auto, what is tried first. */
siren_coding siren_options_coding(const siren_compress_options *options);
/* Whether layers and width follow from a target. */
bool siren_options_sized(const siren_compress_options *options);

/* The default options, in the caller's struct; nothing is to be released. Returns `options`. */
const siren_options *siren_options_usual(siren_options *options);
/* Those of decompress. */
siren_decompress_options siren_options_decompress(const siren_options *options);

#endif
