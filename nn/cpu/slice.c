/* Rows of axis 0 lie together in every layout; other axes are those of plain tensors. */
#include "nn/cpu/cpu.h"

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->n->plain == c->n->in[0]->plain) return OK;
    return err_set(ERR_INTERNAL, "%s: a parameter of rank 4 cannot be sliced; reshape it first", c->n->name);
}

/* A part of an axis of a plain tensor: `outer` runs of `width` floats out of `whole`. */
typedef struct part {
    size_t outer, whole, first, width;
} part;

static part part_of(const node *n)
{
    const nn_shape_t *from = &n->in[0]->shape;
    part p = {.outer = 1};
    for (int k = 0; k < n->a.axis; k++) p.outer *= (size_t)from->d[k];
    p.whole = nn_count(from) / p.outer;
    p.width = nn_count(&n->shape) / p.outer;
    p.first = p.whole / (size_t)from->d[n->a.axis] * (size_t)n->a.first;
    return p;
}

static void backward_part(const call *c)
{
    part p = part_of(c->n);
    if (!c->add[0]) cpu_zero(c->din[0], p.outer * p.whole * sizeof(float));
    cpu_store_rows(c->din[0] + p.first, p.whole, c->dout, p.width, p.outer, p.width, c->add[0]);
}

static err forward(backend *b, const call *c)
{
    if (c->n->a.axis > 0) {
        part p = part_of(c->n);
        cpu_store_rows(c->out, p.width, c->in[0] + p.first, p.whole, p.outer, p.width, false);
        return OK;
    }
    view v = cpu_view_of(b, c->n), from = cpu_view_of(b, c->n->in[0]);
    size_t row = view_cells(&from) / (size_t)c->n->in[0]->shape.d[0];
    cpu_copy(c->out, view_at(&from, c->in[0], row * (size_t)c->n->a.first), view_bytes(&v));
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    if (c->n->a.axis > 0) {
        backward_part(c);
        return OK;
    }
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
