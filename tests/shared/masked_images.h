/* Small masked images for tests, and networks on them: 9 x 7 x 5 voxels, two volumes of float32. */
#ifndef SIREN_TESTS_MASKED_IMAGES_H
#define SIREN_TESTS_MASKED_IMAGES_H

#include "engine/options.h"
#include "tests/shared/devices.h"

enum { NX = 9, NY = 7, NZ = 5, NV = 2, SLICE = NX * NY, POINTS = SLICE * NZ, VALUES = POINTS * NV };

typedef double (*voxel_fn)(int x, int y, int z, int v);

/* Slice 0 has nothing inside, slices 1 and 2 the same cylinder, slice 3 a part of it, slice 4 all. */
double brain(int x, int y, int z, int v);
/* What is inside the brain, smooth. */
double signal_inside(int x, int y, int z, int v);
/* A value of -1 around the brain; infinities within. */
double ordinary(int x, int y, int z, int v);

/* An image of `nv` volumes of a NIfTI type; returns where its voxels begin. */
size_t make_image(const char *path, int datatype, int bitpix, bool swapped, int nv, voxel_fn value);
/* The mask in mask.nii of the scratch folder, and what it masks in image.nii. */
const char *mask_path(void);
void make_mask(voxel_fn value);
void make_ordinary(voxel_fn value, bool swapped);

/* Two small layers in six epochs, with that mask. */
siren_compress_options masked_options(siren_block_kind blocks);
/* Compresses image.nii to `name` in the scratch folder. */
void masked_compress(const siren_compress_options *options, const char *name);
#endif
