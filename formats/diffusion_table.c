#include "formats/diffusion_table.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "formats/number.h"
#include "formats/original.h"
#include "host/file.h"

#define TOKEN_BYTES 64 /* more than any number needs */
#define MAX_FILE_BYTES (16U << 20)

static bool is_line_end(uint8_t c) { return c == '\n' || c == '\r'; }
static bool is_separator(uint8_t c) { return is_line_end(c) || (c != 0 && strchr(" \t\v\f,;", c)); }

bool siren_diffusion_table_suffix(const char *suffix) {
    return strcmp(suffix, ".bval") == 0 || strcmp(suffix, ".bvec") == 0;
}

typedef struct {
    double *values; /* (n_rows, n_columns) */
    size_t n_rows, n_columns;
} number_table;

static void table_free(number_table *table) { free(table->values); }

static siren_status parse_number(const char *name, const uint8_t *token, size_t n_bytes, size_t line,
                                 bool or_nan, double *out) {
    char text[TOKEN_BYTES];
    double value = NAN;
    size_t kept = n_bytes < sizeof text ? n_bytes : sizeof text - 1;
    memcpy(text, token, kept);
    text[kept] = 0;
    bool nan = or_nan && n_bytes < 5 && strcasecmp(text + strspn(text, "+-"), "nan") == 0;
    if (kept < n_bytes || strlen(text) < n_bytes ||
        (!nan && (!siren_number_parse(text, &value) || !isfinite(value)))) {
        for (size_t i = 0; i < kept; i++)
            if (text[i] < ' ' || text[i] > '~') text[i] = '?';
        return siren_fail(SIREN_CORRUPT, "%s: \"%s\" on line %zu is no finite number; correct the file", name,
                          text, line);
    }
    *out = value;
    return SIREN_OK;
}

/* Rows of equally many numbers, each NaN too where `or_nan`. Blank lines and comments do not count. */
static siren_status parse_table(const char *name, const uint8_t *bytes, size_t n_bytes, bool or_nan,
                                number_table *out) {
    SIREN_AT_END(table_free) number_table table = {0};
    size_t n_values = 0, in_row = 0, line = 1;
    /* A value takes a byte and a separator, the last one only a byte. */
    SIREN_TRY(siren_allocate(&table.values, n_bytes / 2 + 1, sizeof *table.values, name));
    for (size_t at = n_bytes >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; at <= n_bytes;) {
        if (at == n_bytes || is_line_end(bytes[at])) {
            if (in_row > 0) {
                if (table.n_rows == 0) table.n_columns = in_row;
                table.n_rows++;
                if (in_row != table.n_columns)
                    return siren_fail(SIREN_CORRUPT,
                                      "%s: line %zu has %zu value%s, but the first has %zu; correct the file",
                                      name, line, in_row, siren_plural(in_row), table.n_columns);
            }
            in_row = 0;
            line += at + 1 >= n_bytes || bytes[at] != '\r' || bytes[at + 1] != '\n';
            at++;
        } else if (bytes[at] == '#') {
            while (at < n_bytes && !is_line_end(bytes[at])) at++;
        } else if (is_separator(bytes[at])) {
            at++;
        } else {
            size_t start = at;
            while (at < n_bytes && !is_separator(bytes[at]) && bytes[at] != '#') at++;
            SIREN_TRY(parse_number(name, bytes + start, at - start, line, or_nan, &table.values[n_values]));
            n_values++;
            in_row++;
        }
    }
    if (n_values == 0)
        return siren_fail(SIREN_CORRUPT, "%s: holds no numbers; give the gradient file of the image", name);
    *out = SIREN_TAKE(table);
    return SIREN_OK;
}

