/* Runs one row of the table on one backend through backend_i alone, and watches it: values are poisoned with
 * NaN before anything should write them, guards around every buffer and the zeros in the padding of blocked
 * activations are checked after every call, and what a kernel may not write must not change. */
#ifndef TESTS_NN_HARNESS_H
#define TESTS_NN_HARNESS_H

#include "tests/nn/cases.h"

typedef struct harness harness;

typedef struct request {
    bool wants[NN_MAX_INPUTS]; /* the gradients to compute; none: forward only */
    bool add[NN_MAX_INPUTS];
} request;

/* All the gradients that the row has; add says whether they are stored or added. */
request request_all(const test_case *t, bool add);

/* Opens the backend, allocates and plans. Every failure below is ERR_INTERNAL and names the row. */
err harness_open(nn_device device, const test_case *t, const request *r, harness **out);
void harness_close(harness *h);

/* One forward from the inputs in[0..n_in) (host, NCHW); out holds nn_count of the row's shape. */
err harness_forward(harness *h, float *const in[], uint64_t t, float *out);

/* The backward of the last forward. din[i] holds the gradient, and before the call what it is added to. */
err harness_backward(harness *h, const float *dout, float *const din[]);

/* Input i as it is now: states move. */
err harness_input(harness *h, int i, float *host);

/* Host copies of all that a run reads and writes. tensors_close(NULL-filled) is fine. */
typedef struct tensors {
    float *in[NN_MAX_INPUTS], *din[NN_MAX_INPUTS], *out, *dout;
} tensors;
err tensors_open(const test_case *t, tensors *x); /* inputs and dout drawn, din drawn too, out zero */
void tensors_close(tensors *x);

/* The largest |a-b| over the largest |expected|; infinite where only one of the two is NaN. */
double relative_error(const float *value, const float *expected, size_t n);

#endif
