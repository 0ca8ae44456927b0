/* The progress line on stderr. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "base/text.h"
#include "bench/board.h"
#include "bench/plan.h"

typedef struct progress {
    const plan *plan;
    bool quiet, terminal, colour;
    double start;     /* of this run, seconds of the monotonic clock */
    double cost_done; /* by earlier runs */
    double shown;     /* when the line was last written */
    bool open;        /* a line without its end stands on the terminal */
} progress;

/* On a terminal one line is rewritten about 6 times a second; elsewhere one line is written every 30 seconds.
 * Bold is left out if NO_COLOR is set. */
void progress_start(progress *p, const plan *all, const board *b, bool quiet);
void progress_update(progress *p, const board *b);
void progress_end(progress *p);

/* The line after `elapsed` seconds of this run: "42%, 1:05 left: generator, 10 shots, seed 0 (61%)". */
void progress_line(const progress *p, const board *b, double elapsed, text *out);

#endif
