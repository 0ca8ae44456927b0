/* How many of how many are done, on a status line, with the time that is left. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include "bench/status_line.h"

typedef struct tally {
    status_line line;
    const char *what; /* "images written" */
    double start;     /* when it was first told a total; 0: not yet */
} tally;

void tally_start(tally *t, const char *what, bool quiet);

/* To be called now and then, as the `progress` of what works through many; context is the tally. A total of 0
 * is not known yet. ERR_INTERRUPTED if the user wants an end (interrupt_catch). */
err tally_tell(void *context, long done, long total);
void tally_end(tally *t);

/* The line after `elapsed` seconds: " 42%, 1:05 left: 420 of 1000 images written". */
void tally_line(const tally *t, long done, long total, double elapsed, text *out);

#endif
