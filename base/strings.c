#include "base/strings.h"

#include <stdlib.h>
#include <string.h>

struct string_chunk {
    struct string_chunk *next;
    size_t used, capacity;
    char bytes[];
};

static const size_t chunk_bytes = 65536;

const char *string_keep(string_store *s, const char *bytes, size_t n)
{
    struct string_chunk *chunk = s->chunks;
    if (!chunk || chunk->capacity - chunk->used <= n) {
        size_t capacity = n >= chunk_bytes ? n + 1 : chunk_bytes;
        chunk = malloc(sizeof *chunk + capacity);
        if (!chunk) return NULL;
        *chunk = (struct string_chunk){.next = s->chunks, .capacity = capacity};
        s->chunks = chunk;
    }
    char *kept = chunk->bytes + chunk->used;
    if (n) memcpy(kept, bytes, n);
    kept[n] = '\0';
    chunk->used += n + 1;
    return kept;
}

void string_store_close(string_store *s)
{
    for (struct string_chunk *chunk = s->chunks; chunk;) {
        struct string_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *s = (string_store){0};
}
