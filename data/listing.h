/* The names in a folder, in an order that does not depend on the file system or the locale, and links that
 * would lead out of it. Private to data/. */
#ifndef DATA_LISTING_H
#define DATA_LISTING_H

#include "base/files.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

typedef struct name_list {
    char **names; /* (n) */
    size_t n, capacity;
} name_list; /* start from {0} */

void names_close(name_list *list);
err names_add(name_list *list, const char *name); /* keeps a copy; ERR_SYSTEM */

/* Adds all names in a folder but hidden ones, by the order of their bytes. ERR_NO_INPUT, ERR_IO, ERR_SYSTEM.
 */
err names_read(const char *folder, name_list *list);

/* A data set's folder. */
typedef struct data_root {
    const char *folder; /* as the user gave it; not owned */
    char *real;         /* without links */
    char *inside;       /* the folder of the file found last, in which files need no further look at links */
} data_root;

/* ERR_NO_INPUT if there is no such folder; `wanted` says what it should hold. */
err data_root_open(const char *folder, const char *wanted, data_root *out);
void data_root_close(data_root *root);

/* Puts the kind of what `path` leads to (st_mode) into *mode. ERR_DATA for a link that leaves the folder:
 * left out silently, samples would be missing from a set without anyone knowing. ERR_NO_INPUT. */
err data_root_inspect(const data_root *root, const char *path, mode_t *mode);

/* Whether a path that a data file gives stays below where it starts: not empty, not absolute, no "..". */
bool path_is_relative(const char *path);

/* Joins the folder and a path that came out of a data file. ERR_DATA if it leaves the folder, by itself or by
 * a link on its way, or leads to no file; ERR_NO_INPUT if nothing is there. */
err data_root_file(data_root *root, const char *relative, char out[PATH_BYTES]);

#endif
