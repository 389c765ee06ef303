/* One machine-code clone of a function per level of the processor, chosen when the program is loaded. Clones of code
 * without fused or reordered operations give the same bits. CMake finds the levels that the compiler can choose among:
 * SIREN_CLONE_TARGETS. Without any, fmaf() is a call of the C library: right, and 50 times slower. For static functions
 * alone:
 * clang gives clones other names, and gcc exports them. */
#ifndef SIREN_HOST_CLONES_H
#define SIREN_HOST_CLONES_H

/* ThreadSanitizer cannot watch the choice, which is made before it has begun. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define SIREN_WATCHED_BY_TSAN
#endif
#endif
#if defined(SIREN_CLONE_TARGETS) && !defined(__SANITIZE_THREAD__) && !defined(SIREN_WATCHED_BY_TSAN)
#define SIREN_CLONES __attribute__((target_clones(SIREN_CLONE_TARGETS)))
#else
#define SIREN_CLONES
#endif

#endif
