#include "tests/shared/masked_images.h"

#include "engine/model/blocks.h"
#include "tests/shared/nifti_files.h"
#include "tests/shared/testing.h"

#include <math.h>

const char *mask_path(void) {
    static char path[64];
    snprintf(path, sizeof path, "%s", scratch_path("mask.nii"));
    return path;
}

siren_compress_options masked_options(siren_block_kind blocks) {
    siren_compress_options options = siren_compress_defaults();
    options.settings.model = blocks == SIREN_BLOCK_SLICE ? "siren-2d" : "siren-3d";
    options.settings.blocks = blocks;
    options.settings.patch[0] = 4, options.settings.patch[1] = 3, options.settings.patch[2] = 2;
    options.settings.layers = 2;
    options.settings.width = 24;
    options.settings.packing = SIREN_PACKING_LZMA; /* quicker to read, which is done for many a part */
    options.settings.epochs = 6;
    options.overwrite = true;
    options.mask = mask_path();
    return options;
}

size_t make_image(const char *path, int datatype, int bitpix, bool swapped, int nv, voxel_fn value) {
    nifti_recipe recipe = {.version = 1,
                           .swapped = swapped,
                           .datatype = datatype,
                           .bitpix = bitpix,
                           .dim = {4, NX, NY, NZ, nv, 1, 1, 1},
                           .slope = 1};
    static uint8_t bytes[NIFTI_MOST_BYTES];
    size_t n = nifti_make(&recipe, bytes), size = (size_t)bitpix / 8, offset = NIFTI_VOXEL_OFFSET(&recipe);
    assert_int_equal(n, offset + size * POINTS * (size_t)nv);
    for (int i = 0; i < POINTS * nv; i++) {
        double v = value(i % NX, i / NX % NY, i / SLICE % NZ, i / POINTS);
        uint8_t *at = bytes + offset + size * (size_t)i;
        if (datatype == 16 || datatype == 64)
            nifti_put_real(at, size, swapped, v);
        else
            nifti_put_integer(at, size, swapped, (int64_t)v);
    }
    file_put(path, bytes, n);
    return offset;
}

double brain(int x, int y, int z, int v) {
    (void)v;
    double r = hypot(x - 4, y - 3);
    return z == 0 ? 0 : z == 4 ? 1 : r < 2.8 && (z < 3 || x > 3);
}

double signal_inside(int x, int y, int z, int v) { return 100 + 50 * sin(0.7 * x + 0.4 * y + v) + 9 * z; }

double ordinary(int x, int y, int z, int v) {
    if (!(brain(x, y, z, 0) > 0)) return -1;
    return x == 4 && y == 3 && v == 1 ? (z % 2 ? INFINITY : -INFINITY) : signal_inside(x, y, z, v);
}

void make_mask(voxel_fn value) { make_image(mask_path(), 2, 8, false, 1, value); }

void make_ordinary(voxel_fn value, bool swapped) {
    make_image(scratch_path("image.nii"), 16, 32, swapped, NV, value);
}

void masked_compress(const siren_compress_options *options, const char *name) {
    assert_siren_ok(siren_compress_file(device, scratch_path("image.nii"), scratch_path(name), options, NULL,
                                        NULL, NULL));
}
