#define _GNU_SOURCE
#include "tools/datasets/bids.h"

#include "engine/options.h"
#include "formats/archive.h"
#include "formats/diffusion_table.h"
#include "formats/json_text.h"
#include "formats/nifti.h"
#include "host/file.h"
#include "host/lock.h"
#include "host/staging.h"
#include "host/threads.h"
#include "tools/datasets/bids_files.h"
#include "tools/datasets/bids_names.h"
#include "tools/datasets/bids_table.h"
#include "tools/tools.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_WORKERS 4      /* each compresses on all processors itself, but reads and writes on one */
#define SERIES_PER_MEMORY 4 /* what one of them needs, in series */

typedef enum { WAITING, MADE, KEPT, FAILED } series_state;

typedef struct {
    const char *relative; /* of the image, in the data set */
    char *archive;        /* in the derivative */
    size_t other;         /* number of another one that would become the same archive; SIZE_MAX: none */
    series_state state;
    siren_status status; /* of a failure */
    siren_bids_row row;
    uint64_t bytes, voxel_bytes;
    bool header_changed;
} bids_series;

typedef struct {
    const siren_bids_choice *choice;
    const siren_compress_options *options;
    bool anonymise, quiet;
    siren_device *device;
    char *dataset;          /* without '/' at its end */
    char settings[512];     /* as text: what an archive that is there must have been made with */
    siren_file_list top;    /* sidecars in its own folder */
    siren_file_list found;  /* the series' paths */
    size_t n_other_images;  /* of the participants, which are no such series */
    bids_series *series;    /* (found.n) */
    siren_bids_table table; /* what is known of before, and then all */
    char *table_path, *part_path;
    int part;               /* rows as they come, locked; -1: not open */
    siren_staging *staging; /* of sidecars put together */
    size_t memory;          /* of one worker */
    size_t n_workers;
    pthread_mutex_t writing; /* of the part, sidecars and lines */
    atomic_size_t next, n_finished;
    atomic_bool stopped;
    siren_status stop_status;
    char stop_message[SIREN_MESSAGE_BYTES];
} bids_run;

static void run_free(bids_run *run) {
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

/* ---- which series ---- */

static siren_status take_participant(bids_run *run, const char *label) {
    static const char *const suffixes[] = {".nii", ".nii.gz", NULL};
    SIREN_FREE_AT_END char *name = NULL, *folder = NULL;
    SIREN_AT_END(siren_file_list_free) siren_file_list images = {.n = 0};
    if (asprintf(&name, "sub-%s", label) < 0)
        return siren_fail(SIREN_SYSTEM, "out of memory: the folder of sub-%s", label);
    SIREN_TRY(siren_bids_join(run->dataset, name, &folder));
    SIREN_TRY(siren_file_walk(folder, suffixes, &images));
    for (size_t i = 0; i < images.n; i++) {
        const char *path = images.paths[i], *slash = strrchr(path, '/');
        const bool is_image = strstr(slash ? slash : path, ".nii") != NULL;
        if (!is_image || siren_bids_is_series(path, run->choice->suffixes))
            SIREN_TRY(siren_file_list_add(&run->found, path, ""));
        else
            run->n_other_images++;
    }
    return SIREN_OK;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}
static int is_participant(const struct dirent *entry) {
    return strncmp(entry->d_name, "sub-", 4) == 0 && entry->d_name[4];
}

/* "sub-01" in a list of labels, which may have "sub-" before them. */
static bool is_wanted(const char *list, const char *name) {
    return !list || siren_bids_listed(list, name, strlen(name)) ||
           siren_bids_listed(list, name + 4, strlen(name) - 4);
}

/* USAGE for one of the list that is not there. */
static siren_status check_participants(const char *list, const char *dataset, struct dirent **entries,
                                       int n) {
    for (const char *label = list; label && *label;) {
        const size_t length = strcspn(label, ",");
        bool found = false;
        char one[256];
        snprintf(one, sizeof one, "%.*s", (int)(length < 255 ? length : 255), label);
        for (int i = 0; i < n && !found; i++) found = is_wanted(one, entries[i]->d_name);
        if (!found)
            return siren_fail(SIREN_USAGE, "%s: has no participant '%s' among its %d (%s%s)", dataset, one, n,
                              n > 0 ? entries[0]->d_name : "", n > 1 ? ", ..." : "");
        label += length + (label[length] == ',');
    }
    return SIREN_OK;
}

static siren_status find_series(bids_run *run) {
    struct dirent **entries = NULL;
    struct stat facts;
    const int n = scandir(run->dataset, &entries, is_participant, by_bytes);
    if (n < 0) return siren_fail(SIREN_SYSTEM, "%s: cannot be read: %s", run->dataset, strerror(errno));
    siren_status status = check_participants(run->choice->participants, run->dataset, entries, n);
    for (int i = 0; i < n; i++) {
        SIREN_FREE_AT_END char *path = NULL;
        if (status == SIREN_OK) status = siren_bids_join(run->dataset, entries[i]->d_name, &path);
        if (status == SIREN_OK && is_wanted(run->choice->participants, entries[i]->d_name) &&
            stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))
            status = take_participant(run, entries[i]->d_name + 4);
    }
    for (int i = 0; i < n; i++) free(entries[i]);
    free(entries);
    if (status != SIREN_OK || run->found.n > 0) return status;
    return siren_fail(SIREN_USAGE, "%s: holds no series whose name ends in _%s.nii or _%s.nii.gz%s",
                      run->dataset, run->choice->suffixes, run->choice->suffixes,
                      run->choice->participants ? " of these participants" : "");
}

