/* out[o][t][i] = in[o][i], so din[o][i] = sum_t dout[o][t][i]. */
#include "nn/ref/ref.h"

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
    for (size_t o = 0; o < s.outer; o++)
        for (size_t t = 0; t < s.times; t++)
            for (size_t i = 0; i < s.inner; i++)
                c->out[(o * s.times + t) * s.inner + i] = c->in[0][o * s.inner + i];
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    for (size_t k = 0; c->din[0] && k < s.outer * s.inner; k++) {
        size_t o = k / s.inner, i = k % s.inner;
        double sum = 0;
        for (size_t t = 0; t < s.times; t++) sum += c->dout[(o * s.times + t) * s.inner + i];
        ref_store(&c->din[0][k], sum, c->add[0]);
    }
    return OK;
}

const kernel ref_repeat = {.forward = forward, .backward = backward};
