#include "nn/cpu/cells.h"

/* out = p x + q y: the common case (a residual sum) in one pass. */
CPU_INLINE void two_loop(void *restrict out, const void *restrict x, float p, const void *restrict y, float q,
                         size_t first, size_t end, bool half)
{
    for (size_t i = first; i < end; i++)
        cell_store(out, i, p * cell_load(x, i, half) + q * cell_load(y, i, half), half);
}

CPU_KERNEL static void two_part(bool half, void *out, const void *x, float p, const void *y, float q,
                                size_t first, size_t end)
{
    if (half)
        two_loop(out, x, p, y, q, first, end, true);
    else
        two_loop(out, x, p, y, q, first, end, false);
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    const float *p = c->n->a.coefficients;
    size_t n = view_cells(&v);
    if (c->n->n_in == 1) {
        cpu_scale(v.half, c->out, c->in[0], p[0], n, false);
        return OK;
    }
#pragma omp parallel
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        two_part(v.half, c->out, c->in[0], p[0], c->in[1], p[1], first, end);
    }
    for (int i = 2; i < c->n->n_in; i++) cpu_scale(v.half, c->out, c->in[i], p[i], n, true);
    return OK;
}

static err backward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    for (int i = 0; i < c->n->n_in; i++) {
        if (!c->din[i]) continue;
        float p = c->n->a.coefficients[i];
        if (p == 1.0F)
            cpu_store(v.half, c->din[i], c->dout, view_cells(&v), c->add[i]);
        else
            cpu_scale(v.half, c->din[i], c->dout, p, view_cells(&v), c->add[i]);
    }
    return OK;
}

const kernel cpu_sum = {.forward = forward, .backward = backward};
