/* A promise of the code that is tested: where it is broken, the fuzzer sees a crash. */
#ifndef SIREN_TESTS_FUZZ_MUST_H
#define SIREN_TESTS_FUZZ_MUST_H

#include <stdlib.h>

#define MUST(holds) ((holds) ? (void)0 : abort())

#endif
