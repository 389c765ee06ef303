/* The archives of parts of a compression become the whole. */
#include "engine/archive/part_section.h"
#include "engine/calls.h"
#include "formats/original.h"
#include "host/file.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *const *paths; /* (n) */
    size_t n;
    const char **ordered; /* (n) the same by their number; NULL: not found yet */
    size_t n_blocks;      /* of all */
    siren_archive *first; /* whose sections all have */
    siren_archive_writer *writer;
} joining;

static void joining_free(joining *j) {
    free(j->ordered);
    siren_archive_close(j->first);
    siren_archive_writer_discard(j->writer);
}

/* ---- what they are ---- */

/* The next section from `*at` on that all parts have alike; false where there is none. */
static bool next_section(const siren_archive *archive, size_t *at) {
    const siren_section_entry *sections = siren_archive_sections(archive);
    while (*at < siren_archive_n_sections(archive) && sections[*at].kind == SIREN_SECTION_PART) ++*at;
    return *at < siren_archive_n_sections(archive);
}

static siren_status compare_sections(siren_archive *first, siren_archive *other) {
    for (size_t a = 0, b = 0;; a++, b++) {
        const bool in_first = next_section(first, &a), in_other = next_section(other, &b);
        const uint8_t *x, *y;
        size_t n_x, n_y;
        if (!in_first && !in_other) return SIREN_OK;
        const siren_section_entry *one = in_first ? &siren_archive_sections(first)[a] : NULL,
                                  *two = in_other ? &siren_archive_sections(other)[b] : NULL;
        bool same = one && two && one->kind == two->kind && one->packed == two->packed;
        if (same) {
            SIREN_TRY(siren_archive_section_at(first, a, &x, &n_x));
            SIREN_TRY(siren_archive_section_at(other, b, &y, &n_y));
            same = n_x == n_y && memcmp(x, y, n_x) == 0;
        }
        if (!same)
            return siren_fail(
                SIREN_USAGE,
                "%s: is of another compression than %s: %s differs; join parts that one command line has "
                "made",
                siren_archive_path(other), siren_archive_path(first),
                siren_section_title(one ? one->kind : two->kind, (char[SIREN_SECTION_CHARS]){0}));
    }
}

/* Finds the place of one of them. */
static siren_status add_part(joining *j, const char *path) {
    SIREN_AT_END(siren_archive_close_at) siren_archive *archive = NULL;
    siren_part part;
    SIREN_TRY(siren_archive_open(path, &archive));
    SIREN_TRY(siren_part_section_read(archive, &part));
    if (part.of == 0)
        return siren_fail(SIREN_USAGE, "%s: is a whole archive and no part; leave it out", path);
    if (part.of != j->n)
        return siren_fail(SIREN_USAGE,
                          "%s: is part %zu of %zu, but %zu file%s given; give all parts of one division",
                          path, part.number, part.of, j->n, j->n == 1 ? " was" : "s were");
    if (j->ordered[part.number - 1])
        return siren_fail(SIREN_USAGE, "%s: is part %zu, as %s is; give each part once", path, part.number,
                          j->ordered[part.number - 1]);
    j->ordered[part.number - 1] = path;
    j->n_blocks += siren_archive_n_records(archive);
    if (j->first) return compare_sections(j->first, archive);
    j->first = SIREN_TAKE(archive);
    return SIREN_OK;
}

typedef struct {
    uint32_t block;
    const char *part;
} held;

static int by_block(const void *a, const void *b) {
    const uint32_t x = ((const held *)a)->block, y = ((const held *)b)->block;
    return (x > y) - (x < y);
}

/* Each block of the whole must be in one part. */
static siren_status check_blocks(const joining *j, const char *archive) {
    SIREN_FREE_AT_END held *blocks = NULL;
    siren_span whole;
    size_t n = 0;
    SIREN_TRY(siren_part_blocks(j->first, &whole));
    SIREN_TRY(siren_allocate(&blocks, j->n_blocks, sizeof *blocks, "the blocks of the parts"));
    for (size_t i = 0; i < j->n; i++) {
        SIREN_AT_END(siren_archive_close_at) siren_archive *part = NULL;
        SIREN_TRY(siren_archive_open(j->ordered[i], &part));
        const siren_index_entry *index = siren_archive_index(part);
        for (size_t k = 0; k < siren_archive_n_records(part); k++, n++) {
            if (n == j->n_blocks || index[k].block < whole.begin || index[k].block >= whole.end)
                return siren_fail(SIREN_CORRUPT,
                                  "%s: holds block %u, which it should not; make the part again",
                                  j->ordered[i], index[k].block);
            blocks[n] = (held){index[k].block, j->ordered[i]};
        }
    }
    qsort(blocks, n, sizeof *blocks, by_block);
    for (size_t k = 0; k < n || k < whole.end - whole.begin; k++) {
        if (k > 0 && k < n && blocks[k].block == blocks[k - 1].block)
            return siren_fail(SIREN_CORRUPT, "%s: holds block %u, as %s does; make both parts again",
                              blocks[k].part, blocks[k].block, blocks[k - 1].part);
        if (k == n || blocks[k].block != whole.begin + k)
            return siren_fail(SIREN_CORRUPT,
                              "%s: cannot be made: no part holds block %zu; make again the part that should",
                              archive, whole.begin + k);
    }
    return SIREN_OK;
}

