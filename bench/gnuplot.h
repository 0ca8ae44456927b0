/* Figures by gnuplot, which is started with a script that has all data in it. */
#ifndef BENCH_GNUPLOT_H
#define BENCH_GNUPLOT_H

#include "base/hash.h"
#include "base/text.h"

/* Append `name = value` or an array of texts to a script. Texts may be anything: gnuplot executes nothing in
 * them. */
void gnuplot_number(text *script, const char *name, double value);
void gnuplot_text(text *script, const char *name, const char *value);
void gnuplot_texts(text *script, const char *name, const char *const *values, int n);
void gnuplot_numbers(text *script, const char *name, const double *values, int n);

/* Writes FOLDER/NAME.gp: name and formats ("svg pdf png", those that are wanted), then `prelude`, then the
 * n bytes of the figure's own script of plots/. Runs it in the folder; it leaves NAME.svg, NAME.pdf, ... with
 * the same bytes for the same script: dates are taken out of PDF. ERR_UNAVAILABLE if gnuplot is not installed
 * or fails; ERR_CANNOT_CREATE, ERR_IO. */
err gnuplot_draw(const char *folder, const char *name, const char *formats, const text *prelude,
                 const unsigned char *script, size_t n);

/* Removes what an earlier drawing left. */
err gnuplot_forget(const char *folder, const char *name);

/* Hash of the script that all figures share. */
hash gnuplot_hash(void);

#endif
