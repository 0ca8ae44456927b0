/* Activations, alone and for the operators that end with one; bias and its gradient. */
#include "nn/cuda/columns.cuh"

/* Written so that NaN comes out as NaN: a diverged net must be noticed. */
static __device__ inline float activated(nn_act act, float x)
{
    switch (act) {
    case ACT_RELU:
        return x < 0 ? 0 : x;
    case ACT_LEAKY_RELU:
        return x < 0 ? 0.2F * x : x;
    case ACT_TANH:
        return tanhf(x);
    case ACT_SIGMOID:
        return 1 / (1 + expf(-x));
    case ACT_GELU:
        return x * normal_distribution(x);
    default:
        return x;
    }
}

static __device__ inline float derivative(nn_act act, float y)
{
    switch (act) {
    case ACT_RELU:
        return y > 0 ? 1 : 0;
    case ACT_LEAKY_RELU:
        return y > 0 ? 1 : 0.2F;
    case ACT_TANH:
        return 1 - y * y;
    case ACT_SIGMOID:
        return y * (1 - y);
    default:
        return 1;
    }
}

/* groups: of W columns in a row. */
template <class T, int W>
static __global__ void bias_activate(nn_act act, T *y, const float *bias, uint32_t packs, uint32_t groups)
{
    FOR_EACH(i, packs)
    {
        floats<W> x = load<W>(y, i);
        if (bias) {
            floats<W> c = load<W>(bias, i % groups);
            for (int k = 0; k < W; k++) x.v[k] += c.v[k];
        }
        for (int k = 0; k < W; k++) x.v[k] = activated(act, x.v[k]);
        put(y, i, x, false);
    }
}

err cuda_bias_activate(backend *b, nn_act act, element e, void *y, const float *bias, size_t rows,
                       size_t columns)
{
    if (act == ACT_NONE && !bias) return OK;
    return by_type(e, columns, [&]<class T, int W>() -> err {
        size_t packs = rows * columns / W;
        LAUNCH_EACH(b, (bias_activate<T, W>), packs, act, (T *)y, bias, (uint32_t)packs,
                    (uint32_t)(columns / W));
        return OK;
    });
}

template <class T, int W>
static __global__ void activate_backward(nn_act act, T *dx, const T *y, const T *dy, uint32_t packs, bool add)
{
    FOR_EACH(i, packs)
    {
        floats<W> d = load<W>(dy, i), out = load<W>(y, i);
        for (int k = 0; k < W; k++) d.v[k] *= derivative(act, out.v[k]);
        put(dx, i, d, add);
    }
}

err cuda_activate_backward(backend *b, nn_act act, element e, void *dx, const void *y, const void *dy,
                           size_t n, bool add)
{
    return by_type(e, n, [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (activate_backward<T, W>), n / W, act, (T *)dx, (const T *)y, (const T *)dy,
                    (uint32_t)(n / W), add);
        return OK;
    });
}

size_t cuda_column_sums_bytes(size_t rows, size_t columns)
{
    return column_bytes(plan_columns(1, rows, columns), 1);
}

err cuda_column_sums(backend *b, float *y, element e, const void *x, size_t rows, size_t columns, bool add,
                     void *scratch)
{
    store_scaled finish = {y, (uint32_t)columns, 1.0, add};
    return by_type(e, columns, [&]<class T, int W>() -> err {
        add_element<T, W> term = {(const T *)x, (uint32_t)rows, (uint32_t)columns};
        return reduce_columns<1>(b, plan_columns(1, rows, columns), term, finish, scratch);
    });
}

/* ---- the operator ---- */

template <class T, int W> static __global__ void activate(nn_act act, T *y, const T *x, uint32_t packs)
{
    FOR_EACH(i, packs)
    {
        floats<W> v = load<W>(x, i);
        for (int k = 0; k < W; k++) v.v[k] = activated(act, v.v[k]);
        put(y, i, v, false);
    }
}

template <class T, int W>
static __global__ void gelu_backward(T *dx, const T *x, const T *dy, uint32_t packs, bool add)
{
    FOR_EACH(i, packs)
    {
        floats<W> d = load<W>(dy, i), in = load<W>(x, i);
        for (int k = 0; k < W; k++) d.v[k] *= gelu_slope(in.v[k]);
        put(dx, i, d, add);
    }
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    return by_type(cuda_element(b, c->n), n, [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (activate<T, W>), n / W, c->n->a.act, (T *)c->out, (const T *)c->in[0],
                    (uint32_t)(n / W));
        return OK;
    });
}

static err backward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    if (!c->din[0]) return OK;
    if (c->n->a.act == ACT_GELU)
        return by_type(cuda_element(b, c->n), n, [&]<class T, int W>() -> err {
            LAUNCH_EACH(b, (gelu_backward<T, W>), n / W, (T *)c->din[0], (const T *)c->in[0],
                        (const T *)c->dout, (uint32_t)(n / W), c->add[0]);
            return OK;
        });
    return cuda_activate_backward(b, c->n->a.act, cuda_element(b, c->n), c->din[0], c->out, c->dout, n,
                                  c->add[0]);
}

const kernel cuda_activation = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
