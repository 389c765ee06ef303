/* One machine-code clone of a function per level of the processor, chosen when the program is loaded. Clones
 * of code without fused or reordered operations give the same bits. */
#ifndef SIREN_HOST_CLONES_H
#define SIREN_HOST_CLONES_H

/* ThreadSanitizer cannot watch the choice, which is made before it has begun. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define SIREN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIREN_CLONES
#endif

#endif
