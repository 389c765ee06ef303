#include "engine/model/acquisition.h"

#include "formats/little_endian.h"
#include "formats/number.h"
#include "host/file.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX 8 /* bytes: axes, bytes of their names */
#define MOST_BYTES ((size_t)64 << 20)
#define MOST_CELL 64 /* characters of a number */

/* ---- the table ---- */

/* A line of a table that is being read; `next` is where the following one begins. */
typedef struct {
    const char *path;
    char *text, *next;
    size_t number; /* counted from 1 */
} table_line;

/* Whether there is another line. Blank ones at the end are none. */
static bool next_line(table_line *line) {
    char *end;
    if (line->next[strspn(line->next, " \t\r\n")] == '\0') return false;
    line->text = line->next;
    end = line->text + strcspn(line->text, "\n");
    line->next = *end ? end + 1 : end;
    *end = '\0';
    if (end > line->text && end[-1] == '\r') end[-1] = '\0';
    line->number++;
    return true;
}

/* Cuts the next cell off a line; NULL behind the last. */
static char *next_cell(char **rest) {
    char *cell = *rest, *end;
    if (!cell) return NULL;
    end = cell + strcspn(cell, "\t");
    *rest = *end ? end + 1 : NULL;
    *end = '\0';
    return cell;
}

static bool in_names(char c) { return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.'; }

static bool is_name(const char *text) {
    size_t n = 0;
    while (in_names(text[n])) n++;
    return text[n] == '\0' && n > 0 && n < SIREN_ACQUISITION_NAME;
}

/* The header row: `names` (n_bytes), each with its end of line. */
static siren_status read_names(const table_line *line, char *names, size_t *n_bytes, uint32_t *n_axes) {
    char *rest = line->text, *cell;
    for (*n_axes = 0, *n_bytes = 0; (cell = next_cell(&rest)); ++*n_axes) {
        size_t length = strlen(cell);
        if (*n_axes == SIREN_MAX_ACQUISITION)
            return siren_fail(SIREN_CORRUPT, "%s: has more than %d columns; leave some out", line->path,
                              SIREN_MAX_ACQUISITION);
        if (!is_name(cell))
            return siren_fail(SIREN_CORRUPT,
                              "%s: column %u is called '%.40s'; the first row names columns, separated by "
                              "tabs, by 1 to %d letters, digits, '_', '-' and '.'",
                              line->path, *n_axes + 1, cell, SIREN_ACQUISITION_NAME - 1);
        for (const char *other = names; other < names + *n_bytes; other += strcspn(other, "\n") + 1)
            if (strncmp(other, cell, length) == 0 && other[length] == '\n')
                return siren_fail(SIREN_CORRUPT, "%s: has two columns %s; rename or leave out one",
                                  line->path, cell);
        memcpy(names + *n_bytes, cell, length);
        names[*n_bytes + length] = '\n';
        *n_bytes += length + 1;
    }
    return SIREN_OK;
}

static siren_status read_values(const table_line *line, uint32_t n_axes, uint8_t *values) {
    char *rest = line->text, *cell;
    uint32_t axis = 0;
    for (; (cell = next_cell(&rest)); axis++) {
        double value;
        if (axis == n_axes) break;
        if (!siren_number_parse(cell, &value) || !isfinite(value))
            return siren_fail(SIREN_CORRUPT, "%s: line %zu, column %u is '%.*s', which is no finite number",
                              line->path, line->number, axis + 1, MOST_CELL, cell);
        siren_put_f64(values + 8 * axis, value);
    }
    if (axis == n_axes && !cell) return SIREN_OK;
    return siren_fail(SIREN_CORRUPT, "%s: line %zu has %s than its %u column%s", line->path, line->number,
                      axis == n_axes ? "more cells" : "fewer cells", n_axes, siren_plural(n_axes));
}

siren_status siren_acquisition_parse(const char *path, const void *bytes, size_t n_file, size_t n_volumes,
                                     uint8_t **out, size_t *n_bytes) {
    SIREN_FREE_AT_END uint8_t *section = NULL;
    SIREN_FREE_AT_END char *text = NULL;
    char names[SIREN_MAX_ACQUISITION * SIREN_ACQUISITION_NAME];
    size_t n_names = 0, n_rows = 0;
    uint32_t n_axes = 0;
    siren_acquisition checked;
    SIREN_TRY(siren_allocate(&text, n_file + 1, 1, path));
    memcpy(text, bytes, n_file);
    if (memchr(text, '\0', n_file))
        return siren_fail(SIREN_CORRUPT, "%s: has bytes that no table has; give tab-separated text", path);
    table_line line = {.path = path, .next = text};
    if (!next_line(&line))
        return siren_fail(SIREN_CORRUPT, "%s: is empty; give a row of names and a row for each volume", path);
    SIREN_TRY(read_names(&line, names, &n_names, &n_axes));
    *n_bytes = PREFIX + n_names + n_volumes * n_axes * 8;
    SIREN_TRY(siren_allocate(&section, *n_bytes, 1, path));
    siren_put_u32(section, n_axes);
    siren_put_u32(section + 4, (uint32_t)n_names);
    memcpy(section + PREFIX, names, n_names);
    for (; next_line(&line); n_rows++)
        if (n_rows < n_volumes)
            SIREN_TRY(read_values(&line, n_axes, section + PREFIX + n_names + n_rows * n_axes * 8));
    if (n_rows != n_volumes)
        return siren_fail(SIREN_CORRUPT,
                          "%s: has %zu row%s of coordinates for a series of %zu volume%s; give one for each, "
                          "below the row of names",
                          path, n_rows, siren_plural(n_rows), n_volumes, siren_plural(n_volumes));
    SIREN_TRY(siren_acquisition_view(path, n_volumes, section, *n_bytes, &checked));
    *out = SIREN_TAKE(section);
    return SIREN_OK;
}

siren_status siren_acquisition_read(const char *path, size_t n_volumes, uint8_t **section, size_t *n_bytes) {
    SIREN_FREE_AT_END uint8_t *file = NULL;
    size_t n_file = 0;
    SIREN_TRY(siren_file_read(path, MOST_BYTES, &file, &n_file));
    return siren_acquisition_parse(path, file, n_file, n_volumes, section, n_bytes);
}

/* ---- the section ---- */

double siren_acquisition_value(const siren_acquisition *a, size_t volume, uint32_t axis) {
    return siren_get_f64(a->values + (volume * a->n_axes + axis) * 8);
}

char *siren_acquisition_name(const siren_acquisition *a, uint32_t axis, char out[SIREN_ACQUISITION_NAME]) {
    const char *name = (const char *)a->names;
    for (; axis > 0; axis--) name = strchr(name, '\n') + 1;
    size_t n = strcspn(name, "\n");
    memcpy(out, name, n);
    out[n] = '\0';
    return out;
}

/* Whether `names` (n_bytes) are so many, as the table has them. */
static bool names_hold(const uint8_t *names, size_t n_bytes, uint32_t n_axes) {
    size_t length = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        bool end = names[i] == '\n';
        if (end ? length == 0 || n_axes == 0 : !in_names((char)names[i])) return false;
        if (++length == SIREN_ACQUISITION_NAME && !end) return false;
        if (end) length = 0, n_axes--;
    }
    return n_axes == 0 && length == 0;
}