static siren_status parse_bval(const char *name, const uint8_t *bytes, size_t n_bytes,
                               siren_diffusion_table *gradients) {
    SIREN_AT_END(table_free) number_table table = {0};
    SIREN_TRY(parse_table(name, bytes, n_bytes, false, &table));
    if (table.n_rows != 1 && table.n_columns != 1)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: has %zu line%s of %zu value%s, but b-values stand on one line; correct the file", name,
            table.n_rows, siren_plural(table.n_rows), table.n_columns, siren_plural(table.n_columns));
    const size_t n = table.n_rows * table.n_columns;
    for (size_t i = 0; i < n; i++)
        if (table.values[i] < 0)
            return siren_fail(SIREN_CORRUPT, "%s: the b-value of volume %zu is %g, below 0; correct the file",
                              name, i, table.values[i]);
    gradients->bval = SIREN_TAKE(table.values);
    gradients->n_volumes = n;
    return SIREN_OK;
}

/* NaN as a direction without diffusion weighting, as converters write it, becomes zero. */
static siren_status replace_nan(const char *name, siren_diffusion_table *gradients) {
    for (size_t i = 0; i < gradients->n_volumes; i++) {
        double *g = gradients->bvec[i];
        bool weighted = gradients->bval && gradients->bval[i] > SIREN_BZERO_LIMIT;
        if (!weighted && isnan(g[0]) && isnan(g[1]) && isnan(g[2])) g[0] = g[1] = g[2] = 0;
        if (isnan(g[0]) || isnan(g[1]) || isnan(g[2]))
            return siren_fail(SIREN_CORRUPT,
                              "%s: the direction of volume %zu is \"nan\", which only a volume without "
                              "diffusion weighting may have; correct the file",
                              name, i);
    }
    return SIREN_OK;
}

/* Whether the directions of a table of 3 x 3 may stand on its lines, else in its columns: each of length 1, 0 or
 * NaN. */
static bool may_stand(const double *values, bool on_lines) {
    const size_t step = on_lines ? 1 : 3;
    bool may = true;
    for (size_t i = 0; i < 3; i++) {
        const double *g = values + (on_lines ? 3 : 1) * i;
        const double square = g[0] * g[0] + g[step] * g[step] + g[2 * step] * g[2 * step];
        may = may && (square == 0 || isnan(square) || fabs(square - 1) < 0.02);
    }
    return may;
}

/* Whether it may be meant line by line as well, and would be another table. */
static bool is_doubtful(const double *values) {
    const bool symmetric = values[1] == values[3] && values[2] == values[6] && values[5] == values[7];
    return !symmetric && (may_stand(values, true) || !may_stand(values, false));
}

/* Three lines, x, y and z, as FSL has them; else a line for each volume. */
static siren_status parse_bvec(const char *name, const uint8_t *bytes, size_t n_bytes,
                               siren_diffusion_table *gradients) {
    SIREN_AT_END(table_free) number_table table = {0};
    SIREN_TRY(parse_table(name, bytes, n_bytes, true, &table));
    bool lines = table.n_rows == 3, columns = table.n_columns == 3;
    if (!lines && !columns)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: has %zu line%s of %zu value%s, but directions stand on three lines, x, y and z, "
            "or in three columns; correct the file",
            name, table.n_rows, siren_plural(table.n_rows), table.n_columns, siren_plural(table.n_columns));
    if (lines && columns && is_doubtful(table.values))
        siren_log(SIREN_LOG_WARNING,
                  "%s: has 3 lines of 3 values, so that its orientation is doubtful; its lines are taken for "
                  "x, y and z, as FSL does",
                  name);
    const size_t n = lines ? table.n_columns : table.n_rows;
    SIREN_TRY(siren_allocate(&gradients->bvec, n, sizeof *gradients->bvec, name));
    for (size_t i = 0; i < n; i++)
        for (size_t axis = 0; axis < 3; axis++)
            gradients->bvec[i][axis] = table.values[lines ? axis * n + i : 3 * i + axis];
    gradients->n_volumes = n;
    return SIREN_OK;
}

