/* NaN targets are unknown and count for nothing. */
#include "nn/cpu/cpu.h"

#include <math.h>

/* With replicas the mean of their numbers of known targets: then the mean of their losses is the loss. */
static err count_known(backend *b, const call *c, double *out)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    *out = 0;
    for (size_t i = 0; i < n; i++) *out += isnan(c->in[1][i]) ? 0 : 1;
    if (c->replicas <= 1) return OK;
    float sum = (float)*out;
    TRY(cpu_all_reduce(b, &sum, 1));
    *out = (double)sum / c->replicas;
    return OK;
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    double loss = 0, known;
    TRY(count_known(b, c, &known));
    for (size_t i = 0; i < n; i++) {
        double x = (double)c->in[0][i], t = (double)c->in[1][i];
        if (!isnan(t)) loss += (x > 0 ? x : 0) - x * t + log1p(exp(-fabs(x)));
    }
    c->out[0] = known > 0 ? (float)(loss / known) : 0;
    return OK;
}

/* dx = (sigmoid(x) - t) / known. */
static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    size_t n = nn_count(&c->n->in[0]->shape);
    double known;
    TRY(count_known(b, c, &known));
    double each = known > 0 ? (double)c->dout[0] / known : 0;
    for (size_t i = 0; i < n; i++) {
        double x = (double)c->in[0][i], t = (double)c->in[1][i];
        double d = isnan(t) ? 0 : each * (1 / (1 + exp(-x)) - t);
        c->din[0][i] = (c->add[0] ? c->din[0][i] : 0) + (float)d;
    }
    return OK;
}

const kernel cpu_binary_cross_entropy = {.forward = forward, .backward = backward};
