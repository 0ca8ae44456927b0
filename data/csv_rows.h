/* The rows of a CSV file (RFC 4180, header line first), plain or gzipped, one after the other in memory that
 * does not grow with the file. */
#ifndef DATA_CSV_ROWS_H
#define DATA_CSV_ROWS_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct csv_rows csv_rows;

/* Opens a file and reads its header. ERR_NO_INPUT; ERR_DATA for a missing header and as csv_rows_next;
 * ERR_SYSTEM, ERR_IO. */
err csv_rows_open(const char *path, csv_rows **out);

/* The same from n bytes in memory, which must live as long; `name` stands for the file in messages. */
err csv_rows_parse(const char *name, const char *bytes, size_t n, csv_rows **out);
void csv_rows_close(csv_rows *r);

/* Reads the next row; *more is false behind the last one. ERR_DATA naming file and line for a row of another
 * width than the header or of more than 4 MiB, a stray quote, a NUL, a damaged gzip file; ERR_SYSTEM, ERR_IO.
 */
err csv_rows_next(csv_rows *r, bool *more);

const char *csv_rows_path(const csv_rows *r);
int csv_rows_width(const csv_rows *r);                      /* columns */
const char *csv_rows_header(const csv_rows *r, int column); /* as it stands in the file */
int csv_rows_line(const csv_rows *r);                       /* that the current row begins on */

/* A cell of the current row, valid until the next one is read; "" for column -1. */
const char *csv_rows_cell(const csv_rows *r, int column);

/* The column of that name, -1 if there is none. Publishers were not careful with headers: blanks at the ends,
 * case, and '_' for ' ' do not count. */
int csv_rows_column(const csv_rows *r, const char *name);

/* The same, but ERR_DATA naming the column if there is none. */
err csv_rows_need(const csv_rows *r, const char *name, int *column);

/* Append the header or the current row as a line of CSV without its end; in the row, column `column` has
 * `value` instead of its cell (-1: none has). */
void csv_rows_copy_header(const csv_rows *r, text *out);
void csv_rows_copy_row(const csv_rows *r, int column, const char *value, text *out);

#endif
