/* saved: one byte an element, whether it was kept, so that neither x nor the noise has to be. */
#include "nn/cuda/launch.cuh"

/* kept may be NULL. */
static __global__ void drop(float *out, unsigned char *kept, const float *x, const float *u, float rate,
                            uint32_t n)
{
    FOR_EACH(i, n)
    {
        bool keep = u[i] >= rate;
        out[i] = keep ? x[i] / (1 - rate) : 0;
        if (kept) kept[i] = keep;
    }
}

static __global__ void drop_backward(float *dx, const unsigned char *kept, const float *dout, float rate,
                                     uint32_t n, bool add)
{
    FOR_EACH(i, n) put(dx + i, kept[i] ? dout[i] / (1 - rate) : 0, add);
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward) c->saved_bytes = nn_count(&c->n->shape);
    return OK;
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    LAUNCH_EACH(b, drop, n, c->out, (unsigned char *)c->saved, c->in[0], c->in[1], c->n->a.rate, (uint32_t)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    if (c->din[0])
        LAUNCH_EACH(b, drop_backward, n, c->din[0], (const unsigned char *)c->saved, c->dout, c->n->a.rate,
                    (uint32_t)n, c->add[0]);
    return OK;
}

const kernel cuda_dropout = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
