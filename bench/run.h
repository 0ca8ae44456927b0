/* The command line of `bench run`. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "bench/settings.h"

/* Reads FILE.ini, --preset, --set and the flags of the table into settings, later ones on the command line
 * winning. *help is true if --help is there (nothing else is read then). ERR_USAGE; ERR_CONFIG; ERR_NO_INPUT.
 */
err run_arguments(int argc, char **argv, settings *out, bool *help);

#endif
