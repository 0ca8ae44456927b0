/* Subgroups of test images: by the sex and age of the patient and the view of the film, where the data say
 * them. Ages make four: 0-17, 18-39, 40-64 and 65+ years. */
#ifndef BENCH_SUBGROUPS_H
#define BENCH_SUBGROUPS_H

#include "bench/settings.h"
#include "data/dataset.h"

enum { SUBGROUP_NAME_BYTES = 64, SUBGROUP_VALUES_MAX = 16 };

typedef struct subgroup {
    char name[SUBGROUP_NAME_BYTES]; /* "sex=F" */
    samples members;                /* positions in the list that was given, in its order */
} subgroup;

typedef struct subgroups {
    subgroup *items; /* by column, then by the name's bytes */
    int n;
} subgroups;

/* The subgroups of some samples of a set, also those that have none of them. A column whose known values are
 * fewer than two in the whole set, or more than SUBGROUP_VALUES_MAX, makes none. Unknown values ("",
 * "UNKNOWN") belong to none. ERR_SYSTEM. */
err subgroups_open(const dataset *set, const samples *list, subgroups *out);
void subgroups_close(subgroups *g);

/* ERR_CONFIG if the study compares subgroups by a column that makes none in this set. */
err subgroups_check(const settings *s, const dataset *set);

/* Whether the study compares a subgroup of that name: its column is in experiment.subgroups. */
bool subgroup_wanted(const settings *s, const char *name);

#endif
