/* The page of a report: one HTML file that needs no other. */
#ifndef SIREN_TOOLS_REPORT_PAGE_H
#define SIREN_TOOLS_REPORT_PAGE_H

#include "tools/report/report_claims.h"
#include "tools/report/report_figures.h"
#include "lab/report/report_run.h"

/* `*text` (n_bytes, zero-terminated) is yours to free(). Equal runs and pictures give equal pages. */
siren_status siren_report_page_make(const siren_report_run *run, const siren_report_figures *figures,
                                    const siren_report_claim *claims, size_t n_claims, char **text,
                                    size_t *n_bytes);

/* How many trials the experiment has, and how many of them summary.csv lacks. */
void siren_report_count(const siren_report_run *run, size_t *n_trials, size_t *n_missing);

#endif
