/* JSON: the only module that sees cJSON. */
#ifndef SIREN_FORMATS_CONFIG_H
#define SIREN_FORMATS_CONFIG_H

#include "host/base.h"

/* A JSON object being built. Members keep their order. Being out of memory and nesting deeper than 16 are
 * remembered and reported by siren_json_text(), so that building needs no checks. `key` is NULL inside an
 * array. */
typedef struct siren_json siren_json;

/* An empty object. `*out` is yours: siren_json_free(). */
siren_status siren_json_create(siren_json **out);
/* NULL is allowed. */
void siren_json_free(siren_json *json);

/* As many digits as give the same double again; null where it is not finite. */
void siren_json_number(siren_json *json, const char *key, double value);
void siren_json_integer(siren_json *json, const char *key, uint64_t value);
void siren_json_bool(siren_json *json, const char *key, bool value);
/* Bytes that are no UTF-8 become U+FFFD. NULL becomes null. */
void siren_json_string(siren_json *json, const char *key, const char *text);
/* What follows goes into the new object or array, until siren_json_end(). */
void siren_json_begin_object(siren_json *json, const char *key);
void siren_json_begin_array(siren_json *json, const char *key);
void siren_json_end(siren_json *json);

/* The text, indented, with a line end. `*text` is yours to free(). */
siren_status siren_json_text(const siren_json *json, char **text);

#endif
