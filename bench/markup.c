#include "bench/markup.h"

#include "bench/xml.h"
#include "data/images.h"

#include <string.h>

void markup_text(text *out, const char *s)
{
    xml_append(out, s, strlen(s));
}

void markup_base64(text *out, const void *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i += 3) {
        unsigned group = (unsigned)b[i] << 16;
        if (i + 1 < n) group |= (unsigned)b[i + 1] << 8;
        if (i + 2 < n) group |= b[i + 2];
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], '=', '='};
        if (i + 1 < n) four[2] = digits[group >> 6 & 63];
        if (i + 2 < n) four[3] = digits[group & 63];
        text_bytes(out, four, sizeof four);
    }
}

err markup_png(text *out, const uint8_t *pixels, int width, int height)
{
    text png = {0};
    err error = image_png(pixels, width, height, &png);
    text_printf(out, "data:image/png;base64,");
    if (error == OK) markup_base64(out, png.data, png.length);
    text_close(&png);
    return error;
}
