/* The text of a configuration file, checked before cJSON sees it: cJSON lets much through that is no JSON, and does not
 * say where it stopped. */
#ifndef SIREN_FORMATS_CONFIG_SCAN_H
#define SIREN_FORMATS_CONFIG_SCAN_H

#include "host/base.h"

/* Checks `text` (`length` bytes, then a NUL) but for the escapes within texts, and blanks comments out, so that lines
 * and columns stay right. CORRUPT otherwise. */
siren_status siren_config_scan(const char *name, char *text, size_t length);

/* CORRUPT "NAME: line 3, column 7: ..." for the byte at `at`. */
siren_status siren_config_fail_at(const char *name, const char *text, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
