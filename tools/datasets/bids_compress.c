#define _GNU_SOURCE
#include "tools/datasets/bids_run.h"

#include "formats/archive.h"
#include "formats/diffusion_table.h"
#include "formats/json_text.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "host/lock.h"
#include "host/threads.h"
#include "tools/datasets/bids_files.h"
#include "tools/datasets/bids_names.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void run_free(siren_bids_run *run) {
    for (size_t i = 0; run->series && i < run->found.n; i++) {
        free(run->series[i].archive);
        siren_bids_row_free(&run->series[i].row);
    }
    free(run->series);
    siren_file_list_free(&run->found);
    siren_file_list_free(&run->top);
    siren_bids_table_free(&run->table);
    siren_staging_discard(run->staging);
    if (run->part >= 0) close(run->part);
    free(run->dataset);
    free(run->table_path);
    free(run->part_path);
    pthread_mutex_destroy(&run->writing);
}

/* ---- rows as they come ---- */

/* The file of rows, locked: two commands on one derivative would be in each other's way. */
static siren_status open_part(siren_bids_run *run) {
    SIREN_FREE_AT_END char *line = NULL;
    struct stat ours, there;
    run->part = open(run->part_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (run->part < 0)
        return siren_fail(SIREN_SYSTEM, "%s: cannot be opened: %s", run->part_path, strerror(errno));
    const bool locked = siren_lock_descriptor(run->part) == 0 || errno != EWOULDBLOCK;
    if (!locked || fstat(run->part, &ours) != 0 || stat(run->part_path, &there) != 0 ||
        ours.st_ino != there.st_ino)
        return siren_fail(SIREN_USAGE, "%s: another sirencl is at work in this folder; let it end first",
                          run->choice->out);
    if (ours.st_size > 0) return SIREN_OK;
    SIREN_TRY(siren_bids_row_line(NULL, &line));
    if (write(run->part, line, strlen(line)) != (ssize_t)strlen(line))
        return siren_fail(SIREN_SYSTEM, "%s: cannot be written: %s", run->part_path, strerror(errno));
    return SIREN_OK;
}

/* An interrupted write may have left a line without its end. */
static siren_status mend_part(siren_bids_run *run) {
    struct stat facts;
    char last = '\n';
    if (fstat(run->part, &facts) != 0 || facts.st_size == 0) return SIREN_OK;
    if (pread(run->part, &last, 1, facts.st_size - 1) == 1 && last == '\n') return SIREN_OK;
    off_t end = facts.st_size;
    while (end > 0 && !(pread(run->part, &last, 1, end - 1) == 1 && last == '\n')) end--;
    if (ftruncate(run->part, end) == 0) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "%s: cannot be written: %s", run->part_path, strerror(errno));
}

static siren_status append_row(siren_bids_run *run, const siren_bids_row *row) {
    SIREN_FREE_AT_END char *line = NULL;
    SIREN_TRY(siren_bids_row_line(row, &line));
    pthread_mutex_lock(&run->writing);
    const ssize_t n = write(run->part, line, strlen(line));
    pthread_mutex_unlock(&run->writing);
    if (n == (ssize_t)strlen(line)) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "%s: cannot be written: %s", run->part_path, strerror(errno));
}

/* ---- one series ---- */

static bool heard(void *user, double done, double total, const char *what) {
    siren_bids_run *run = user;
    if (atomic_load(&run->stopped)) return false;
    if (run->n_workers == 1) return siren_terminal_progress(NULL, done, total, what);
    return siren_terminal_heard();
}

static siren_status begin_row(const siren_bids_run *run, siren_bids_series *s, const struct stat *facts) {
    char text[64];
    SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_source, s->relative));
    SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_archive, s->archive));
    SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_settings, run->settings));
    if (!facts) return SIREN_OK;
    snprintf(text, sizeof text, "%lld", (long long)facts->st_size);
    SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_source_bytes, text));
    snprintf(text, sizeof text, "%lld.%09ld", (long long)facts->st_mtim.tv_sec, facts->st_mtim.tv_nsec);
    return siren_bids_row_set(&s->row, SIREN_BIDS_source_modified, text);
}

static bool same_cell(const siren_bids_row *a, const siren_bids_row *b, int column) {
    const char *x = a->cells[column], *y = b->cells[column];
    return x && y ? strcmp(x, y) == 0 : x == y;
}

/* Whether the archive that is there is of this image, as it is, and these settings. Names appear when archives are
 * complete, so that one that was begun is whole, too. */
