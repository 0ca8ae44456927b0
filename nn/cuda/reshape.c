/* NCHW order is kept, whatever the layouts on the two sides. */
#include "nn/cuda/internal.h"

static err forward(backend *b, const call *c)
{
    return cuda_relayout(b, cuda_tensor_of(b, c->n->in[0], c->in[0]), cuda_tensor_of(b, c->n, c->out), false);
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    return cuda_relayout(b, cuda_tensor_of(b, c->n, c->dout), cuda_tensor_of(b, c->n->in[0], c->din[0]),
                         c->add[0]);
}

const kernel cuda_reshape = {.forward = forward, .backward = backward};
