/* The objects of a JSON file's lists, one at a time: {"train": [{...}, ...], ...} and [{...}, ...] may be of
 * any length. Private to data/importers/. */
#ifndef DATA_IMPORTERS_JSON_OBJECTS_H
#define DATA_IMPORTERS_JSON_OBJECTS_H

#include "base/err.h"

#include <cjson/cJSON.h>

/* Calls `take` for every object that stands in a list and in no other such object, with the line it begins
 * on. ERR_NO_INPUT; ERR_DATA naming the line for an object that is not JSON or has more than 4 MiB, and for a
 * file that ends within one; ERR_SYSTEM, ERR_IO. */
err json_objects(const char *path, err (*take)(void *context, int line, const cJSON *object), void *context);

/* The text of a member, NULL if it has none of that name that is a text. */
const char *json_text(const cJSON *object, const char *name);

#endif
