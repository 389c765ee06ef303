/* What may tell whose image it is, taken out of its header and of its JSON sidecar (docs/bids.md has the lists). */
#ifndef SIREN_FORMATS_ANONYMISE_H
#define SIREN_FORMATS_ANONYMISE_H

#include "formats/series.h"

#define SIREN_ANONYMISED_CHARS 512

/* What was taken out of an image. */
typedef struct {
    char fields[SIREN_ANONYMISED_CHARS]; /* of the header that held text: "descrip, aux_file" */
    size_t
        n_extension_bytes; /* between header and voxels, and where the four that tell of them are all, these */
    size_t n_tail;         /* after the voxels */
    char keys[SIREN_ANONYMISED_CHARS]; /* of the sidecar: "PatientID, PatientName, ..." */
} siren_anonymised;

/* What was taken out, as a line of a summary. Returns `out`. */
#define SIREN_ANONYMISED_TEXT 1280
char *siren_anonymised_text(const siren_anonymised *told, char out[SIREN_ANONYMISED_TEXT]);
/* Whether the header is another than that of the image. */
bool siren_anonymised_header(const siren_anonymised *told);

/* Empties the header's fields of text, and takes out its extensions and what follows the voxels. Adds to `*told`. A
 * header that holds nothing of this keeps its bytes. */
siren_status siren_anonymise_series(siren_series *series, siren_anonymised *told);

/* A copy of a sidecar without the members that identify, at any depth. CORRUPT where it is no JSON, so that nothing can
 * be taken out. `*out` is yours to free(). */
siren_status siren_anonymise_sidecar(const char *name, const uint8_t *bytes, size_t n_bytes,
                                     siren_anonymised *told, uint8_t **out, size_t *n_out);

#endif
