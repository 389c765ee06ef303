#define _GNU_SOURCE
#include "tools/datasets/bids.h"

#include "engine/archive/sidecar.h"
#include "formats/diffusion_table.h"
#include "host/file.h"
#include "host/names.h"
#include "tools/datasets/bids_files.h"
#include "tools/datasets/bids_names.h"
#include "tools/datasets/bids_table.h"
#include "tools/tools.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const siren_bids_choice *choice;
    const siren_decompress_options *options;
    bool quiet;
    siren_device *device;
    siren_bids_table table;
    siren_file_list files; /* of the derivative */
    const char **made;     /* (n_made) archives of rows that are done, in the order of their bytes */
    size_t n_made, n_wanted, n_unknown, n_done, n_failed, n_files;
    siren_status first;
} restore_run;

static void run_free(restore_run *run) {
    siren_bids_table_free(&run->table);
    siren_file_list_free(&run->files);
    free(run->made);
}

/* A table may come from anywhere: no name in it may lead out of the folder. */
static bool is_inside(const char *path) {
    if (!path || !*path || *path == '/') return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        const size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && *part == '.') || (n == 2 && strncmp(part, "..", 2) == 0)) return false;
    }
    return true;
}

static bool is_wanted(const restore_run *run, const char *relative) {
    size_t n;
    const char *list = run->choice->participants, *label = siren_bids_participant(relative, &n);
    return !list || !label || siren_bids_listed(list, label, n) || siren_bids_listed(list, label - 4, n + 4);
}

static siren_status make_folder_of(const char *path) {
    SIREN_FREE_AT_END char *copy = strdup(path);
    if (!copy) return siren_fail(SIREN_SYSTEM, "out of memory: the folder of %s", path);
    return siren_folder_make(dirname(copy));
}

/* ---- series ---- */

/* What was lossy says so: in the sidecar of the series' own name, or in a new one. */
static siren_status write_trace(const restore_run *run, const char *archive, const char *source) {
    SIREN_FREE_AT_END char *relative = NULL, *from = NULL, *to = NULL;
    SIREN_FREE_AT_END uint8_t *present = NULL, *traced = NULL;
    size_t n_bytes = 2, n_traced;
    SIREN_TRY(siren_sibling_path(source, ".json", &relative));
    SIREN_TRY(siren_bids_join(run->choice->in, relative, &from));
    SIREN_TRY(siren_bids_join(run->choice->out, relative, &to));
    const bool own = siren_file_exists(from);
    if (own) SIREN_TRY(siren_file_read(from, (size_t)1 << 26, &present, &n_bytes));
    SIREN_TRY(siren_sidecar_of(archive, own ? present : (const uint8_t *)"{}", n_bytes, &traced, &n_traced));
    if (!own && n_traced == n_bytes) return SIREN_OK; /* nothing was lost */
    return siren_bids_write(to, run->options->overwrite, traced, n_traced);
}

static siren_status restore_series(restore_run *run, const siren_bids_row *row) {
    const char *source = row->cells[SIREN_BIDS_source], *name = row->cells[SIREN_BIDS_archive];
    SIREN_FREE_AT_END char *archive = NULL, *image = NULL;
    siren_decompress_options options = *run->options;
    const double start = siren_clock();
    if (!is_inside(source) || !is_inside(name))
        return siren_fail(SIREN_CORRUPT, "%s: names a file outside of the data set, %s", SIREN_BIDS_TABLE,
                          !is_inside(source) ? source
                          : name             ? name
                                             : "n/a");
    SIREN_TRY(siren_bids_join(run->choice->in, name, &archive));
    SIREN_TRY(siren_bids_join(run->choice->out, source, &image));
    SIREN_TRY(make_folder_of(image));
    options.alone = true;
    SIREN_TRY(siren_decompress_file(run->device, archive, image, &options, siren_terminal_progress, NULL));
    if (!run->options->plain_sidecar) SIREN_TRY(write_trace(run, archive, source));
    siren_terminal_end_progress();
    if (!run->quiet) printf("%s: restored in %.2f s\n", image, siren_clock() - start);
    fflush(stdout);
    return SIREN_OK;
}

static bool is_done(const siren_bids_row *row) {
    const char *status = row->cells[SIREN_BIDS_status];
    return status && strcmp(status, "done") == 0;
}