static int by_archive(const void *a, const void *b) {
    const bids_series *const *x = a, *const *y = b;
    return strcmp((*x)->archive, (*y)->archive);
}

/* Images that would become the same archive, as x.nii and x.nii.gz, are told of each other. */
static siren_status find_doubles(bids_run *run) {
    SIREN_FREE_AT_END bids_series **sorted = NULL;
    SIREN_TRY(siren_allocate(&sorted, run->found.n, sizeof *sorted, "the series"));
    for (size_t i = 0; i < run->found.n; i++) sorted[i] = &run->series[i];
    qsort(sorted, run->found.n, sizeof *sorted, by_archive);
    for (size_t i = 1; i < run->found.n; i++) {
        if (strcmp(sorted[i - 1]->archive, sorted[i]->archive) != 0) continue;
        sorted[i]->other = (size_t)(sorted[i - 1] - run->series);
        if (sorted[i - 1]->other == SIZE_MAX) sorted[i - 1]->other = (size_t)(sorted[i] - run->series);
    }
    return SIREN_OK;
}

/* Names, and how many series may be in memory at once. */
static siren_status plan_series(bids_run *run) {
    size_t largest = 1;
    SIREN_TRY(siren_allocate(&run->series, run->found.n, sizeof *run->series, "the series"));
    for (size_t i = 0; i < run->found.n; i++) {
        bids_series *s = &run->series[i];
        siren_geometry g;
        s->relative = run->found.paths[i] + strlen(run->dataset) + 1;
        s->other = SIZE_MAX;
        SIREN_TRY(siren_sibling_path(s->relative, ".siren", &s->archive));
        if (siren_nifti_read_geometry(run->found.paths[i], &g) != SIREN_OK)
            continue; /* told when it is its turn */
        const size_t bytes = siren_geometry_voxels(&g) * siren_datatype_size(g.datatype);
        if (bytes > largest) largest = bytes;
    }
    run->n_workers = run->device ? 1 : siren_processors() < MOST_WORKERS ? siren_processors() : MOST_WORKERS;
    if (run->n_workers > run->found.n) run->n_workers = run->found.n;
    while (run->n_workers > 1 && run->options->memory_limit / run->n_workers / SERIES_PER_MEMORY < largest)
        run->n_workers--;
    run->memory = run->options->memory_limit / run->n_workers;
    return find_doubles(run);
}

