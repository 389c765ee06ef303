#define _GNU_SOURCE
#include "tools/datasets/bids_files.h"

#include "formats/config.h"
#include "formats/original.h"
#include "host/file.h"
#include "host/names.h"
#include "tools/datasets/bids_names.h"
#include "tools/tools.h"

#include <dirent.h>
#include <fnmatch.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_BYTES ((size_t)1 << 30)
#define BIDS_VERSION "1.9.0" /* of the specification, where the data set names none */

/* ---- copies ---- */

static bool holds(const char *path, const uint8_t *bytes, size_t n_bytes) {
    SIREN_FREE_AT_END uint8_t *present = NULL;
    size_t n;
    return siren_file_read(path, n_bytes, &present, &n) == SIREN_OK && n == n_bytes &&
           memcmp(present, bytes, n) == 0;
}

/* `told`: what is replaced is named. */
static siren_status write_file(const char *to, bool overwrite, bool told, const uint8_t *bytes,
                               size_t n_bytes) {
    SIREN_FREE_AT_END char *folder = strdup(to);
    if (!folder) return siren_fail(SIREN_SYSTEM, "out of memory: the folder of %s", to);
    SIREN_TRY(siren_folder_make(dirname(folder)));
    if (!siren_file_exists(to)) return siren_file_write(to, false, bytes, n_bytes);
    if (holds(to, bytes, n_bytes)) return SIREN_OK;
    if (!overwrite)
        return siren_fail(SIREN_USAGE,
                          "%s: exists already and holds something else; give another folder, or move it away",
                          to);
    SIREN_TRY(siren_kind_check(to, SIREN_KIND_OTHER));
    SIREN_TRY(siren_file_write(to, true, bytes, n_bytes));
    if (told) siren_terminal_warn("%s: held something else and is replaced", to);
    return SIREN_OK;
}

siren_status siren_bids_write(const char *to, bool overwrite, const uint8_t *bytes, size_t n_bytes) {
    return write_file(to, overwrite, true, bytes, n_bytes);
}

siren_status siren_bids_copy(const char *from, const char *to, bool overwrite, siren_anonymised *anonymised) {
    SIREN_FREE_AT_END uint8_t *bytes = NULL, *without = NULL;
    size_t n_bytes;
    SIREN_TRY(siren_file_read(from, MOST_BYTES, &bytes, &n_bytes));
    if (anonymised && siren_has_suffix(from, ".json"))
        SIREN_TRY(siren_anonymise_sidecar(from, bytes, n_bytes, anonymised, &without, &n_bytes));
    return siren_bids_write(to, overwrite, without ? without : bytes, n_bytes);
}

/* The same for a file's name within both folders; one that is not there is passed over. */
static siren_status copy_within(const char *dataset, const char *name, const char *out, const char *folder,
                                bool overwrite) {
    SIREN_FREE_AT_END char *from = NULL, *inner = NULL, *to = NULL;
    SIREN_TRY(siren_bids_join(dataset, name, &from));
    if (!siren_file_exists(from)) return SIREN_OK;
    SIREN_TRY(siren_bids_join(folder, name, &inner));
    SIREN_TRY(siren_bids_join(out, inner, &to));
    return siren_bids_copy(from, to, overwrite, NULL);
}

/* ---- the description ---- */

static siren_status read_description(const char *folder, siren_config **out) {
    SIREN_FREE_AT_END char *path = NULL;
    SIREN_TRY(siren_bids_join(folder, SIREN_BIDS_DESCRIPTION, &path));
    return siren_config_read(path, out);
}

static bool is_ours(const siren_config *description) {
    const siren_value made = siren_value_member(siren_config_root(description), "GeneratedBy");
    for (siren_value v = siren_value_list(made); siren_value_exists(v); v = siren_value_next(v)) {
        const char *name = "";
        const siren_value member = siren_value_member(v, "Name");
        if (siren_value_is_string(member) && siren_value_string(member, &name) == SIREN_OK &&
            strcmp(name, "sirencl") == 0)
            return true;
    }
    return false;
}

