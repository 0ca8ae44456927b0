/* The mean over the known (not NaN) targets of max(x,0) - x t + log(1 + exp(-|x|)). */
#include "nn/ref/ref.h"

#include <math.h>

/* With replicas the mean of their numbers of known targets: then the mean of their losses is the loss. */
static err count_known(backend *b, const call *c, double *out)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    *out = 0;
    for (size_t i = 0; i < n; i++) *out += !isnan(c->in[1][i]);
    if (c->replicas <= 1) return OK;
    float sum = (float)*out;
    TRY(ref_all_reduce(b, &sum, 1));
    *out = (double)sum / c->replicas;
    return OK;
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    double sum = 0, known;
    TRY(count_known(b, c, &known));
    for (size_t i = 0; i < n; i++) {
        double x = c->in[0][i], t = c->in[1][i];
        if (!isnan(t)) sum += fmax(x, 0) - x * t + log1p(exp(-fabs(x)));
    }
    c->out[0] = (float)(known > 0 ? sum / known : 0);
    return OK;
}

/* dx = (sigmoid(x) - t) / known */
static err backward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    double known;
    TRY(count_known(b, c, &known));
    for (size_t i = 0; c->din[0] && i < n; i++) {
        double t = c->in[1][i], slope = ref_activate(ACT_SIGMOID, c->in[0][i]) - t;
        ref_store(&c->din[0][i], isnan(t) ? 0 : c->dout[0] * slope / known, c->add[0]);
    }
    return OK;
}

const kernel ref_binary_cross_entropy = {.forward = forward, .backward = backward};
