/* Which samples a trial, or a generator, may look at. */
#ifndef BENCH_DRAWS_H
#define BENCH_DRAWS_H

#include "bench/settings.h"
#include "data/dataset.h"

/* What all arms of one seed and one budget of labels share. */
typedef struct draw {
    splits split;
    samples labelled; /* from the training split: the few-shot draw, or a share of its patients */
    samples hidden;   /* the rest of the training split */
    int few;          /* index of the few-shot class; -1: there is none */
} draw;

/* With data.few_shot_class the draw of few_shot_open, of which the budget's shots are read, else that of
 * labelled_share_open, of which its share is. ERR_CONFIG if the data have no such class, or if a few-shot
 * draw is wanted and a sample has not exactly one class; ERR_DATA if a class has fewer images than are asked
 * for. */
err draw_open(const settings *s, const dataset *set, int seed, label_budget budget, draw *out);
void draw_close(draw *d);

/* True if every sample has exactly one label: classes rather than labels. */
bool draw_one_hot(const dataset *set);

#endif
