#include "nn/cpu/cpu.h"

/* out = p x + q y: the common case (a residual sum) in one pass. */
CPU_KERNEL static void two_part(float *restrict out, const float *restrict x, float p,
                                const float *restrict y, float q, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = p * x[i] + q * y[i];
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    const float *p = c->n->a.coefficients;
    size_t n = view_floats(&v);
    if (c->n->n_in == 1) {
        cpu_scale(c->out, c->in[0], p[0], n, false);
        return OK;
    }
#pragma omp parallel
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        two_part(c->out + first, c->in[0] + first, p[0], c->in[1] + first, p[1], end - first);
    }
    for (int i = 2; i < c->n->n_in; i++) cpu_scale(c->out, c->in[i], p[i], n, true);
    return OK;
}

static err backward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    for (int i = 0; i < c->n->n_in; i++) {
        if (!c->din[i]) continue;
        float p = c->n->a.coefficients[i];
        if (p == 1.0F)
            cpu_store(c->din[i], c->dout, view_floats(&v), c->add[i]);
        else
            cpu_scale(c->din[i], c->dout, p, view_floats(&v), c->add[i]);
    }
    return OK;
}

const kernel cpu_sum = {.forward = forward, .backward = backward};
