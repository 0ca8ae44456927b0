/* The mean over the known (not NaN) targets of max(x,0) - x t + log(1 + exp(-|x|)). */
#include "nn/ref/ref.h"

#include <math.h>

static double known_count(const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    double known = 0;
    for (size_t i = 0; i < n; i++) known += !isnan(c->in[1][i]);
    return known;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->in[0]->shape);
    double sum = 0, known = known_count(c);
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
    (void)b;
    size_t n = nn_count(&c->n->in[0]->shape);
    double known = known_count(c);
    for (size_t i = 0; c->din[0] && i < n; i++) {
        double t = c->in[1][i], slope = ref_activate(ACT_SIGMOID, c->in[0][i]) - t;
        ref_store(&c->din[0][i], isnan(t) ? 0 : c->dout[0] * slope / known, c->add[0]);
    }
    return OK;
}

const kernel ref_binary_cross_entropy = {.forward = forward, .backward = backward};
