/* Rows of axis 0 lie together in every layout. */
#include "nn/cuda/internal.h"

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->n->plain == c->n->in[0]->plain) return OK;
    return err_set(ERR_INTERNAL, "%s: a parameter of rank 4 cannot be sliced; reshape it first", c->n->name);
}

static size_t start_of(const node *n)
{
    return nn_count(&n->in[0]->shape) / (size_t)n->in[0]->shape.d[0] * (size_t)n->a.first;
}

static err forward(backend *b, const call *c)
{
    return cuda_store(b, c->out, c->in[0] + start_of(c->n), nn_count(&c->n->shape), false);
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    size_t all = nn_count(&c->n->in[0]->shape), n = nn_count(&c->n->shape), start = start_of(c->n);
    if (!c->add[0]) {
        TRY(cuda_zero(b, c->din[0], start));
        TRY(cuda_zero(b, c->din[0] + start + n, all - start - n));
    }
    return cuda_store(b, c->din[0] + start, c->dout, n, c->add[0]);
}

const kernel cuda_slice = {.plan = plan, .forward = forward, .backward = backward};
