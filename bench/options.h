/* The table of settings (bench/options.def): types, ranges, defaults; reading and writing one value. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "base/err.h"
#include "base/files.h"
#include "base/text.h"
#include "bench/scores.h"

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_OPTION_BYTES = 1024, LIST_ITEMS = 256, TEXT_LIST_ITEMS = 32, TEXT_ITEM_BYTES = 192 };

typedef struct integers {
    int n;
    int values[LIST_ITEMS];
} integers;

typedef struct reals {
    int n;
    double values[LIST_ITEMS];
} reals;

typedef struct texts {
    int n;
    char values[TEXT_LIST_ITEMS][TEXT_ITEM_BYTES];
} texts;

typedef char option_text[TEXT_OPTION_BYTES];

typedef enum option_type {
    OPTION_TEXT,
    OPTION_INTEGER,
    OPTION_REAL,
    OPTION_TRUTH,
    OPTION_TEXTS,
    OPTION_INTEGERS,
    OPTION_REALS
} option_type;

enum {
#define SECTION(section, help)
#define OPTION(section, key, type, field, initial, range, flag, help) OPTION_OF_##field,
#include "bench/options.def"
    OPTION_COUNT
};

/* All settings of a run: plain memory, copied by assignment. */
typedef struct settings {
#define TYPE_OF_TEXT option_text
#define TYPE_OF_INTEGER int
#define TYPE_OF_REAL double
#define TYPE_OF_TRUTH bool
#define TYPE_OF_TEXTS texts
#define TYPE_OF_INTEGERS integers
#define TYPE_OF_REALS reals
#define SECTION(section, help)
#define OPTION(section, key, type, field, initial, range, flag, help) TYPE_OF_##type field;
#include "bench/options.def"
    char file[PATH_BYTES];        /* the experiment file, "" if there was none */
    char where[OPTION_COUNT][48]; /* "LINE" of the file, "--set", "--jobs", ...; "" = the default */
} settings;

typedef struct option {
    const char *section, *key;
    option_type type;
    size_t offset; /* of its field in `settings` */
    const char *initial, *range, *flag, *help;
} option;

extern const option options[OPTION_COUNT];

typedef struct option_section {
    const char *name, *help;
} option_section;
extern const option_section option_sections[];
extern const int option_section_count;

/* By name, or NULL. */
const option *option_find(const char *section, const char *key);
const option *option_of_flag(const char *flag); /* without the dashes */
bool option_has_section(const char *section);

/* " (did you mean section.key?)" into out, or "" if nothing is near. */
void option_suggest(const char *section, const char *key, char *out, size_t bytes);
void option_suggest_section(const char *section, char *out, size_t bytes);

/* Reads `value` into the option's field. ERR_CONFIG starting with `place` (such as "FILE:LINE") if the value
 * is of the wrong type or outside the range, naming both. */
err option_set(settings *s, const option *o, const char *value, const char *place);

/* Writes the field as canonical text that option_set reads back to the same value: reals with up to 9 digits,
 * lists separated by ", ". */
void option_format(const settings *s, const option *o, text *out);

/* The table as help text: one paragraph a section, one line an option with its type, default and range. */
void options_help(text *out);

#endif
