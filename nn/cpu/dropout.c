/* saved: one byte an element, whether it was kept, so that neither x nor the noise has to be. */
#include "nn/cpu/cpu.h"

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward) c->saved_bytes = nn_count(&c->n->shape);
    return OK;
}

CPU_KERNEL static void drop_part(float *restrict y, unsigned char *restrict kept, const float *restrict x,
                                 const float *restrict u, size_t n, float rate)
{
    float factor = 1 / (1 - rate);
    for (size_t i = 0; i < n; i++) y[i] = u[i] >= rate ? factor * x[i] : 0;
    for (size_t i = 0; kept && i < n; i++) kept[i] = u[i] >= rate;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape);
    unsigned char *kept = c->saved;
#pragma omp parallel if (n > 4096)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        drop_part(c->out + first, kept ? kept + first : NULL, c->in[0] + first, c->in[1] + first, end - first,
                  c->n->a.rate);
    }
    return OK;
}

CPU_KERNEL static void backward_part(float *restrict dx, const unsigned char *restrict kept,
                                     const float *restrict dout, size_t n, float rate, bool add)
{
    float factor = 1 / (1 - rate);
    if (add)
        for (size_t i = 0; i < n; i++) dx[i] += kept[i] ? factor * dout[i] : 0;
    else
        for (size_t i = 0; i < n; i++) dx[i] = kept[i] ? factor * dout[i] : 0;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape);
    const unsigned char *kept = c->saved;
    if (!c->din[0]) return OK;
#pragma omp parallel if (n > 4096)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        backward_part(c->din[0] + first, kept + first, c->dout + first, end - first, c->n->a.rate, c->add[0]);
    }
    return OK;
}

const kernel cpu_dropout = {.plan = plan, .forward = forward, .backward = backward};
