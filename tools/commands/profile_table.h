/* What --profile shows. */
#ifndef SIREN_TOOLS_PROFILE_TABLE_H
#define SIREN_TOOLS_PROFILE_TABLE_H

#include "formats/config.h"
#include "host/opencl/profile.h"

/* A table of kernels, transfers and stages of the host, the longest first; then stages of the background. */
void siren_tool_print_profile(siren_profile *profile);
/* The same as the member "profile" of the object being built. */
void siren_tool_write_profile(siren_json *json, siren_profile *profile);

#endif
