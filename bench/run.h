/* The command line of `bench run`, and of `bench train` as far as it is the same. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "bench/plan.h"
#include "bench/store.h"

/* Reads FILE.ini, --preset, --set and the flags of the table into settings, later ones on the command line
 * winning. `command` is its name for messages. *help is true if --help is there (nothing else is read then).
 * ERR_USAGE; ERR_CONFIG; ERR_NO_INPUT.
 */
err run_arguments(const char *command, int argc, char **argv, settings *out, bool *help);

/* How many threads a process of such a run uses: run.threads, or its share of the cores; of Slurm's tasks
 * slurm.cpus. */
int run_threads(const settings *s);

/* The plan of such a run, as far as run.limit goes. Errors as plan_open; plan_close also then. */
err run_plan_open(const study *experiment, plan *out);

/* The folder of its results. ERR_USAGE if the path is too long. */
err run_folder(const settings *s, char out[PATH_BYTES]);

/* What follows when all artifacts of a plan were made, elsewhere: the tables and figures of its results, and
 * what guards found. ERR_UNAVAILABLE if some are missing. */
err run_collect(const study *experiment, const plan *p, const store *s);

#endif
