/* Guards: what would make a gain worthless, found before anything is trained. A run that breaks one fails
 * with ERR_GUARD, names it, and lists the offending samples in OUT/guards/NAME.csv; run.allow goes on, and
 * the rows of results.csv and gains.csv say so.
 *
 * What guards find of a split and of a synthetic set are artifacts (KIND_GUARD), whatever is allowed. */
#ifndef BENCH_GUARDS_H
#define BENCH_GUARDS_H

#include "base/text.h"
#include "bench/builder.h"
#include "bench/guard_names.h"

typedef struct guard_info {
    const char *name, *help;
} guard_info;
extern const guard_info guard_infos[GUARD_COUNT];

/* Index of a guard by its name, -1 if there is none. */
int guard_find(const char *name);

bool guard_allowed(const settings *s, int guard);

/* The list as help text. */
void guards_help(text *out);

/* "patients|copies" of a set of guards (bit 1 << index), and back; unknown names are left out. */
enum { GUARD_NAMES_BYTES = 128 };
void guard_names(unsigned guards, char out[GUARD_NAMES_BYTES]);
unsigned guards_named(const char *names);

/* What one artifact's guards found. Start from {0}; close. */
typedef struct guard_findings {
    int violations[GUARD_COUNT];
    char messages[GUARD_COUNT][400]; /* "3 patients are on both sides" */
    text rows[GUARD_COUNT];          /* private: of the CSVs, without their header */
} guard_findings;

/* Adds a sample to what a guard found; `other` is what it is too near to, "" if that is no sample. `detail`
 * tells what that is measured by. */
typedef struct guard_sample {
    const char *sample, *side, *other, *other_side;
} guard_sample;
void guard_add(guard_findings *f, int guard, const guard_sample *pair, const char *detail);
void guard_findings_close(guard_findings *f);

/* Into the folder of an artifact (guard.ini, and a CSV of each guard that found something); and the counts
 * and messages back. ERR_DATA. */
err guard_findings_save(const guard_findings *f, const char *work);
err guard_findings_read(const char *folder, guard_findings *f);

/* guard_split.c: the guards of a split: patients, near_duplicates, test_fitted. */
err guard_split(builder *b, const artifact *a, guard_findings *out);

/* guard_synthetic.c: the guards of a generator's images: copies, generator_split, near_duplicates. */
err guard_synthetic(builder *b, const artifact *a, guard_findings *out);

/* Makes KIND_TWINS: pairs.csv, the near-duplicate images of the data set. */
err twins_build(builder *b, const artifact *a, const char *work);

/* Makes KIND_GUARD. */
err guard_build(builder *b, const artifact *a, const char *work);

/* How far two images must agree to be near duplicates: guards.agreement, or what suits the data. */
double guard_agreement(const settings *s);

/* ERR_GUARD if the finished artifact `index` is a guard that found what is not allowed. */
err guard_judge(const study *experiment, const plan *p, const store *s, int index);

/* Of all finished guards of the plan: writes OUT/guards/NAME.csv (columns where, sample, side, other,
 * other_side, detail) for each that found something, removes those of others, tells on stderr what was
 * allowed, and sets found (plan's n) to the guards that were broken by what each artifact depends on.
 * ERR_GUARD for the first that is not allowed. */
err guards_collect(const study *experiment, const plan *p, const store *s, const char *out, unsigned *found);

/* The guard `selection`, of the metric that an experiment is judged by: OUT/guards/metrics.csv notes which
 * one was first seen on each test split. Check before a run, and note after its results were shown.
 * *broken tells that another one was seen before. ERR_GUARD if that is not allowed. */
err guard_selection_check(const study *experiment, const plan *p, const char *out, bool *broken);
err guard_selection_note(const study *experiment, const plan *p, const char *out);

#endif
