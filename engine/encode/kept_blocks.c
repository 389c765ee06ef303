#define _GNU_SOURCE
#include "engine/encode/kept_blocks.h"

#include "engine/encode/encoded_bytes.h"
#include "engine/encode/journal.h"
#include "engine/kernels/configured.h"
#include "host/digest.h"
#include "host/opencl/kernels.h"
#include "host/opencl/profile.h"
#include "host/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_KEEPING "keeping blocks"
#define MISSING SIZE_MAX

struct siren_kept_blocks {
    char *path;
    siren_journal *journal;
    siren_block_grid grid;
    size_t *piece_of; /* (grid.count) of the journal, for the block grid.first + i; or MISSING */
    size_t n;         /* blocks in the journal, added ones too */
    bool failed;      /* nothing is added any more */
    bool spoilt;
};

static void kept_free(siren_kept_blocks *kept, bool keep) {
    if (!kept) return;
    siren_journal_close(kept->journal, keep);
    free(kept->piece_of);
    free(kept->path);
    free(kept);
}

/* ---- what records depend on ---- */

typedef struct {
    char *text;
    size_t n_bytes;
    FILE *stream;
} fact_list;

static void facts_free(fact_list *facts) {
    if (facts->stream) fclose(facts->stream);
    free(facts->text);
}

/* A line; what steers a terminal, or ends a line, becomes blank. */
static void add_fact(fact_list *facts, const char *name, const char *value) {
    fprintf(facts->stream, "%s ", name);
    for (const char *c = value; *c; c++) fputc((unsigned char)*c < ' ' ? ' ' : *c, facts->stream);
    fputc('\n', facts->stream);
}

static void add_digest(fact_list *facts, const char *name, siren_digest *digest) {
    char hex[SIREN_DIGEST_CHARS];
    siren_digest_end(digest, hex);
    add_fact(facts, name, hex);
}

/* Voxels are digested a part at a time, by all processors. */
#define PART_BYTES ((size_t)8 << 20)

typedef struct {
    const uint8_t *bytes;
    size_t n_bytes, n_parts;
    char (*digests)[SIREN_DIGEST_CHARS]; /* (n_parts) */
    atomic_size_t next;
} part_digests;

static void digest_parts(void *user, size_t member) {
    part_digests *parts = user;
    (void)member;
    for (size_t i; (i = atomic_fetch_add(&parts->next, 1)) < parts->n_parts;) {
        size_t at = i * PART_BYTES, left = parts->n_bytes - at;
        siren_digest_bytes(parts->bytes + at, left < PART_BYTES ? left : PART_BYTES, parts->digests[i]);
    }
}

/* The SHA-256 of those of its parts. */
static siren_status add_voxels(fact_list *facts, const siren_series *series) {
    const siren_geometry *g = &series->geometry;
    size_t n_bytes = siren_geometry_voxels(g) * siren_datatype_size(g->datatype), n = siren_processors();
    SIREN_FREE_AT_END char(*digests)[SIREN_DIGEST_CHARS] = NULL;
    part_digests parts = {
        .bytes = series->voxels, .n_bytes = n_bytes, .n_parts = (n_bytes + PART_BYTES - 1) / PART_BYTES};
    siren_digest whole;
    SIREN_TRY(siren_allocate(&digests, parts.n_parts, sizeof *digests, "the digests of the voxels"));
    parts.digests = digests;
    atomic_init(&parts.next, 0);
    siren_threads_run(n < parts.n_parts ? n : parts.n_parts, digest_parts, &parts);
    siren_digest_begin(&whole);
    siren_digest_add(&whole, digests, parts.n_parts * sizeof *digests);
    add_digest(facts, "voxels", &whole);
    return SIREN_OK;
}

static void add_device(fact_list *facts, const siren_device *device, const siren_network *network) {
    const siren_device_facts *d = siren_device_get_facts(device);
    siren_configuration configuration = siren_configuration_of(device, network);
    char units[16], kernels[SIREN_KERNELS_CHARS], text[SIREN_CONFIGURATION_CHARS];
    siren_digest digest;
    snprintf(units, sizeof units, "%u", d->compute_units);
    add_fact(facts, "device", d->name);
    add_fact(facts, "driver", d->driver);
    add_fact(facts, "platform", d->platform_version);
    add_fact(facts, "compute units", units);
    add_fact(facts, "training by", siren_kernels_text(device, network, kernels));
    add_fact(facts, "configuration", siren_configuration_text(&configuration, text));
    siren_digest_begin(&digest);
    for (size_t i = 0; i < siren_n_kernel_sources; i++)
        siren_digest_add(&digest, siren_kernel_sources[i].text, siren_kernel_sources[i].length);
    add_digest(facts, "kernels", &digest);
}

