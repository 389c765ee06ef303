/* What the JSON sidecar of a restored image tells of its lossy compression. */
#ifndef SIREN_ENGINE_ARCHIVE_SIDECAR_H
#define SIREN_ENGINE_ARCHIVE_SIDECAR_H

#include "engine/archive/record.h"

#define SIREN_TRACE_CHARS 512

/* The members of a JSON object that tell of an archive, "" where it kept every bit: named as DICOM's attributes are
 * (PS3.3, C.7.6.1.1.5), which BIDS' sidecars follow in their names. */
siren_status siren_trace_of(siren_archive *archive, const siren_layout *layout, char out[SIREN_TRACE_CHARS]);

/* Whether a text is a JSON object as far as its braces tell: what is between them binds no reader of ours. */
bool siren_sidecar_is_object(const uint8_t *bytes, size_t n_bytes);

/* A copy of a sidecar with these members at its end, every other byte as it was but for a "LossyImageCompression":
 * "00", which becomes "01"; yours to free(). `*out` stays NULL where it tells of lossy compression already, or is no
 * object. */
siren_status siren_sidecar_trace(const uint8_t *bytes, size_t n_bytes, const char *trace, uint8_t **out,
                                 size_t *n_out);

/* The JSON sidecar of what `archive` restores: with the trace, or byte for byte where nothing was lost. `*out` is yours
 * to free(). */
siren_status siren_sidecar_of(const char *archive, const uint8_t *bytes, size_t n_bytes, uint8_t **out,
                              size_t *n_out);

#endif
