/* Blocks of an archive decoded in order, some at a time where one takes a single processor: those without networks. */
#ifndef SIREN_ENGINE_ARCHIVE_DECODING_TEAM_H
#define SIREN_ENGINE_ARCHIVE_DECODING_TEAM_H

#include "engine/archive/record.h"

typedef struct siren_decoding_team siren_decoding_team;

/* As siren_block_decoder_create_part(), of whose decoders it has as many as there are processors and room. `archive`
 * stays open as long as the team is there. */
siren_status siren_decoding_team_create(siren_device *device, siren_archive *archive,
                                        const siren_layout *layout, siren_span volumes, size_t memory_limit,
                                        siren_decoding_team **out);
void siren_decoding_team_free(siren_decoding_team *team);
SIREN_POINTER_RELEASE(siren_decoding_team, siren_decoding_team_free)
/* As siren_block_decode_nth(), of the archive's records in ascending order; those up to `end` will be asked for,
 * too. */
siren_status siren_decoding_team_decode(siren_decoding_team *team, size_t nth, size_t end,
                                        const void **voxels);

#endif