static siren_status add_layout(fact_list *facts, const siren_layout *layout) {
    SIREN_AT_END(siren_archive_writer_discard_at) siren_archive_writer *writer = NULL;
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    siren_digest digest;
    SIREN_TRY(siren_archive_writer_open(NULL, false, &writer));
    SIREN_TRY(siren_layout_write(writer, layout));
    SIREN_TRY(siren_archive_writer_take(SIREN_TAKE(writer), &bytes, &n_bytes));
    siren_digest_begin(&digest);
    siren_digest_add(&digest, bytes, n_bytes);
    add_digest(facts, "layout", &digest); /* geometry, network and mask */
    return SIREN_OK;
}

static siren_status collect_facts(const siren_kept_plan *plan, fact_list *facts) {
    const siren_geometry *g = &plan->series->geometry;
    const siren_setting *s;
    char text[SIREN_SETTING_CHARS];
    facts->stream = open_memstream(&facts->text, &facts->n_bytes);
    if (!facts->stream) return siren_fail(SIREN_SYSTEM, "out of memory: the facts of a compression");
    add_fact(facts, "sirencl", siren_version());
    snprintf(text, sizeof text, "%d", SIREN_NUMERICS_VERSION);
    add_fact(facts, "numerics", text);
    snprintf(text, sizeof text, "%zux%zux%zu, %zu volume%s, %s", g->nx, g->ny, g->nz, g->n_volumes,
             siren_plural(g->n_volumes), siren_datatype_name(g->datatype));
    add_fact(facts, "image", text);
    SIREN_TRY(add_voxels(facts, plan->series));
    for (size_t i = 0; (s = siren_setting_at(i)); i++)
        add_fact(facts, s->key, siren_setting_format(s, plan->settings, text));
    if (plan->budget.n_bytes) {
        snprintf(text, sizeof text, "%zu of %.3f bytes", plan->budget.n_bytes, plan->budget.expected);
        add_fact(facts, "budget", text);
    }
    add_device(facts, plan->device, &plan->layout->network);
    SIREN_TRY(add_layout(facts, plan->layout));
    if (fflush(facts->stream) != 0 || ferror(facts->stream))
        return siren_fail(SIREN_SYSTEM, "out of memory: the facts of a compression");
    return SIREN_OK;
}

/* ---- opening ---- */

static size_t *piece_of(const siren_kept_blocks *kept, size_t number) {
    return &kept->piece_of[number - kept->grid.first];
}

/* Which pieces are which blocks. */
static siren_status find_blocks(siren_kept_blocks *kept) {
    const siren_block_grid *grid = &kept->grid;
    const size_t n = siren_journal_count(kept->journal);
    SIREN_TRY(siren_allocate(&kept->piece_of, grid->count, sizeof *kept->piece_of, "the finished blocks"));
    for (size_t i = 0; i < grid->count; i++) kept->piece_of[i] = MISSING;
    for (size_t i = 0; i < n; i++) {
        SIREN_FREE_AT_END uint8_t *bytes = NULL;
        SIREN_AT_END(siren_encoded_free) siren_encoded encoded = {.packed = NULL};
        size_t n_bytes = 0;
        if (siren_journal_read(kept->journal, i, &bytes, &n_bytes) != SIREN_OK ||
            siren_encoded_read(kept->path, bytes, n_bytes, &encoded, NULL) != SIREN_OK ||
            encoded.entry.block < grid->first || encoded.entry.block - grid->first >= grid->count)
            continue;
        size_t *piece = piece_of(kept, encoded.entry.block);
        kept->n += *piece == MISSING;
        *piece = i;
    }
    return SIREN_OK;
}

static siren_status open_journal(siren_kept_blocks *kept, const char *archive, const siren_kept_plan *plan,
                                 bool anew) {
    SIREN_AT_END(facts_free) fact_list facts = {.text = NULL};
    if (asprintf(&kept->path, "%s.part", archive) < 0) {
        kept->path = NULL;
        return siren_fail(SIREN_SYSTEM, "out of memory: the journal of %s", archive);
    }
    kept->grid = plan->layout->grid;
    SIREN_TRY(collect_facts(plan, &facts));
    SIREN_TRY(siren_journal_open(kept->path, facts.text, anew, &kept->journal));
    return find_blocks(kept);
}

