/* MRtrix3's pipes: its commands give each other the names of temporary files in its own format, which the reader
 * removes. */
#ifndef SIREN_TOOLS_MRTRIX_PIPE_H
#define SIREN_TOOLS_MRTRIX_PIPE_H

#include "host/base.h"

/* Makes such a file of a .nii file and the gradient table beside it, where there is one, in $TMPDIR or /tmp. `*path` is
 * yours to free(); the file is whose reader gets its name. */
siren_status siren_mrtrix_pipe(const char *nii, char **path);

#endif
