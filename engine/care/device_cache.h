/* What has been found out about a device, in the user's cache: JSON files of this device, its driver, number of compute
 * units and kernel family, and this program's version and kernels. */
#ifndef SIREN_ENGINE_CARE_DEVICE_CACHE_H
#define SIREN_ENGINE_CARE_DEVICE_CACHE_H

#include "formats/config.h"
#include "host/opencl/device.h"

/* The file KIND-DIGEST(16 characters)SUFFIX of the cache. SYSTEM where the environment names no folder for it. `*path`
 * is yours to free(). */
siren_status siren_cache_file(const char *kind, const char *digest, const char *suffix, char **path);
/* Writes it, and makes its folder where that is missing. */
siren_status siren_cache_file_write(const char *path, const char *text);

/* Where what is of `kind` ("tune") stands: $XDG_CACHE_HOME/sirencl, else ~/.cache/sirencl. SYSTEM where the environment
 * names neither. `*path` is yours to free(). */
siren_status siren_device_cache_path(const siren_device *device, const char *kind, char **path);

/* Writes the file: what it is of, and the members that `content` adds. */
siren_status siren_device_cache_write(const siren_device *device, const char *kind,
                                      void (*content)(siren_json *json, const void *user), const void *user);

/* Reads it; `*file` is NULL where there is none. UNSUPPORTED for a file of something else. Yours:
 * siren_config_free(). */
siren_status siren_device_cache_read(const siren_device *device, const char *kind, siren_config **file);

#endif
