#include "base/utf8.h"

#include <criterion/criterion.h>
#include <string.h>

/* The first and last code point of each length, and their neighbours. */
Test(utf8, code_points_are_read_and_written)
{
    static const struct {
        uint32_t code;
        const char *bytes;
    } cases[] = {{0x41, "A"},
                 {0x7f, "\x7f"},
                 {0x80, "\xc2\x80"},
                 {0xe9, "\xc3\xa9"},
                 {0x7ff, "\xdf\xbf"},
                 {0x800, "\xe0\xa0\x80"},
                 {0xd7ff, "\xed\x9f\xbf"},
                 {0xe000, "\xee\x80\x80"},
                 {0xffff, "\xef\xbf\xbf"},
                 {0x10000, "\xf0\x90\x80\x80"},
                 {0x10ffff, "\xf4\x8f\xbf\xbf"}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint32_t code = 1;
        cr_expect_eq(utf8_next(cases[c].bytes, &code), (int)strlen(cases[c].bytes));
        cr_expect_eq(code, cases[c].code);
        text t = {0};
        utf8_append(&t, cases[c].code);
        cr_expect_str_eq(t.data, cases[c].bytes);
        text_close(&t);
    }
    uint32_t code = 1;
    cr_expect_eq(utf8_next("", &code), 1);
    cr_expect_eq(code, 0);
}

Test(utf8, what_is_not_utf8_is_found)
{
    static const struct {
        const char *bytes;
        size_t offset;
    } cases[] = {
        {"\x80", 0},                 /* a continuation alone */
        {"ab\xe9t\xe9", 2},          /* Latin-1 */
        {"a\xc0\x80", 1},            /* overlong */
        {"a\xc1\xbf", 1},            /* overlong */
        {"\xe0\x9f\xbf", 0},         /* overlong */
        {"\xf0\x8f\xbf\xbf", 0},     /* overlong */
        {"\xed\xa0\x80", 0},         /* a surrogate */
        {"\xf4\x90\x80\x80", 0},     /* above U+10FFFF */
        {"\xf8\x88\x80\x80\x80", 0}, /* five bytes */
        {"\xff", 0},
        {"\xc3\xa9\xc3", 2}, /* ends within a code point */
        {"\xf0\x90\x80", 0},
        {"\xe2\x28\xa1", 0},
    };
    size_t offset;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        cr_expect_not(utf8_check(cases[c].bytes, &offset), "case %zu", c);
        cr_expect_eq(offset, cases[c].offset, "case %zu: %zu", c, offset);
    }
    cr_expect(utf8_check("caf\xc3\xa9 \xe2\x82\xac", &offset));
    cr_expect(utf8_check("", &offset));
}

Test(utf8, white_space_is_unicodes)
{
    static const uint32_t spaces[] = {' ',    '\t',   '\r',   0x1c,   0x85,   0xa0,
                                      0x1680, 0x2003, 0x2028, 0x202f, 0x205f, 0x3000};
    static const uint32_t others[] = {0, 'a', 0x1b, 0x7f, 0xad, 0x180e, 0x200b, 0x2060, 0xfeff};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) cr_expect(utf8_is_space(spaces[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) cr_expect_not(utf8_is_space(others[i]));
}