siren_status siren_kept_blocks_open(const char *archive, const siren_kept_plan *plan, bool anew,
                                    siren_kept_blocks **out) {
    siren_kept_blocks *kept = NULL;
    SIREN_TRY(siren_allocate(&kept, 1, sizeof *kept, "the finished blocks"));
    const char *before = siren_profile_enter(STAGE_KEEPING);
    siren_status status = open_journal(kept, archive, plan, anew);
    siren_profile_leave(before);
    if (status == SIREN_OK) {
        if (kept->n > 0)
            siren_log(SIREN_LOG_WARNING, "goes on with %zu of %zu %s that an earlier run has left in %s",
                      kept->n, kept->grid.count, siren_block_kind_name(kept->grid.kind, kept->grid.count),
                      kept->path);
        *out = kept;
        return SIREN_OK;
    }
    kept_free(kept, true);
    if (status == SIREN_USAGE) return status;
    siren_log(SIREN_LOG_WARNING, "%s; a run that is interrupted cannot go on", siren_message());
    *out = NULL;
    return SIREN_OK;
}

siren_status siren_kept_blocks_aside(const char *archive, bool anew) {
    SIREN_FREE_AT_END char *path = NULL;
    bool found = false;
    if (asprintf(&path, "%s.part", archive) < 0) {
        path = NULL;
        return siren_fail(SIREN_SYSTEM, "out of memory: the journal of %s", archive);
    }
    SIREN_TRY(siren_journal_look(path, anew, &found));
    if (found && !anew)
        siren_log(
            SIREN_LOG_WARNING,
            "%s: stays: it keeps what an interrupted training for this archive has finished; delete it, "
            "or give --no-resume, if that is not to go on",
            path);
    return SIREN_OK;
}

/* ---- using ---- */

bool siren_kept_blocks_has(const siren_kept_blocks *kept, size_t number) {
    return kept && *piece_of(kept, number) != MISSING;
}

bool siren_kept_blocks_get(siren_kept_blocks *kept, size_t number, siren_encoded *out) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    if (siren_journal_read(kept->journal, *piece_of(kept, number), &bytes, &n_bytes) == SIREN_OK &&
        siren_encoded_read(kept->path, bytes, n_bytes, out, NULL) == SIREN_OK)
        return true;
    siren_log(SIREN_LOG_WARNING, "%s; the block is trained again", siren_message());
    *piece_of(kept, number) = MISSING;
    kept->n--;
    return false;
}

/* Only the first one is told. */
static void stop_keeping(siren_kept_blocks *kept) {
    siren_log(SIREN_LOG_WARNING, "%s; blocks finished from here on are lost if the run is interrupted",
              siren_message());
    kept->failed = true;
}

void siren_kept_blocks_add(siren_kept_blocks *kept, const siren_encoded *encoded) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    if (!kept || kept->failed) return;
    const char *before = siren_profile_enter(STAGE_KEEPING);
    if (siren_encoded_write(encoded, "", 0, &bytes, &n_bytes) == SIREN_OK &&
        siren_journal_add(kept->journal, bytes, n_bytes) == SIREN_OK)
        kept->n++;
    else
        stop_keeping(kept);
    siren_profile_leave(before);
}

void siren_kept_blocks_flush(siren_kept_blocks *kept) {
    if (!kept || kept->failed) return;
    const char *before = siren_profile_enter(STAGE_KEEPING);
    if (siren_journal_flush(kept->journal) != SIREN_OK) stop_keeping(kept);
    siren_profile_leave(before);
}

void siren_kept_blocks_spoil(siren_kept_blocks *kept) {
    if (kept) kept->spoilt = true;
}

siren_status siren_kept_blocks_end(siren_kept_blocks *kept, siren_status status) {
    if (!kept) return status;
    bool keep = status != SIREN_OK && !kept->spoilt && kept->n > 0;
    if (keep)
        status = siren_fail(status, "%s; %s keeps %zu of %zu %s, and the same command goes on there",
                            siren_message(), kept->path, kept->n, kept->grid.count,
                            siren_block_kind_name(kept->grid.kind, kept->grid.count));
    kept_free(kept, keep);
    return status;
}
