/* NCHW order is kept: through NCHW in scratch where both sides are blocked. */
#include "nn/cpu/cpu.h"

static err plan(backend *b, call *c)
{
    view from = cpu_view_of(b, c->n->in[0]), to = cpu_view_of(b, c->n);
    if (!view_is_plain(&from) && !view_is_plain(&to))
        c->scratch_bytes = nn_count(&c->n->shape) * sizeof(float);
    return OK;
}

static void copy(const view *from, const view *to, const float *x, float *y, bool add, float *scratch)
{
    bool same = from->n == to->n && from->channels == to->channels && from->lanes == to->lanes &&
                from->half == to->half;
    if (same) {
        cpu_store(to->half, y, x, view_cells(to), add);
    } else if (view_is_plain(to)) {
        cpu_to_plain(from, x, y, add);
    } else if (view_is_plain(from)) {
        cpu_from_plain(to, x, y, add);
    } else {
        cpu_to_plain(from, x, scratch, false);
        cpu_from_plain(to, scratch, y, add);
    }
}

static err forward(backend *b, const call *c)
{
    view from = cpu_view_of(b, c->n->in[0]), to = cpu_view_of(b, c->n);
    copy(&from, &to, c->in[0], c->out, false, c->scratch);
    return OK;
}

static err backward(backend *b, const call *c)
{
    view from = cpu_view_of(b, c->n->in[0]), to = cpu_view_of(b, c->n);
    if (c->din[0]) copy(&to, &from, c->dout, c->din[0], c->add[0], c->scratch);
    return OK;
}

const kernel cpu_reshape = {.plan = plan, .forward = forward, .backward = backward};
