#include "tools/commands/profile_table.h"

#include <stdio.h>

static double device_seconds(const siren_profile_row *rows, size_t n_rows) {
    double seconds = 0;
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i].place == SIREN_PROFILE_DEVICE) seconds += rows[i].seconds;
    return seconds;
}

/* Rows of the background, or the others. */
static void print_rows(const siren_profile_row *rows, size_t n_rows, bool background, double wall) {
    for (size_t i = 0; i < n_rows; i++)
        if ((rows[i].place == SIREN_PROFILE_BACKGROUND) == background)
            printf("  %-6s %-23s %10.4f %6.2f %% %10zu\n",
                   background ? "" : siren_profile_place_name(rows[i].place), rows[i].name, rows[i].seconds,
                   100 * rows[i].seconds / wall, rows[i].n_calls);
}

void siren_tool_print_profile(siren_profile *profile) {
    const siren_profile_row *rows;
    size_t n_rows;
    double wall, background = 0;
    siren_profile_get(profile, &rows, &n_rows, &wall);
    printf("\n%-32s %10s %8s %10s\n", "profile", "seconds", "share", "calls");
    print_rows(rows, n_rows, false, wall);
    double device = device_seconds(rows, n_rows);
    printf("  %-30s %10.4f %6.2f %%\n", "all of the device", device, 100 * device / wall);
    printf("  %-30s %10.4f\n", "wall time", wall);
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i].place == SIREN_PROFILE_BACKGROUND) background += rows[i].seconds;
    if (background == 0) return;
    printf("  %-30s %10.4f %6.2f %%\n", "beside that, in the background", background,
           100 * background / wall);
    print_rows(rows, n_rows, true, wall);
}

void siren_tool_write_profile(siren_json *json, siren_profile *profile) {
    const siren_profile_row *rows;
    size_t n_rows;
    double wall;
    siren_profile_get(profile, &rows, &n_rows, &wall);
    siren_json_begin_object(json, "profile");
    siren_json_number(json, "wall_seconds", wall);
    siren_json_number(json, "device_seconds", device_seconds(rows, n_rows));
    siren_json_begin_array(json, "rows");
    for (size_t i = 0; i < n_rows; i++) {
        siren_json_begin_object(json, NULL);
        siren_json_string(json, "where", siren_profile_place_name(rows[i].place));
        siren_json_string(json, "name", rows[i].name);
        siren_json_number(json, "seconds", rows[i].seconds);
        siren_json_integer(json, "calls", rows[i].n_calls);
        siren_json_end(json);
    }
    siren_json_end(json);
    siren_json_end(json);
}
