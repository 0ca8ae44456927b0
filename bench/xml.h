/* Text within XML. */
#ifndef BENCH_XML_H
#define BENCH_XML_H

#include "base/text.h"

/* Appends n bytes of UTF-8 as the content of an element, or of an attribute in double quotes: what XML
 * reserves is escaped, control characters are blanks, and what is not UTF-8 or no character of XML 1.0
 * becomes U+FFFD. */
void xml_append(text *out, const char *s, size_t n);

#endif
