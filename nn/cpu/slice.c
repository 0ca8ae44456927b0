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
    size_t row = view_floats(&from) / (size_t)c->n->in[0]->shape.d[0];
    cpu_copy(c->out, c->in[0] + row * (size_t)c->n->a.first, view_floats(&v));
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    view v = cpu_view_of(b, c->n), from = cpu_view_of(b, c->n->in[0]);
    size_t all = view_floats(&from), row = all / (size_t)c->n->in[0]->shape.d[0];
    size_t first = row * (size_t)c->n->a.first, end = first + view_floats(&v);
    if (!c->add[0]) {
        cpu_zero(c->din[0], first);
        cpu_zero(c->din[0] + end, all - end);
    }
    cpu_store(c->din[0] + first, c->dout, end - first, c->add[0]);
    return OK;
}

const kernel cpu_slice = {.plan = plan, .forward = forward, .backward = backward};
