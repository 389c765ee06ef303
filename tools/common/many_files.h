/* Commands that take several files: what is made of each is named after it, and one that fails does not stop the
 * others. */
#ifndef SIREN_TOOLS_MANY_FILES_H
#define SIREN_TOOLS_MANY_FILES_H

#include "formats/config.h"

/* n_more_arguments of a siren_usage that takes any number. */
#define SIREN_ANY_NUMBER ((size_t)1 << 30)

typedef struct {
    const char *const *inputs; /* (n) borrowed */
    char **outputs;            /* (n) */
    size_t n;
} siren_file_pairs;

/* Names what is made of `inputs`: `folder`/x`suffix`, without folder beside the input; folders are made where they are
 * missing. With `below` (n; may be NULL) it is `folder`/`below`/x`suffix`. USAGE
 * where two inputs lead to one name, and where one of several inputs is not there: it may be meant as an output, which
 * `advice` says how to name. `*out` is yours: siren_file_pairs_free(). */
siren_status siren_file_pairs_derive(const char *const *inputs, const char *const *below, size_t n,
                                     const char *folder, const char *suffix, const char *advice,
                                     siren_file_pairs *out);
/* One input, and the output's name that was given. */
siren_status siren_file_pairs_given(const char *const *names, siren_file_pairs *out);
/* Names that are "-" stand alone or, where an output may be named, with one other: USAGE otherwise. `*input` and
 * `*output` tell which of them are; "-" alone is both. */
siren_status siren_file_streams(const char *const *names, bool may_write, const char *folder, bool *input,
                                bool *output);
void siren_file_pairs_free(siren_file_pairs *pairs);

/* The arguments that were given, of an array that ends in NULL. */
size_t siren_tool_count_files(const char *const *files);

typedef siren_status (*siren_file_fn)(void *user, size_t nth);
/* Calls `one` for each file in turn. Of a single one the status is the file's. Of several, a failure is printed, and as
 * an object of `json` (may be NULL), an array; the others go on; then PARTIAL, or where all failed the status of the
 * first. CANCELLED ends it. */
siren_status siren_tool_each_file(const char *const *files, size_t n, siren_json *json, siren_file_fn one,
                                  void *user);

/* The document of `n` files: an object for one, an array for several, in which each file's object is begun and
 * ended. */
siren_status siren_tool_json_of_files(size_t n, siren_json **out);
void siren_tool_json_begin_file(siren_json *json, size_t n);
void siren_tool_json_end_file(siren_json *json, size_t n);

#endif
