/* What artifacts cost, about: for progress lines and `bench plan`. In FLOPs of convolutions that run at full
 * speed: work that runs slower counts as more than it has. */
#ifndef BENCH_COSTS_H
#define BENCH_COSTS_H

#include "bench/settings.h"

double cost_of_dataset(const settings *s);
double cost_of_generator(const settings *s);
double cost_of_synthetic(const settings *s); /* images of a generator */
double cost_of_training(const settings *s,
                        const char *model);         /* of a classifier, in a trial or as a teacher */
double cost_of_learning_reports(const settings *s); /* of any report generator */
double cost_of_predicting(const settings *s); /* a classifier looks at as many images as a trial may have */

double cost_of_twins(const settings *s);     /* all images against each other */
double cost_of_set_guard(const settings *s); /* a second set against both sides of the split */

#endif
