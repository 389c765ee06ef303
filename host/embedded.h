/* Files that cmake/embed.cmake puts into the program at build time. */
#ifndef SIREN_HOST_EMBEDDED_H
#define SIREN_HOST_EMBEDDED_H

#include <stddef.h>

typedef struct {
    const char *name; /* "chain.cl" */
    const char *text; /* zero-terminated */
    size_t length;
} siren_embedded_file;

#endif
