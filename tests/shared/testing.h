/* What every test includes: cmocka in its required order. */
#ifndef SIREN_TESTING_H
#define SIREN_TESTING_H

#include <locale.h>
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

/* What is not there for a whole program, or for the case that runs; tools/test lists these lines. */
static inline _Noreturn void skip_test(const char *reason) {
    printf("skipped: %s\n", reason);
    exit(77);
}
#define skip_case(reason)                                                                                    \
    do {                                                                                                     \
        printf("skipped in part: %s: %s\n", __func__, reason);                                               \
        fflush(stdout);                                                                                      \
        skip();                                                                                              \
    } while (0)

/* Numbers are written with a comma until setlocale(LC_ALL, "C"). */
#define use_comma_locale()                                                                                   \
    do {                                                                                                     \
        if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))                          \
            skip_case("no locale with a decimal comma is installed");                                        \
    } while (0)

#endif