/* What an archive is made with: the target, and settings that were given. */
static void describe_settings(bids_run *run) {
    const siren_compress_options *o = run->options;
    char value[SIREN_SETTING_CHARS], *out = run->settings;
    const size_t size = sizeof run->settings;
    const siren_setting *s;
    const char *target = siren_target_name(o->target);
    if (target) snprintf(out, size, "%s=%s", target, siren_target_format(o, value));
    for (size_t i = 0; (s = siren_setting_at(i)); i++) {
        const size_t n = strlen(out);
        if (!s->option || !siren_setting_is_given(&o->settings, s->key)) continue;
        siren_setting_format(s, &o->settings, value);
        snprintf(out + n, size - n, "%s%s=%s", n ? " " : "", s->key, value);
    }
    const size_t n = strlen(out);
    snprintf(out + n, size - n, "%s%s%s%s", o->mask ? " mask=" : "", o->mask ? o->mask : "",
             o->without_tail ? " without_tail" : "", run->anonymise ? " anonymised" : "");
}

/* ---- rows as they come ---- */

/* The file of rows, locked: two commands on one derivative would be in each other's way. */
static siren_status open_part(bids_run *run) {
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
static siren_status mend_part(bids_run *run) {
    struct stat facts;
    char last = '\n';
    if (fstat(run->part, &facts) != 0 || facts.st_size == 0) return SIREN_OK;
    if (pread(run->part, &last, 1, facts.st_size - 1) == 1 && last == '\n') return SIREN_OK;
    off_t end = facts.st_size;
    while (end > 0 && !(pread(run->part, &last, 1, end - 1) == 1 && last == '\n')) end--;
    if (ftruncate(run->part, end) == 0) return SIREN_OK;
    return siren_fail(SIREN_SYSTEM, "%s: cannot be written: %s", run->part_path, strerror(errno));
}

static siren_status append_row(bids_run *run, const siren_bids_row *row) {
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
    bids_run *run = user;
    if (atomic_load(&run->stopped)) return false;
    if (run->n_workers == 1) return siren_terminal_progress(NULL, done, total, what);
    return siren_terminal_heard();
}

static siren_status begin_row(const bids_run *run, bids_series *s, const struct stat *facts) {
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

/* Whether the archive that is there is of this image, as it is, and these settings. Names appear when archives are complete, so that
 * one that was begun is whole, too. */
static siren_status look_for_archive(const bids_run *run, const bids_series *s, const char *path,
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
    return siren_fail(SIREN_USAGE, "%s: exists already and %s; remove it to have it made anew", path,
                      made ? "was made of another state of the image, or with other settings"
                           : "the table does not tell of what it was made");
}

/* The sidecar for the archive: the only one there is, or one file of all of them. */
static siren_status make_sidecar(bids_run *run, size_t nth, const siren_bids_sidecars *found, char **out) {
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

static siren_status check_readable(const bids_run *run, const siren_bids_sidecars *found) {
    for (size_t i = 0; i < found->all.n; i++) {
        SIREN_FREE_AT_END char *path = NULL;
        SIREN_AT_END(siren_close_at) int fd = -1;
        uint64_t n_bytes;
        SIREN_TRY(siren_bids_join(run->dataset, found->all.paths[i], &path));
        SIREN_TRY(siren_file_open(path, &fd, &n_bytes));
    }
    return SIREN_OK;
}

static siren_status compress_series(bids_run *run, size_t nth, const siren_bids_sidecars *found,
                                    const char *archive, siren_anonymised *told) {
    bids_series *s = &run->series[nth];
    SIREN_FREE_AT_END char *bval = NULL, *bvec = NULL, *sidecar = NULL, *folder = strdup(archive);
    siren_compress_options options = *run->options;
    struct stat facts;
    if (!folder) return siren_fail(SIREN_SYSTEM, "out of memory: the folder of %s", archive);
    if (found->bval) SIREN_TRY(siren_bids_join(run->dataset, found->bval, &bval));
    if (found->bvec) SIREN_TRY(siren_bids_join(run->dataset, found->bvec, &bvec));
    SIREN_TRY(make_sidecar(run, nth, found, &sidecar));
    SIREN_TRY(siren_folder_make(dirname(folder)));
    SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_status, "begun"));
    SIREN_TRY(append_row(run, &s->row));
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
static siren_status keep_files(bids_run *run, const bids_series *s, const siren_bids_sidecars *found,
                               siren_anonymised *told) {
    const bool overwrite = run->options->overwrite;
    for (size_t i = 0; i < found->all.n; i++) {
        SIREN_FREE_AT_END char *from = NULL, *to = NULL;
        SIREN_TRY(siren_bids_join(run->dataset, found->all.paths[i], &from));
        SIREN_TRY(siren_bids_join(run->choice->out, found->all.paths[i], &to));
        SIREN_TRY(siren_bids_copy(from, to, overwrite, run->anonymise ? told : NULL));
    }
    return siren_bids_keep_lists(run->dataset, run->choice->out, s->relative, overwrite);
}

static siren_status fill_row(const bids_run *run, bids_series *s, const char *archive, double seconds,
                             const siren_anonymised *told) {
    SIREN_AT_END(siren_archive_info_free) siren_archive_info info = {0};
    char text[SIREN_ANONYMISED_TEXT], number[32];
    SIREN_TRY(siren_info(archive, &info));
    snprintf(number, sizeof number, "%llu", (unsigned long long)info.bytes);
    SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_archive_bytes, number));
    SIREN_TRY(siren_bids_row_set_number(&s->row, SIREN_BIDS_ratio, info.ratio, 4));
    SIREN_TRY(siren_bids_row_set_number(&s->row, SIREN_BIDS_psnr, info.psnr, 4));
    SIREN_TRY(siren_bids_row_set_number(&s->row, SIREN_BIDS_seconds, seconds, 3));
    if (run->anonymise && s->state == MADE)
        SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_anonymised, siren_tool_anonymised_text(told, text)));
    s->bytes = info.bytes;
    s->voxel_bytes = info.series_bytes;
    s->header_changed = siren_tool_header_changed(told);
    return siren_bids_row_set(&s->row, SIREN_BIDS_status, "done");
}

