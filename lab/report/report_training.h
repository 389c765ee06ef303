/* What a report plots of trainings: PSNR against epochs, seconds and operations. */
#ifndef SIREN_LAB_REPORT_REPORT_TRAINING_H
#define SIREN_LAB_REPORT_REPORT_TRAINING_H

#include "lab/report/report_points.h"

/* series (kind, shape, and settings that are not the experiment's), epoch, seconds, flop, psnr, psnr_low, psnr_high: a
 * curve for each training, pooled over seeds; seconds and flop NaN where the run does not tell. Where there are more
 * than 18, those of the shape that most kinds have. As in report_data.h. */
siren_status siren_report_training(const siren_report_run *run, const siren_report_points *points,
                                   siren_table **table, char **caption);

#endif
