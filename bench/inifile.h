/* INI files as a list of entries with their line numbers; libinih does the parsing. */
#ifndef BENCH_INIFILE_H
#define BENCH_INIFILE_H

#include "base/err.h"

#include <stddef.h>

typedef struct ini_entry {
    int line;
    char *section; /* "" before the first [section] */
    char *key;     /* NULL: the entry is the [section] line itself */
    char *value;   /* without blanks at its ends; NULL for a [section] line */
} ini_entry;

typedef struct ini_file {
    char *path;
    ini_entry *entries; /* in the order of the file */
    int n, capacity;
} ini_file;

/* Reads a file: [section], key = value, comments after ';' or '#' at the start of a line, or " ;" later in
 * it. ERR_NO_INPUT; ERR_CONFIG with FILE:LINE for a line that is neither, one that is too long, a key given
 * twice in a section. Close it also after a failure. */
err ini_file_open(const char *path, ini_file *out);

/* The same of text that was read already, which `path` is named for in messages. ERR_CONFIG; ERR_SYSTEM. */
err ini_file_parse(const char *path, const char *bytes, size_t n, ini_file *out);
void ini_file_close(ini_file *f);

/* The value of section.key, or NULL. */
const char *ini_file_value(const ini_file *f, const char *section, const char *key);

#endif
