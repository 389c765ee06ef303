/* A finished block as the bytes that a run folder and a journal keep it in. */
#ifndef SIREN_ENGINE_ENCODE_ENCODED_BYTES_H
#define SIREN_ENGINE_ENCODE_ENCODED_BYTES_H

#include "engine/encode/trained_batch.h"

/* The block and a text ("" for none). `*bytes`, yours to free(), has room for `n_behind` more. */
siren_status siren_encoded_write(const siren_encoded *encoded, const char *text, size_t n_behind,
                                 uint8_t **bytes, size_t *n_bytes);
/* CORRUPT, and names `path`, where the lengths in them do not add up: nothing else is checked, a digest must be.
 * `*out` is yours, siren_encoded_free(), and `*text` to free(); NULL: not wanted. */
siren_status siren_encoded_read(const char *path, const uint8_t *bytes, size_t n_bytes, siren_encoded *out,
                                char **text);

#endif
