/* Copies of strings that live, and never move, until they are all freed at once. Start from {0}. */
#ifndef BASE_STRINGS_H
#define BASE_STRINGS_H

#include <stddef.h>

typedef struct string_store {
    struct string_chunk *chunks; /* private */
} string_store;

/* A copy of the n bytes, with a NUL behind them, owned by the store; NULL when out of memory. */
const char *string_keep(string_store *s, const char *bytes, size_t n);
void string_store_close(string_store *s);

#endif
