/* A whole CSV file in memory; data/csv_rows.h reads it row by row. */
#ifndef DATA_TABLE_H
#define DATA_TABLE_H

#include "base/err.h"

#include <stddef.h>

typedef struct table {
    int rows, columns;  /* without the header */
    const char **cells; /* (1 + rows, columns), the header first */
    int *lines;         /* 1 + rows: the line of the file that a row begins on */
    char *bytes;        /* private */
} table;

/* ERR_NO_INPUT; ERR_DATA naming file and line for a row of another width than the header, a stray quote, a
 * NUL, a missing header or a file of more than `limit` bytes; ERR_SYSTEM, ERR_IO. */
err table_open(const char *path, size_t limit, table *out);

/* The same from n bytes in memory; `name` stands for the file in messages. */
err table_parse(const char *name, const char *bytes, size_t n, table *out);
void table_close(table *t);

/* The column of that name, exactly; -1 if there is none. */
int table_column(const table *t, const char *name);

/* Row 0 is the first below the header. */
const char *table_cell(const table *t, int row, int column);

#endif
