/* What each model would give for a target, as some blocks of the series tell, and which of them is the best. */
#ifndef SIREN_ENGINE_ENCODE_CHOICES_H
#define SIREN_ENGINE_ENCODE_CHOICES_H

#include "engine/encode/compression.h"

/* Networks are tried by `auto` from so many volumes on: with fewer the transform was ahead of them on every series
 * measured (docs/choosing.md). */
#define SIREN_NETWORK_VOLUMES 100

/* What `options`, which are settled and no `auto`, would give of the run's image. A target out of reach, and what a
 * network cannot have for its values, are no failure: out->reason tells it. A network for a number of bytes is trained
 * on some blocks for `seconds` at most, or until its PSNR is known where these are INFINITY. */
siren_status siren_choice_measure(const siren_compression *run, const siren_compress_options *options,
                                  double seconds, siren_choice *out);
/* The options of the best model for the target of run->options, whose model is `auto`. */
siren_status siren_choose(const siren_compression *run, siren_compress_options *out);

#endif
