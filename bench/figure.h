/* Figures of a finished study. */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include "bench/builder.h"
#include "bench/gains.h"

/* Writes OUT/gain.gp (plots/gain.gp with this study's series) and draws OUT/gain.svg and OUT/gain.png from
 * OUT/gains.csv with gnuplot, in the place of earlier ones; *made is false if no gain is defined.
 * ERR_UNAVAILABLE if gnuplot is not installed or fails; ERR_CANNOT_CREATE, ERR_IO. */
err figure_gain(const study *experiment, const gains *g, const char *out, bool *made);

/* Writes `path`, a sheet of two rows a class: real training images of the first draw, and synthetic ones of
 * its generator. Does nothing if the plan has no finished generator; *made says. */
err figure_samples(builder *b, const char *path, bool *made);

#endif
