/* Rows of axis 0 lie together in every layout; other axes are those of plain tensors. */
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

static cuda_band band_of(const node *n)
{
    const nn_shape_t *from = &n->in[0]->shape;
    size_t rows = 1;
    for (int k = 0; k < n->a.axis; k++) rows *= (size_t)from->d[k];
    uint32_t whole = (uint32_t)(nn_count(from) / rows), each = whole / (uint32_t)from->d[n->a.axis];
    return (cuda_band){(uint32_t)rows, (uint32_t)(nn_count(&n->shape) / rows), whole,
                       each * (uint32_t)n->a.first};
}

static err forward(backend *b, const call *c)
{
    if (c->n->a.axis > 0) return cuda_take_band(b, c->out, c->in[0], band_of(c->n), false);
    const char *from = (const char *)c->in[0] + spans_of(b, c->n).start;
    return cuda_store(b, cuda_element(b, c->n), c->out, from, nn_count(&c->n->shape), false);
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    spans s = spans_of(b, c->n);
    char *to = (char *)c->din[0];
    if (c->n->a.axis > 0) {
        if (!c->add[0]) TRY(cuda_zero(b, to, s.all));
        return cuda_put_band(b, c->din[0], c->dout, band_of(c->n), c->add[0]);
    }
    if (!c->add[0]) {
        TRY(cuda_zero(b, to, s.start));
        TRY(cuda_zero(b, to + s.start + s.slice, s.all - s.start - s.slice));
    }
    return cuda_store(b, cuda_element(b, c->n), to + s.start, c->dout, nn_count(&c->n->shape), c->add[0]);
}

const kernel cuda_slice = {.plan = plan, .forward = forward, .backward = backward};