siren_status siren_acquisition_view(const char *name, size_t n_volumes, const uint8_t *section,
                                    size_t n_bytes, siren_acquisition *out) {
    uint32_t n_axes = n_bytes >= PREFIX ? siren_get_u32(section) : 0,
             n_names = n_bytes >= PREFIX ? siren_get_u32(section + 4) : 0;
    siren_acquisition a = {.section = section, .n_bytes = n_bytes, .n_axes = n_axes};
    size_t n_row, n_values = 0;
    if (n_axes < 1 || n_axes > SIREN_MAX_ACQUISITION || n_names > n_bytes - PREFIX ||
        !siren_mul(n_axes, 8, &n_row) || !siren_mul(n_volumes, n_row, &n_values) ||
        n_bytes - PREFIX - n_names != n_values || !names_hold(section + PREFIX, n_names, n_axes))
        return siren_fail(SIREN_CORRUPT,
                          "%s: its coordinates of volumes cannot be; restore the file from a copy", name);
    a.names = section + PREFIX;
    a.values = a.names + n_names;
    for (uint32_t axis = 0; axis < n_axes; axis++) {
        char column[SIREN_ACQUISITION_NAME];
        double *low = &a.minimum[axis], *high = &a.maximum[axis];
        *low = *high = siren_acquisition_value(&a, 0, axis);
        for (size_t volume = 0; volume < n_volumes; volume++) {
            const double value = siren_acquisition_value(&a, volume, axis);
            if (!isfinite(value)) *low = *high = NAN;
            if (value < *low) *low = value;
            if (value > *high) *high = value;
        }
        siren_acquisition_name(&a, axis, column);
        if (!isfinite(*high - *low))
            return siren_fail(SIREN_CORRUPT, "%s: column %s spans more than numbers hold", name, column);
        if (*high == *low)
            return siren_fail(SIREN_CORRUPT,
                              "%s: column %s is %g in every volume and distinguishes none; leave it out",
                              name, column, *low);
    }
    *out = a;
    return SIREN_OK;
}

/* ---- samples ---- */

static void volume_coordinates(const siren_acquisition *a, size_t volume, float *out) {
    for (uint32_t axis = 0; axis < a->n_axes; axis++) {
        double share = (siren_acquisition_value(a, volume, axis) - a->minimum[axis]) /
                       (a->maximum[axis] - a->minimum[axis]);
        out[axis] = (float)(2 * share - 1);
    }
}

void siren_sample_coordinates(const siren_block *block, const siren_acquisition *acquisition,
                              siren_span volumes, uint32_t n_inputs, size_t first, size_t n,
                              float *coordinates) {
    if (!acquisition->section) {
        siren_block_coordinates(block, n_inputs, first, n, coordinates);
        return;
    }
    const size_t n_volumes = volumes.end - volumes.begin;
    const uint32_t n_space = n_inputs - acquisition->n_axes;
    for (size_t sample = first; sample < first + n; sample++, coordinates += n_inputs) {
        siren_block_coordinates(block, n_space, sample / n_volumes, 1, coordinates);
        volume_coordinates(acquisition, volumes.begin + sample % n_volumes, coordinates + n_space);
    }
}
