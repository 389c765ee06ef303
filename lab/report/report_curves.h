/* Mean training curves of the blocks of trials. */
#ifndef SIREN_LAB_REPORT_REPORT_CURVES_H
#define SIREN_LAB_REPORT_REPORT_CURVES_H

#include "lab/report/report_run.h"

/* Over the blocks that were trained without diverging. PSNR is NaN where it is infinite in a block. */
typedef struct {
    double epoch;
    double psnr, psnr_std;          /* dB; std with n - 1, 0 of one block */
    double mse, mse_std, mse_least; /* mse_least: of the best block */
} siren_report_mean_row;

typedef struct {
    siren_report_mean_row *rows; /* (n_rows) in ascending epochs */
    size_t n_rows, n_blocks;
    double flop, seconds; /* of an epoch of one network; NaN where summary.csv or timing.csv does not tell */
} siren_report_mean_curve;

/* Of `n` trials that differ in their seed only. n_rows 0 where they kept no curves. CORRUPT names the file of a damaged
 * curve. `out` is yours: siren_report_mean_curve_free(). */
siren_status siren_report_mean_curve_read(const siren_report_run *run,
                                          const siren_report_trial *const *trials, size_t n,
                                          siren_report_mean_curve *out);
void siren_report_mean_curve_free(siren_report_mean_curve *curve);

/* Whether a figure shows the row: not all of very long curves, but always the last. */
bool siren_report_curve_shows(const siren_report_mean_curve *curve, size_t row);

#endif
