#include "bench/xml.h"

#include "base/utf8.h"

static const char *entity_of(uint32_t code)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return code < ' ' ? " " : NULL;
    }
}

void xml_append(text *out, const char *s, size_t n)
{
    enum { REPLACEMENT = 0xFFFD };
    for (size_t i = 0; i < n;) {
        uint32_t code;
        int length = utf8_next(s + i, &code);
        bool wrong = length == 0 || i + (size_t)length > n || code == 0xFFFE || code == 0xFFFF;
        const char *entity = wrong ? NULL : entity_of(code);
        if (wrong)
            utf8_append(out, REPLACEMENT);
        else if (entity)
            text_printf(out, "%s", entity);
        else
            text_bytes(out, s + i, (size_t)length);
        i += length > 0 ? (size_t)length : 1;
    }
}
