/* How far a run is, on stderr. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "base/text.h"
#include "bench/board.h"
#include "bench/plan.h"
#include "bench/status_line.h"

typedef struct progress {
    const plan *plan;
    status_line line;
    double start;     /* of this run, seconds of the monotonic clock */
    double cost_done; /* by earlier runs */
} progress;

void progress_start(progress *p, const plan *all, const board *b, bool quiet);
void progress_update(progress *p, const board *b);
void progress_end(progress *p);

/* The line after `elapsed` seconds of this run: "42%, 1:05 left: generator, 10 shots, seed 0 (61%)". */
void progress_line(const progress *p, const board *b, double elapsed, text *out);

#endif
