/* tools/common/terminal: the line of progress fits every width. */
#include "tests/shared/testing.h"
#include "tools/common/terminal.h"

static void lines_fit_every_width(void **state) {
    (void)state;
    static const char *const names[] = {"epochs", "12/34 slices of the panel", "trials 3/12"};
    static const char *const times[] = {"", "0:07", "99:59:59"};
    for (size_t columns = 20; columns <= 300; columns++)
        for (size_t i = 0; i < 9; i++)
            for (double share = 0; share <= 1; share += 0.125) {
                char line[256];
                siren_terminal_line(columns, names[i / 3], share, times[i % 3], line, sizeof line);
                if (strlen(line) >= columns) fail_msg("%zu columns: '%s'", columns, line);
                if (!strchr(line, '%')) fail_msg("%zu columns without a share: '%s'", columns, line);
                const char *bar = strchr(line, '[');
                if (bar && strcspn(bar, "#-") != 1) fail_msg("a bar: '%s'", line);
                if (columns >= 60 && (!bar || (*times[i % 3] && !strstr(line, times[i % 3]))))
                    fail_msg("%zu columns: '%s'", columns, line);
            }
}

static void bars_tell_the_share(void **state) {
    (void)state;
    char line[256];
    siren_terminal_line(80, "epochs", 0.5, "1:05", line, sizeof line);
    assert_string_equal(line, "epochs           [##############--------------]  50 %, left 1:05");
    siren_terminal_line(30, "epochs", 0.999, "", line, sizeof line);
    assert_string_equal(line, "epochs           [###-]  99 %");
    siren_terminal_line(20, "epochs", 1, "0:01", line, sizeof line);
    assert_string_equal(line, "ep 100 %, left 0:01");
    siren_terminal_line(18, "epochs", 1, "0:01", line, sizeof line);
    assert_string_equal(line, "epochs 100 %");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_fit_every_width),
                                       cmocka_unit_test(bars_tell_the_share)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
