/* A small GAN that uses every operator, for the tests of the core. */
#ifndef TESTS_NN_MODEL_H
#define TESTS_NN_MODEL_H

#include "nn/net.h"

enum { MODEL_BATCH = 4, MODEL_CLASSES = 3, MODEL_FINDINGS = 5, MODEL_SIZE = 8 };

typedef struct model {
    net *n;
    nn_t images, classes, findings; /* inputs */
    nn_t fakes, loss_d, loss_g;
    step *d, *g;
    optimizer *optimizers[2]; /* of d (Adam, EMA, clipping) and of g (SGD with momentum) */
} model;

/* keep_all: both steps keep the value of every node, so that no memory is shared. Fails by cr_assert. */
model model_open(const backend_i *interface, uint64_t seed, bool keep_all);
model model_open_on(nn_device device, uint64_t seed, bool keep_all);
void model_close(model *m);

/* Runs `count` pairs of updates (D, then G) from step `first` on; inputs depend on the step only. */
void model_train(model *m, uint64_t first, int count);

/* Fills the inputs as step t does. */
void model_feed(model *m, uint64_t t);

/* All parameters and states, laid end to end in order of recording; the caller frees. *floats their number.
 */
float *model_parameters(const model *m, size_t *floats);

/* The gradients of the trainable parameters whose names start with scope, laid end to end; zero for others.
 */
float *model_gradients(const model *m, const char *scope, size_t *floats);

#endif
