/* What each figure of a report plots: a table for its gnuplot script, and its caption. */
#ifndef SIREN_LAB_REPORT_REPORT_DATA_H
#define SIREN_LAB_REPORT_REPORT_DATA_H

#include "lab/report/report_points.h"

/* `*table` stays NULL where the run has no data for the figure. Both are yours: siren_table_free() and
 * free(). */

/* PSNR and MSE against epochs: series, label, epoch, psnr, psnr_low, psnr_high, mse, mse_low, mse_high.
 * One network of each series, of the shape that most have. */
siren_status siren_report_curves(const siren_report_run *run, const siren_report_points *points,
                                 siren_table **table, char **caption);

/* PSNR against compression ratio: series, layers, width, weights, bits, ratio, ratio_float32, psnr,
 * psnr_low, psnr_high, slices, then label ("3x256") and place: on which side of its point the label has
 * room, or "none". */
siren_status siren_report_ratio(const siren_report_run *run, const siren_report_points *points,
                                siren_table **table, char **caption);

/* PSNR against hidden layers, units, or bits of a weight, the other two being fixed: the same columns
 * without the last two. */
siren_status siren_report_depth(const siren_report_run *run, const siren_report_points *points,
                                siren_table **table, char **caption);
siren_status siren_report_width(const siren_report_run *run, const siren_report_points *points,
                                siren_table **table, char **caption);
siren_status siren_report_weights(const siren_report_run *run, const siren_report_points *points,
                                  siren_table **table, char **caption);

#endif
