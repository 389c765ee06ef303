/* Echo times of a phantom as text, and the table that tells its volumes apart. */
#ifndef SIREN_LAB_PHANTOM_PHANTOM_ECHOES_H
#define SIREN_LAB_PHANTOM_PHANTOM_ECHOES_H

#include "lab/phantom/phantom.h"

/* "60,80,100" -> echo times in ms. `*times` is yours to free(). USAGE names what is wrong. */
siren_status siren_echo_times_parse(const char *text, double **times, size_t *n_times);

/* The table of coordinates of volumes (docs/acquisition.md) of a phantom with echo times: columns TE (ms), b (s/mm^2),
 * gx, gy and gz, but those that are the same in all volumes. `gradients` of all volumes. `*text` is yours to free(). */
siren_status siren_phantom_coordinates(const siren_phantom_options *options,
                                       const siren_diffusion_table *gradients, char **text);

#endif
