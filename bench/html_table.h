/* Tables of HTML that sort by a click where JavaScript runs. Private to bench/html*.c. */
#ifndef BENCH_HTML_TABLE_H
#define BENCH_HTML_TABLE_H

#include "base/text.h"

/* Begins a table with its caption and heads (n of them); `layout` has a letter a column: 'l' text, 'r'
 * numbers. All texts are escaped. */
void html_table_begin(text *out, const char *id, const char *caption, const char *const *heads, int n,
                      const char *layout);
void html_row_begin(text *out);
void html_cell(text *out, const char *value);
void html_wide_cell(text *out, const char *value); /* whose lines may be broken */

/* A number that sorts by its value; NaN is an empty cell. `format` takes the double. */
void html_number(text *out, const char *format, double value) __attribute__((format(printf, 2, 0)));

/* A cell of a CSV table as it stands there: a number where it is one. */
void html_csv_cell(text *out, const char *cell);
void html_row_end(text *out);
void html_table_end(text *out);

#endif
