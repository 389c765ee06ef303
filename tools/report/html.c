#include "tools/report/html.h"

#include <string.h>

#include "formats/config.h"
#include "formats/original.h"

/* What stands for the character of `n` bytes at `from` (0: it is not UTF-8); NULL: it stands for itself. */
static const char *instead(const unsigned char *from, size_t n) {
    switch (*from) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
        return NULL;
    default:
        return n == 0 || *from < 0x20 || *from == 0x7f || (n == 2 && from[0] == 0xc2 && from[1] < 0xa0)
                   ? "\xef\xbf\xbd"
                   : NULL;
    }
}

void siren_html_text(FILE *out, const char *text) {
    const unsigned char *begin = (const unsigned char *)text, *end = begin; /* what is not written yet */
    while (*end) {
        const size_t n = siren_utf8_length(end);
        const char *other = instead(end, n);
        if (other) {
            fwrite(begin, 1, (size_t)(end - begin), out);
            fputs(other, out);
            begin = end + (n ? n : 1);
        }
        end += n ? n : 1;
    }
    fwrite(begin, 1, (size_t)(end - begin), out);
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

/* Within a tag an attribute that browsers would run, " onmouseout=": what follows it; NULL where there is none. */
static const char *after_handler(const char *at) {
    const char *name = after(at, " on"), *end = name;
    if (!name) return NULL;
    while (*end >= 'a' && *end <= 'z') end++;
    if (end == name || *end != '=' || (end[1] != '"' && end[1] != '\'')) return NULL;
    end = strchr(end + 2, end[1]);
    return end ? end + 1 : NULL;
}

/* gnuplot's hypertext is an argument of a script that the page has not: it becomes a title. Returns what follows, or
 * NULL where there is none. */
static const char *write_hypertext(FILE *out, const char *at) {
    const char *text = after(at, "<g onmousemove=\"gnuplot_svg.showHypertext(evt,'"),
               *end = text ? strstr(text, "')\" onmouseout=") : NULL,
               *title = end ? strstr(end, "</title>") : NULL;
    if (!title) return NULL;
    fputs("<g class=\"told\"><title>", out);
    for (; text < end; text++)
        if (*text == '<')
            fputs("&lt;", out);
        else
            fputc(*text, out);
    fputs("</title>", out);
    return title + strlen("</title>");
}

/* The next piece of the SVG file is written, or left out. */
static const char *write_piece(FILE *out, const char *at, const char *prefix, bool in_tag) {
    static const char *const references[] = {" id=\"", " id='", "href=\"#", "href='#", "url(#"};
    const char *next = NULL, *end;
    if (after(at, "<title>") && (end = strstr(at, "</title>")) != NULL) return end + strlen("</title>");
    if (in_tag && (next = after_handler(at)) != NULL) return next;
    for (size_t i = 0; i < sizeof references / sizeof *references && !next; i++)
        next = after(at, references[i]);
    if (next) {
        fwrite(at, 1, (size_t)(next - at), out);
        fputs(prefix, out);
        return next;
    }
    fputc(*at, out);
    return at + 1;
}

/* Where in the markup a character stands. */
typedef struct {
    bool in_tag;
    char quote; /* within an attribute's value: what ends it; else 0 */
} place;

static void pass(place *p, char c) {
    if (p->in_tag && (c == '"' || c == '\'') && (!p->quote || p->quote == c)) p->quote = p->quote ? 0 : c;
    if (!p->quote) p->in_tag = c == '<' || (p->in_tag && c != '>');
}

void siren_html_svg(FILE *out, const char *svg, const char *prefix, const char *label) {
    const char *at = strstr(svg, "<svg");
    place here = {.in_tag = true};
    if (!at) return;
    at += strlen("<svg");
    fputs("<svg role=\"img\" aria-label=\"", out);
    siren_html_text(out, label);
    fputc('"', out);
    while (*at) {
        const char *next = write_hypertext(out, at);
        if (next) here = (place){.in_tag = false};
        if (!next) {
            next = write_piece(out, at, prefix, here.in_tag && !here.quote);
            for (; at < next; at++) pass(&here, *at);
        }
        at = next;
    }
}

/* ---- pages ---- */

/* Where a screen is narrow, the rows of tables of the class "cards" become blocks in which each cell tells its heading,
 * and other tables scroll beside their first column. */
static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:76rem;margin:2rem "
    "auto;padding:0 1rem}"
    "h1{font-size:1.7rem;margin:0 0 .3rem;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2.2rem 0 "
    ".6rem;border-bottom:1px solid #ddd}"
    "h3{font-size:1rem;margin:1.4rem 0 .4rem}"
    "figure{margin:1.2rem 0;break-inside:avoid}figure svg{display:block;max-width:100%;height:auto}"
    ".panel image{image-rendering:pixelated}.told:hover use{opacity:.35}"
    "figcaption{max-width:56rem;margin-top:.5rem;color:#444;font-size:.9rem}"
    ".table{overflow-x:auto}table{border-collapse:collapse;font-size:.82rem}"
    "th,td{padding:.2rem .5rem;text-align:left;border-bottom:1px solid #e4e4e4}td{white-space:nowrap}"
    "thead th{border-bottom:1.5px solid #555;vertical-align:bottom}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}td.t{white-space:normal;overflow-wrap:anywhere}"
    "pre,code{font:.85rem/1.45 ui-monospace,monospace}"
    "pre{background:#f5f5f5;padding:.6rem .8rem;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".note{border-left:4px solid #E69F00;background:#fdf6e7;padding:.5rem .8rem;margin:.8rem 0}"
    ".bad{color:#a33000;font-weight:600}.facts td{white-space:normal;overflow-wrap:anywhere}"
    ".bar{width:9rem;height:.7rem;display:block}.chart{width:100%;max-width:44rem}"
    ".slices{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.5rem}"
    ".slices div{font-size:.75rem;color:#555}.slices img{display:block;width:100%;height:auto;"
    "image-rendering:pixelated;background:#000}"
    "@media screen and (max-width:48rem){body{margin:1rem auto;padding:0 .7rem}"
    ".table th:first-child,.table td:first-child{position:sticky;left:0;background:#fff;white-space:normal;"
    "min-width:8rem}"
    ".cards thead{display:none}.cards,.cards tbody,.cards tr{display:block}"
    ".cards tr{border:1px solid #ccc;border-radius:4px;margin:.6rem 0;padding:.3rem .5rem}"
    ".cards tr td{display:flex;gap:.7rem;border:0;padding:.1rem 0;position:static;text-align:left;"
    "white-space:normal;overflow-wrap:anywhere}"
    ".cards td::before{content:attr(data-name);flex:0 0 5.5rem;color:#666;font-weight:400}.cards "
    "td:empty{display:none}"
    "figure{overflow-x:auto}figure svg:not(.chart){max-width:none;min-width:42rem}"
    ".slices{grid-template-columns:repeat(auto-fill,minmax(6rem,1fr))}}"
    "@page{margin:15mm}@media "
    "print{body{margin:0;max-width:none;font-size:10pt}.table{overflow:visible}table{font-size:7.5pt}"
    "th,td{padding:.1rem .3rem}tr{break-inside:avoid}thead{display:table-header-group}}";

void siren_html_begin(FILE *out, const char *title) {
    fputs(SIREN_PAGE_BEGIN "style-src 'unsafe-inline'; img-src data:\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
          out);
    siren_html_between(out, "<title>", title, "</title>\n");
    fprintf(out, "<style>%s</style>\n</head>\n<body>\n<header>\n", style);
    siren_html_between(out, "<h1>", title, "</h1>\n");
}

void siren_html_end(FILE *out, const char *command) {
    fprintf(out, "<footer>\n<p>Written by sirencl %s %s.</p>\n</footer>\n</body>\n</html>\n", command,
            siren_version());
}

static void base64(FILE *out, const uint8_t *bytes, size_t n_bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n_bytes; i += 3) {
        const size_t n = n_bytes - i < 3 ? n_bytes - i : 3;
        const uint32_t three =
            (uint32_t)bytes[i] << 16 | (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (n > 2 ? bytes[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) fputc(k <= n ? digits[three >> (18 - 6 * k) & 63] : '=', out);
    }
}

void siren_html_png(FILE *out, const uint8_t *png, size_t n_bytes, unsigned width, unsigned height,
                    const char *label) {
    fprintf(out, "<img width=\"%u\" height=\"%u\" ", width, height);
    siren_html_between(out, "alt=\"", label, "\" ");
    siren_html_between(out, "title=\"", label, "\" src=\"data:image/png;base64,");
    base64(out, png, n_bytes);
    fputs("\">", out);
}
