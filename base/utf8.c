#include "base/utf8.h"

int utf8_next(const char *s, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800,
                                     0x10000}; /* by length: below it, a form is overlong */
    unsigned char first = (unsigned char)s[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    int length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc0 || first > 0xf7) return 0;
    uint32_t value = first & (0x7fU >> length);
    for (int k = 1; k < length; k++) {
        unsigned char next = (unsigned char)s[k];
        if ((next & 0xc0) != 0x80) return 0;
        value = value << 6 | (next & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return 0;
    *code = value;
    return length;
}

void utf8_append(text *t, uint32_t code)
{
    unsigned char bytes[4];
    int length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int k = length - 1; k > 0; k--, code >>= 6) bytes[k] = (unsigned char)(0x80 | (code & 0x3f));
    static const unsigned char mark[] = {0, 0, 0xc0, 0xe0, 0xf0};
    bytes[0] = (unsigned char)(mark[length] | code);
    text_bytes(t, bytes, (size_t)length);
}

bool utf8_check(const char *s, size_t *offset)
{
    for (*offset = 0; s[*offset];) {
        uint32_t code;
        int length = utf8_next(s + *offset, &code);
        if (length == 0) return false;
        *offset += (size_t)length;
    }
    return true;
}

bool utf8_is_space(uint32_t code)
{
    if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r') || (code >= 0x1c && code <= 0x1f);
    return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
           code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}
