#include "formats/json_text.h"

#include "formats/config.h"
#include "formats/config_scan.h"

#include <stdlib.h>
#include <string.h>

/* The text beside its tree, which knows the keys; both are gone through in step. The text has been checked. */
typedef struct {
    const char *at;
    uint8_t *to;
    siren_json_drop_fn drop; /* NULL: nothing goes */
    void *user;
} editor;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void copy(editor *e, size_t n) {
    memcpy(e->to, e->at, n);
    e->to += n;
    e->at += n;
}

static void copy_blanks(editor *e) {
    while (is_blank(*e->at)) copy(e, 1);
}

static void copy_string(editor *e) {
    size_t n = 1;
    while (e->at[n] != '"') n += e->at[n] == '\\' ? 2 : 1;
    copy(e, n + 1);
}

static void copy_value(editor *e, siren_value value);

static void copy_member(editor *e, siren_value value) {
    copy_blanks(e);
    copy_string(e);
    copy_blanks(e);
    copy(e, 1); /* the colon */
    copy_value(e, value);
}

/* The same into nothing. */
static void skip_member(editor *e, siren_value value) {
    uint8_t *to = e->to;
    siren_json_drop_fn drop = SIREN_TAKE(e->drop);
    copy_member(e, value);
    e->drop = drop;
    e->to = to;
}

static void copy_object(editor *e, siren_value object) {
    size_t n_kept = 0;
    copy(e, 1);
    for (siren_value m = siren_value_first(object); siren_value_exists(m); m = siren_value_next(m)) {
        const bool last = !siren_value_exists(siren_value_next(m));
        if (e->drop && e->drop(e->user, siren_value_key(m))) {
            skip_member(e, m);
            while (!last && is_blank(*e->at)) e->at++;
        } else {
            if (n_kept++ > 0) *e->to++ = ',';
            copy_member(e, m);
        }
        copy_blanks(e);
        if (!last) e->at++; /* the comma */
    }
    copy_blanks(e);
    copy(e, 1);
}

static void copy_array(editor *e, siren_value array) {
    copy(e, 1);
    for (siren_value v = siren_value_first(array); siren_value_exists(v); v = siren_value_next(v)) {
        copy_value(e, v);
        copy_blanks(e);
        if (*e->at == ',') copy(e, 1);
    }
    copy_blanks(e);
    copy(e, 1);
}

static void copy_value(editor *e, siren_value value) {
    copy_blanks(e);
    if (*e->at == '{')
        copy_object(e, value);
    else if (*e->at == '[')
        copy_array(e, value);
    else if (*e->at == '"')
        copy_string(e);
    else
        copy(e, strcspn(e->at, ",]} \t\r\n"));
}

/* The text without comments, and its tree. */
static siren_status take_apart(const siren_json_source *source, char **text, siren_config **tree) {
    SIREN_TRY(siren_allocate(text, source->n_bytes + 1, 1, source->name));
    if (source->n_bytes) memcpy(*text, source->bytes, source->n_bytes);
    SIREN_TRY(siren_config_scan(source->name, *text, source->n_bytes));
    return siren_config_parse(source->name, *text, source->n_bytes, tree);
}

siren_status siren_json_text_drop(const char *name, const uint8_t *bytes, size_t n_bytes,
                                  siren_json_drop_fn drop, void *user, uint8_t **out, size_t *n_out) {
    SIREN_FREE_AT_END char *text = NULL;
    SIREN_FREE_AT_END uint8_t *edited = NULL;
    SIREN_AT_END(siren_config_free_at) siren_config *tree = NULL;
    SIREN_TRY(take_apart(&(siren_json_source){name, bytes, n_bytes}, &text, &tree));
    SIREN_TRY(siren_allocate(&edited, n_bytes + 1, 1, name));
    editor e = {text, edited, drop, user};
    copy_value(&e, siren_config_root(tree));
    copy_blanks(&e);
    *n_out = (size_t)(e.to - edited);
    *out = SIREN_TAKE(edited);
    return SIREN_OK;
}

/* ---- merging ---- */

/* "key": value */
typedef struct {
    uint8_t *text; /* (n) of its source's copy */
    size_t n, source;
    siren_value value;
} member;

