#include "engine/archive/decoding_team.h"

#include "host/work_ahead.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMORY_SHARE 4 /* of the limit a quarter is for the team: the caller's image needs room, too */
#define AHEAD 2        /* blocks for each processor: while the caller writes one, others are decoded */

typedef struct {
    siren_block_decoder *decoder;
    const void *voxels;
    siren_status status;
    char message[SIREN_MESSAGE_BYTES];
} team_member;

struct siren_decoding_team {
    team_member *members; /* (n) */
    size_t n;
    siren_work_ahead *threads;
    siren_archive *archive;
};

void siren_decoding_team_free(siren_decoding_team *team) {
    if (!team) return;
    siren_work_ahead_free(team->threads);
    for (size_t i = 0; team->members && i < team->n; i++) siren_block_decoder_free(team->members[i].decoder);
    free(team->members);
    free(team);
}

/* A siren_work_fn. */
static void decode(void *user, size_t nth, size_t at) {
    siren_decoding_team *team = user;
    team_member *member = &team->members[at];
    member->status = siren_block_decode_nth(member->decoder, team->archive, nth, NULL, NULL, &member->voxels);
    if (member->status != SIREN_OK) snprintf(member->message, sizeof member->message, "%s", siren_message());
}

siren_status siren_decoding_team_create(siren_device *device, siren_archive *archive,
                                        const siren_layout *layout, siren_span volumes, size_t memory_limit,
                                        siren_decoding_team **out) {
    SIREN_AT_END(siren_decoding_team_free_at) siren_decoding_team *team = NULL;
    const size_t bytes = siren_block_decoder_bytes(layout); /* SIZE_MAX: of what is refused below */
    const size_t most = bytes == SIZE_MAX ? 0 : memory_limit / MEMORY_SHARE / (bytes + 1);
    const size_t processors = siren_processors();
    size_t n = 1;
    if (layout->coding != SIREN_CODING_NETWORK && layout->grid.kind == SIREN_BLOCK_SLICE && processors > 1) {
        n = AHEAD * processors;
        if (n > layout->grid.count) n = layout->grid.count;
        if (n > most) n = most;
        if (n < 1) n = 1;
    }
    SIREN_TRY(siren_allocate(&team, 1, sizeof *team, "the block decoders"));
    team->archive = archive;
    SIREN_TRY(siren_allocate(&team->members, n, sizeof *team->members, "the block decoders"));
    for (; team->n < n; team->n++)
        SIREN_TRY(siren_block_decoder_create_part(device, layout, volumes, memory_limit,
                                                  &team->members[team->n].decoder));
    SIREN_TRY(siren_work_ahead_create(processors, n, decode, team, &team->threads));
    *out = SIREN_TAKE(team);
    return SIREN_OK;
}

siren_status siren_decoding_team_decode(siren_decoding_team *team, size_t nth, size_t end,
                                        const void **voxels) {
    const team_member *member = &team->members[siren_work_ahead_take(team->threads, nth, end)];
    if (member->status != SIREN_OK) return siren_fail(member->status, "%s", member->message);
    *voxels = member->voxels;
    return SIREN_OK;
}