siren_status siren_bids_check_folders(const char *dataset, const char *out) {
    SIREN_AT_END(siren_config_free_at) siren_config *description = NULL;
    SIREN_FREE_AT_END char *path = NULL, *own = NULL, *top = NULL, *there = NULL;
    SIREN_TRY(siren_bids_join(dataset, SIREN_BIDS_DESCRIPTION, &path));
    SIREN_TRY(siren_bids_join(out, SIREN_BIDS_DESCRIPTION, &own));
    if (!siren_file_exists(path))
        return siren_fail(SIREN_USAGE, "%s: is no BIDS data set, for it has no " SIREN_BIDS_DESCRIPTION,
                          dataset);
    if (siren_file_same(dataset, out))
        return siren_fail(SIREN_USAGE, "%s: is the data set itself; give its derivative a folder of its own",
                          out);
    SIREN_TRY(siren_file_canonical(dataset, &top));
    SIREN_TRY(siren_file_canonical(out, &there));
    const char *way = siren_file_way_below(top, there);
    if (way && strcmp(way, "derivatives") != 0 && strncmp(way, "derivatives/", 12) != 0)
        return siren_fail(SIREN_USAGE,
                          "%s: is inside of the data set, where only derivatives/ is for what is made of it; "
                          "give %s/derivatives/sirencl, or a folder elsewhere",
                          out, dataset);
    way = siren_file_way_below(there, top);
    if (way && strncmp(way, "sub-", 4) == 0)
        return siren_fail(SIREN_USAGE,
                          "%s: has the data set where its own participant's files would be; "
                          "give another folder",
                          out);
    if (!siren_file_exists(own)) return SIREN_OK;
    SIREN_TRY(siren_config_read(own, &description));
    if (is_ours(description)) return SIREN_OK;
    return siren_fail(SIREN_USAGE, "%s: is a data set that sirencl has not made; give another folder", out);
}

/* Members that the data set's description has and a derivative's may have, too. */
static void copy_text(siren_json *json, siren_value description, const char *key) {
    const siren_value value = siren_value_member(description, key);
    const char *text = NULL;
    if (siren_value_is_string(value) && siren_value_string(value, &text) == SIREN_OK)
        siren_json_string(json, key, text);
}

static void copy_texts(siren_json *json, siren_value description, const char *key) {
    const siren_value values = siren_value_member(description, key);
    const char *text = NULL;
    if (!siren_value_is_array(values) || siren_value_count(values) == 0) return;
    siren_json_begin_array(json, key);
    for (siren_value v = siren_value_first(values); siren_value_exists(v); v = siren_value_next(v))
        if (siren_value_is_string(v) && siren_value_string(v, &text) == SIREN_OK)
            siren_json_string(json, NULL, text);
    siren_json_end(json);
}

static siren_status describe(siren_value original, char **text) {
    SIREN_AT_END(siren_json_free_at) siren_json *json = NULL;
    const char *name = "A data set", *version = BIDS_VERSION, *doi = NULL;
    char title[512];
    siren_value v;
    if (siren_value_is_string(v = siren_value_member(original, "Name"))) siren_value_string(v, &name);
    if (siren_value_is_string(v = siren_value_member(original, "BIDSVersion")))
        siren_value_string(v, &version);
    if (siren_value_is_string(v = siren_value_member(original, "DatasetDOI"))) siren_value_string(v, &doi);
    snprintf(title, sizeof title, "%.450s, compressed by sirencl", name);
    SIREN_TRY(siren_json_create(&json));
    siren_json_string(json, "Name", title);
    siren_json_string(json, "BIDSVersion", version);
    siren_json_string(json, "DatasetType", "derivative");
    copy_text(json, original, "License");
    copy_texts(json, original, "Authors");
    siren_json_begin_array(json, "GeneratedBy");
    siren_json_begin_object(json, NULL);
    siren_json_string(json, "Name", "sirencl");
    siren_json_string(json, "Version", siren_version());
    siren_json_string(json, "Description",
                      "series as archives (.siren); sirencl decompress --bids restores them");
    siren_json_end(json);
    siren_json_end(json);
    if (doi) {
        siren_json_begin_array(json, "SourceDatasets");
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "DOI", doi);
        siren_json_end(json);
        siren_json_end(json);
    }
    return siren_json_text(json, text);
}

