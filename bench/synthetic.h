/* What a trained generator makes, as a data set. */
#ifndef BENCH_SYNTHETIC_H
#define BENCH_SYNTHETIC_H

#include "data/dataset.h"
#include "emixer/emixer.h"

/* Makes n images for labels (n,K), and, if the model has the report half, a report of each in readable
 * English, of several drawn ones the one that fits image and labels best (how->labels is not looked at);
 * samples are "emixer-<i>". */
err synthetic_open(emixer *e, const emixer_opts *o, const char *const *label_names, const float *labels,
                   int n, uint64_t seed, const emixer_writing *how, dataset **out);

/* ERR_USAGE if a model of these options has no report half. */
err synthetic_check_writer(const emixer_opts *o);

/* A copy of `set`, which has o->resolution, with a report of each image by the model, which sees the image
 * and nothing else of the set. ERR_USAGE without the report half. */
err synthetic_reports(emixer *e, const emixer_opts *o, const dataset *set, const emixer_writing *how,
                      dataset **out);

/* labels (n,K): class i % K for image i, so that fewer images are a prefix of more. */
void synthetic_classes(int n, int k, float *labels);

#endif
