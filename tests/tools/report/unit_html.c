/* tools/report/html: what others wrote stays text, and pictures share a page. */
#include "tests/shared/testing.h"
#include "tools/report/html.h"

static char *written;
static size_t n_written;

static FILE *begin(void) {
    FILE *out = open_memstream(&written, &n_written);
    assert_non_null(out);
    return out;
}

static void expect(FILE *out, const char *expected) {
    fclose(out);
    assert_string_equal(written, expected);
    free(written);
}

static void text_stays_text(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},
        {"a\tb\nc", "a\tb\nc"},
        {"<b a=\"1\" c='2'>&amp;", "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff<", "\xef\xbf\xbd&lt;"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\x01\x1b\x7f\r", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc2\x85", "\xef\xbf\xbd"}, /* a control character of two bytes */
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        FILE *out = begin();
        siren_html_text(out, pairs[i][0]);
        expect(out, pairs[i][1]);
    }
}

static void pictures_keep_their_own_ids(void **state) {
    (void)state;
    FILE *out = begin();
    siren_html_svg(
        out,
        "<?xml version=\"1.0\"?>\n<!DOCTYPE svg>\n<svg width=\"9\">\n<title>Gnuplot</title><g id=\"a\">"
        "<use xlink:href='#b' fill='url(#c)'/><path id='b'/></g></svg>\n",
        "f1-", "\"x\" & y");
    expect(out, "<svg role=\"img\" aria-label=\"&quot;x&quot; &amp; y\" width=\"9\">\n<g id=\"f1-a\">"
                "<use xlink:href='#f1-b' fill='url(#f1-c)'/><path id='f1-b'/></g></svg>\n");
    /* What is pointed at tells its text; what would be run is left out, what only looks so is not. */
    out = begin();
    siren_html_svg(out,
                   "<svg onload=\"a()\"><g onmousemove=\"gnuplot_svg.showHypertext(evt,'x&lt;1>: 2')\" "
                   "onmouseout=\"gnuplot_svg.hideHypertext()\"><title> </title><use/></g><g title=\"a > b\" "
                   "onclick='b()' x=\"1\"><text> once=\"1\" onclick='c'</text></g></svg>",
                   "f1-", "x");
    expect(out, "<svg role=\"img\" aria-label=\"x\"><g class=\"told\"><title>x&lt;1>: 2</title><use/></g><g "
                "title=\"a > b\" x=\"1\"><text> once=\"1\" onclick='c'</text></g></svg>");
    out = begin();
    siren_html_svg(out, "no picture", "f1-", "x");
    expect(out, "");
    out = begin();
    siren_html_svg(out, "<svg><title>never closed", "f1-", "x");
    expect(out, "<svg role=\"img\" aria-label=\"x\"><title>never closed");
}

/* RFC 4648, section 10 */
static void pictures_stand_in_the_page(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xef\xfe", "/+/+"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char expected[256];
        FILE *out = begin();
        siren_html_png(out, (const uint8_t *)pairs[i][0], strlen(pairs[i][0]), 3, 2, "\"><b>");
        snprintf(expected, sizeof expected,
                 "<img width=\"3\" height=\"2\" alt=\"&quot;&gt;&lt;b&gt;\" title=\"&quot;&gt;&lt;b&gt;\" "
                 "src=\"data:image/png;base64,%s\">",
                 pairs[i][1]);
        expect(out, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stays_text),
        cmocka_unit_test(pictures_keep_their_own_ids),
        cmocka_unit_test(pictures_stand_in_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
