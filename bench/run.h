/* The command line of `bench run`, and of `bench train` as far as it is the same. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "bench/settings.h"

/* Reads FILE.ini, --preset, --set and the flags of the table into settings, later ones on the command line
 * winning. `command` is its name for messages. *help is true if --help is there (nothing else is read then).
 * ERR_USAGE; ERR_CONFIG; ERR_NO_INPUT.
 */
err run_arguments(const char *command, int argc, char **argv, settings *out, bool *help);

/* How many threads a process of such a run uses: run.threads, or its share of the cores. */
int run_threads(const settings *s);

#endif
