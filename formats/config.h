/* JSON, written and read: the only module that sees cJSON. */
#ifndef SIREN_FORMATS_CONFIG_H
#define SIREN_FORMATS_CONFIG_H

#include "host/base.h"

/* ---- writing ---- */

/* A JSON object being built. Members keep their order. Being out of memory and nesting deeper than 16 are
 * remembered and reported by siren_json_text(), so that building needs no checks. `key` is NULL inside an
 * array. */
typedef struct siren_json siren_json;

/* An empty object. `*out` is yours: siren_json_free(). */
siren_status siren_json_create(siren_json **out);
/* An empty array. */
siren_status siren_json_create_array(siren_json **out);
/* NULL is allowed. */
void siren_json_free(siren_json *json);
SIREN_POINTER_RELEASE(siren_json, siren_json_free)

/* null where it is not finite; otherwise as formats/number writes it. */
void siren_json_number(siren_json *json, const char *key, double value);
void siren_json_float(siren_json *json, const char *key, float value);
void siren_json_integer(siren_json *json, const char *key, uint64_t value);
void siren_json_bool(siren_json *json, const char *key, bool value);
/* Bytes that are no UTF-8 become U+FFFD. NULL becomes null. */
void siren_json_string(siren_json *json, const char *key, const char *text);
/* What follows goes into the new object or array, until siren_json_end(). */
void siren_json_begin_object(siren_json *json, const char *key);
void siren_json_begin_array(siren_json *json, const char *key);
void siren_json_end(siren_json *json);
/* An array of whole numbers. */
void siren_json_integers(siren_json *json, const char *key, const size_t *values, size_t n);

/* The text, indented, with a line end. `*text` is yours to free(). */
siren_status siren_json_text(const siren_json *json, char **text);

/* Length of the UTF-8 sequence at `s`, which ends with a NUL; 0 where it is none (overlong, a surrogate, beyond
 * U+10FFFF, cut off). */
size_t siren_utf8_length(const unsigned char *s);

/* ---- reading ---- */

#define SIREN_CONFIG_MAX_BYTES                                                                               \
    ((size_t)256 << 20) /* the experiment.json of a run of 100,000 trials has 90 MB */
#define SIREN_CONFIG_MAX_DEPTH 32
#define SIREN_CONFIG_MAX_INTEGER 9007199254740991.0 /* 2^53 - 1: above it doubles leave integers out */

/* A configuration file: JSON (RFC 8259) in UTF-8; comments as in C may stand wherever a blank may. */
typedef struct siren_config siren_config;

/* A value in it, valid as long as the file's siren_config; item NULL where there is none. */
typedef struct {
    const siren_config *config;
    const void *item;
} siren_value;

/* `*out` is yours: siren_config_free(). CORRUPT names line and column, both counted from 1, the column in bytes;
 * UNSUPPORTED for a file above the limit. Numbers that no double holds, keys given twice in an object, "\u0000" and
 * nesting beyond the limit are CORRUPT, too. */
siren_status siren_config_read(const char *path, siren_config **out);
/* The same from memory; `name` stands for the file in messages. */
siren_status siren_config_parse(const char *name, const void *bytes, size_t n_bytes, siren_config **out);
void siren_config_free(siren_config *config);
SIREN_POINTER_RELEASE(siren_config, siren_config_free)

siren_value siren_config_root(const siren_config *config);
static inline bool siren_value_exists(siren_value value) { return value.item != NULL; }
bool siren_value_is_object(siren_value value);
bool siren_value_is_array(siren_value value);
bool siren_value_is_string(siren_value value);
bool siren_value_is_null(siren_value value);

/* The member of an object; none where `object` is no object or lacks it. */
siren_value siren_value_member(siren_value object, const char *key);
/* First member or element and the next beside it; none after the last, and none of none. */
siren_value siren_value_first(siren_value container);
siren_value siren_value_next(siren_value value);
/* The key under which a member stands in its object; NULL of all else. */
const char *siren_value_key(siren_value value);
/* The elements to go through for "one value or a list": the first of an array, or else the value itself. */
siren_value siren_value_list(siren_value value);
size_t siren_value_count(siren_value container);
/* Whether both are the same, members in any order, or neither exists. */
bool siren_value_equal(siren_value a, siren_value b);

/* USAGE "FILE: grid.width[2] is 12.5: ..." with the value's JSON path and text, then `format`. */
siren_status siren_value_refuse(siren_value value, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* USAGE "FILE: grid ...": the same without the text of the value. */
siren_status siren_value_fail(siren_value value, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Expects an object that has no members but `keys` (n); an unknown one is USAGE with the key it may be a slip of. */
siren_status siren_value_keys(siren_value value, const char *const *keys, size_t n);

/* The value of the wanted type, from minimum to maximum; USAGE otherwise. Where there is none, *out keeps its
 * default. */
siren_status siren_value_integer(siren_value value, uint64_t minimum, uint64_t maximum, uint64_t *out);
siren_status siren_value_number(siren_value value, double minimum, double maximum, double *out);
siren_status siren_value_bool(siren_value value, bool *out);
/* Not empty; belongs to the file. */
siren_status siren_value_string(siren_value value, const char **out);
/* One of `names` (n); *out is its number. */
siren_status siren_value_choice(siren_value value, const char *const *names, size_t n, size_t *out);

#endif
