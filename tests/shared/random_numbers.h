/* Random numbers and noise that are the same on every machine, for tests. */
#ifndef SIREN_TESTS_SHARED_RANDOM_NUMBERS_H
#define SIREN_TESTS_SHARED_RANDOM_NUMBERS_H

#include <stdint.h>

extern uint64_t random_state; /* set it to begin a sequence; it moves with every number */

uint64_t random_bits(unsigned n); /* n of them, 0 to 64 */
uint32_t random_u32(void);
/* Of mean 0 and standard deviation 1, nearly normal, within 6. */
double noise(void);

#endif
