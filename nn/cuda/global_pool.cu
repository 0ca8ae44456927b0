/* (B,C,H,W) -> (B,C): with channels last, the sums of the columns of each sample. */
#include "nn/cuda/columns.cuh"

static column_plan plan_of(const node *n)
{
    const int *d = n->in[0]->shape.d;
    return plan_columns((size_t)d[0], (size_t)d[2] * (size_t)d[3], (size_t)d[1]);
}

static double factor_of(const node *n)
{
    const int *d = n->in[0]->shape.d;
    return n->a.kind == GLOBAL_AVERAGE ? 1.0 / ((double)d[2] * d[3]) : 1.0;
}

static err plan(backend *b, call *c)
{
    (void)b;
    c->scratch_bytes = column_bytes(plan_of(c->n), 1);
    return OK;
}

static err forward(backend *b, const call *c)
{
    column_plan p = plan_of(c->n);
    add_element term = {c->in[0], p.rows, p.columns};
    store_scaled finish = {c->out, p.columns, factor_of(c->n), false};
    return reduce_columns<1>(b, p, term, finish, c->scratch);
}

static __global__ void spread(float *dx, const float *dout, float factor, column_plan p, uint32_t n, bool add)
{
    FOR_EACH(i, n)
    {
        uint32_t sample = i / (p.rows * p.columns);
        put(dx + i, factor * dout[sample * p.columns + i % p.columns], add);
    }
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    size_t n = nn_count(&c->n->in[0]->shape);
    LAUNCH_EACH(b, spread, n, c->din[0], c->dout, (float)factor_of(c->n), plan_of(c->n), (uint32_t)n,
                c->add[0]);
    return OK;
}

const kernel cuda_global_pool = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
