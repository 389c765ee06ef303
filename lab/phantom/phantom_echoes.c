#define _GNU_SOURCE
#include "lab/phantom/phantom_echoes.h"

#include "formats/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

siren_status siren_echo_times_parse(const char *text, double **times, size_t *n_times) {
    double list[SIREN_PHANTOM_MAX_ECHOES];
    size_t n = 0;
    for (const char *next = text;; next++) {
        char number[SIREN_NUMBER_BYTES] = "";
        size_t length = strcspn(next, ",");
        if (length < sizeof number) memcpy(number, next, length);
        if (n == SIREN_PHANTOM_MAX_ECHOES)
            return siren_fail(SIREN_USAGE, "echo times %s: more than the limit of %d; give fewer", text,
                              SIREN_PHANTOM_MAX_ECHOES);
        if (!siren_number_parse(number, &list[n]) || !siren_echo_time_is_possible(list[n]))
            return siren_fail(SIREN_USAGE,
                              "echo times %s: item %zu is no time from %g to %g ms; write for example "
                              "60,80,100",
                              text, n + 1, SIREN_PHANTOM_MIN_TE, SIREN_PHANTOM_MAX_TE);
        n++;
        next += length;
        if (!*next) break;
    }
    SIREN_TRY(siren_allocate(times, n, sizeof **times, "the echo times"));
    memcpy(*times, list, n * sizeof *list);
    *n_times = n;
    return SIREN_OK;
}

#define N_COLUMNS 5

static double coordinate(const siren_phantom_options *o, const siren_diffusion_table *gradients,
                         size_t volume, int column) {
    if (column == 0) return o->echo_times[volume / (gradients->n_volumes / o->n_echo_times)];
    return column == 1 ? gradients->bval[volume] : gradients->bvec[volume][column - 2];
}

siren_status siren_phantom_coordinates(const siren_phantom_options *o, const siren_diffusion_table *gradients,
                                       char **text) {
    static const char *const names[N_COLUMNS] = {"TE", "b", "gx", "gy", "gz"};
    bool told[N_COLUMNS] = {false}, first;
    char *out = NULL;
    size_t n_bytes;
    for (int column = 0; column < N_COLUMNS; column++)
        for (size_t v = 1; v < gradients->n_volumes && !told[column]; v++) {
            double difference = coordinate(o, gradients, v, column) - coordinate(o, gradients, 0, column);
            told[column] = difference < 0 || difference > 0;
        }
    FILE *stream = open_memstream(&out, &n_bytes);
    if (!stream) return siren_fail(SIREN_SYSTEM, "out of memory: the coordinates of the volumes");
    for (size_t row = 0; row <= gradients->n_volumes; row++) {
        first = true;
        for (int column = 0; column < N_COLUMNS; column++) {
            char number[SIREN_NUMBER_BYTES];
            if (!told[column]) continue;
            fprintf(stream, "%s%s", first ? "" : "\t",
                    row == 0
                        ? names[column]
                        : siren_number_format_digits(coordinate(o, gradients, row - 1, column), 9, number));
            first = false;
        }
        fputc('\n', stream);
    }
    if (fclose(stream) != 0) {
        free(out);
        return siren_fail(SIREN_SYSTEM, "out of memory: the coordinates of the volumes");
    }
    *text = out;
    return SIREN_OK;
}
