/* libFuzzer: any bytes as the JSON beside an image; NUL bytes, which no JSON has, separate several. What is merged,
 * cut and traced stays JSON and keeps all members that no promise touches. */
#include "engine/archive/sidecar.h"
#include "formats/anonymise.h"
#include "formats/config.h"
#include "formats/config_scan.h"
#include "formats/json_text.h"
#include "tests/fuzz/must.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_SOURCES = 4 };

typedef struct {
    uint8_t *bytes;
    size_t n;
} text;

static siren_config *parse(const uint8_t *bytes, size_t n) {
    siren_config *config = NULL;
    return siren_config_parse("fuzz", bytes, n, &config) == SIREN_OK ? config : NULL;
}

/* Of JSON: without its comments. Yours to free(). */
static char *without_comments(const uint8_t *bytes, size_t n) {
    char *copy = NULL;
    MUST(siren_allocate(&copy, n + 1, 1, "a text") == SIREN_OK);
    if (n) memcpy(copy, bytes, n);
    MUST(siren_config_scan("fuzz", copy, n) == SIREN_OK);
    return copy;
}

/* ---- dropping ---- */

static bool drops_none(void *user, const char *key) { return (void)user, (void)key, false; }
/* Every key of which the sum of characters says so. */
static bool drops_some(void *user, const char *key) {
    unsigned sum = 0;
    (void)user;
    for (; *key; key++) sum += (unsigned char)*key;
    return sum % 3 == 0;
}

/* That `now` is what `was` without the members that drops_some() names. */
static void check_rest(siren_value was, siren_value now) {
    if (!siren_value_is_object(was) && !siren_value_is_array(was)) {
        MUST(siren_value_equal(was, now));
        return;
    }
    MUST(siren_value_is_object(was) == siren_value_is_object(now) &&
         siren_value_is_array(was) == siren_value_is_array(now));
    siren_value left = siren_value_first(now);
    for (siren_value v = siren_value_first(was); siren_value_exists(v); v = siren_value_next(v)) {
        const char *key = siren_value_is_object(was) ? siren_value_key(v) : NULL;
        if (key && drops_some(NULL, key)) continue;
        MUST(siren_value_exists(left) && (!key || strcmp(key, siren_value_key(left)) == 0));
        check_rest(v, left);
        left = siren_value_next(left);
    }
    MUST(!siren_value_exists(left));
}

static void drop(const uint8_t *bytes, size_t n) {
    SIREN_AT_END(siren_config_free_at) siren_config *was = parse(bytes, n), *now = NULL;
    SIREN_FREE_AT_END uint8_t *some = NULL, *none = NULL;
    SIREN_FREE_AT_END char *bare = NULL;
    size_t n_some, n_none;
    MUST((siren_json_text_drop("fuzz", bytes, n, drops_some, NULL, &some, &n_some) == SIREN_OK) ==
         (was != NULL));
    if (!was) return;
    now = parse(some, n_some);
    MUST(now != NULL);
    check_rest(siren_config_root(was), siren_config_root(now));
    bare = without_comments(bytes, n);
    MUST(siren_json_text_drop("fuzz", bytes, n, drops_none, NULL, &none, &n_none) == SIREN_OK &&
         n_none == n && memcmp(none, bare, n) == 0);
}

/* What identifies is gone at once: nothing is left for a second time. */
static void anonymise(const uint8_t *bytes, size_t n) {
    SIREN_FREE_AT_END uint8_t *once = NULL, *twice = NULL;
    SIREN_AT_END(siren_config_free_at) siren_config *was = parse(bytes, n), *now = NULL;
    siren_anonymised told = {.n_tail = 0}, again = {.n_tail = 0};
    char line[SIREN_ANONYMISED_TEXT];
    size_t n_once, n_twice;
    MUST((siren_anonymise_sidecar("fuzz", bytes, n, &told, &once, &n_once) == SIREN_OK) == (was != NULL));
    if (!was) return;
    MUST(siren_anonymise_sidecar("fuzz", once, n_once, &again, &twice, &n_twice) == SIREN_OK &&
         !*again.keys && n_twice == n_once && memcmp(once, twice, n_once) == 0);
    now = parse(once, n_once);
    MUST(now && (*told.keys || siren_value_equal(siren_config_root(was), siren_config_root(now))));
    MUST(*siren_anonymised_text(&told, line));
}

