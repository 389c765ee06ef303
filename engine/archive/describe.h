/* What an archive says of itself, for display. */
#ifndef SIREN_ENGINE_ARCHIVE_DESCRIBE_H
#define SIREN_ENGINE_ARCHIVE_DESCRIBE_H

#include "engine/archive/record.h"

/* Touches no record. `*out` is yours: siren_archive_info_free(). */
siren_status siren_archive_describe(siren_archive *archive, const siren_layout *layout,
                                    siren_archive_info *out);

#endif
