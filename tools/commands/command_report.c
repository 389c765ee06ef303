/* sirencl report */
#define _GNU_SOURCE
#include "tools/tools.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "formats/original.h"
#include "lab/run/run_folder.h"
#include "host/file.h"
#include "tools/report/report_page.h"

static void print_result(const char *path, const siren_report_run *run, const siren_report_figures *figures) {
    size_t n_trials, n_missing, n_drawn = 0;
    siren_report_count(run, &n_trials, &n_missing);
    for (size_t i = 0; i < figures->n; i++) n_drawn += figures->figures[i].svg != NULL;
    printf("%s: %zu of %zu trial%s, %zu figure%s\n", path, n_trials - n_missing, n_trials,
           siren_plural(n_trials), n_drawn, siren_plural(n_drawn));
}

/* USAGE where --figures names a folder of something else. */
static siren_status check_figures(const char *folder) {
    static const char *const marks[] = {"style.gp", "claims.csv"};
    bool made = false, foreign = false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        SIREN_FREE_AT_END char *path = NULL;
        SIREN_TRY(siren_run_path(&path, folder, "%s", marks[i]));
        made = made || access(path, F_OK) == 0;
    }
    DIR *entries = made ? NULL : opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        foreign = foreign || (entry->d_type != DT_DIR && entry->d_name[0] != '.');
    if (entries) closedir(entries);
    if (!foreign) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: holds other files and no figures of a report; give a new folder",
                      folder);
}

siren_status siren_tool_report(int argc, char **argv) {
    bool force = false;
    siren_common_options common = {0};
    const char *page_choice = NULL, *figures_choice = NULL, *folder;
    const siren_option options[] = {
        SIREN_TEXT("output", "FILE", "the page (also -o); else report.html in the run folder", &page_choice),
        SIREN_TEXT("figures", "DIR",
                   "folder for the figures, their data and scripts; else figures\nin the run folder",
                   &figures_choice),
        SIREN_FLAG("force", "replace the page; scripts in the folder of figures are kept", &force),
        SIREN_COMMON_OPTIONS(common),
    };
    const siren_usage usage = {.command = "report",
                               .arguments = "RUN",
                               .n_arguments = 1,
                               .summary = "Reports the run of a sweep, complete or not, as one "
                                          "self-contained HTML page: figures, a table of all\n"
                                          "trials, inputs, devices and the configuration. gnuplot draws the "
                                          "figures with scripts that may be "
                                          "edited;\ndrawn again, the page has what they draw then.",
                               .example = "sirencl report runs/quick -o quick.html",
                               SIREN_OPTION_TABLE(options)};
    siren_status status;
    if (!siren_terminal_begin(&usage, &common, argc, argv, &folder, &status)) return status;

    SIREN_AT_END(siren_report_run_free_at) siren_report_run *run = NULL;
    SIREN_AT_END(siren_report_figures_free) siren_report_figures figures = {0};
    SIREN_AT_END(siren_report_claims_free_at) siren_report_claim *claims = NULL;
    size_t n_claims = 0, n_bytes = 0;
    SIREN_AT_END(siren_output_discard_at) siren_output *output = NULL;
    SIREN_FREE_AT_END char *usual_page = NULL, *usual_figures = NULL, *text = NULL;
    siren_terminal_catch_interrupt();
    SIREN_TRY(siren_report_run_read(folder, &run));
    SIREN_TRY(siren_run_path(&usual_page, folder, "report.html"));
    SIREN_TRY(siren_run_path(&usual_figures, folder, "figures"));
    const char *page = page_choice ? page_choice : usual_page;
    if (force || !siren_file_exists(page)) SIREN_TRY(siren_kind_check(page, SIREN_KIND_PAGE));
    if (figures_choice) SIREN_TRY(check_figures(figures_choice));
    SIREN_TRY(siren_output_open(page, force, &output));
    const char *figures_folder = figures_choice ? figures_choice : usual_figures;
    SIREN_TRY(siren_report_figures_make(run, figures_folder, siren_terminal_progress, NULL, &figures));
    if (figures.note) siren_terminal_warn("%s", figures.note);
    SIREN_TRY(siren_report_claims_check(run, &claims, &n_claims));
    SIREN_TRY(siren_report_claims_keep(claims, n_claims, figures_folder));
    SIREN_TRY(siren_report_page_make(run, &figures, claims, n_claims, &text, &n_bytes));
    SIREN_TRY(siren_output_write(output, text, n_bytes));
    SIREN_TRY(siren_output_commit(SIREN_TAKE(output)));
    siren_terminal_end_progress();
    if (!common.quiet) print_result(page, run, &figures);
    return SIREN_OK;
}