siren_status siren_diffusion_table_parse(const char *bval_name, const uint8_t *bval, size_t bval_bytes,
                                         const char *bvec_name, const uint8_t *bvec, size_t bvec_bytes,
                                         siren_diffusion_table *out) {
    SIREN_AT_END(siren_diffusion_table_free) siren_diffusion_table gradients = {0};
    if (!bval && !bvec)
        return siren_fail(SIREN_USAGE, "neither b-values nor directions were given; give one of them");
    if (bval) SIREN_TRY(parse_bval(bval_name, bval, bval_bytes, &gradients));
    const size_t n_bval = gradients.n_volumes;
    if (bvec) SIREN_TRY(parse_bvec(bvec_name, bvec, bvec_bytes, &gradients));
    if (bval && bvec && n_bval != gradients.n_volumes)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: has %zu direction%s, but %s has %zu b-value%s; give the two files of one image", bvec_name,
            gradients.n_volumes, siren_plural(gradients.n_volumes), bval_name, n_bval, siren_plural(n_bval));
    if (bvec) SIREN_TRY(replace_nan(bvec_name, &gradients));
    *out = SIREN_TAKE(gradients);
    return SIREN_OK;
}

siren_status siren_diffusion_table_read(const char *bval, const char *bvec, siren_diffusion_table *out) {
    SIREN_FREE_AT_END uint8_t *bval_bytes = NULL, *bvec_bytes = NULL;
    size_t n_bval = 0, n_bvec = 0;
    SIREN_TRY(siren_file_read(bval, MAX_FILE_BYTES, &bval_bytes, &n_bval));
    SIREN_TRY(siren_file_read(bvec, MAX_FILE_BYTES, &bvec_bytes, &n_bvec));
    return siren_diffusion_table_parse(bval, bval_bytes, n_bval, bvec, bvec_bytes, n_bvec, out);
}

void siren_diffusion_table_free(siren_diffusion_table *gradients) {
    if (!gradients) return;
    free(gradients->bval);
    free(gradients->bvec);
    memset(gradients, 0, sizeof *gradients);
}

/* One line: values[0], values[stride], ... with the fewest digits that give the same doubles again. */
static siren_status write_line(siren_output *output, const double *values, size_t n, size_t stride) {
    for (size_t i = 0; i < n; i++) {
        char text[SIREN_NUMBER_BYTES + 1];
        siren_number_format(values[i * stride] + 0.0, text); /* -0 becomes 0 */
        strcat(text, i + 1 < n ? " " : "\n");
        SIREN_TRY(siren_output_write(output, text, strlen(text)));
    }
    return SIREN_OK;
}

siren_status siren_diffusion_table_open(const char *base, bool overwrite,
                                        const siren_diffusion_table *gradients, siren_output **bval_out,
                                        siren_output **bvec_out) {
    SIREN_AT_END(siren_output_discard_at) siren_output *bval = NULL, *bvec = NULL;
    SIREN_FREE_AT_END char *bval_path = NULL, *bvec_path = NULL;
    const size_t n = gradients->n_volumes;
    for (size_t i = 0; i < n; i++) {
        bool finite = !gradients->bval || isfinite(gradients->bval[i]);
        for (size_t axis = 0; axis < 3 && gradients->bvec; axis++)
            finite = finite && isfinite(gradients->bvec[i][axis]);
        if (!finite)
            return siren_fail(SIREN_USAGE,
                              "%s: the gradient of volume %zu is no finite number; correct it before writing",
                              base, i);
    }
    SIREN_TRY(siren_sibling_path(base, ".bval", &bval_path));
    SIREN_TRY(siren_sibling_path(base, ".bvec", &bvec_path));
    if (overwrite) SIREN_TRY(siren_kind_check(bval_path, SIREN_KIND_OTHER));
    if (overwrite) SIREN_TRY(siren_kind_check(bvec_path, SIREN_KIND_OTHER));
    if (gradients->bval) SIREN_TRY(siren_output_open(bval_path, overwrite, &bval));
    if (gradients->bvec) SIREN_TRY(siren_output_open(bvec_path, overwrite, &bvec));
    if (bval) SIREN_TRY(write_line(bval, gradients->bval, n, 1));
    for (size_t axis = 0; axis < 3 && bvec; axis++)
        SIREN_TRY(write_line(bvec, &gradients->bvec[0][axis], n, 3));
    if (bval) SIREN_TRY(siren_output_flush(bval));
    if (bvec) SIREN_TRY(siren_output_flush(bvec));
    *bval_out = bval;
    *bvec_out = bvec;
    bval = bvec = NULL;
    return SIREN_OK;
}

