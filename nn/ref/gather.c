/* out[b] = x[b][at[b]]; the gradient of the other rows is zero. */
#include "nn/ref/ref.h"

/* Where row at[b] of sample b starts, or SIZE_MAX where there is none. */
static size_t start_of(const call *c, size_t b)
{
    const int *d = c->n->in[0]->shape.d;
    float at = c->in[1][b];
    if (!(at >= 0 && at < (float)d[1])) return SIZE_MAX;
    return (b * (size_t)d[1] + (size_t)at) * (size_t)d[2];
}

static err forward(backend *context, const call *c)
{
    (void)context;
    size_t batch = (size_t)c->n->shape.d[0], width = (size_t)c->n->shape.d[1];
    for (size_t b = 0; b < batch; b++)
        for (size_t i = 0; i < width; i++) {
            size_t start = start_of(c, b);
            c->out[b * width + i] = start == SIZE_MAX ? 0 : c->in[0][start + i];
        }
    return OK;
}

static err backward(backend *context, const call *c)
{
    (void)context;
    size_t width = (size_t)c->n->shape.d[1], sample = (size_t)c->n->in[0]->shape.d[1] * width;
    for (size_t k = 0; c->din[0] && k < nn_count(&c->n->in[0]->shape); k++) {
        size_t b = k / sample, start = start_of(c, b);
        bool taken = start != SIZE_MAX && k >= start && k < start + width;
        ref_store(&c->din[0][k], taken ? c->dout[b * width + k - start] : 0, c->add[0]);
    }
    return OK;
}

const kernel ref_gather = {.forward = forward, .backward = backward};