static siren_status look_for_archive(const siren_bids_run *run, const siren_bids_series *s, const char *path,
                                     bool *kept) {
    const siren_bids_row *row = siren_bids_table_find(&run->table, s->relative);
    *kept = false;
    if (!siren_file_exists(path)) return SIREN_OK;
    const char *status = row && row->cells[SIREN_BIDS_status] ? row->cells[SIREN_BIDS_status] : "";
    const bool made = strcmp(status, "done") == 0 || strcmp(status, "begun") == 0;
    *kept = made && same_cell(row, &s->row, SIREN_BIDS_source_bytes) &&
            same_cell(row, &s->row, SIREN_BIDS_source_modified) &&
            same_cell(row, &s->row, SIREN_BIDS_settings);
    if (*kept || run->options->overwrite) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: exists already and %s; move it away to have it made anew", path,
                      made ? "was made of another state of the image, or with other settings"
                           : "the table does not tell of what it was made");
}

/* The sidecar for the archive: the only one there is, or one file of all of them. */
static siren_status make_sidecar(siren_bids_run *run, size_t nth, const siren_bids_sidecars *found,
                                 char **out) {
    siren_json_source sources[SIREN_WALK_DEPTH + 2];
    char *paths[SIREN_WALK_DEPTH + 2] = {NULL}, name[32];
    uint8_t *bytes[SIREN_WALK_DEPTH + 2] = {NULL}, *merged = NULL;
    const size_t n = found->n_jsons;
    siren_status status = SIREN_OK;
    size_t n_merged = 0;
    if (n == 0) return SIREN_OK;
    if (n == 1) return siren_bids_join(run->dataset, found->all.paths[found->jsons[0]], out);
    if (n > SIREN_WALK_DEPTH)
        return siren_fail(SIREN_UNSUPPORTED, "%s: has %zu sidecars, more than the limit of %d",
                          run->series[nth].relative, n, SIREN_WALK_DEPTH);
    for (size_t i = 0; status == SIREN_OK && i < n; i++) {
        status = siren_bids_join(run->dataset, found->all.paths[found->jsons[i]], &paths[i]);
        sources[i].name = paths[i];
        if (status == SIREN_OK)
            status = siren_file_read(paths[i], (size_t)1 << 26, &bytes[i], &sources[i].n_bytes);
        sources[i].bytes = bytes[i];
    }
    if (status == SIREN_OK) status = siren_json_text_merge(sources, n, &merged, &n_merged);
    snprintf(name, sizeof name, "%zu.json", nth);
    if (status == SIREN_OK) status = siren_staging_path(run->staging, name, out);
    if (status == SIREN_OK) status = siren_file_write(*out, true, merged, n_merged);
    for (size_t i = 0; i < n; i++) free(paths[i]), free(bytes[i]);
    free(merged);
    return status;
}

static siren_status check_readable(const siren_bids_run *run, const siren_bids_sidecars *found) {
    for (size_t i = 0; i < found->all.n; i++) {
        SIREN_FREE_AT_END char *path = NULL;
        SIREN_AT_END(siren_close_at) int fd = -1;
        uint64_t n_bytes;
        SIREN_TRY(siren_bids_join(run->dataset, found->all.paths[i], &path));
        SIREN_TRY(siren_file_open(path, &fd, &n_bytes));
    }
    return SIREN_OK;
}

static siren_status compress_series(siren_bids_run *run, size_t nth, const siren_bids_sidecars *found,
                                    const char *archive, siren_anonymised *told) {
    siren_bids_series *s = &run->series[nth];
    SIREN_FREE_AT_END char *bval = NULL, *bvec = NULL, *sidecar = NULL, *folder = strdup(archive);
    siren_compress_options options = *run->options;
    struct stat facts;
    if (!folder) return siren_fail(SIREN_SYSTEM, "out of memory: the folder of %s", archive);
    if (found->bval) SIREN_TRY(siren_bids_join(run->dataset, found->bval, &bval));
    if (found->bvec) SIREN_TRY(siren_bids_join(run->dataset, found->bvec, &bvec));
    SIREN_TRY(make_sidecar(run, nth, found, &sidecar));
    SIREN_TRY(siren_folder_make(dirname(folder)));
    /* "begun" vouches for an archive that is there; one that is to be replaced is of something else, until it is. */
    if (!siren_file_exists(archive)) {
        SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_status, "begun"));
        SIREN_TRY(append_row(run, &s->row));
    }
    options.bval = bval;
    options.bvec = bvec;
    options.sidecar = sidecar;
    options.memory_limit = run->memory;
    if (run->anonymise) options.anonymise = told;
    if (!run->choice->force_larger && stat(run->found.paths[nth], &facts) == 0)
        options.most_bytes = (size_t)facts.st_size;
    return siren_compress_file(run->device, run->found.paths[nth], archive, &options, heard, run, NULL);
}

