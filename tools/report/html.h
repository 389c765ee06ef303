/* HTML of texts and pictures that others made, and what all pages share. Write errors stay in the stream (ferror). */
#ifndef SIREN_TOOLS_HTML_H
#define SIREN_TOOLS_HTML_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The text with its markup characters escaped, so that it stays text within an element or a quoted
 * attribute. Bytes that are no UTF-8 and control characters other than tab and line end become U+FFFD. */
void siren_html_text(FILE *out, const char *text);

/* `before`, the text so escaped, `after`. */
void siren_html_between(FILE *out, const char *before, const char *text, const char *after);

/* The <svg> element of an SVG file, labelled for readers who do not see it; without its titles, which
 * browsers show in a box, but with the hypertext of gnuplot's points as titles, and without what a browser would run.
 * Its ids, and references to them, get `prefix` in front, so that several pictures can stand in one page. */
void siren_html_svg(FILE *out, const char *svg, const char *prefix, const char *label);

/* A page without scripts and without a network up to its <h1>, within <header>; the title is escaped. */
void siren_html_begin(FILE *out, const char *title);
/* What ends it; `command` wrote it. */
void siren_html_end(FILE *out, const char *command);

/* A PNG file as an <img> of so many pixels in the page; `label` tells what it shows, on hovering, too. */
void siren_html_png(FILE *out, const uint8_t *png, size_t n_bytes, unsigned width, unsigned height,
                    const char *label);

#endif