static bool is_restorable(const restore_run *run, const siren_bids_row *row) {
    return is_done(row) && is_wanted(run, row->cells[SIREN_BIDS_source]);
}

static void count_failure(restore_run *run, siren_status status) {
    if (run->n_failed++ == 0) run->first = status;
    siren_terminal_tell_failure();
}

static siren_status restore_all_series(restore_run *run) {
    size_t nth = 0;
    for (size_t i = 0; i < run->table.n; i++) {
        if (!is_restorable(run, &run->table.rows[i])) continue;
        siren_terminal_begin_item(nth + 1, run->n_wanted, (double)nth / (double)run->n_wanted,
                                  (double)(nth + 1) / (double)run->n_wanted);
        nth++;
        const siren_status status = restore_series(run, &run->table.rows[i]);
        if (status == SIREN_CANCELLED) return status;
        if (status == SIREN_OK)
            run->n_done++;
        else
            count_failure(run, status);
    }
    return SIREN_OK;
}

/* ---- archives that no row vouches for ---- */

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static siren_status list_made(restore_run *run) {
    SIREN_TRY(siren_allocate(&run->made, run->table.n, sizeof *run->made, "archives of a table"));
    for (size_t i = 0; i < run->table.n; i++) {
        const siren_bids_row *row = &run->table.rows[i];
        if (is_done(row) && row->cells[SIREN_BIDS_archive])
            run->made[run->n_made++] = row->cells[SIREN_BIDS_archive];
    }
    if (run->n_made) qsort(run->made, run->n_made, sizeof *run->made, by_bytes);
    return SIREN_OK;
}

static bool is_original(const char *relative) {
    return strncmp(relative, SIREN_BIDS_ORIGINALS "/", sizeof SIREN_BIDS_ORIGINALS) == 0;
}

static const char *within(const restore_run *run, const char *path) {
    path += strlen(run->choice->in);
    return path + strspn(path, "/");
}

/* Whether the file is an archive that would be restored if its row were there, and done. */
static bool is_unknown(const restore_run *run, const char *path) {
    const char *relative = within(run, path);
    if (!siren_has_suffix(relative, ".siren") || is_original(relative) || !is_wanted(run, relative))
        return false;
    return !run->n_made || !bsearch(&relative, run->made, run->n_made, sizeof *run->made, by_bytes);
}

/* A row that says begun vouches for the archive alone: tables beside it may be missing, or be others'. */
static void tell_unknown(restore_run *run) {
    for (size_t i = 0; i < run->files.n; i++) {
        if (!is_unknown(run, run->files.paths[i])) continue;
        count_failure(run,
                      siren_fail(SIREN_CORRUPT,
                                 "%s: is not restored, because no row of " SIREN_BIDS_TABLE " names it as "
                                 "done; compress --bids ends what was begun, and decompress without --bids "
                                 "restores it alone",
                                 run->files.paths[i]));
    }
}

/* ---- all else ---- */

static bool is_own(const char *relative) {
    return strcmp(relative, SIREN_BIDS_DESCRIPTION) == 0 ||
           strncmp(relative, SIREN_BIDS_TABLE, strlen(SIREN_BIDS_TABLE)) == 0 ||
           siren_has_suffix(relative, ".siren") || siren_has_suffix(relative, ".siren.part");
}

/* Whether the file is the own sidecar of a series, which write_trace() has made. */
static bool is_traced(const restore_run *run, const char *relative) {
    static const char *const images[] = {".nii.gz", ".nii"};
    if (run->options->plain_sidecar || !siren_has_suffix(relative, ".json")) return false;
    for (size_t i = 0; i < 2; i++) {
        SIREN_FREE_AT_END char *source = NULL;
        if (asprintf(&source, "%.*s%s", (int)strlen(relative) - 5, relative, images[i]) < 0) return false;
        const siren_bids_row *row = siren_bids_table_find(&run->table, source);
        if (row && is_restorable(run, row)) return true;
    }
    return false;
}

static siren_status copy_file(restore_run *run, const char *from) {
    const char *relative = within(run, from);
    SIREN_FREE_AT_END char *to = NULL;
    if (is_original(relative))
        relative += sizeof SIREN_BIDS_ORIGINALS;
    else if (is_own(relative) || is_traced(run, relative))
        return SIREN_OK;
    if (!is_wanted(run, relative)) return SIREN_OK;
    SIREN_TRY(siren_bids_join(run->choice->out, relative, &to));
    SIREN_TRY(siren_bids_copy(from, to, run->options->overwrite, NULL));
    run->n_files++;
    return SIREN_OK;
}

