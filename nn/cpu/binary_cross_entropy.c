/* NaN targets are unknown and count for nothing. */
#include "nn/cpu/cpu.h"

#include <math.h>

static size_t known(const float *targets, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += isnan(targets[i]) ? 0 : 1;
    return count;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->in[0]->shape), count = known(c->in[1], n);
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        double x = (double)c->in[0][i], t = (double)c->in[1][i];
        if (!isnan(t)) loss += (x > 0 ? x : 0) - x * t + log1p(exp(-fabs(x)));
    }
    c->out[0] = count ? (float)(loss / (double)count) : 0;
    return OK;
}

/* dx = (sigmoid(x) - t) / known. */
static err backward(backend *b, const call *c)
{
    (void)b;
    if (!c->din[0]) return OK;
    size_t n = nn_count(&c->n->in[0]->shape), count = known(c->in[1], n);
    double each = count ? (double)c->dout[0] / (double)count : 0;
    for (size_t i = 0; i < n; i++) {
        double x = (double)c->in[0][i], t = (double)c->in[1][i];
        double d = isnan(t) ? 0 : each * (1 / (1 + exp(-x)) - t);
        c->din[0][i] = (c->add[0] ? c->din[0][i] : 0) + (float)d;
    }
    return OK;
}

const kernel cpu_binary_cross_entropy = {.forward = forward, .backward = backward};
