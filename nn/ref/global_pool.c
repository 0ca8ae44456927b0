/* Sum or mean over H, W. */
#include "nn/ref/ref.h"

static double divisor(const call *c)
{
    return c->n->a.kind == GLOBAL_AVERAGE ? (double)ref_planes_of(&c->n->in[0]->shape).area : 1;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    ref_planes p = ref_planes_of(&c->n->in[0]->shape);
    for (size_t plane = 0; plane < p.batch * p.channels; plane++) {
        double sum = 0;
        for (size_t i = 0; i < p.area; i++) sum += c->in[0][plane * p.area + i];
        c->out[plane] = (float)(sum / divisor(c));
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    ref_planes p = ref_planes_of(&c->n->in[0]->shape);
    size_t n = p.batch * p.channels * p.area;
    for (size_t i = 0; c->din[0] && i < n; i++)
        ref_store(&c->din[0][i], c->dout[i / p.area] / divisor(c), c->add[0]);
    return OK;
}

const kernel ref_global_pool = {.forward = forward, .backward = backward};
