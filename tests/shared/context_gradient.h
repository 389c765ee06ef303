/* The gradient of a context network's loss, beside finite differences. */
#ifndef SIREN_TESTS_CONTEXT_GRADIENT_H
#define SIREN_TESTS_CONTEXT_GRADIENT_H

#include "engine/encode/context_trainer.h"

/* Of 128 examples or more, for a network of random parameters and hidden layers of these widths; fails where a
 * derivative is off by more than 2 % and `most_off`, which kinks of leaky units within a step make. */
void check_context_gradient(siren_context_kind kind, const siren_context_examples *examples,
                            const uint32_t widths[2], double most_off);

#endif
