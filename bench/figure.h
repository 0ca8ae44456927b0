/* What `bench run` draws of a finished study. */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include "bench/builder.h"

/* Draws the forest plot of a run's folder (bench/plot.h) as OUT/gain.svg and OUT/gain.png in the place of
 * earlier ones; *made is false if no gain is defined. ERR_UNAVAILABLE if gnuplot is not installed or fails;
 * ERR_CANNOT_CREATE, ERR_IO. */
err figure_gain(const char *out, bool *made);

/* Writes a sheet of two rows a label: real training images of the first draw, and synthetic ones of its
 * generator; and who they are as CSV: label (of the row), kind (real, synthetic), set (the packed set, seen
 * from the run's folder), row in it (from 0), id, labels (all of its own), report. Both go if the plan has no
 * finished generator; *made says. ERR_CANNOT_CREATE, ERR_IO; others as builder_draw. */
err figure_samples(builder *b, const char *png, const char *csv, bool *made);

#endif
