/* Names that a user may misspell. */
#ifndef SIREN_HOST_NAMES_H
#define SIREN_HOST_NAMES_H

#include <stddef.h>

/* The one of `names` (n) that `text` is probably a slip of; NULL where none is near. */
const char *siren_nearest_name(const char *text, const char *const *names, size_t n);

#endif
