/* NCHW order is kept, whatever the layouts on the two sides. */
#include "nn/cuda/internal.h"

static err forward(backend *b, const call *c)
{
    const node *from = c->n->in[0];
    return cuda_relayout(b, cuda_view_of(&from->shape, from->plain), c->in[0],
                         cuda_view_of(&c->n->shape, c->n->plain), c->out, false);
}

static err backward(backend *b, const call *c)
{
    const node *to = c->n->in[0];
    if (!c->din[0]) return OK;
    return cuda_relayout(b, cuda_view_of(&c->n->shape, c->n->plain), c->dout,
                         cuda_view_of(&to->shape, to->plain), c->din[0], c->add[0]);
}

const kernel cuda_reshape = {.forward = forward, .backward = backward};
