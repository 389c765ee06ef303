#include "tests/shared/context_gradient.h"

#include "tests/shared/random_numbers.h"
#include "tests/shared/testing.h"

#include <math.h>

void check_context_gradient(siren_context_kind kind, const siren_context_examples *examples,
                            const uint32_t widths[2], double most_off) {
    static siren_context_parameters parameters, gradient, none;
    const uint32_t all[] = {siren_context_n_features(kind), widths[0], widths[1],
                            siren_context_n_outputs(kind)};
    unsigned n_compared = 0;
    for (size_t l = 0; l < SIREN_CONTEXT_LAYERS; l++)
        for (size_t i = 0; i <= all[l]; i++)
            for (size_t j = 0; j < all[l + 1]; j++) parameters.of[l][i][j] = (float)noise() * .12f;
    siren_context_loss(kind, examples, widths, &parameters, &gradient);
    for (unsigned run = 0; run < 300; run++) {
        size_t l = run % 3, i = random_u32() % (all[l] + 1), j = random_u32() % all[l + 1];
        float *parameter = &parameters.of[l][i][j], was = *parameter, step = 1e-3f;
        *parameter = was + step;
        double more = siren_context_loss(kind, examples, widths, &parameters, &none);
        *parameter = was - step;
        double less = siren_context_loss(kind, examples, widths, &parameters, &none);
        *parameter = was;
        double expected = (more - less) / (2 * (double)step), is = gradient.of[l][i][j];
        if (fabs(expected - is) > .02 * fabs(expected) + most_off)
            fail_msg("layer %zu, %zu to %zu: %g instead of %g", l, i, j, is, expected);
        n_compared += fabs(expected) > .5;
    }
    assert_true(n_compared > 100);
}
