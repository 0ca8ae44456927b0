#include "nn/cuda/launch.cuh"

/* v is the input's view: channels, height, width in either layout of one channel or many. */
static __global__ void widen(float *out, const float *x, cuda_view v, uint32_t n)
{
    FOR_EACH(i, n)
    {
        uint32_t channel = i % v.channels, pixel = i / v.channels;
        uint32_t column = pixel % (2 * v.width), row = pixel / (2 * v.width); /* row of all samples */
        out[i] = x[(row / 2 * v.width + column / 2) * v.channels + channel];
    }
}

static __global__ void fold(float *dx, const float *dout, cuda_view v, uint32_t n, bool add)
{
    FOR_EACH(i, n)
    {
        uint32_t channel = i % v.channels, pixel = i / v.channels;
        uint32_t column = pixel % v.width, row = pixel / v.width, below = 2 * v.width * v.channels;
        const float *d = dout + (4 * row * v.width + 2 * column) * v.channels + channel;
        put(dx + i, (d[0] + d[v.channels]) + (d[below] + d[below + v.channels]), add);
    }
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    cuda_view v = cuda_view_of(&c->n->in[0]->shape, false);
    LAUNCH_EACH(b, widen, n, c->out, c->in[0], v, (uint32_t)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    size_t n = nn_count(&c->n->in[0]->shape);
    cuda_view v = cuda_view_of(&c->n->in[0]->shape, false);
    TRY(cuda_check_count(4 * n));
    LAUNCH_EACH(b, fold, n, c->din[0], c->dout, v, (uint32_t)n, c->add[0]);
    return OK;
}

const kernel cuda_upsample = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
