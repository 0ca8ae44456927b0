/* The figures of a results folder. */
#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include "base/hash.h"
#include "base/text.h"
#include "bench/evidence.h"

typedef struct plot_figure {
    const char *name;  /* of its files */
    const char *title; /* what it shows, in a line */
} plot_figure;

enum { PLOT_FIGURES = 6 };
extern const plot_figure plot_figures[PLOT_FIGURES];

/* Draws figure `number` as OUT/NAME.gp and OUT/NAME.KIND for each of the formats ("svg pdf png"). With
 * nothing to draw, *why says what is missing and must be freed by text_close; it stays empty otherwise.
 * ERR_UNAVAILABLE if gnuplot is not installed or fails; ERR_DATA, ERR_CANNOT_CREATE, ERR_IO. */
err plot_draw(const evidence *e, int number, const char *out, const char *formats, text *why);

/* Hash of the scripts of plots/ that draw them. */
hash plot_hash(void);

#endif
