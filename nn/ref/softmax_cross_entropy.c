/* -(1/B) sum_b sum_k t log softmax(x)_k */
#include "nn/ref/ref.h"

#include <math.h>

static double log_sum_exp(const float *x, size_t n)
{
    double largest = x[0];
    for (size_t i = 1; i < n; i++) largest = fmax(largest, x[i]);
    double sum = exp(x[0] - largest);
    for (size_t i = 1; i < n; i++) sum += exp(x[i] - largest);
    return largest + log(sum);
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t rows = (size_t)c->n->in[0]->shape.d[0], classes = (size_t)c->n->in[0]->shape.d[1];
    double loss = 0;
    for (size_t r = 0; r < rows; r++) {
        const float *x = c->in[0] + r * classes, *t = c->in[1] + r * classes;
        double log_sum = log_sum_exp(x, classes);
        for (size_t k = 0; k < classes; k++) loss -= t[k] * (x[k] - log_sum);
    }
    c->out[0] = (float)(loss / (double)rows);
    return OK;
}

/* dx_k = (softmax(x)_k sum_j t_j - t_k) / B */
static err backward(backend *b, const call *c)
{
    (void)b;
    size_t rows = (size_t)c->n->in[0]->shape.d[0], classes = (size_t)c->n->in[0]->shape.d[1];
    for (size_t r = 0; c->din[0] && r < rows; r++) {
        const float *x = c->in[0] + r * classes, *t = c->in[1] + r * classes;
        double log_sum = log_sum_exp(x, classes), mass = 0;
        for (size_t k = 0; k < classes; k++) mass += t[k];
        for (size_t k = 0; k < classes; k++)
            ref_store(&c->din[0][r * classes + k],
                      c->dout[0] * (exp(x[k] - log_sum) * mass - t[k]) / (double)rows, c->add[0]);
    }
    return OK;
}

const kernel ref_softmax_cross_entropy = {.forward = forward, .backward = backward};