/* ---- merging ---- */

/* The last of the sources that has the key has the value. */
static void check_members(siren_config *const *trees, size_t n, siren_value merged) {
    size_t n_members = 0;
    for (siren_value m = siren_value_first(merged); siren_value_exists(m);
         m = siren_value_next(m), n_members++) {
        siren_value last = {0};
        for (size_t i = 0; i < n; i++) {
            const siren_value found = siren_value_member(siren_config_root(trees[i]), siren_value_key(m));
            if (siren_value_exists(found)) last = found;
        }
        MUST(siren_value_exists(last) && siren_value_equal(m, last));
    }
    for (size_t i = 0; i < n; i++) {
        const siren_value root = siren_config_root(trees[i]);
        MUST(siren_value_count(root) <= n_members);
        for (siren_value m = siren_value_first(root); siren_value_exists(m); m = siren_value_next(m))
            MUST(siren_value_exists(siren_value_member(merged, siren_value_key(m))));
    }
}

static void merge(const siren_json_source *sources, size_t n) {
    siren_config *trees[MOST_SOURCES] = {NULL};
    bool good = true;
    text merged = {NULL, 0}, again = {NULL, 0};
    for (size_t i = 0; i < n; i++) {
        trees[i] = parse(sources[i].bytes, sources[i].n_bytes);
        good = good && trees[i] && siren_value_is_object(siren_config_root(trees[i]));
    }
    MUST((siren_json_text_merge(sources, n, &merged.bytes, &merged.n) == SIREN_OK) == good);
    if (good) {
        siren_config *tree = parse(merged.bytes, merged.n);
        MUST(tree != NULL);
        check_members(trees, n, siren_config_root(tree));
        siren_config_free(tree);
        const siren_json_source whole = {"fuzz", merged.bytes, merged.n};
        MUST(siren_json_text_merge(&whole, 1, &again.bytes, &again.n) == SIREN_OK && again.n == merged.n &&
             memcmp(again.bytes, merged.bytes, merged.n) == 0);
    }
    for (size_t i = 0; i < n; i++) siren_config_free(trees[i]);
    free(merged.bytes);
    free(again.bytes);
}

/* ---- the trace ---- */

/* Of JSON in the strict sense an object becomes one that says lossy at its top. An escaped key is another text. */
static void trace(const uint8_t *bytes, size_t n) {
    static const char members[] =
        "\n  \"LossyImageCompression\": \"01\",\n  \"LossyImageCompressionRatio\": 7.5,\n"
        "  \"LossyImageCompressionMethod\": \"sirencl 1, siren-2d\"\n";
    SIREN_AT_END(siren_config_free_at) siren_config *was = parse(bytes, n), *now = NULL;
    SIREN_FREE_AT_END uint8_t *made = NULL, *again = NULL;
    SIREN_FREE_AT_END char *bare = was ? without_comments(bytes, n) : NULL;
    size_t n_made = 0, n_again = 0;
    const char *said = "";
    MUST(siren_sidecar_trace(bytes, n, members, &made, &n_made) == SIREN_OK);
    MUST(!made || siren_sidecar_is_object(bytes, n));
    if (!made || !was || memcmp(bare, bytes, n) != 0 || memchr(bytes, '\\', n)) return;
    now = parse(made, n_made);
    MUST(now &&
         siren_value_string(siren_value_member(siren_config_root(now), "LossyImageCompression"), &said) ==
             SIREN_OK &&
         strcmp(said, "01") == 0);
    MUST(siren_sidecar_trace(made, n_made, members, &again, &n_again) == SIREN_OK && !again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    siren_json_source sources[MOST_SOURCES];
    size_t n = 0;
    for (size_t begin = 0, end; n < MOST_SOURCES && begin <= size; begin = end + 1) {
        const uint8_t *cut = begin < size ? memchr(data + begin, 0, size - begin) : NULL;
        end = cut ? (size_t)(cut - data) : size;
        sources[n++] = (siren_json_source){"fuzz", data + begin, end - begin};
    }
    if (size == 0) return 0;
    drop(sources->bytes, sources->n_bytes);
    anonymise(sources->bytes, sources->n_bytes);
    trace(sources->bytes, sources->n_bytes);
    merge(sources, n);
    return 0;
}
