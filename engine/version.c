#include "engine/sirencl.h"

const char *siren_version(void) { return SIREN_VERSION; }
