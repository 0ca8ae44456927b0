/* The classifier that chooses: trained on the labelled images of a draw, as the arm `real` is, it labels
 * hidden images and says which synthetic ones to keep. It never sees validation or test images. */
#ifndef BENCH_TEACHER_H
#define BENCH_TEACHER_H

#include "bench/builder.h"

/* Trains it and leaves teacher.safetensors in `work`. ERR_DIVERGED. */
err teacher_build(builder *b, const artifact *a, const char *work);

/* Opens the finished teacher of the plan; classifier_close. */
err teacher_open(builder *b, int index, classifier **out);

#endif
