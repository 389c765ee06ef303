#include "engine/archive/decoding_team.h"

#include "host/threads.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMORY_OF_ONE 4 /* times its block: what decoding takes while it lasts */

typedef struct {
    siren_block_decoder *decoder;
    const void *voxels;
    bool done;
    siren_status status;
    char message[SIREN_MESSAGE_BYTES];
} team_member;

struct siren_decoding_team {
    team_member *members; /* (n) */
    size_t n;
    siren_archive *archive; /* of the records first ... first + n_decoded - 1, which they hold */
    size_t first, n_decoded;
};

void siren_decoding_team_free(siren_decoding_team *team) {
    if (!team) return;
    for (size_t i = 0; team->members && i < team->n; i++) siren_block_decoder_free(team->members[i].decoder);
    free(team->members);
    free(team);
}

siren_status siren_decoding_team_create(siren_device *device, const siren_layout *layout, siren_span volumes,
                                        size_t memory_limit, siren_decoding_team **out) {
    SIREN_AT_END(siren_decoding_team_free_at) siren_decoding_team *team = NULL;
    size_t n = 1, bytes = siren_block_decoder_bytes(layout) + 1;
    if (layout->coding != SIREN_CODING_NETWORK && layout->grid.kind == SIREN_BLOCK_SLICE) {
        n = siren_processors();
        if (n > layout->grid.count) n = layout->grid.count;
        if (n > memory_limit / MEMORY_OF_ONE / bytes) n = memory_limit / MEMORY_OF_ONE / bytes;
        if (n < 1) n = 1;
    }
    SIREN_TRY(siren_allocate(&team, 1, sizeof *team, "the block decoders"));
    SIREN_TRY(siren_allocate(&team->members, n, sizeof *team->members, "the block decoders"));
    for (; team->n < n; team->n++)
        SIREN_TRY(siren_block_decoder_create_part(device, layout, volumes, memory_limit,
                                                  &team->members[team->n].decoder));
    *out = SIREN_TAKE(team);
    return SIREN_OK;
}

static void decode(void *user, size_t i) {
    siren_decoding_team *team = user;
    team_member *member = &team->members[i];
    member->status =
        siren_block_decode_nth(member->decoder, team->archive, team->first + i, NULL, NULL, &member->voxels);
    if (member->status != SIREN_OK) snprintf(member->message, sizeof member->message, "%s", siren_message());
    member->done = true;
}

siren_status siren_decoding_team_decode(siren_decoding_team *team, siren_archive *archive, size_t nth,
                                        size_t end, const void **voxels) {
    if (nth < team->first || nth >= team->first + team->n_decoded) {
        team->archive = archive;
        team->first = nth;
        team->n_decoded = end - nth < team->n ? end - nth : team->n;
        for (size_t i = 0; i < team->n_decoded; i++) team->members[i].done = false;
        SIREN_TRY(siren_threads_run(team->n_decoded, decode, team));
    }
    team_member *member = &team->members[nth - team->first];
    if (!member->done) decode(team, nth - team->first); /* its thread could not be had */
    if (member->status != SIREN_OK) return siren_fail(member->status, "%s", member->message);
    *voxels = member->voxels;
    return SIREN_OK;
}
