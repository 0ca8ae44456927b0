/* out (outer, times, inner) repeats in (outer, inner); backward sums over the times. */
#include "nn/cuda/columns.cuh"

typedef struct sizes {
    size_t outer, times, inner;
} sizes;

static sizes sizes_of(const node *n)
{
    sizes s = {1, (size_t)n->shape.d[n->a.axis], 0};
    for (int k = 0; k < n->a.axis; k++) s.outer *= (size_t)n->shape.d[k];
    s.inner = nn_count(&n->shape) / s.outer / s.times;
    return s;
}

static __global__ void repeat(float *out, const float *x, uint32_t times, uint32_t inner, uint32_t n)
{
    FOR_EACH(i, n) out[i] = x[repeated_from(i, times, inner)];
}

static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    if (c->backward) c->scratch_bytes = column_bytes(plan_columns(s.outer, s.times, s.inner), 1);
    return OK;
}

static err forward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    size_t n = nn_count(&c->n->shape);
    LAUNCH_EACH(b, repeat, n, c->out, c->in[0], (uint32_t)s.times, (uint32_t)s.inner, (uint32_t)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    if (!c->din[0]) return OK;
    add_element<float, 1> term = {c->dout, (uint32_t)s.times, (uint32_t)s.inner};
    store_scaled finish = {c->din[0], (uint32_t)s.inner, 1.0, c->add[0]};
    return reduce_columns<1>(b, plan_columns(s.outer, s.times, s.inner), term, finish, c->scratch);
}

const kernel cuda_repeat = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
