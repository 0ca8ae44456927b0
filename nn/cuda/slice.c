/* Rows of axis 0 lie together in every layout. */
#include "nn/cuda/internal.h"

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->n->plain == c->n->in[0]->plain) return OK;
    return err_set(ERR_INTERNAL, "%s: a parameter of rank 4 cannot be sliced; reshape it first", c->n->name);
}

/* Bytes of the rows before the slice, of the slice, and of all rows. */
typedef struct spans {
    size_t start, slice, all;
} spans;

static spans spans_of(const backend *b, const node *n)
{
    size_t bytes = element_bytes(cuda_element(b, n)), rows = (size_t)n->in[0]->shape.d[0];
    size_t all = nn_count(&n->in[0]->shape) * bytes;
    return (spans){all / rows * (size_t)n->a.first, nn_count(&n->shape) * bytes, all};
}

static err forward(backend *b, const call *c)
{
    const char *from = (const char *)c->in[0] + spans_of(b, c->n).start;
    return cuda_store(b, cuda_element(b, c->n), c->out, from, nn_count(&c->n->shape), false);
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    spans s = spans_of(b, c->n);
    char *to = (char *)c->din[0];
    if (!c->add[0]) {
        TRY(cuda_zero(b, to, s.start));
        TRY(cuda_zero(b, to + s.start + s.slice, s.all - s.start - s.slice));
    }
    return cuda_store(b, cuda_element(b, c->n), to + s.start, c->dout, nn_count(&c->n->shape), c->add[0]);
}

const kernel cuda_slice = {.plan = plan, .forward = forward, .backward = backward};