/* What an earlier run told stays. */
static siren_status copy_cells(const bids_run *run, bids_series *s) {
    const siren_bids_row *row = siren_bids_table_find(&run->table, s->relative);
    if (!row || !row->cells[SIREN_BIDS_seconds]) return SIREN_OK;
    SIREN_TRY(siren_bids_row_set(&s->row, SIREN_BIDS_seconds, row->cells[SIREN_BIDS_seconds]));
    return siren_bids_row_set(&s->row, SIREN_BIDS_anonymised, row->cells[SIREN_BIDS_anonymised]);
}

static siren_status check_series(bids_run *run, bids_series *s, struct stat *facts) {
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

static siren_status do_series(bids_run *run, size_t nth) {
    bids_series *s = &run->series[nth];
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
    s->state = kept ? KEPT : MADE;
    pthread_mutex_lock(&run->writing);
    siren_status status = keep_files(run, s, &found, &told);
    pthread_mutex_unlock(&run->writing);
    SIREN_TRY(status);
    SIREN_TRY(fill_row(run, s, archive, siren_clock() - start, &told));
    return kept ? copy_cells(run, s) : SIREN_OK;
}

/* Whether a series that failed now has an archive that the table tells of: then its row stays. */
static bool has_old_row(const bids_run *run, const bids_series *s) {
    SIREN_FREE_AT_END char *archive = NULL;
    const siren_bids_row *row = siren_bids_table_find(&run->table, s->relative);
    return s->state == FAILED && row && row->cells[SIREN_BIDS_status] &&
           strcmp(row->cells[SIREN_BIDS_status], "done") == 0 &&
           siren_bids_join(run->choice->out, s->archive, &archive) == SIREN_OK && siren_file_exists(archive);
}

/* ---- all of them ---- */

static void stop(bids_run *run, siren_status status) {
    pthread_mutex_lock(&run->writing);
    if (!atomic_load(&run->stopped)) {
        run->stop_status = status;
        snprintf(run->stop_message, sizeof run->stop_message, "%s", siren_message());
    }
    atomic_store(&run->stopped, true);
    pthread_mutex_unlock(&run->writing);
}

/* A line for the reader, and a row for the next run. */
static siren_status tell_series(bids_run *run, bids_series *s, siren_status status) {
    if (status != SIREN_OK) {
        /* An archive is complete where only what stands beside it is not: the next run keeps it. */
        const bool begun = s->state == MADE || s->state == KEPT;
        s->state = FAILED;
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
    if (s->state == KEPT)
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
    bids_run *run = user;
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
static siren_status finish_table(bids_run *run) {
    for (size_t i = 0; i < run->found.n; i++)
        if (run->series[i].row.cells[SIREN_BIDS_source] && !has_old_row(run, &run->series[i]))
            SIREN_TRY(siren_bids_table_put(&run->table, &run->series[i].row));
    SIREN_TRY(siren_bids_table_write(&run->table, run->table_path));
    unlink(run->part_path);
    return SIREN_OK;
}

static siren_status summarise(const bids_run *run, double seconds) {
    size_t n[FAILED + 1] = {0}, n_headers = 0;
    double bytes = 0, voxel_bytes = 0;
    siren_status first = SIREN_OK;
    char text[2][32];
    for (size_t i = 0; i < run->found.n; i++) {
        const bids_series *s = &run->series[i];
        n[s->state]++;
        bytes += (double)s->bytes;
        voxel_bytes += (double)s->voxel_bytes;
        n_headers += s->header_changed;
        if (s->state == FAILED && first == SIREN_OK) first = s->status;
    }
    if (!run->quiet) {
        printf("%zu of %zu series are archives in %s: %zu made in %.1f s, %zu there already",
               n[MADE] + n[KEPT], run->found.n, run->choice->out, n[MADE], seconds, n[KEPT]);
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
    if (n[FAILED] == 0) return SIREN_OK;
    return siren_fail(n[FAILED] < run->found.n ? SIREN_PARTIAL : first, "%zu of %zu series failed", n[FAILED],
                      run->found.n);
}

static siren_status open_derivative(bids_run *run) {
    const char *out = run->choice->out;
    SIREN_TRY(siren_bids_check_folders(run->dataset, out));
    SIREN_TRY(find_series(run));
    SIREN_TRY(siren_bids_top_files(run->dataset, &run->top));
    SIREN_TRY(plan_series(run));
    SIREN_TRY(siren_bids_join(out, SIREN_BIDS_TABLE, &run->table_path));
    SIREN_TRY(siren_bids_join(out, SIREN_BIDS_TABLE ".part", &run->part_path));
    SIREN_TRY(siren_folder_make(out));
    SIREN_TRY(open_part(run));
    SIREN_TRY(mend_part(run));
    SIREN_TRY(siren_bids_table_read(run->table_path, &run->table));
    SIREN_TRY(siren_bids_table_read(run->part_path, &run->table));
    SIREN_TRY(siren_bids_begin_derivative(run->dataset, out, run->options->overwrite));
    return siren_staging_open(NULL, NULL, 0, true, &run->staging);
}

siren_status siren_bids_compress(const siren_bids_choice *choice, const siren_compress_options *options,
                                 bool anonymise, siren_device *device, bool quiet) {
    SIREN_AT_END(run_free)
    bids_run run = {.choice = choice,
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
    describe_settings(&run);
    SIREN_TRY(open_derivative(&run));
    SIREN_TRY(siren_threads_run(run.n_workers, work, &run));
    siren_terminal_end_progress();
    if (atomic_load(&run.stopped)) return siren_fail(run.stop_status, "%s", run.stop_message);
    for (size_t i = 0; i < run.found.n; i++) {
        bids_series *s = &run.series[i];
        if (s->state == WAITING)
            return siren_fail(SIREN_SYSTEM, "%s: no thread took it; the same command goes on there",
                              s->relative);
    }
    SIREN_TRY(finish_table(&run));
    return summarise(&run, siren_clock() - start);
}
