#include "data/key_map.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct key_entry {
    uint64_t key; /* 0: empty */
    int64_t value;
};

static uint64_t key_of(const char *name)
{
    uint64_t key = hash_number(name, strlen(name));
    return key ? key : 1;
}

/* The entry of a key, or the empty one where it would go. */
static struct key_entry *entry_of(const key_map *m, uint64_t key)
{
    size_t at = (size_t)key & (m->capacity - 1);
    while (m->entries[at].key && m->entries[at].key != key) at = (at + 1) & (m->capacity - 1);
    return &m->entries[at];
}

static err grow(key_map *m)
{
    key_map larger = {.n = m->n, .capacity = m->capacity ? 2 * m->capacity : 1024};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (!larger.entries) return err_set(ERR_SYSTEM, "out of memory for %zu names", larger.capacity);
    for (size_t i = 0; i < m->capacity; i++)
        if (m->entries[i].key) *entry_of(&larger, m->entries[i].key) = m->entries[i];
    free(m->entries);
    *m = larger;
    return OK;
}

err key_map_add(key_map *m, const char *name, int64_t value, bool *added)
{
    if (m->n * 4 >= m->capacity * 3) TRY(grow(m));
    uint64_t key = key_of(name);
    struct key_entry *e = entry_of(m, key);
    *added = e->key == 0;
    if (!*added) return OK;
    *e = (struct key_entry){key, value};
    m->n++;
    return OK;
}

bool key_map_find(const key_map *m, const char *name, int64_t *value)
{
    if (m->n == 0) return false;
    const struct key_entry *e = entry_of(m, key_of(name));
    if (e->key) *value = e->value;
    return e->key != 0;
}

void key_map_close(key_map *m)
{
    free(m->entries);
    *m = (key_map){0};
}
