/* Looks into an archive without restoring it: one voxel through all volumes, and the mean of a slice in each. It needs
 * the small decoder alone, which has no OpenCL:
 *
 *     cc region.c $(pkg-config --cflags --libs sirencl-decode) -o region && ./region image.siren 40 52 20 */
#include <sirencl.h>

#include <stdio.h>
#include <stdlib.h>

static int fail(siren_status status) {
    fprintf(stderr, "%s: %s\n", siren_status_name(status), siren_message());
    return siren_exit_code(status);
}

int main(int argc, char **argv) {
    siren_reader *reader = NULL;
    const siren_archive_info *info;
    siren_status status;
    if (argc != 5) {
        fprintf(stderr, "usage: %s ARCHIVE.siren X Y Z\n", argv[0]);
        return siren_exit_code(SIREN_USAGE);
    }
    size_t at[3];
    for (int axis = 0; axis < 3; axis++) at[axis] = strtoul(argv[axis + 2], NULL, 10);

    if ((status = siren_reader_open(argv[1], &reader)) != SIREN_OK) return fail(status);
    if ((status = siren_reader_info(reader, &info)) != SIREN_OK) return fail(status);

    /* A box: ranges of x, y, z and volumes, without their ends. {0, 0} is all there is. */
    siren_box voxel = {{at[0], at[0] + 1}, {at[1], at[1] + 1}, {at[2], at[2] + 1}, {0, 0}};
    siren_box slice = {{0, 0}, {0, 0}, {at[2], at[2] + 1}, {0, 0}};
    size_t n_slice = info->nx * info->ny;
    float *series = malloc(info->n_volumes * sizeof *series);
    float *slices = malloc(info->n_volumes * n_slice * sizeof *slices); /* (n_volumes, 1, ny, nx) */
    if (!series || !slices) return EXIT_FAILURE;
    status = siren_reader_read(reader, &voxel, SIREN_AS_FLOAT32, series, info->n_volumes * sizeof *series);
    if (status == SIREN_OK)
        status = siren_reader_read(reader, &slice, SIREN_AS_FLOAT32, slices,
                                   info->n_volumes * n_slice * sizeof *slices);
    if (status == SIREN_OK) printf("volume\tvoxel\tmean of slice %zu\n", at[2]);
    for (size_t v = 0; status == SIREN_OK && v < info->n_volumes; v++) {
        double sum = 0;
        for (size_t i = 0; i < n_slice; i++) sum += slices[v * n_slice + i];
        printf("%zu\t%g\t%g\n", v, series[v], sum / (double)n_slice);
    }
    free(series);
    free(slices);
    siren_reader_close(reader);
    return status == SIREN_OK ? EXIT_SUCCESS : fail(status);
}
