#include "engine/bench.h"

#include "engine/gradient.h"
#include "engine/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

siren_status siren_bench_peak(siren_device *device, double *gflops) {
    siren_status status = SIREN_OK;
    siren_kernel *kernel = NULL;
    siren_buffer *out = NULL;
    const siren_device_facts *facts = siren_device_get_facts(device);
    bool chain = facts->family == SIREN_FAMILY_CHAIN;
    size_t lanes = facts->vector_width >= 16 ? 16 : 8, group = facts->max_work_group < 256 ? facts->max_work_group : 256;
    size_t items = chain ? 4 * (size_t)facts->compute_units : 32 * group * facts->compute_units;
    double per_step = 2.0 * 16 * (double)items * (chain ? (double)lanes : 1.0), best = 0;
    char options[64];
    siren_chain_options(device, options, sizeof options);
    SIREN_TRY(siren_kernel_create(device, "peak.cl", options, chain ? "peak_chain" : "peak_layer", &kernel));
    SIREN_TRY(siren_buffer_create(device, items * lanes * sizeof(float), "the peak's results", &out));
    siren_range range = {.global = {items}, .local = {chain ? 1 : group}};
    int n = 1000;
    for (int run = 0; run < 12; run++) {
        double start = siren_clock();
        SIREN_TRY(SIREN_LAUNCH(kernel, range, SIREN_BUFFER(out), SIREN_FLOAT(0.999f), SIREN_FLOAT(0.001f), SIREN_INT(n)));
        SIREN_TRY(siren_device_finish(device));
        double seconds = siren_clock() - start, rate = per_step * n / seconds * 1e-9;
        if (seconds < 0.02 && n < 100000000) /* too short to trust: lengthen, and do not count it against the runs */
            n *= 4, run = run > 0 ? run - 1 : run;
        else if (rate > best)
            best = rate;
    }
    *gflops = best;
done:
    siren_buffer_free(out);
    siren_kernel_free(kernel);
    return status;
}
