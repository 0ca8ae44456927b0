/* The judge of a generator in training (emixer.choose_every): how far its images, and the labels that
 * they were made from, are from the labelled training images and theirs: the Frechet joint distance
 * (downstream/set_metrics.h), by the features of a classifier that was trained on these. By FID alone, early
 * images that follow no label won. It never sees another image. */
#ifndef BENCH_JUDGE_H
#define BENCH_JUDGE_H

#include "bench/lessons.h"

typedef struct judge judge;

/* Trains the classifier of [downstream] on the labelled images of `l`, which must outlive the judge, and
 * makes it l's judge; none, and NULL, if emixer.choose_every is 0. ERR_DIVERGED; ERR_DATA with fewer than two
 * images. */
err judge_open(const settings *s, lesson *l, int seed, judge **out);
void judge_close(judge *j);

/* Tells what was chosen: "images of update N: Frechet joint distance F ...". Nothing without a choice. */
err judge_tell(const settings *s, emixer *e);

#endif
