/* Finished blocks of a compression, kept in a journal beside its archive (OUT.siren.part) until that is complete, so
 * that one that is interrupted goes on where it was (docs/resume.md). NULL is allowed for a siren_kept_blocks:
 * nothing is kept. */
#ifndef SIREN_ENGINE_ENCODE_KEPT_BLOCKS_H
#define SIREN_ENGINE_ENCODE_KEPT_BLOCKS_H

#include "engine/encode/trained_batch.h"
#include "engine/settings.h"

typedef struct siren_kept_blocks siren_kept_blocks;

/* What decides the bytes of a record, all of it borrowed during the call. */
typedef struct {
    siren_device *device;
    const siren_series *series;
    const siren_layout *layout;
    const siren_settings *settings; /* no choice left open */
    siren_record_budget budget;     /* n_bytes 0: none */
} siren_kept_plan;

/* Opens the journal of `archive`. Where none can be kept, and where another's file has its name, that is a warning
 * and `*out` is NULL. USAGE: another process makes this archive, or the journal is of other input, options, device or
 * version. `anew`: what is there is dropped. `*out` is yours: siren_kept_blocks_end(). */
siren_status siren_kept_blocks_open(const char *archive, const siren_kept_plan *plan, bool anew,
                                    siren_kept_blocks **out);
/* For a compression of `archive` that keeps nothing, as it trains nothing: what an interrupted training has left stays,
 * with a warning, or goes (`anew`). USAGE: another process makes this archive. */
siren_status siren_kept_blocks_aside(const char *archive, bool anew);
/* Whether block `number` has been finished by an earlier run. */
bool siren_kept_blocks_has(const siren_kept_blocks *kept, size_t number);
/* That block: false where it cannot be read any more, and it counts as missing from then on. `*out` is yours:
 * siren_encoded_free(). */
bool siren_kept_blocks_get(siren_kept_blocks *kept, size_t number, siren_encoded *out);
/* From one thread, which may be another than that of the other calls. The first failure is a warning, and nothing is
 * kept after it. */
void siren_kept_blocks_add(siren_kept_blocks *kept, const siren_encoded *encoded);
void siren_kept_blocks_flush(siren_kept_blocks *kept);
/* Going on would lead nowhere: nothing is kept at the end. */
void siren_kept_blocks_spoil(siren_kept_blocks *kept);
/* After the work has ended with `status` and, if that is OK, its archive is on disk: the journal goes then. Otherwise
 * it stays where it keeps a block, and the message tells so. Releases `kept` and returns `status`. */
siren_status siren_kept_blocks_end(siren_kept_blocks *kept, siren_status status);

#endif
