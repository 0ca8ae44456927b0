#include "nn/cuda/launch.cuh"

typedef struct summands {
    const void *x[NN_MAX_INPUTS];
    float coefficients[NN_MAX_INPUTS];
    int count;
} summands;

template <class T, int W> static __global__ void weighted_sum(T *out, summands s, uint32_t packs)
{
    FOR_EACH(i, packs)
    {
        floats<W> sum = load<W>((const T *)s.x[0], i);
        for (int k = 0; k < W; k++) sum.v[k] *= s.coefficients[0];
        for (int j = 1; j < s.count; j++) {
            floats<W> next = load<W>((const T *)s.x[j], i);
            for (int k = 0; k < W; k++) sum.v[k] += s.coefficients[j] * next.v[k];
        }
        put(out, i, sum, false);
    }
}

static err forward(backend *b, const call *c)
{
    summands s = {};
    size_t n = nn_count(&c->n->shape);
    s.count = c->n->n_in;
    for (int k = 0; k < c->n->n_in; k++) {
        s.x[k] = c->in[k];
        s.coefficients[k] = c->n->a.coefficients[k];
    }
    return by_type(cuda_element(b, c->n), n, [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (weighted_sum<T, W>), n / W, (T *)c->out, s, (uint32_t)(n / W));
        return OK;
    });
}

static err backward(backend *b, const call *c)
{
    element e = cuda_element(b, c->n);
    size_t n = nn_count(&c->n->shape);
    for (int k = 0; k < c->n->n_in; k++) {
        if (!c->din[k]) continue;
        float p = c->n->a.coefficients[k];
        if (p == 1.0F)
            TRY(cuda_store(b, e, c->din[k], c->dout, n, c->add[k]));
        else
            TRY(cuda_scale(b, e, c->din[k], c->dout, p, n, c->add[k]));
    }
    return OK;
}

const kernel cuda_sum = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