/* Copies the series' sidecars and the lists it stands in. */
static siren_status keep_files(siren_bids_run *run, const siren_bids_series *s,
                               const siren_bids_sidecars *found, siren_anonymised *told) {
    const bool overwrite = run->options->overwrite;
    for (size_t i = 0; i < found->all.n; i++) {
        SIREN_FREE_AT_END char *from = NULL, *to = NULL;
        SIREN_TRY(siren_bids_join(run->dataset, found->all.paths[i], &from));
        SIREN_TRY(siren_bids_join(run->choice->out, found->all.paths[i], &to));
        SIREN_TRY(siren_bids_copy(from, to, overwrite, run->anonymise ? told : NULL));
    }
    return siren_bids_keep_lists(run->dataset, run->choice->out, s->relative, overwrite);
}

static siren_status fill_row(const siren_bids_run *run, siren_bids_series *s, const char *archive,
                             double seconds, const siren_anonymised *told) {
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    char text[SIREN_ANONYMISED_TEXT], number[32];
    SIREN_TRY(siren_info(archive, &info));
    snprintf(number, sizeof number, "%llu", (unsigned long long)info.bytes);
    SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_archive_bytes, number));
    SIREN_TRY(siren_bids_row_set_number(&s->row, SIREN_BIDS_ratio, info.ratio, 4));
    SIREN_TRY(siren_bids_row_set_number(&s->row, SIREN_BIDS_psnr, info.psnr, 4));
    SIREN_TRY(siren_bids_row_set_number(&s->row, SIREN_BIDS_seconds, seconds, 3));
    if (run->anonymise && s->state == SIREN_BIDS_MADE)
        SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_anonymised, siren_anonymised_text(told, text)));
    s->bytes = info.bytes;
    s->voxel_bytes = info.series_bytes;
    s->header_changed = siren_anonymised_header(told);
    return siren_bids_row_set(&s->row, SIREN_BIDS_status, "done");
}

/* What an earlier run told stays. */
static siren_status copy_cells(const siren_bids_run *run, siren_bids_series *s) {
    const siren_bids_row *row = siren_bids_table_find(&run->table, s->relative);
    if (!row || !row->cells[SIREN_BIDS_seconds]) return SIREN_OK;
    SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_seconds, row->cells[SIREN_BIDS_seconds]));
    return siren_bids_row_set(&s->row, SIREN_BIDS_anonymised, row->cells[SIREN_BIDS_anonymised]);
}

static siren_status check_series(siren_bids_run *run, siren_bids_series *s, struct stat *facts) {
    const char *path = run->found.paths[s - run->series];
    for (const char *c = s->relative; *c; c++)
        if ((unsigned char)*c < ' ')
            return siren_fail(SIREN_USAGE, "%s: its name has a control character, which no table can hold",
                              path);
    if (stat(path, facts) != 0)
        return siren_fail(SIREN_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno));
    SIREN_TRY(begin_row(run, s, facts));
    if (S_ISDIR(facts->st_mode)) {
        SIREN_AT_END(siren_close_at) int fd = open(path, O_RDONLY | O_CLOEXEC);
        return siren_fail(SIREN_SYSTEM, "%s: the folder cannot be read: %s", path,
                          strerror(fd < 0 ? errno : EIO));
    }
    SIREN_TRY(siren_bids_check_name(s->relative));
    if (s->other == SIZE_MAX) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s and %s would both become %s", path, run->found.paths[s->other],
                      s->archive);
}

static siren_status do_series(siren_bids_run *run, size_t nth) {
    siren_bids_series *s = &run->series[nth];
    SIREN_FREE_AT_END char *archive = NULL;
    SIREN_AT_END(siren_bids_sidecars_free) siren_bids_sidecars found = {.n_jsons = 0};
    siren_anonymised told = {.n_tail = 0};
    const double start = siren_clock();
    struct stat facts;
    bool kept = false;
    SIREN_TRY(begin_row(run, s, NULL));
    SIREN_TRY(check_series(run, s, &facts));
    SIREN_TRY(siren_bids_join(run->choice->out, s->archive, &archive));
    SIREN_TRY(siren_bids_sidecars_find(run->dataset, &run->top, s->relative, &found));
    SIREN_TRY(check_readable(run, &found));
    SIREN_TRY(look_for_archive(run, s, archive, &kept));
    if (!kept) SIREN_TRY(compress_series(run, nth, &found, archive, &told));
    s->state = kept ? SIREN_BIDS_KEPT : SIREN_BIDS_MADE;
    pthread_mutex_lock(&run->writing);
    siren_status status = keep_files(run, s, &found, &told);
    pthread_mutex_unlock(&run->writing);
    SIREN_TRY(status);
    SIREN_TRY(fill_row(run, s, archive, siren_clock() - start, &told));
    return kept ? copy_cells(run, s) : SIREN_OK;
}

