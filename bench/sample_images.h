/* The images that samples.csv of a results folder names. */
#ifndef BENCH_SAMPLE_IMAGES_H
#define BENCH_SAMPLE_IMAGES_H

#include "bench/evidence.h"
#include "data/dataset.h"

enum { SAMPLE_SETS = 8 };

typedef struct sample_images {
    const evidence *e;
    const char *names[SAMPLE_SETS];
    dataset *sets[SAMPLE_SETS];
    int n;
} sample_images;

void sample_images_open(const evidence *e, sample_images *out);
void sample_images_close(sample_images *s);

/* The packed set and the image of a row of samples.csv. A set is only looked for below the results folder.
 * ERR_NO_INPUT if it is gone, ERR_DATA naming the row for what is not there. */
err sample_images_find(sample_images *s, int row, const dataset **set, int *index);

#endif
