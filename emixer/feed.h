/* Where batches come from and the host memory that they are put together in. Private to emixer/. */
#ifndef EMIXER_FEED_H
#define EMIXER_FEED_H

#include "emixer/internal.h"

typedef struct feed {
    const emixer_data *data;
    balance draws, paired; /* of the labelled samples; of those with a report */
    float *images;         /* (B,R*R) */
    float *labels;         /* (max(B,LABEL_POOL),K) */
    int *chosen;           /* (B) the samples of a batch */
    float *column;         /* (B) */
    float *ids, *previous; /* (P,S*W) */
    float *bags;           /* (P,S,V) */
    float *stops;          /* (P,S) */
    float *kept;           /* (P,E) */
} feed;

/* ERR_DATA for data that the model does not fit. */
err feed_open(const emixer *e, const emixer_data *data, feed *f);
void feed_close(feed *f);

/* Each fills the inputs of update t of one player. */
err feed_discriminator(emixer *e, feed *f, uint64_t t);
err feed_generator(emixer *e, feed *f, uint64_t t);
err feed_writer(emixer *e, feed *f, uint64_t t);

/* Label vectors as training draws them, into an input of `rows` rows. They stay in f->labels. */
err feed_labels(emixer *e, feed *f, const char *purpose, uint64_t t, int rows, nn_t input);

#endif
