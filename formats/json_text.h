/* JSON as text: changed where it has to be, and else byte for byte. */
#ifndef SIREN_FORMATS_JSON_TEXT_H
#define SIREN_FORMATS_JSON_TEXT_H

#include "host/base.h"

/* Whether a member of that key goes; called once for each that is not within one that goes. */
typedef bool (*siren_json_drop_fn)(void *user, const char *key);

/* A copy of the text without members that `drop` names, at any depth; comments go, too. CORRUPT where the text is no
 * JSON. `*out` is yours to free(). */
siren_status siren_json_text_drop(const char *name, const uint8_t *bytes, size_t n_bytes,
                                  siren_json_drop_fn drop, void *user, uint8_t **out, size_t *n_out);

#define SIREN_JSON_MOST_MEMBERS 4096 /* of an object to be merged */

typedef struct {
    const char *name; /* for messages */
    const uint8_t *bytes;
    size_t n_bytes;
} siren_json_source;

/* One object with the members of all `sources` (n), which are objects; of a key that several have, the last source's.
 * CORRUPT where one is no object, UNSUPPORTED beyond the limit. `*out` is yours to free(). */
siren_status siren_json_text_merge(const siren_json_source *sources, size_t n, uint8_t **out, size_t *n_out);

#endif
