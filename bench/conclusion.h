/* What a run concluded from its artifacts: tables, figures and what it printed. A run that finds the same
 * artifacts again, and these files as it left them, has nothing to compute.
 *
 * OUT/conclusion.ini has the hash of what they were made of, and of each file. It is no promise: files are
 * compared with it byte for byte, artifacts are checked before (work_check). */
#ifndef BENCH_CONCLUSION_H
#define BENCH_CONCLUSION_H

#include "bench/plan.h"
#include "bench/store.h"

/* The file in OUT with what was printed. */
#define SUMMARY_FILE "summary.txt"

/* The hash of all that tables and figures depend on: settings, code, scripts, the manifests of the plan's
 * artifacts, which must be finished, and what guards found (plan's n). */
err conclusion_hash(const study *experiment, const plan *p, const store *s, const unsigned *found, hash *out);

/* *same is true if the files in `folder` were made of that, and are what they were. ERR_SYSTEM. */
err conclusion_check(const char *folder, const hash *made_of, bool *same);

/* Notes the files as they are. ERR_IO, ERR_CANNOT_CREATE. */
err conclusion_note(const char *folder, const hash *made_of);

#endif
