/* What a folder of `bench run` says: its tables, read by the names of their columns, so that files of earlier
 * and of later versions do. */
#ifndef BENCH_EVIDENCE_H
#define BENCH_EVIDENCE_H

#include "base/files.h"
#include "bench/inifile.h"
#include "data/table.h"

#include <stdbool.h>

typedef struct evidence {
    char folder[PATH_BYTES];
    table gains, results, label_gains, subgroup_gains, losses,
        samples;       /* empty where there is no such file */
    ini_file settings; /* settings.ini; empty without */
    char experiment[128], metric[64];
} evidence;

/* Reads FOLDER/gains.csv, results.csv, label_gains.csv, subgroup_gains.csv, losses.csv, samples.csv and
 * settings.ini. The metric is the wanted one (not NULL), else that of the settings, else its task's.
 * ERR_NO_INPUT without gains.csv, ERR_USAGE if gains.csv has no such metric, ERR_DATA naming file and line.
 */
err evidence_open(const char *folder, const char *metric, evidence *out);
void evidence_close(evidence *e); /* also after a failure */

/* A cell by its column's name; "" without such a column. */
const char *evidence_text(const table *t, int row, const char *column);

/* NaN without such a column, for an empty cell, and for one that is no number. */
double evidence_number(const table *t, int row, const char *column);

/* Whether a row of gains.csv is of the experiment's metric, over all labels and subgroups. */
bool evidence_main_gain(const evidence *e, int row);

/* A setting ("experiment", "seeds"); "" if it is not known. */
const char *evidence_setting(const evidence *e, const char *section, const char *key);

#endif
