/* The commands of the program. Each takes its own arguments, after its name, and returns an exit status of
 * base/err.h. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include "base/err.h"

/* Runs argv[1] with the rest; prints one line on stderr if it fails. Returns the exit status. */
int commands_main(int argc, char **argv);

err run_main(int argc, char **argv);    /* run.c */
err plan_main(int argc, char **argv);   /* plan_command.c */
err status_main(int argc, char **argv); /* status.c */
err task_main(int argc, char **argv);   /* task.c */
err gc_main(int argc, char **argv);     /* gc.c */
err train_main(int argc, char **argv);  /* train.c */
err synth_main(int argc, char **argv);  /* synth.c */
err score_main(int argc, char **argv);  /* score.c */
err gains_main(int argc, char **argv);  /* gains_command.c */
err check_main(int argc, char **argv);  /* check.c */
err plot_main(int argc, char **argv);   /* plot.c */
err report_main(int argc, char **argv); /* html_report.c */
err reader_main(int argc, char **argv); /* reader.c */
err data_main(int argc, char **argv);   /* data_command.c */
err perf_main(int argc, char **argv);   /* perf.c */

#endif
