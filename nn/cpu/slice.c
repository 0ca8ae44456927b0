/* Rows of axis 0 lie together in every layout. */
#include "nn/cpu/cpu.h"

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->n->plain == c->n->in[0]->plain) return OK;
    return err_set(ERR_INTERNAL, "%s: a parameter of rank 4 cannot be sliced; reshape it first", c->n->name);
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n), from = cpu_view_of(b, c->n->in[0]);
    size_t row = view_cells(&from) / (size_t)c->n->in[0]->shape.d[0];
    cpu_copy(c->out, view_at(&from, c->in[0], row * (size_t)c->n->a.first), view_bytes(&v));
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    view v = cpu_view_of(b, c->n), from = cpu_view_of(b, c->n->in[0]);
    size_t row = view_cells(&from) / (size_t)c->n->in[0]->shape.d[0], first = row * (size_t)c->n->a.first;
    char *start = view_at(&from, c->din[0], first), *end = start + view_bytes(&v);
    if (!c->add[0]) {
        cpu_zero(c->din[0], (size_t)(start - (char *)c->din[0]));
        cpu_zero(end, (size_t)((char *)c->din[0] + view_bytes(&from) - end));
    }
    cpu_store(v.half, start, c->dout, view_cells(&v), c->add[0]);
    return OK;
}

const kernel cpu_slice = {.plan = plan, .forward = forward, .backward = backward};
