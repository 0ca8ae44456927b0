/* out (outer, times, inner) repeats in (outer, inner); backward sums over the times. */
#include "nn/cpu/cpu.h"

typedef struct sizes {
    size_t outer, times, inner;
} sizes;

static sizes sizes_of(const node *n)
{
    sizes s = {.outer = 1, .times = (size_t)n->shape.d[n->a.axis]};
    for (int k = 0; k < n->a.axis; k++) s.outer *= (size_t)n->shape.d[k];
    s.inner = nn_count(&n->shape) / s.outer / s.times;
    return s;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    for (size_t o = 0; o < s.outer; o++) /* a stride of 0 reads the same row again */
        cpu_store_rows(c->out + o * s.times * s.inner, s.inner, c->in[0] + o * s.inner, 0, s.times, s.inner,
                       false);
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    if (!c->din[0]) return OK;
#pragma omp parallel for schedule(static) if (s.outer > 1)
    for (size_t o = 0; o < s.outer; o++)
        cpu_column_sums(c->din[0] + o * s.inner, c->dout + o * s.times * s.inner, (int)s.times, (int)s.inner,
                        c->add[0]);
    return OK;
}

const kernel cpu_repeat = {.forward = forward, .backward = backward};
