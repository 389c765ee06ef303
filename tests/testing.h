/* What every test includes: cmocka in its required order. */
#ifndef SIREN_TESTING_H
#define SIREN_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/base.h"

/* AddressSanitizer takes more addresses than a limit of memory leaves; gcc and clang tell of it in two ways. */
#ifdef __SANITIZE_ADDRESS__
#define SIREN_WITH_ASAN
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SIREN_WITH_ASAN
#endif
#endif

/* Expects SIREN_OK and shows the message otherwise. */
#define assert_siren_ok(expression)                                                                          \
    do {                                                                                                     \
        if ((expression) != SIREN_OK) fail_msg("%s: %s", #expression, siren_message());                      \
    } while (0)

#endif
