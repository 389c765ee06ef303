/* Which OpenCL drivers this process loads: what its loader goes by. */
#ifndef SIREN_ENGINE_CARE_DRIVER_FILES_H
#define SIREN_ENGINE_CARE_DRIVER_FILES_H

#include "host/base.h"

#define SIREN_LIBRARY_CHARS 1024

/* The .icd files, or libraries, that a loader of OpenCL goes by in this environment. */
typedef struct {
    char **paths; /* (n) */
    size_t n;
} siren_driver_files;
/* `*out` is yours: siren_driver_files_free(). */
siren_status siren_driver_files_find(siren_driver_files *out);
void siren_driver_files_free(siren_driver_files *files);
/* From now on those that are `used` (n) are loaded by this process and its children, and no others: the environment
 * leads to a folder in the cache that names them. SYSTEM where that cannot be. Before anything of OpenCL is called. */
siren_status siren_driver_files_use(const siren_driver_files *files, const bool *used);

/* The same by a folder of .icd files. */
void siren_driver_vendors_set(const char *folder);
/* The library that an .icd file names, or `path` itself, which is one; "" where the file cannot be read. */
void siren_driver_library(const char *path, char library[SIREN_LIBRARY_CHARS]);

#endif
