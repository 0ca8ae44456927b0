#include "nn/ref/ref.h"

#include <math.h>

static const double leak = 0.2;

double ref_activate(nn_act act, double x)
{
    switch (act) {
    case ACT_RELU:
        return x < 0 ? 0 : x;
    case ACT_LEAKY_RELU:
        return x < 0 ? leak * x : x;
    case ACT_TANH:
        return tanh(x);
    case ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case ACT_GELU:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    case ACT_NONE:
        break;
    }
    return x;
}

double ref_slope(nn_act act, double y)
{
    switch (act) {
    case ACT_RELU:
        return y > 0 ? 1 : 0;
    case ACT_LEAKY_RELU:
        return y > 0 ? 1 : leak;
    case ACT_TANH:
        return 1 - y * y;
    case ACT_SIGMOID:
        return y * (1 - y);
    case ACT_GELU: /* needs x */
    case ACT_NONE:
        break;
    }
    return 1;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape);
    for (size_t i = 0; i < n; i++) c->out[i] = (float)ref_activate(c->n->a.act, c->in[0][i]);
    return OK;
}

/* gelu' = Phi(x) + x phi(x), the normal distribution and its density. */
static double gelu_slope(double x)
{
    return 0.5 * (1 + erf(x / sqrt(2))) + x * exp(-x * x / 2) / sqrt(2 * acos(-1));
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape);
    for (size_t i = 0; c->din[0] && i < n; i++)
        ref_store(&c->din[0][i],
                  c->n->a.act == ACT_GELU ? c->dout[i] * gelu_slope(c->in[0][i])
                                          : ref_before_activation(c, i),
                  c->add[0]);
    return OK;
}

const kernel ref_activation = {.forward = forward, .backward = backward};
