#include "base/hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL /* the incremental state then lives on the stack: no allocation that could fail */
#include <xxhash.h>

static hash hash_of(XXH128_hash_t value)
{
    hash out;
    (void)snprintf(out.hex, sizeof out.hex, "%016llx%016llx", (unsigned long long)value.high64,
                   (unsigned long long)value.low64);
    return out;
}

hash hash_bytes(const void *bytes, size_t n)
{
    return hash_of(XXH3_128bits(bytes, n));
}

uint64_t hash_number(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}

hash hash_texts(const char *first, ...)
{
    XXH3_state_t state;
    (void)XXH3_128bits_reset(&state);
    va_list arguments;
    va_start(arguments, first);
    for (const char *text = first; text; text = va_arg(arguments, const char *))
        (void)XXH3_128bits_update(&state, text, strlen(text) + 1);
    va_end(arguments);
    return hash_of(XXH3_128bits_digest(&state));
}
