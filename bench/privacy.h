/* What the commands do about private data (base/private.h). */
#ifndef BENCH_PRIVACY_H
#define BENCH_PRIVACY_H

#include "bench/settings.h"

/* Begins to keep private what is made if a source ("packed:DIR", "folder:DIR", "openi:DIR"; else the path of
 * a folder or of a file in one; NULL and other sources: nothing) is marked private. */
void privacy_watch(const char *source);

/* The same of what an experiment reads: its data and texts, and the weights that its classifiers start from;
 * of a study also the sets of its arms, for each seed and number of shots. */
void privacy_watch_settings(const settings *s);
void privacy_watch_study(const study *x);

/* OK unless private data were met and were not to be shown: then ERR_USAGE, `what` saying what was asked for.
 */
err privacy_allow(bool include_private, const char *what);

/* Whether images and reports may be shown: none were private, or they were asked for. */
bool privacy_shown(bool include_private);

/* The help of the switch --include-private. */
extern const char privacy_help[];

#endif
