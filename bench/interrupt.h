/* SIGINT and SIGTERM as a flag that the loops look at. */
#ifndef BENCH_INTERRUPT_H
#define BENCH_INTERRUPT_H

#include <stdbool.h>

/* From now on the two signals only count; SIGPIPE and SIGXFSZ are ignored, so that writing reports an error;
 * SIGCHLD is not ignored, whatever the starter said, or children could not be waited for; SIGBUS, which a
 * mapped file raises that became shorter, is told in one line, and ends the process with ERR_IO. */
void interrupt_catch(void);

/* How many came so far. */
int interrupt_count(void);

#endif
