/* Names that a user may misspell, and suffixes of paths. */
#ifndef SIREN_HOST_NAMES_H
#define SIREN_HOST_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* The one of `names` (n) that `text` is probably a slip of; NULL where none is near. */
const char *siren_nearest_name(const char *text, const char *const *names, size_t n);

/* Whether `path` ends so, with something before it. */
bool siren_has_suffix(const char *path, const char *suffix);

#endif
