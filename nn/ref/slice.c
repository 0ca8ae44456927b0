/* Rows of axis 0; the gradient of the other rows is zero. */
#include "nn/ref/ref.h"

static size_t first_of(const call *c)
{
    return nn_count(&c->n->shape) / (size_t)c->n->shape.d[0] * (size_t)c->n->a.first;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape), first = first_of(c);
    for (size_t i = 0; i < n; i++) c->out[i] = c->in[0][first + i];
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape), first = first_of(c), all = nn_count(&c->n->in[0]->shape);
    for (size_t i = 0; c->din[0] && i < all; i++)
        ref_store(&c->din[0][i], i >= first && i < first + n ? c->dout[i - first] : 0, c->add[0]);
    return OK;
}

const kernel ref_slice = {.forward = forward, .backward = backward};
