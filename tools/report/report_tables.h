/* Tables 1 and 2 in a report's page: relative errors of what trials restored. */
#ifndef SIREN_TOOLS_REPORT_TABLES_H
#define SIREN_TOOLS_REPORT_TABLES_H

#include <stdio.h>

#include "lab/report/report_run.h"

/* HTML: for each input a table of methods and regions, and with several inputs one of networks and inputs; nothing
 * where no trial was judged. Write errors stay in the stream (ferror). */
void siren_report_tables_write(FILE *out, const siren_report_run *run);

#endif