siren_status siren_diffusion_table_write(const char *base, const siren_diffusion_table *gradients) {
    SIREN_AT_END(siren_output_discard_at) siren_output *bval = NULL, *bvec = NULL;
    SIREN_TRY(siren_diffusion_table_open(base, true, gradients, &bval, &bvec));
    if (bval) SIREN_TRY(siren_output_commit(SIREN_TAKE(bval)));
    return bvec ? siren_output_commit(SIREN_TAKE(bvec)) : SIREN_OK;
}

siren_status siren_sibling_path(const char *path, const char *suffix, char **out) {
    static const char *const image_suffixes[] = {".nii.gz", ".nii", ".siren"};
    size_t kept = strlen(path), n_suffix = strlen(suffix), bytes = 0;
    for (size_t i = 0; i < sizeof image_suffixes / sizeof *image_suffixes; i++) {
        size_t n = strlen(image_suffixes[i]);
        /* ".nii" alone is a name, not a suffix. */
        if (kept > n && path[kept - n - 1] != '/' && strcasecmp(path + kept - n, image_suffixes[i]) == 0) {
            kept -= n;
            break;
        }
    }
    char *sibling = NULL;
    if (!siren_add(kept, n_suffix, &bytes) || !siren_add(bytes, 1, &bytes))
        return siren_fail(SIREN_USAGE, "a path of %zu byte%s is too long; give a shorter one", kept,
                          siren_plural(kept));
    SIREN_TRY(siren_allocate(&sibling, bytes, 1, "a path"));
    memcpy(sibling, path, kept);
    memcpy(sibling + kept, suffix, n_suffix);
    *out = sibling;
    return SIREN_OK;
}

static void close_folder(DIR **folder) {
    if (*folder) closedir(*folder);
}

#define N_SPELLINGS 4 /* ".bval", ".BVAL", ".bvals", ".BVALS" */

static void spell(const char *suffix, unsigned nth, char out[SIREN_NEIGHBOUR_SUFFIX + 2]) {
    strcat(strcpy(out, suffix), nth & 2 ? "s" : "");
    for (char *c = out; nth & 1 && *c; c++) *c = (char)toupper((unsigned char)*c);
}

/* The name of a file in `folder` that is `begin`, then `suffix` in any case, or of tables its plural; the first by
 * bytes. `*out` stays NULL: there is none. */
static siren_status find_in_any_case(const char *folder, const char *begin, const char *suffix, bool table,
                                     char **out) {
    SIREN_AT_END(close_folder) DIR *open = opendir(*folder ? folder : ".");
    const size_t n_begin = strlen(begin), n_suffix = strlen(suffix);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        const char *rest = entry->d_name + n_begin;
        if (strncmp(entry->d_name, begin, n_begin) != 0 || strncasecmp(rest, suffix, n_suffix) != 0 ||
            (rest[n_suffix] && !(table && strcasecmp(rest + n_suffix, "s") == 0)) ||
            (*out && strcmp(entry->d_name, *out) > 0))
            continue;
        free(SIREN_TAKE(*out));
        *out = strdup(entry->d_name);
        if (!*out) return siren_fail(SIREN_SYSTEM, "out of memory: what lies in %s", folder);
    }
    return SIREN_OK;
}

/* The folder of `image` with its last slash, "" where it has none, and its name without a suffix; both are yours to
 * free(). */
static siren_status split(const char *image, char **folder, char **stem) {
    SIREN_FREE_AT_END char *base = NULL;
    SIREN_TRY(siren_sibling_path(image, "", &base));
    const char *slash = strrchr(base, '/');
    const size_t n = slash ? (size_t)(slash - base) + 1 : 0;
    *folder = strndup(base, n);
    *stem = strdup(base + n);
    return *folder && *stem ? SIREN_OK : siren_fail(SIREN_SYSTEM, "out of memory: the folder of %s", image);
}