/* ---- a derivative ---- */

/* What stands in the data set's own folder and is of the data set as a whole. */
static bool is_of_all(const char *name) {
    static const char *const patterns[] = {"README*",      "CHANGES*",       "LICENSE*",
                                           "CITATION.cff", "participants.*", "samples.*"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (fnmatch(patterns[i], name, 0) == 0) return true;
    return false;
}

static siren_status copy_of_all(const char *dataset, const char *out, bool overwrite) {
    siren_status status = SIREN_OK;
    DIR *folder = opendir(dataset);
    if (!folder) return siren_fail(SIREN_SYSTEM, "%s: cannot be read", dataset);
    for (struct dirent *entry; status == SIREN_OK && (entry = readdir(folder));)
        if (is_of_all(entry->d_name)) status = copy_within(dataset, entry->d_name, out, "", overwrite);
    closedir(folder);
    return status;
}

siren_status siren_bids_begin_derivative(const char *dataset, const char *out, bool overwrite) {
    /* Sidecars, too: to a validator those of archives that it passes over are nobody's. */
    static const char ignore[] = "*.siren\n*.siren.part\nsirencl.tsv*\n*_*.json\n!dataset_description.json\n";
    SIREN_AT_END(siren_config_free_at) siren_config *description = NULL;
    SIREN_FREE_AT_END char *text = NULL, *path = NULL, *ignored = NULL;
    SIREN_TRY(read_description(dataset, &description));
    SIREN_TRY(describe(siren_config_root(description), &text));
    SIREN_TRY(siren_bids_join(out, SIREN_BIDS_DESCRIPTION, &path));
    SIREN_TRY(siren_bids_join(out, ".bidsignore", &ignored));
    const bool ours = siren_file_exists(path); /* siren_bids_check_folders() has looked */
    SIREN_TRY(write_file(ignored, overwrite || ours, !ours, (const uint8_t *)ignore, sizeof ignore - 1));
    SIREN_TRY(write_file(path, true, false, (const uint8_t *)text, strlen(text)));
    SIREN_TRY(copy_within(dataset, SIREN_BIDS_DESCRIPTION, out, SIREN_BIDS_ORIGINALS, overwrite));
    SIREN_TRY(copy_within(dataset, ".bidsignore", out, SIREN_BIDS_ORIGINALS, overwrite));
    return copy_of_all(dataset, out, overwrite);
}

/* "sub-01/ses-1/dwi/..." stands in sub-01/sub-01_scans.tsv or sub-01/ses-1/sub-01_ses-1_scans.tsv, its session in
 * sub-01/sub-01_sessions.tsv. */
siren_status siren_bids_keep_lists(const char *dataset, const char *out, const char *relative,
                                   bool overwrite) {
    static const char *const endings[] = {"_scans.tsv", "_scans.json", "_sessions.tsv", "_sessions.json"};
    SIREN_FREE_AT_END char *folder = strdup(relative), *entities = strdup(relative);
    if (!folder || !entities) return siren_fail(SIREN_SYSTEM, "out of memory: the lists of %s", relative);
    for (char *end = strchr(folder, '/'); end; end = strchr(end + 1, '/')) {
        const size_t n = (size_t)(end - folder);
        *end = entities[n] = '\0';
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
            SIREN_FREE_AT_END char *name = NULL;
            if (asprintf(&name, "%s/%s%s", folder, entities, endings[i]) < 0)
                return siren_fail(SIREN_SYSTEM, "out of memory: the lists of %s", relative);
            SIREN_TRY(copy_within(dataset, name, out, SIREN_BIDS_ORIGINALS, overwrite));
        }
        *end = '/';
        entities[n] = '_';
    }
    return SIREN_OK;
}
