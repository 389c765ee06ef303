#include "tools/report/html.h"

#include <string.h>

#include "formats/config.h"

void siren_html_text(FILE *out, const char *text) {
    for (const unsigned char *from = (const unsigned char *)text; *from;) {
        size_t n = siren_utf8_length(from);
        if (*from == '&')
            fputs("&amp;", out);
        else if (*from == '<')
            fputs("&lt;", out);
        else if (*from == '>')
            fputs("&gt;", out);
        else if (*from == '"')
            fputs("&quot;", out);
        else if (*from == '\'')
            fputs("&#39;", out);
        else if (n == 0 || *from == 0x7f || (*from < 0x20 && *from != '\t' && *from != '\n') ||
                 (n == 2 && from[0] == 0xc2 && from[1] < 0xa0))
            fputs("\xef\xbf\xbd", out);
        else
            fwrite(from, 1, n, out);
        from += n ? n : 1;
    }
}

void siren_html_between(FILE *out, const char *before, const char *text, const char *after) {
    fputs(before, out);
    siren_html_text(out, text);
    fputs(after, out);
}

/* What follows `at` if it begins with `start`; NULL otherwise. */
static const char *after(const char *at, const char *start) {
    const size_t n = strlen(start);
    return strncmp(at, start, n) == 0 ? at + n : NULL;
}

void siren_html_svg(FILE *out, const char *svg, const char *prefix, const char *label) {
    static const char *const references[] = {" id=\"", " id='", "href=\"#", "href='#", "url(#"};
    const char *at = strstr(svg, "<svg");
    if (!at) return;
    at += strlen("<svg");
    fputs("<svg role=\"img\" aria-label=\"", out);
    siren_html_text(out, label);
    fputc('"', out);
    while (*at) {
        const char *next = NULL, *end;
        if (after(at, "<title>") && (end = strstr(at, "</title>")) != NULL) {
            at = end + strlen("</title>");
            continue;
        }
        for (size_t i = 0; i < sizeof references / sizeof *references && !next; i++)
            next = after(at, references[i]);
        if (next) {
            fwrite(at, 1, (size_t)(next - at), out);
            fputs(prefix, out);
            at = next;
        } else {
            fputc(*at++, out);
        }
    }
}
