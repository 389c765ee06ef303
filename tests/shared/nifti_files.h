/* Small NIfTI files for the tests, made byte by byte from the field offsets of nifti1.h and nifti2.h, apart
 * from the code under test. */
#ifndef SIREN_TESTS_NIFTI_FILES_H
#define SIREN_TESTS_NIFTI_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int version;  /* 1 or 2 */
    bool swapped; /* stored in the other byte order */
    int datatype, bitpix;
    int64_t dim[8];
    size_t extension; /* bytes of one extension (a multiple of 16), 0 for none */
    double slope, inter;
} nifti_recipe;

#define NIFTI_MOST_BYTES 4096
#define NIFTI_HEADER_BYTES(version) ((version) == 1 ? 348u : 540u)
/* Where the voxels begin. */
#define NIFTI_VOXEL_OFFSET(recipe) (NIFTI_HEADER_BYTES((recipe)->version) + 4 + (recipe)->extension)

/* Fills `bytes` (NIFTI_MOST_BYTES) with a file whose voxel bytes are pseudo-random and whose header's unused
 * fields are not zero; returns its length. */
size_t nifti_make(const nifti_recipe *recipe, uint8_t *bytes);
/* Stores an integer or a real of `n_bytes` at `at`, in the other byte order where `swapped`. */
void nifti_put_integer(uint8_t *at, size_t n_bytes, bool swapped, int64_t value);
void nifti_put_real(uint8_t *at, size_t n_bytes, bool swapped, double value);

/* Creates or replaces a file; ends the test where it cannot. */
void file_put(const char *path, const void *bytes, size_t n_bytes);
/* Reads a whole file; free() it. */
uint8_t *file_get(const char *path, size_t *n_bytes);
bool file_exists(const char *path);
/* One gzip member of `bytes` in `out` (room for n_bytes + 256); returns its length. */
size_t gzip_make(const uint8_t *bytes, size_t n_bytes, uint8_t *out);
/* A fresh folder below the current one for this program's files; the name is valid until the program ends. */
const char *scratch_folder(void);
/* FOLDER/NAME in a buffer that the next 8 calls leave alone. */
const char *scratch_path(const char *name);
void scratch_remove(void);

#endif
