/* UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Number of bytes (1..4) of the code point at the start of a NUL-terminated text; 0 if they are not UTF-8,
 * also where the text ends within one. The NUL itself is a code point of one byte. */
int utf8_next(const char *s, uint32_t *code);

void utf8_append(text *t, uint32_t code);

/* Whether all of a text is UTF-8; if not, *offset is the first byte that is not. */
bool utf8_check(const char *s, size_t *offset);

/* White space as Unicode and Python's str.isspace() have it, U+001C to U+001F included. */
bool utf8_is_space(uint32_t code);

#endif
