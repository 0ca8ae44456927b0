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
    store_scaled finish = {c->out, p.columns, factor_of(c->n), false};
    return by_type(cuda_element(b, c->n->in[0]), p.columns, [&]<class T, int W>() -> err {
        add_element<T, W> term = {(const T *)c->in[0], p.rows, p.columns};
        return reduce_columns<1>(b, p, term, finish, c->scratch);
    });
}

/* per_sample, columns: in packs. */
template <class T, int W>
static __global__ void spread(T *dx, const float *dout, float factor, uint32_t per_sample, uint32_t columns,
                              uint32_t packs, bool add)
{
    FOR_EACH(i, packs)
    {
        floats<W> d = load<W>(dout, i / per_sample * columns + i % columns);
        for (int k = 0; k < W; k++) d.v[k] *= factor;
        put(dx, i, d, add);
    }
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    column_plan p = plan_of(c->n);
    size_t n = nn_count(&c->n->in[0]->shape);
    return by_type(cuda_element(b, c->n->in[0]), p.columns, [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (spread<T, W>), n / W, (T *)c->din[0], c->dout, (float)factor_of(c->n),
                    p.rows * p.columns / W, p.columns / W, (uint32_t)(n / W), c->add[0]);
        return OK;
    });
}

const kernel cuda_global_pool = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