/* Whether a series that failed now has an archive that the table tells of: then its row stays. */
static bool has_old_row(const siren_bids_run *run, const siren_bids_series *s) {
    SIREN_FREE_AT_END char *archive = NULL;
    const siren_bids_row *row = siren_bids_table_find(&run->table, s->relative);
    return s->state == SIREN_BIDS_FAILED && row && row->cells[SIREN_BIDS_status] &&
           strcmp(row->cells[SIREN_BIDS_status], "done") == 0 &&
           siren_bids_join(run->choice->out, s->archive, &archive) == SIREN_OK && siren_file_exists(archive);
}

/* ---- all of them ---- */

static void stop(siren_bids_run *run, siren_status status) {
    pthread_mutex_lock(&run->writing);
    if (!atomic_load(&run->stopped)) {
        run->stop_status = status;
        snprintf(run->stop_message, sizeof run->stop_message, "%s", siren_message());
    }
    atomic_store(&run->stopped, true);
    pthread_mutex_unlock(&run->writing);
}

/* A line for the reader, and a row for the next run. */
static siren_status tell_series(siren_bids_run *run, siren_bids_series *s, siren_status status) {
    if (status != SIREN_OK) {
        /* An archive is complete where only what stands beside it is not: the next run keeps it. */
        const bool begun = s->state == SIREN_BIDS_MADE || s->state == SIREN_BIDS_KEPT;
        s->state = SIREN_BIDS_FAILED;
        s->status = status;
        siren_terminal_tell_failure();
        SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_status, begun ? "begun" : "failed"));
        SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_message, siren_message()));
    }
    if (!has_old_row(run, s)) SIREN_TRY(append_row(run, &s->row));
    const size_t n_done = atomic_fetch_add(&run->n_finished, 1) + 1;
    if (run->n_workers > 1) siren_terminal_progress(NULL, (double)n_done, (double)run->found.n, "series");
    if (run->quiet || status != SIREN_OK) return SIREN_OK;
    pthread_mutex_lock(&run->writing);
    siren_terminal_end_progress();
    const char *psnr = s->row.cells[SIREN_BIDS_psnr];
    char bytes[32];
    if (s->state == SIREN_BIDS_KEPT)
        printf("%s: is there already\n", s->archive);
    else
        printf("%s: %s bytes, ratio %s%s%s%s, %s s\n", s->archive, siren_format_integer(s->bytes, bytes),
               s->row.cells[SIREN_BIDS_ratio], psnr ? ", scaled PSNR " : "", psnr ? psnr : "",
               psnr ? " dB" : "", s->row.cells[SIREN_BIDS_seconds]);
    fflush(stdout);
    pthread_mutex_unlock(&run->writing);
    return SIREN_OK;
}

/* A siren_threads_run function: takes series until there are none left. */
static void work(void *user, size_t worker) {
    siren_bids_run *run = user;
    (void)worker;
    for (size_t i; !atomic_load(&run->stopped) && (i = atomic_fetch_add(&run->next, 1)) < run->found.n;) {
        if (run->n_workers == 1)
            siren_terminal_begin_item(i + 1, run->found.n, (double)i / (double)run->found.n,
                                      (double)(i + 1) / (double)run->found.n);
        siren_status status = do_series(run, i);
        if (status == SIREN_CANCELLED || !siren_terminal_heard()) {
            stop(run, siren_fail(SIREN_CANCELLED, "interrupted; the same command goes on where it was"));
            return;
        }
        status = tell_series(run, &run->series[i], status);
        if (status != SIREN_OK) stop(run, status);
    }
}

/* The table of all, of this run and of those before; then the rows that came are of no use. */
static siren_status finish_table(siren_bids_run *run) {
    for (size_t i = 0; i < run->found.n; i++)
        if (run->series[i].row.cells[SIREN_BIDS_source] && !has_old_row(run, &run->series[i]))
            SIREN_TRY(siren_bids_table_put(&run->table, &run->series[i].row));
    SIREN_TRY(siren_bids_table_write(&run->table, run->table_path));
    unlink(run->part_path);
    return SIREN_OK;
}

