/* Which samples a trial, or a generator, may look at. */
#ifndef BENCH_DRAWS_H
#define BENCH_DRAWS_H

#include "bench/settings.h"
#include "data/dataset.h"

/* What all arms of one seed and number of shots share. */
typedef struct draw {
    splits split;
    samples labelled; /* from the training split: the few-shot draw, or a share of its patients */
    samples hidden;   /* the rest of the training split */
    int few;          /* index of the few-shot class; -1: there is none */
} draw;

/* With data.few_shot_class the draw of few_shot_open, else that of labelled_share_open (`shots` is not looked
 * at). ERR_CONFIG if the data have no such class, or if a few-shot draw is wanted and a sample has not
 * exactly one class; ERR_DATA if a class has fewer images than are asked for. */
err draw_open(const settings *s, const dataset *set, int seed, int shots, draw *out);
void draw_close(draw *d);

/* True if every sample has exactly one label: classes rather than labels. */
bool draw_one_hot(const dataset *set);

#endif