/* ---- copying ---- */

static siren_status copy_sections(joining *j) {
    for (size_t at = 0; next_section(j->first, &at); at++) {
        const siren_section_entry *section = &siren_archive_sections(j->first)[at];
        const uint8_t *bytes;
        size_t n_bytes;
        SIREN_TRY(siren_archive_section_at(j->first, at, &bytes, &n_bytes));
        SIREN_TRY(siren_archive_writer_section(j->writer, section->kind, bytes, n_bytes, section->packed));
    }
    return SIREN_OK;
}

/* A record and its place in the index. */
typedef struct {
    uint64_t offset;
    size_t nth;
} placed;

static int by_offset(const void *a, const void *b) {
    uint64_t x = ((const placed *)a)->offset, y = ((const placed *)b)->offset;
    return (x > y) - (x < y);
}

/* Records stand in the order of training, in which the parts follow each other. */
static siren_status copy_records(joining *j, const char *path) {
    SIREN_AT_END(siren_archive_close_at) siren_archive *archive = NULL;
    SIREN_FREE_AT_END placed *order = NULL;
    SIREN_TRY(siren_archive_open(path, &archive));
    const size_t n = siren_archive_n_records(archive);
    const siren_index_entry *index = siren_archive_index(archive);
    SIREN_TRY(siren_allocate(&order, n, sizeof *order, "the order of records"));
    for (size_t i = 0; i < n; i++) order[i] = (placed){index[i].offset, i};
    qsort(order, n, sizeof *order, by_offset);
    for (size_t i = 0; i < n; i++) {
        SIREN_FREE_AT_END uint8_t *bytes = NULL;
        const siren_index_entry *entry = &index[order[i].nth];
        size_t n_bytes;
        SIREN_TRY(siren_archive_stored_record(archive, order[i].nth, &bytes, &n_bytes));
        SIREN_TRY(siren_archive_writer_packed_record(j->writer, entry, bytes, n_bytes,
                                                     (size_t)entry->unpacked_bytes));
    }
    return SIREN_OK;
}

/* ---- the whole ---- */

/* USAGE where the archive's name is a part's, or of what is no archive. */
static siren_status check_output(const joining *j, const char *archive) {
    if (siren_named_as_image(archive))
        return siren_fail(SIREN_USAGE,
                          "%s: is an image's name, but an archive is written; give one that ends in .siren",
                          archive);
    for (size_t i = 0; i < j->n; i++)
        if (siren_file_same(j->paths[i], archive))
            return siren_fail(SIREN_USAGE, "%s: is a part and is not replaced; give the archive another name",
                              archive);
    if (siren_file_exists(archive) && !siren_archive_recognise(archive))
        return siren_fail(SIREN_USAGE,
                          "%s: exists and is no archive, so that nothing replaces it; give another name",
                          archive);
    return SIREN_OK;
}

siren_status siren_join_files(const char *const *parts, size_t n, const char *archive, bool overwrite,
                              siren_archive_info *info) {
    SIREN_AT_END(joining_free) joining j = {.paths = parts, .n = n};
    SIREN_AT_END(siren_archive_info_free) siren_archive_info described = {0};
    const char *unfinished;
    SIREN_TRY(check_output(&j, archive));
    SIREN_TRY(siren_allocate(&j.ordered, n, sizeof *j.ordered, "the order of the parts"));
    for (size_t i = 0; i < n; i++) SIREN_TRY(add_part(&j, parts[i]));
    SIREN_TRY(check_blocks(&j, archive));
    SIREN_TRY(siren_archive_writer_open(archive, overwrite, &j.writer));
    SIREN_TRY(copy_sections(&j));
    for (size_t i = 0; i < n; i++) SIREN_TRY(copy_records(&j, j.ordered[i]));
    SIREN_TRY(siren_archive_writer_finish(j.writer, &unfinished));
    siren_status status = siren_info(unfinished, &described);
    if (status != SIREN_OK)
        return siren_fail(status, "%s: does not appear, as it cannot be described: %s", archive,
                          siren_message());
    SIREN_TRY(siren_archive_writer_commit(SIREN_TAKE(j.writer), NULL));
    if (info) *info = SIREN_TAKE(described);
    return SIREN_OK;
}
