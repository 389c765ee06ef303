/* libFuzzer, with mutate_archive.c: opens any bytes as an archive, reads all of it and decodes its blocks if they
 * are small. */
#include "engine/archive/record.h"
#include "engine/archive/sidecar.h"
#include "formats/config.h"
#include "tests/shared/archive_forge.h"
#include "tests/shared/fuzz_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Larger ones are no other for the code, but slow: a thousand small archives a second find more than two large ones. */
enum { MOST_BYTES = 1 << 24, MOST_PARAMS = 10000, MOST_BLOCKS = 8, MOST_VALUES = 1 << 12 };

/* What the JSON beside the image is to tell of the archive is members of an object. */
static void check_trace(siren_archive *archive, const siren_layout *layout) {
    char members[SIREN_TRACE_CHARS], text[SIREN_TRACE_CHARS + 2];
    siren_config *parsed = NULL;
    if (siren_trace_of(archive, layout, members) != SIREN_OK) return;
    snprintf(text, sizeof text, "{%s}", members);
    if (siren_config_parse("the trace", text, strlen(text), &parsed) != SIREN_OK) abort();
    siren_config_free(parsed);
}

/* What decompress and verify do with an archive; its result does not matter. */
static void decode_blocks(const char *path) {
    siren_archive *archive = NULL;
    siren_layout layout;
    siren_block_decoder *decoder = NULL;
    const void *voxels;
    if (siren_archive_open(path, &archive) != SIREN_OK) return;
    const bool laid_out = siren_layout_read(archive, &layout) == SIREN_OK;
    if (laid_out) check_trace(archive, &layout);
    if (laid_out && siren_network_n_params(&layout.network) <= MOST_PARAMS &&
        siren_block_grid_points(&layout.grid) <= MOST_VALUES / layout.geometry.n_volumes &&
        siren_block_decoder_create(NULL, &layout, MOST_BYTES, &decoder) == SIREN_OK)
        for (size_t nth = 0; nth < layout.grid.count && nth < MOST_BLOCKS; nth++)
            siren_block_decode_nth(decoder, archive, nth, NULL, NULL, &voxels);
    siren_block_decoder_free(decoder);
    siren_archive_close(archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    size_t n_good;
    const char *path = fuzz_file(bytes, n_bytes);
    if (archive_read_all(path, &n_good) == SIREN_OK || n_good > 0) decode_blocks(path);
    return 0;
}
