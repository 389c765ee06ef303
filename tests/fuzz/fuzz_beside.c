/* libFuzzer: any lines as the names of an image and of files beside it. What is found there exists, has a name of
 * the kind asked for, and is not told as doubtful as well. */
#define _GNU_SOURCE
#include "formats/diffusion_table.h"
#include "formats/original.h"
#include "tests/fuzz/must.h"
#include "tests/shared/fuzz_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_NAMES = 12, MOST_CHARS = 200 };

/* Whether a line can be a file's name. */
static bool is_name(const char *line) {
    return *line && strlen(line) <= MOST_CHARS && !strchr(line, '/') && strcmp(line, ".") != 0 &&
           strcmp(line, "..") != 0;
}

static size_t split(char *text, char *names[MOST_NAMES]) {
    size_t n = 0;
    for (char *next = text, *line; n < MOST_NAMES && (line = strsep(&next, "\n"));)
        if (is_name(line)) names[n++] = line;
    return n;
}

/* One of the names, below the folder. */
static bool is_there(const char *path, char *const *names, size_t n) {
    const char *name = strrchr(path, '/') + 1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static char *find(const char *image, const char *suffix, char *const *names, size_t n) {
    char *found = NULL, *stem = NULL;
    bool shared = false;
    MUST(siren_neighbour_find(image, suffix, &found, &shared) == SIREN_OK &&
         siren_sibling_path(image, "", &stem) == SIREN_OK);
    if (found) {
        MUST(is_there(found, names, n) && strcasestr(found, suffix + 1) != NULL);
        MUST(shared || strncmp(found, stem, strlen(stem)) == 0);
    }
    free(stem);
    return found;
}

static void find_doubtful(const char *image, const char *bval, const char *bvec, char *const *names,
                          size_t n) {
    char *doubtful[SIREN_MOST_DOUBTFUL];
    size_t n_doubtful = 0;
    MUST(siren_neighbours_doubtful(image, doubtful, &n_doubtful) == SIREN_OK &&
         n_doubtful <= SIREN_MOST_DOUBTFUL);
    for (size_t i = 0; i < n_doubtful; i++) {
        MUST(is_there(doubtful[i], names, n) && (i == 0 || strcmp(doubtful[i - 1], doubtful[i]) < 0));
        MUST(!(bval && strcmp(bval, doubtful[i]) == 0) && !(bvec && strcmp(bvec, doubtful[i]) == 0));
    }
    for (size_t i = 0; i < n_doubtful; i++) free(doubtful[i]);
}

/* Nothing that is named as an image is replaced by what is none. */
static void check_kinds(const char *path) {
    const bool image = siren_named_as_image(path);
    MUST((siren_kind_check(path, SIREN_KIND_IMAGE) == SIREN_OK) == image);
    MUST((siren_kind_check(path, SIREN_KIND_OTHER) == SIREN_OK) == !image);
    MUST(siren_kind_check(path, SIREN_KIND_PAGE) != SIREN_OK &&
         siren_kind_check(path, SIREN_KIND_ARCHIVE) != SIREN_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *names[MOST_NAMES], *text = strndup((const char *)data, size), below[FUZZ_PATH_CHARS],
                             path[FUZZ_PATH_CHARS];
    MUST(text != NULL);
    fuzz_subfolder("beside");
    const size_t n = split(text, names);
    for (size_t i = n; i-- > 0;) {
        snprintf(below, sizeof below, "beside/%s", names[i]);
        fuzz_put(below, "", 0);
        fuzz_path(below, path); /* at last of the image, the first */
    }
    if (n > 0) {
        char *bval = find(path, ".bval", names, n), *bvec = find(path, ".bvec", names, n),
             *json = find(path, ".json", names, n);
        find_doubtful(path, bval, bvec, names, n);
        check_kinds(path);
        free(bval), free(bvec), free(json);
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(below, sizeof below, "beside/%s", names[i]);
        unlink(fuzz_path(below, path)); /* a name twice is gone already */
    }
    free(text);
    return 0;
}