typedef struct {
    char **texts;         /* (n) */
    siren_config **trees; /* (n) */
    uint8_t **edited;     /* (n), behind one another the members as texts */
    size_t n;
    member *members; /* (n_members) */
    size_t n_members;
} merging;

static void merging_free(merging *m) {
    for (size_t i = 0; i < m->n; i++) {
        if (m->texts) free(m->texts[i]);
        if (m->trees) siren_config_free(m->trees[i]);
        if (m->edited) free(m->edited[i]);
    }
    free(m->texts);
    free(m->trees);
    free(m->edited);
    free(m->members);
}

/* Puts a member in the place of one of its key, or behind all. */
static void take_member(merging *m, member made) {
    for (size_t i = 0; i < m->n_members; i++)
        if (strcmp(siren_value_key(m->members[i].value), siren_value_key(made.value)) == 0) {
            m->members[i] = made;
            return;
        }
    m->members[m->n_members++] = made;
}

static siren_status take_source(merging *m, const siren_json_source *source, size_t nth) {
    SIREN_TRY(take_apart(source, &m->texts[nth], &m->trees[nth]));
    const siren_value root = siren_config_root(m->trees[nth]);
    if (!siren_value_is_object(root))
        return siren_fail(SIREN_CORRUPT, "%s: is no object of JSON, as a sidecar must be", source->name);
    if (siren_value_count(root) > SIREN_JSON_MOST_MEMBERS)
        return siren_fail(SIREN_UNSUPPORTED, "%s: has more than %d members, which is the limit", source->name,
                          SIREN_JSON_MOST_MEMBERS);
    SIREN_TRY(siren_allocate(&m->edited[nth], source->n_bytes + 1, 1, source->name));
    editor e = {.at = m->texts[nth], .to = m->edited[nth]};
    e.at += strcspn(e.at, "{") + 1;
    for (siren_value v = siren_value_first(root); siren_value_exists(v); v = siren_value_next(v)) {
        while (is_blank(*e.at)) e.at++;
        member made = {.text = e.to, .source = nth, .value = v};
        copy_member(&e, v);
        made.n = (size_t)(e.to - made.text);
        take_member(m, made);
        while (is_blank(*e.at)) e.at++;
        if (*e.at == ',') e.at++;
    }
    return SIREN_OK;
}

siren_status siren_json_text_merge(const siren_json_source *sources, size_t n, uint8_t **out, size_t *n_out) {
    SIREN_AT_END(merging_free) merging m = {.n = n};
    uint8_t *text = NULL, *to;
    size_t bytes = 8, most = 0; /* members of all: each has four bytes at least */
    for (size_t i = 0; i < n; i++)
        most += sources[i].n_bytes / 4 < SIREN_JSON_MOST_MEMBERS ? sources[i].n_bytes / 4
                                                                 : SIREN_JSON_MOST_MEMBERS;
    SIREN_TRY(siren_allocate(&m.texts, n, sizeof *m.texts, "sidecars"));
    SIREN_TRY(siren_allocate(&m.trees, n, sizeof *m.trees, "sidecars"));
    SIREN_TRY(siren_allocate(&m.edited, n, sizeof *m.edited, "sidecars"));
    SIREN_TRY(siren_allocate(&m.members, most, sizeof *m.members, "sidecars"));
    for (size_t i = 0; i < n; i++) SIREN_TRY(take_source(&m, &sources[i], i));
    for (size_t i = 0; i < m.n_members; i++) bytes += m.members[i].n + 4;
    SIREN_TRY(siren_allocate(&text, bytes, 1, "a sidecar"));
    to = text;
    *to++ = '{';
    for (size_t i = 0; i < m.n_members; i++) {
        memcpy(to, i ? ",\n  " : "\n  ", i ? 4 : 3);
        to += i ? 4 : 3;
        memcpy(to, m.members[i].text, m.members[i].n);
        to += m.members[i].n;
    }
    memcpy(to, "\n}\n", 3);
    *n_out = (size_t)(to + 3 - text);
    *out = text;
    return SIREN_OK;
}
