/* The parts of the page that `bench report` writes. Private to bench/html*.c. */
#ifndef BENCH_HTML_PARTS_H
#define BENCH_HTML_PARTS_H

#include "base/text.h"
#include "bench/evidence.h"
#include "bench/gains.h"

/* Each appends a section, or nothing where there are no data for it. Texts from files are escaped. */
void html_verdict(const evidence *e, text *out); /* html_verdict.c */
void html_gains(const evidence *e, text *out);   /* html_gains.c */
void html_arms(const evidence *e, text *out);    /* html_arms.c */
err html_figures(const evidence *e, text *out);  /* html_figures.c: by gnuplot; ERR_SYSTEM, ERR_IO, ... */
err html_samples(const evidence *e, text *out);  /* html_samples.c; ERR_DATA, ERR_SYSTEM */
void html_tables(const evidence *e, text *out);  /* html_tables.c: the CSVs as they stand */
err html_origin(const evidence *e, text *out); /* html_origin.c: settings, hashes, versions, how to repeat */

/* The verdict of a row of gains.csv: its own where the table has verdicts, else by the interval of this one
 * contrast, as gain_verdict_names. "cannot tell" without an interval or with under 3 pairs. */
const char *html_verdict_of(const evidence *e, int row);

/* The badge of a verdict. */
void html_badge(const char *verdict, text *out);

/* Whether a table has this column, and whether its values differ from each other. */
bool html_has(const table *t, const char *column);
bool html_varies(const table *t, const char *column);

#endif
