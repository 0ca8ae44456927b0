/* out = a b, so da = dout b and the other way round. */
#include "nn/ref/ref.h"

static err forward(backend *context, const call *c)
{
    (void)context;
    size_t n = nn_count(&c->n->shape);
    for (size_t i = 0; i < n; i++) c->out[i] = c->in[0][i] * c->in[1][i];
    return OK;
}

static err backward(backend *context, const call *c)
{
    (void)context;
    size_t n = nn_count(&c->n->shape);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; c->din[k] && i < n; i++)
            ref_store(&c->din[k][i], (double)c->dout[i] * c->in[1 - k][i], c->add[k]);
    return OK;
}

const kernel ref_multiply = {.forward = forward, .backward = backward};
