/* Reading through the library: the wall time of one box, from opening the archive on.
 *     bench_read ARCHIVE.siren x0 x1 y0 y1 z0 z1 v0 v1 (0 0: all); prints seconds, best of 5 */
#include "host/base.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    size_t at[8];
    double best = 1e300;
    if (argc != 10) return 2;
    for (int i = 0; i < 8; i++) at[i] = strtoul(argv[i + 2], NULL, 10);
    const siren_box box = {{at[0], at[1]}, {at[2], at[3]}, {at[4], at[5]}, {at[6], at[7]}};
    for (int run = 0; run < 5; run++) {
        siren_reader *reader = NULL;
        const siren_archive_info *info;
        double start = siren_clock();
        if (siren_reader_open(argv[1], &reader) != SIREN_OK || siren_reader_info(reader, &info) != SIREN_OK)
            break;
        size_t n_bytes = 8 * info->nx * info->ny * info->nz * info->n_volumes;
        void *buffer = malloc(n_bytes);
        if (siren_reader_read(reader, &box, SIREN_AS_STORED, buffer, n_bytes) != SIREN_OK) {
            fprintf(stderr, "%s\n", siren_message());
            return 1;
        }
        double seconds = siren_clock() - start;
        if (seconds < best) best = seconds;
        siren_reader_close(reader);
        free(buffer);
    }
    printf("%.4f\n", best);
    return 0;
}
