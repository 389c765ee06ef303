#define _GNU_SOURCE
#include "tools/common/driver_choice.h"

#include "engine/care/driver_files.h"
#include "engine/care/driver_verdict.h"
#include "host/opencl/device.h"
#include "tools/common/driver_guard.h"
#include "tools/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *kept_at; /* where the choice is remembered; NULL: nowhere */
static bool recalled, sorted;

static void warn_of_each(const char *lines, const char *remembered) {
    for (const char *line = lines; *line;) {
        const size_t n = strcspn(line, "\n");
        siren_terminal_warn("%.*s; it is left out, and the others are used%s%s%s", (int)n, line,
                            remembered ? " (" : "", remembered ? remembered : "",
                            remembered ? " remembers it for a day)" : "");
        line += n + (line[n] == '\n');
    }
}

siren_status siren_drivers_recall(void) {
    SIREN_FREE_AT_END char *lines = NULL;
    if (recalled) return SIREN_OK;
    recalled = true;
    SIREN_TRY(siren_driver_left_out(&kept_at, &lines));
    if (lines) warn_of_each(lines, kept_at);
    return SIREN_OK;
}

/* In the environment of the driver alone. `*end` as of siren_guard_begin(). */
static siren_status try_alone(const siren_driver_files *files, size_t which, bool *used, siren_guard_end *end,
                              char reason[SIREN_GUARD_REASON]) {
    SIREN_FREE_AT_END siren_device_facts *facts = NULL;
    size_t n = 0;
    memset(used, 0, files->n * sizeof *used);
    used[which] = true;
    SIREN_TRY(siren_driver_files_use(files, used));
    SIREN_TRY(siren_guard_begin(end, reason));
    if (*end != SIREN_GUARD_CHILD || !siren_guard_in_child()) return SIREN_OK;
    siren_guard_divert_output();
    (void)siren_device_list(&facts, &n); /* what fails in an orderly way is no harm to the others */
    siren_guard_pass();
    return SIREN_OK;
}

/* `passed` (n), and in `lines` a line for each that did not. False where there can be no children. */
static siren_status try_each(const siren_driver_files *files, bool *passed, FILE *lines, bool *tried) {
    SIREN_FREE_AT_END bool *used = NULL;
    char reason[SIREN_GUARD_REASON];
    siren_guard_end end;
    *tried = false;
    SIREN_TRY(siren_allocate(&used, files->n, sizeof *used, "the choice of drivers"));
    for (size_t i = 0; i < files->n; i++) {
        SIREN_TRY(try_alone(files, i, used, &end, reason));
        if (end == SIREN_GUARD_CHILD) return SIREN_OK;
        passed[i] = end == SIREN_GUARD_PASSED;
        if (!passed[i]) fprintf(lines, "%s: %s\n", files->paths[i], reason);
    }
    *tried = true;
    return SIREN_OK;
}

/* Which drivers to go on with; the environment is as it was where there is no choice. */
static siren_status choose(const siren_driver_files *files, FILE *stream, bool *chosen) {
    SIREN_FREE_AT_END bool *passed = NULL;
    size_t n = 0;
    *chosen = false;
    SIREN_TRY(siren_allocate(&passed, files->n, sizeof *passed, "the choice of drivers"));
    SIREN_TRY(try_each(files, passed, stream, chosen));
    for (size_t i = 0; i < files->n; i++) n += passed[i];
    *chosen = *chosen && n > 0 && n < files->n;
    return *chosen ? siren_driver_files_use(files, passed) : SIREN_OK;
}

static void restore(const char *name, const char *value) {
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static siren_status sort(const siren_driver_files *files, bool *again) {
    SIREN_FREE_AT_END char *lines = NULL;
    const char *vendors = getenv("OCL_ICD_VENDORS"), *names = getenv("OCL_ICD_FILENAMES");
    SIREN_FREE_AT_END char *vendors_before = vendors ? strdup(vendors) : NULL,
                           *names_before = names ? strdup(names) : NULL;
    size_t n_bytes = 0;
    FILE *stream = open_memstream(&lines, &n_bytes);
    if (!stream) return siren_fail(SIREN_SYSTEM, "out of memory: the choice of drivers");
    siren_status status = choose(files, stream, again);
    if (fclose(stream) != 0 && status == SIREN_OK)
        status = siren_fail(SIREN_SYSTEM, "out of memory: the choice of drivers");
    if (status != SIREN_OK || !*again) {
        restore("OCL_ICD_VENDORS", vendors_before);
        restore("OCL_ICD_FILENAMES", names_before);
        *again = false;
        return status;
    }
    const bool kept = siren_driver_left_out_keep(kept_at, lines) == SIREN_OK;
    warn_of_each(lines, kept ? kept_at : NULL);
    if (!kept)
        siren_terminal_warn("%s: that is found out again by each command; OCL_ICD_VENDORS=FOLDER names .icd "
                            "files that work, XDG_CACHE_HOME=FOLDER a place to remember it in",
                            siren_message());
    return SIREN_OK;
}

siren_status siren_drivers_sort(bool *again) {
    SIREN_AT_END(siren_driver_files_free) siren_driver_files files = {0};
    *again = false;
    if (sorted || !siren_guard_was_loading()) return SIREN_OK;
    sorted = true;
    SIREN_TRY(siren_driver_files_find(&files));
    if (files.n < 2) return SIREN_OK;
    /* Without a place for a list of drivers nothing can be left out, and the command ends as it would. */
    if (sort(&files, again) != SIREN_OK) siren_log(SIREN_LOG_INFO, "%s", siren_message());
    return SIREN_OK;
}
