/* Text and pictures within HTML and SVG. */
#ifndef BENCH_MARKUP_H
#define BENCH_MARKUP_H

#include "base/text.h"

#include <stdint.h>

/* Appends a text as xml_append (bench/xml.h) does. */
void markup_text(text *out, const char *s);

/* Appends bytes in base 64. */
void markup_base64(text *out, const void *bytes, size_t n);

/* Appends an 8-bit gray image (height,width) as a data: URI of a PNG. ERR_USAGE, ERR_SYSTEM as image_png. */
err markup_png(text *out, const uint8_t *pixels, int width, int height);

#endif