static siren_status copy_files(restore_run *run) {
    SIREN_FREE_AT_END char *ignored = NULL;
    for (size_t i = 0; i < run->files.n; i++) {
        const siren_status status = copy_file(run, run->files.paths[i]);
        if (!siren_terminal_heard()) return siren_fail(SIREN_CANCELLED, "restoring was interrupted");
        if (status != SIREN_OK) count_failure(run, status);
    }
    SIREN_TRY(siren_bids_join(run->choice->in, SIREN_BIDS_ORIGINALS "/.bidsignore", &ignored));
    return siren_file_exists(ignored) ? copy_file(run, ignored) : SIREN_OK; /* hidden from the walk */
}

/* ---- the derivative ---- */

/* The rows of ended runs, and those of one that has not ended. */
static siren_status read_tables(restore_run *run) {
    SIREN_AT_END(siren_bids_table_free) siren_bids_table later = {.n = 0};
    SIREN_FREE_AT_END char *path = NULL, *part = NULL;
    const char *in = run->choice->in;
    SIREN_TRY(siren_bids_join(in, SIREN_BIDS_TABLE, &path));
    SIREN_TRY(siren_bids_join(in, SIREN_BIDS_PART, &part));
    if (!siren_file_exists(path) && !siren_file_exists(part))
        return siren_fail(SIREN_USAGE, "%s: is no data set of archives, for it has no " SIREN_BIDS_TABLE, in);
    SIREN_TRY(siren_bids_table_read(path, false, &run->table));
    SIREN_TRY(siren_bids_table_read(part, true, &later));
    if (later.n > 0)
        siren_terminal_warn(
            "%s: is of a compress --bids that has not ended; what it did not come to is not restored", part);
    for (size_t i = 0; i < later.n; i++) SIREN_TRY(siren_bids_table_put(&run->table, &later.rows[i]));
    return SIREN_OK;
}

static siren_status look_through(restore_run *run) {
    const char *in = run->choice->in;
    SIREN_TRY(read_tables(run));
    SIREN_TRY(list_made(run));
    SIREN_TRY(siren_file_walk(in, (const char *const[]){"", NULL}, &run->files));
    for (size_t i = 0; i < run->table.n; i++) run->n_wanted += is_restorable(run, &run->table.rows[i]);
    for (size_t i = 0; i < run->files.n; i++) run->n_unknown += is_unknown(run, run->files.paths[i]);
    if (run->n_wanted + run->n_unknown > 0) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: holds no archive%s", in,
                      run->choice->participants ? " of these participants" : "");
}

siren_status siren_bids_restore(const siren_bids_choice *choice, const siren_decompress_options *options,
                                const char *device_choice, bool quiet) {
    SIREN_AT_END(run_free)
    restore_run run = {.choice = choice, .options = options, .quiet = quiet};
    SIREN_FREE_AT_END char *derivative = NULL, *there = NULL;
    const double start = siren_clock();
    if (siren_file_same(choice->in, choice->out))
        return siren_fail(SIREN_USAGE, "%s: is the derivative itself; give another folder", choice->out);
    SIREN_TRY(siren_file_canonical(choice->in, &derivative));
    SIREN_TRY(siren_file_canonical(choice->out, &there));
    if (siren_file_way_below(derivative, there)) /* whose files would be found there as its own */
        return siren_fail(SIREN_USAGE, "%s: is inside of the derivative; give a folder elsewhere",
                          choice->out);
    SIREN_TRY(look_through(&run));
    SIREN_TRY(siren_tool_open_decoder(device_choice, &run.device));
    SIREN_TRY(siren_folder_make(choice->out));
    SIREN_TRY(restore_all_series(&run));
    tell_unknown(&run);
    SIREN_TRY(copy_files(&run));
    siren_terminal_end_progress();
    if (!quiet)
        printf("%zu of %zu series restored in %s in %.2f s, with %zu other files\n", run.n_done,
               run.n_wanted + run.n_unknown, choice->out, siren_clock() - start, run.n_files);
    if (run.n_failed == 0) return SIREN_OK;
    return siren_fail(run.n_done + run.n_files > 0 ? SIREN_PARTIAL : run.first,
                      "%zu of %zu series and files failed", run.n_failed, run.n_wanted + run.files.n);
}
