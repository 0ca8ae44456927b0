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

static __global__ void bias_activate(nn_act act, float *y, const float *bias, uint32_t n, uint32_t columns)
{
    FOR_EACH(i, n) y[i] = activated(act, y[i] + (bias ? bias[i % columns] : 0));
}

err cuda_bias_activate(backend *b, nn_act act, float *y, const float *bias, size_t rows, size_t columns)
{
    size_t n = rows * columns;
    if (act == ACT_NONE && !bias) return OK;
    LAUNCH_EACH(b, bias_activate, n, act, y, bias, (uint32_t)n, (uint32_t)columns);
    return OK;
}

static __global__ void activate_backward(nn_act act, float *dx, const float *y, const float *dy, uint32_t n,
                                         bool add)
{
    FOR_EACH(i, n) put(dx + i, dy[i] * derivative(act, y[i]), add);
}

err cuda_activate_backward(backend *b, nn_act act, float *dx, const float *y, const float *dy, size_t n,
                           bool add)
{
    LAUNCH_EACH(b, activate_backward, n, act, dx, y, dy, (uint32_t)n, add);
    return OK;
}

size_t cuda_column_sums_bytes(size_t rows, size_t columns)
{
    return column_bytes(plan_columns(1, rows, columns), 1);
}

err cuda_column_sums(backend *b, float *y, const float *x, size_t rows, size_t columns, bool add,
                     void *scratch)
{
    add_element term = {x, (uint32_t)rows, (uint32_t)columns};
    store_scaled finish = {y, (uint32_t)columns, 1.0, add};
    return reduce_columns<1>(b, plan_columns(1, rows, columns), term, finish, scratch);
}

/* ---- the operator ---- */

static __global__ void activate(nn_act act, float *y, const float *x, uint32_t n)
{
    FOR_EACH(i, n) y[i] = activated(act, x[i]);
}

static __global__ void gelu_backward(float *dx, const float *x, const float *dy, uint32_t n, bool add)
{
    FOR_EACH(i, n) put(dx + i, dy[i] * gelu_slope(x[i]), add);
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    LAUNCH_EACH(b, activate, n, c->n->a.act, c->out, c->in[0], (uint32_t)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    if (!c->din[0]) return OK;
    if (c->n->a.act == ACT_GELU) {
        LAUNCH_EACH(b, gelu_backward, n, c->din[0], c->in[0], c->dout, (uint32_t)n, c->add[0]);
        return OK;
    }
    return cuda_activate_backward(b, c->n->a.act, c->din[0], c->out, c->dout, n, c->add[0]);
}

const kernel cuda_activation = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
