#include "engine/train/schedule.h"

#include <math.h>

float siren_schedule_factor(const siren_schedule *schedule, size_t epoch, size_t n_epochs) {
    const double pi = 3.14159265358979323846;
    double at = (double)epoch / (double)n_epochs, factor = 1;
    if (schedule->kind == SIREN_SCHEDULE_COSINE) factor = 0.5 * (1 + cos(pi * at));
    if (schedule->kind == SIREN_SCHEDULE_LINEAR) factor = 1 - at;
    if (epoch + 1 < schedule->warmup) factor *= (double)(epoch + 1) / (double)schedule->warmup;
    return (float)factor;
}
