/* The figures of `bench plot`, each as the data for its script in plots/. Private to bench/plot*.c. */
#ifndef BENCH_PLOT_FIGURES_H
#define BENCH_PLOT_FIGURES_H

#include "base/text.h"
#include "bench/evidence.h"

enum { PLOT_WHY_BYTES = 160 };

/* Writes what plots/SCRIPT.gp reads in front of it. With nothing to draw, `why` (PLOT_WHY_BYTES; "" before)
 * says what is missing. Files that the script needs go into the folder `out`. ERR_SYSTEM, and as the parts
 * report. */
typedef err plot_prepare(const evidence *e, const char *out, text *prelude, char *why);
plot_prepare plot_gain, plot_by_shots, plot_by_ratio; /* plot_gains.c */
plot_prepare plot_by_label;                           /* plot_labels.c */
plot_prepare plot_losses;                             /* plot_losses.c */
plot_prepare plot_samples;                            /* plot_samples.c */

#endif
