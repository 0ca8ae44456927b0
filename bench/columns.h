/* A table of text with aligned columns. */
#ifndef BENCH_COLUMNS_H
#define BENCH_COLUMNS_H

#include "base/text.h"

enum { COLUMNS_MAX = 16, CELL_BYTES = 128 };

typedef struct columns {
    const char *layout; /* one letter a column: 'l' or 'r' */
    char (*cells)[CELL_BYTES];
    int n, capacity;
    bool failed;
} columns;

/* Starts a table; layout has at most COLUMNS_MAX letters and outlives it. */
void columns_open(columns *t, const char *layout);
void columns_close(columns *t);

/* Appends the next cell, row by row; longer texts are cut. */
void columns_cell(columns *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends the texts of a list that ends with NULL: a header, or a part of it. */
void columns_header(columns *t, const char *const *names);

/* Appends the table to `out`: two blanks between columns, none at line ends. ERR_SYSTEM. */
err columns_format(const columns *t, text *out);

#endif
