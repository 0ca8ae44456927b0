/* Makes the artifacts of a plan, in one process. */
#ifndef BENCH_BUILDER_H
#define BENCH_BUILDER_H

#include "bench/board.h"
#include "bench/draws.h"
#include "bench/plan.h"
#include "bench/store.h"

typedef struct builder {
    const study *study;
    const plan *plan;
    const store *store;
    board_slot *slot; /* where progress is told */
    pid_t parent;     /* the supervisor; if it dies, so does the work */
    dataset *set;     /* the packed data set, once it was needed; owned */
} builder;

void builder_close(builder *b);

/* Makes artifact `index`, whose inputs are finished and whose lock is held. Training that diverges is a
 * finished artifact too, marked as failed, and so is what depends on it. ERR_INTERRUPTED; others as the parts
 * report. */
err builder_make(builder *b, int index);

/* Tells how far the artifact is (0..1). ERR_INTERRUPTED if it is time to stop. */
err builder_progress(builder *b, double fraction);

/* True if the task is about several labels an image, rather than one class. */
bool builder_several(const builder *b);

/* The packed data set of the plan, opened once. */
err builder_dataset(builder *b, const dataset **out);

/* Path of a file in a finished artifact of the plan. */
err builder_path(const builder *b, int index, const char *file, char out[PATH_BYTES]);

/* The data set and what a trial of the plan may see of it; draw_close. ERR_CONFIG if the task is classes and
 * samples have not exactly one; others as draw_open. */
err builder_draw(builder *b, const artifact *a, const dataset **set, draw *d);

/* trial.c: trains and scores the model of a trial; leaves score.ini and label_scores.csv in `work`. */
err trial_build(builder *b, const artifact *a, const char *work);

#endif
