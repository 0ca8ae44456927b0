/* Command lines of "--name value" and of words without dashes, from one table that also writes the help. */
#ifndef BENCH_FLAGS_H
#define BENCH_FLAGS_H

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>

/* FLAG_NAME: a text that must not be empty. */
typedef enum flag_type { FLAG_TEXT, FLAG_NAME, FLAG_INTEGER, FLAG_REAL, FLAG_SWITCH, FLAG_LIST } flag_type;

/* The values of a flag that may come more than once, in their order. */
enum { FLAG_LIST_MAX = 64 };
typedef struct flag_list {
    const char *values[FLAG_LIST_MAX];
    int n;
} flag_list;

typedef struct flag {
    const char *name;  /* "--size" */
    const char *value; /* what the help calls its value, "N"; for texts "a|b|c" if it must be one of these */
    flag_type type;
    void *into;       /* const char **, int *, double *, bool * or flag_list * */
    double low, high; /* of numbers */
    const char *help; /* lines are parted by FLAG_LINE */
} flag;

#define FLAG_LINE "\n                         "

/* Reads the arguments of `command` ("data import"): each flag into its place, the other words into words
 * (most). `--help` anywhere stops and sets *help. "--name=value" is the same as "--name value". ERR_USAGE. */
err flags_read(const char *command, int argc, char **argv, const flag *flags, int n, const char **words,
               int most, int *count, bool *help);

/* A line a flag. */
void flags_help(const flag *flags, int n, text *out);

#endif