static siren_status summarise(const siren_bids_run *run, double seconds) {
    size_t n[SIREN_BIDS_FAILED + 1] = {0}, n_headers = 0;
    double bytes = 0, voxel_bytes = 0;
    siren_status first = SIREN_OK;
    char text[2][32];
    for (size_t i = 0; i < run->found.n; i++) {
        const siren_bids_series *s = &run->series[i];
        n[s->state]++;
        bytes += (double)s->bytes;
        voxel_bytes += (double)s->voxel_bytes;
        n_headers += s->header_changed;
        if (s->state == SIREN_BIDS_FAILED && first == SIREN_OK) first = s->status;
    }
    if (!run->quiet) {
        printf("%zu of %zu series are archives in %s: %zu made in %.1f s, %zu there already",
               n[SIREN_BIDS_MADE] + n[SIREN_BIDS_KEPT], run->found.n, run->choice->out, n[SIREN_BIDS_MADE],
               seconds, n[SIREN_BIDS_KEPT]);
        if (bytes > 0)
            printf("; %s of %s of voxels, ratio %.2f", siren_format_bytes(bytes, text[0]),
                   siren_format_bytes(voxel_bytes, text[1]), voxel_bytes / bytes);
        printf("\n%s has a row for each\n", run->table_path);
        if (n_headers > 0)
            printf("%zu header%s anonymised: not %s image's byte for byte\n", n_headers,
                   n_headers == 1 ? "" : "s", n_headers == 1 ? "the" : "their");
        if (run->n_other_images > 0)
            printf("%zu image%s of other suffixes than %s: not in it\n", run->n_other_images,
                   run->n_other_images == 1 ? "" : "s", run->choice->suffixes);
    }
    if (n[SIREN_BIDS_FAILED] == 0) return SIREN_OK;
    return siren_fail(n[SIREN_BIDS_FAILED] < run->found.n ? SIREN_PARTIAL : first, "%zu of %zu series failed",
                      n[SIREN_BIDS_FAILED], run->found.n);
}

static siren_status open_derivative(siren_bids_run *run) {
    const char *out = run->choice->out;
    SIREN_TRY(siren_bids_check_folders(run->dataset, out));
    SIREN_TRY(siren_bids_find_series(run));
    SIREN_TRY(siren_bids_top_files(run->dataset, &run->top));
    SIREN_TRY(siren_bids_plan_series(run));
    SIREN_TRY(siren_bids_join(out, SIREN_BIDS_TABLE, &run->table_path));
    SIREN_TRY(siren_bids_join(out, SIREN_BIDS_PART, &run->part_path));
    SIREN_TRY(siren_folder_make(out));
    SIREN_TRY(open_part(run));
    SIREN_TRY(mend_part(run));
    SIREN_TRY(siren_bids_table_read(run->table_path, false, &run->table));
    SIREN_TRY(siren_bids_table_read(run->part_path, true, &run->table));
    SIREN_TRY(siren_bids_begin_derivative(run->dataset, out, run->options->overwrite));
    return siren_staging_open(NULL, NULL, 0, true, &run->staging);
}

siren_status siren_bids_compress(const siren_bids_choice *choice, const siren_compress_options *options,
                                 bool anonymise, siren_device *device, bool quiet) {
    SIREN_AT_END(run_free)
    siren_bids_run run = {.choice = choice,
                          .options = options,
                          .anonymise = anonymise,
                          .quiet = quiet,
                          .device = device,
                          .dataset = strdup(choice->in),
                          .part = -1,
                          .writing = PTHREAD_MUTEX_INITIALIZER};
    const double start = siren_clock();
    if (!run.dataset) return siren_fail(SIREN_SYSTEM, "out of memory: the name of a data set");
    for (size_t n = strlen(run.dataset); n > 1 && run.dataset[n - 1] == '/';) run.dataset[--n] = '\0';
    siren_bids_describe_settings(&run);
    SIREN_TRY(open_derivative(&run));
    siren_threads_run(run.n_workers, work, &run);
    siren_terminal_end_progress();
    if (atomic_load(&run.stopped)) return siren_fail(run.stop_status, "%s", run.stop_message);
    for (size_t i = 0; i < run.found.n; i++) {
        siren_bids_series *s = &run.series[i];
        if (s->state == SIREN_BIDS_WAITING)
            return siren_fail(SIREN_SYSTEM, "%s: no thread took it; the same command goes on there",
                              s->relative);
    }
    SIREN_TRY(finish_table(&run));
    return summarise(&run, siren_clock() - start);
}
