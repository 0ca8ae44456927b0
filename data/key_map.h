/* Numbers by name: for joining tables, and for seeing what occurred before. 21 to 43 bytes a name, however
 * long: names are kept as 64-bit hashes, and of a million names two are taken for one with a chance of 3 in
 * 10^8. */
#ifndef DATA_KEY_MAP_H
#define DATA_KEY_MAP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct key_map {
    struct key_entry *entries; /* private */
    size_t n, capacity;
} key_map; /* start from {0} */

void key_map_close(key_map *m);

/* Enters a name unless it is there; *added tells. ERR_SYSTEM. */
err key_map_add(key_map *m, const char *name, int64_t value, bool *added);

/* False, and *value untouched, if the name is not there. */
bool key_map_find(const key_map *m, const char *name, int64_t *value);

#endif
