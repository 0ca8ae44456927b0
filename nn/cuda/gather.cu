/* One row of each sequence (B,T,D) by at (B). */
#include "nn/cuda/launch.cuh"

static __global__ void gather(float *out, const float *x, const float *at, uint32_t times, uint32_t width,
                              uint32_t n)
{
    FOR_EACH(i, n)
    {
        uint32_t b = i / width, row = row_of_id(at[b], times);
        out[i] = row < times ? x[(b * times + row) * width + i % width] : 0;
    }
}

static __global__ void scatter(float *dx, const float *dout, const float *at, uint32_t times, uint32_t width,
                               uint32_t n, bool add)
{
    FOR_EACH(i, n)
    {
        uint32_t row = i / width % times, b = i / width / times;
        put(dx + i, row_of_id(at[b], times) == row ? dout[b * width + i % width] : 0, add);
    }
}

static err forward(backend *b, const call *c)
{
    const int *d = c->n->in[0]->shape.d;
    size_t n = nn_count(&c->n->shape);
    TRY(cuda_check_count(nn_count(&c->n->in[0]->shape)));
    LAUNCH_EACH(b, gather, n, c->out, c->in[0], c->in[1], (uint32_t)d[1], (uint32_t)d[2], (uint32_t)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    const int *d = c->n->in[0]->shape.d;
    size_t n = nn_count(&c->n->in[0]->shape);
    if (c->din[0])
        LAUNCH_EACH(b, scatter, n, c->din[0], c->dout, c->in[1], (uint32_t)d[1], (uint32_t)d[2], (uint32_t)n,
                    c->add[0]);
    return OK;
}

const kernel cuda_gather = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
