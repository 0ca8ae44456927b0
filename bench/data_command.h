/* The parts of `bench data`. Each takes its own arguments, after its name. */
#ifndef BENCH_DATA_COMMAND_H
#define BENCH_DATA_COMMAND_H

#include "base/err.h"

err data_import_main(int argc, char **argv); /* data_import.c */
err data_info_main(int argc, char **argv);   /* data_info.c */
err data_split_main(int argc, char **argv);  /* data_split.c */
err data_dedup_main(int argc, char **argv);  /* data_dedup.c */
err data_export_main(int argc, char **argv); /* data_export.c */

#endif