siren_status siren_neighbour_find(const char *image, const char *suffix, char **out, bool *shared) {
    SIREN_FREE_AT_END char *folder = NULL, *stem = NULL;
    struct stat facts;
    const bool table = siren_diffusion_table_suffix(suffix);
    *out = NULL;
    SIREN_TRY(split(image, &folder, &stem));
    for (int of_folder = 0; of_folder < (table ? 2 : 1) && !*out; of_folder++) {
        SIREN_FREE_AT_END char *name = NULL;
        for (unsigned nth = 0; nth < (table ? N_SPELLINGS : N_SPELLINGS / 2) && !*out; nth++) {
            SIREN_FREE_AT_END char *path = NULL;
            char spelled[SIREN_NEIGHBOUR_SUFFIX + 2];
            spell(suffix, nth, spelled);
            SIREN_TRY(
                siren_sibling_path(of_folder ? folder : image, of_folder ? spelled + 1 : spelled, &path));
            if (lstat(path, &facts) == 0) *out = SIREN_TAKE(path);
        }
        if (!*out)
            SIREN_TRY(find_in_any_case(folder, of_folder ? "" : stem, suffix + of_folder, table, &name));
        if (name) SIREN_TRY(siren_sibling_path(folder, name, out));
        if (*out && shared) *shared = of_folder;
    }
    return SIREN_OK;
}

/* Whether a name's words, apart from the image's, say gradient table and nothing else. */
static bool says_table(const char *words) {
    static const char *const tables[] = {"bval", "bvals",    "bvec",      "bvecs",  "grad",   "grads",
                                         "b",    "gradient", "gradients", "btable", "bmatrix"},
                             *const others[] = {"nii", "gz",     "txt", "csv",  "tsv",
                                                "dat", "mrtrix", "fsl", "eddy", "rotated"};
    bool table = false;
    while (*words) {
        const size_t n = strcspn(words, "._-");
        bool known = n == 0;
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
            if (strlen(tables[i]) == n && strncasecmp(words, tables[i], n) == 0) known = table = true;
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            known = known || (strlen(others[i]) == n && strncasecmp(words, others[i], n) == 0);
        if (!known) return false;
        words += n + (words[n] != 0);
    }
    return table;
}

siren_status siren_neighbours_doubtful(const char *image, char *out[SIREN_MOST_DOUBTFUL], size_t *n) {
    SIREN_FREE_AT_END char *folder = NULL, *stem = NULL, *bval = NULL, *bvec = NULL;
    *n = 0;
    SIREN_TRY(split(image, &folder, &stem));
    SIREN_TRY(siren_neighbour_find(image, ".bval", &bval, NULL));
    SIREN_TRY(siren_neighbour_find(image, ".bvec", &bvec, NULL));
    SIREN_AT_END(close_folder) DIR *open = opendir(*folder ? folder : ".");
    const size_t n_stem = strlen(stem);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        const char *name = entry->d_name;
        const bool own = strncasecmp(name, stem, n_stem) == 0 && name[n_stem] && strchr("._-", name[n_stem]);
        SIREN_FREE_AT_END char *path = NULL;
        struct stat facts;
        if (!says_table(own ? name + n_stem : name)) continue;
        SIREN_TRY(siren_sibling_path(folder, name, &path));
        if ((bval && strcmp(path, bval) == 0) || (bvec && strcmp(path, bvec) == 0) ||
            lstat(path, &facts) != 0 || S_ISDIR(facts.st_mode))
            continue;
        size_t at = *n < SIREN_MOST_DOUBTFUL ? *n : SIREN_MOST_DOUBTFUL;
        while (at > 0 && strcmp(path, out[at - 1]) < 0) at--;
        if (at == SIREN_MOST_DOUBTFUL) continue;
        if (*n == SIREN_MOST_DOUBTFUL) free(out[--*n]);
        memmove(out + at + 1, out + at, (*n - at) * sizeof *out);
        out[at] = SIREN_TAKE(path);
        ++*n;
    }
    return SIREN_OK;
}
