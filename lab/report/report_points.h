/* The points of a report's figures: trials of one input, pooled over seeds, and which of them go into
 * which figure. */
#ifndef SIREN_LAB_REPORT_REPORT_POINTS_H
#define SIREN_LAB_REPORT_REPORT_POINTS_H

#include "lab/report/report_run.h"

/* Trials of a network that differ in their seed only, or one baseline; psnr NaN: one that loses nothing. */
typedef struct {
    const siren_report_trial *trial; /* the first of them; borrowed from the run */
    size_t series;                   /* its rank: networks first, and of these that with the highest PSNR */
    double ratio, ratio_float32;     /* mean over trials */
    double slices;                   /* of all of them */
    double psnr, psnr_std;           /* dB, mean and standard deviation (n - 1) over these slices */
} siren_report_point;

/* The successful trials of one input. Of each series only those with the learning rate, w0 and epochs of
 * its first trial are taken, for others belong to another curve. */
typedef struct {
    siren_report_point *points; /* (n_points) sorted by series, layers, width, bits */
    size_t n_points, n_series;
    size_t n_other; /* successful trials of the input that are not in `points` */
} siren_report_points;

/* `out` is yours: siren_report_points_free(). `input` is compared with the trials'. */
siren_status siren_report_points_collect(const siren_report_run *run, const char *input,
                                         siren_report_points *out);
void siren_report_points_free(siren_report_points *points);

/* What may differ within a figure, to be combined; the rest is fixed. */
enum { SIREN_VARIES_LAYERS = 1, SIREN_VARIES_WIDTH = 2, SIREN_VARIES_BITS = 4 };

/* The largest set of networks that agree in all but `varies`, counting series with at least `least` points
 * only; of equally large ones that nearest to 3 layers of 256 units with int8 weights. `*out` (n; 0 where
 * there is none; room for all points) points into `points`, in their order; yours to free(). */
siren_status siren_report_points_choose(const siren_report_points *points, unsigned varies, size_t least,
                                        const siren_report_point ***out, size_t *n);

/* How far a network's shape is from that of `layers` of `width` units. */
double siren_report_distance(const siren_report_trial *trial, double layers, double width);

#endif
