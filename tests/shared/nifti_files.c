#include "tests/shared/nifti_files.h"
#include "tests/shared/testing.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static void put_ordered(uint8_t *at, const void *value, size_t n_bytes, bool swapped) {
    for (size_t i = 0; i < n_bytes; i++) at[i] = ((const uint8_t *)value)[swapped ? n_bytes - 1 - i : i];
}

void nifti_put_integer(uint8_t *at, size_t n_bytes, bool swapped, int64_t value) {
    int16_t i16 = (int16_t)value;
    int32_t i32 = (int32_t)value;
    put_ordered(at,
                n_bytes == 2   ? (void *)&i16
                : n_bytes == 4 ? (void *)&i32
                               : (void *)&value,
                n_bytes, swapped);
}

void nifti_put_real(uint8_t *at, size_t n_bytes, bool swapped, double value) {
    float f32 = (float)value;
    put_ordered(at, n_bytes == 4 ? (void *)&f32 : (void *)&value, n_bytes, swapped);
}

size_t nifti_make(const nifti_recipe *r, uint8_t *bytes) {
    const size_t header = NIFTI_HEADER_BYTES(r->version), offset = NIFTI_VOXEL_OFFSET(r);
    memset(bytes, 0, NIFTI_MOST_BYTES);
    nifti_put_integer(bytes, 4, r->swapped, (int64_t)header);
    if (r->version == 1) {
        memcpy(bytes + 344, "n+1", 4);
        memcpy(bytes + 148, "one image of a test", 19);
        for (size_t i = 0; i < 8; i++) {
            nifti_put_integer(bytes + 40 + 2 * i, 2, r->swapped, r->dim[i]);
            nifti_put_real(bytes + 76 + 4 * i, 4, r->swapped, 1 + 0.25 * (double)i);
        }
        nifti_put_integer(bytes + 70, 2, r->swapped, r->datatype);
        nifti_put_integer(bytes + 72, 2, r->swapped, r->bitpix);
        nifti_put_real(bytes + 108, 4, r->swapped, (double)offset);
        nifti_put_real(bytes + 112, 4, r->swapped, r->slope);
        nifti_put_real(bytes + 116, 4, r->swapped, r->inter);
    } else {
        memcpy(bytes + 4, "n+2\0\r\n\032\n", 8);
        memcpy(bytes + 240, "one image of a test", 19);
        for (size_t i = 0; i < 8; i++) {
            nifti_put_integer(bytes + 16 + 8 * i, 8, r->swapped, r->dim[i]);
            nifti_put_real(bytes + 104 + 8 * i, 8, r->swapped, 1 + 0.25 * (double)i);
        }
        nifti_put_integer(bytes + 12, 2, r->swapped, r->datatype);
        nifti_put_integer(bytes + 14, 2, r->swapped, r->bitpix);
        nifti_put_integer(bytes + 168, 8, r->swapped, (int64_t)offset);
        nifti_put_real(bytes + 176, 8, r->swapped, r->slope);
        nifti_put_real(bytes + 184, 8, r->swapped, r->inter);
    }
    if (r->extension) {
        bytes[header] = 1;
        nifti_put_integer(bytes + header + 4, 4, r->swapped, (int64_t)r->extension);
        nifti_put_integer(bytes + header + 8, 4, r->swapped, 6); /* a comment */
        for (size_t i = 8; i < r->extension; i++) bytes[header + 4 + i] = (uint8_t)(31 * i + 7);
    }
    size_t voxel_bytes = (size_t)r->bitpix / 8;
    for (int64_t i = 1; i <= r->dim[0] && i < 8; i++) voxel_bytes *= (size_t)r->dim[i];
    assert_true(offset + voxel_bytes <= NIFTI_MOST_BYTES);
    uint32_t random = 12345;
    for (size_t i = 0; i < voxel_bytes; i++) {
        random = random * 1664525u + 1013904223u;
        bytes[offset + i] = (uint8_t)(random >> 24);
    }
    return offset + voxel_bytes;
}

void file_put(const char *path, const void *bytes, size_t n_bytes) {
    remove(path); /* some file systems flush a file that is truncated and written anew */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n_bytes, file), n_bytes);
    assert_int_equal(fclose(file), 0);
}

uint8_t *file_get(const char *path, size_t *n_bytes) {
    struct stat facts;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &facts), 0);
    uint8_t *bytes = malloc((size_t)facts.st_size + 1);
    assert_non_null(bytes);
    *n_bytes = fread(bytes, 1, (size_t)facts.st_size, file);
    assert_int_equal(*n_bytes, facts.st_size);
    fclose(file);
    return bytes;
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

size_t gzip_make(const uint8_t *bytes, size_t n_bytes, uint8_t *out) {
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)n_bytes;
    stream.next_out = out;
    stream.avail_out = (uInt)(n_bytes + 256);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t n_out = stream.total_out;
    deflateEnd(&stream);
    return n_out;
}

static char folder[64];

const char *scratch_folder(void) {
    if (!folder[0]) {
        strcpy(folder, "scratch-XXXXXX");
        assert_non_null(mkdtemp(folder));
    }
    return folder;
}

const char *scratch_path(const char *name) {
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder(), name);
    return path;
}

void scratch_remove(void) {
    if (!folder[0]) return;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove(scratch_path(entry->d_name));
    closedir(listing);
    assert_int_equal(rmdir(folder), 0);
    folder[0] = 0;
}
