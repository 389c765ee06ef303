/* The whole life of an archive: an image is compressed into a file and into memory, opened again, read, and restored.
 *
 *     cc simple.c $(pkg-config --cflags --libs sirencl) -o simple && ./simple image.nii image.siren
 *
 * Also C++: c++ -x c++ simple.c ... */
#include <sirencl.h>

#include <stdio.h>
#include <stdlib.h>

/* The library never prints: it calls. The thread that compresses reports its progress here; false would cancel. */
static bool show_progress(void *user, double done, double total, const char *what) {
    (void)user;
    fprintf(stderr, "\r%3.0f %% of the %s", 100 * done / total, what);
    return true;
}

static void show_log(void *user, siren_log_level level, const char *message) {
    (void)user;
    if (level == SIREN_LOG_WARNING) fprintf(stderr, "warning: %s\n", message);
}

/* Files: an image with the gradient tables beside it becomes an archive, and is restored from it. */
static siren_status with_files(siren_device *device, const siren_options *options, const char *image_path,
                               const char *archive) {
    siren_image *image = NULL;
    size_t n_blocks = 0;
    siren_status status = siren_image_read(image_path, options, &image);
    if (status == SIREN_OK) status = siren_compress(device, image, options, archive);
    if (status == SIREN_OK) status = siren_verify(device, archive, options, &n_blocks);
    if (status == SIREN_OK) printf("%s: %zu blocks decode to the recorded bits\n", archive, n_blocks);
    if (status == SIREN_OK) status = siren_decompress(device, archive, options, "restored.nii");
    siren_image_free(image);
    return status;
}

/* Memory: an array of the program becomes an archive in memory, of which one volume is read. */
static siren_status with_memory(siren_device *device, const siren_options *options) {
    enum { NX = 32, NY = 24, NZ = 2, NV = 3 };
    static float voxels[NV][NZ][NY][NX], volume[NZ][NY][NX];
    for (int i = 0; i < NV * NZ * NY * NX; i++)
        voxels[0][0][0][i] = (float)(i % NX * (i / NX % NY)) / (1.0f + (float)(i / (NX * NY * NZ)));

    static siren_array array; /* what is not set is 0: no gaps, no scaling, no affine */
    array.voxels = voxels;
    array.datatype = SIREN_FLOAT32;
    array.n_axes = 4;
    array.shape[0] = NX, array.shape[1] = NY, array.shape[2] = NZ, array.shape[3] = NV;

    siren_image *image = NULL;
    siren_reader *reader = NULL;
    const siren_archive_info *info = NULL;
    void *bytes = NULL;
    size_t n_bytes = 0;
    siren_box second = {{0, 0}, {0, 0}, {0, 0}, {1, 2}}; /* all of x, y, z; volume 1 */
    siren_status status = siren_image_from_array(&array, &image);
    if (status == SIREN_OK) status = siren_compress_to_memory(device, image, options, &bytes, &n_bytes);
    if (status == SIREN_OK) status = siren_reader_open_memory(bytes, n_bytes, &reader);
    if (status == SIREN_OK) status = siren_reader_info(reader, &info);
    if (status == SIREN_OK) printf("in memory: %zu bytes, %.1f dB\n", n_bytes, info->psnr);
    if (status == SIREN_OK)
        status = siren_reader_read(reader, &second, SIREN_AS_FLOAT32, volume, sizeof volume);
    if (status == SIREN_OK)
        printf("voxel (20, 10, 1) of volume 1: %g was %g\n", volume[1][10][20], voxels[1][1][10][20]);
    siren_reader_close(reader);
    siren_image_free(image);
    free(bytes);
    return status;
}

int main(int argc, char **argv) {
    siren_device *device = NULL;
    siren_options *options = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: %s IMAGE.nii ARCHIVE.siren\n", argv[0]);
        return siren_exit_code(SIREN_USAGE);
    }
    siren_set_log(show_log, NULL);
    siren_status status =
        siren_device_open(NULL, &device); /* $SIRENCL_DEVICE, else the first GPU, else the first device */
    if (status == SIREN_OK) status = siren_device_prepare(device);
    if (status == SIREN_OK) status = siren_options_create(&options);
    if (status == SIREN_OK) status = siren_options_set(options, "width", "32");
    if (status == SIREN_OK) status = siren_options_set(options, "epochs", "200");
    if (status == SIREN_OK)
        status = siren_options_set(options, "force", "true"); /* replace files that exist */
    if (status == SIREN_OK) status = siren_options_set_progress(options, show_progress, NULL);
    if (status == SIREN_OK) status = with_files(device, options, argv[1], argv[2]);
    if (status == SIREN_OK) status = with_memory(device, options);
    if (status != SIREN_OK) fprintf(stderr, "%s: %s\n", siren_status_name(status), siren_message());
    siren_options_free(options);
    siren_device_close(device);
    return siren_exit_code(status);
}
