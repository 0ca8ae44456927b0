/* The logits are few: one block. They may be the pixels of an activation. */
#include "nn/cuda/launch.cuh"

template <class T> static __global__ void hinge(float *out, const T *x, uint32_t n, int kind)
{
    __shared__ double shared[THREADS];
    double sum = 0, sign = kind == HINGE_REAL ? -1 : 1;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS) {
        double logit = (double)to_float(x[i]), margin = 1 + sign * logit;
        if (kind == HINGE_GENERATOR)
            sum -= logit;
        else
            sum += margin < 0 ? 0 : margin; /* NaN stays */
    }
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) out[0] = (float)(sum / n);
}

/* d/dx max(0, 1 + sign x) = sign where 1 + sign x > 0; d/dx -x = -1. */
template <class T>
static __global__ void hinge_gradient(T *dx, const T *x, const float *dout, uint32_t n, int kind, bool add)
{
    float sign = kind == HINGE_FAKE ? 1 : -1;
    FOR_EACH(i, n)
    {
        bool active = kind == HINGE_GENERATOR || 1 + sign * to_float(x[i]) > 0;
        put(dx + i, active ? sign * dout[0] / (float)n : 0, add);
    }
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    TRY(cuda_check_count(n));
    return by_element(cuda_element(b, c->n->in[0]), [&]<class T>() -> err {
        LAUNCH(b, hinge<T>, 1, THREADS, c->out, (const T *)c->in[0], (uint32_t)n, c->n->a.kind);
        return OK;
    });
}

static err backward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    if (!c->din[0]) return OK;
    return by_element(cuda_element(b, c->n->in[0]), [&]<class T>() -> err {
        LAUNCH_EACH(b, hinge_gradient<T>, n, (T *)c->din[0], (const T *)c->in[0], c->dout, (uint32_t)n,
                    c->n->a.kind, c->add[0]);
        return OK;
    });
}

const kernel cuda_hinge = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
