/* Content hashes (XXH3, 128 bits) that name artifacts and data. Not cryptographic: they find accidents, not
 * attacks. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct hash {
    char hex[33]; /* 32 lower-case hexadecimal digits and a NUL */
} hash;

hash hash_bytes(const void *bytes, size_t n);

/* XXH3, 64 bits: for tables in memory. */
uint64_t hash_number(const void *bytes, size_t n);

/* Hash of the concatenation of texts, each ended by its NUL so that ("ab","c") differs from ("a","bc").
 * The list ends with NULL. */
hash hash_texts(const char *first, ...) __attribute__((sentinel));

#endif
