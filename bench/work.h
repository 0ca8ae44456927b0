/* Runs a plan: forked workers take what can be made, a supervisor watches them. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "bench/builder.h"
#include "bench/progress.h"

/* One worker: makes what is missing, in the order of the plan, leaving to others what they have locked; ends
 * when everything is finished. Marks finished artifacts in done[]. */
err work(builder *b, atomic_uchar *done);

/* Marks in `b` what is finished and whole already. A damaged artifact is removed, and told on stderr. */
err work_check(const plan *p, const store *s, board *b);

/* Forks the board's workers and waits until all is done, telling progress. Must be called before any OpenMP
 * region and any use of a backend in this process (libgomp's threads do not survive a fork). ERR_INTERRUPTED
 * after SIGINT or SIGTERM, when the workers have ended; otherwise the first failure of a worker. */
err work_supervise(const study *experiment, const plan *p, const store *s, board *b, progress *shown);

#endif
