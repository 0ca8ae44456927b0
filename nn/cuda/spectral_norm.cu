/* out = w / sigma with one power iteration (Miyato et al. 2018). W^T u and W v_raw are taken before anything
 * is normalised, since W (v / |v|) = (W v) / |v|: then one block finishes all vectors at once. */
#include "nn/cuda/columns.cuh"

typedef struct sizes {
    uint32_t rows, columns;
} sizes;

static sizes sizes_of(const node *n)
{
    uint32_t rows = (uint32_t)n->shape.d[0];
    return sizes{rows, (uint32_t)(nn_count(&n->shape) / rows)};
}

/* u (rows), v (columns), sigma: as they were in forward, for backward, since another step may move the
 * states; wv (rows): scratch. */
typedef struct vectors {
    float *u, *v, *sigma, *wv;
    void *partials;
} vectors;

static size_t kept_bytes(sizes s)
{
    return cuda_aligned(((size_t)s.rows + s.columns + 1) * sizeof(float));
}

static vectors vectors_of(const call *c)
{
    sizes s = sizes_of(c->n);
    vectors t;
    char *scratch = (char *)c->scratch;
    t.u = (float *)(c->backward ? c->saved : scratch);
    t.v = t.u + s.rows;
    t.sigma = t.v + s.columns;
    t.wv = (float *)(scratch + (c->backward ? 0 : kept_bytes(s)));
    t.partials = (char *)t.wv + cuda_aligned(s.rows * sizeof(float));
    return t;
}

/* <dout, out> is the sum of one column of all elements. */
static column_plan all_elements(sizes s)
{
    return plan_columns(1, (size_t)s.rows * s.columns, 1);
}

static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    size_t forward = column_bytes(plan_columns(1, s.rows, s.columns), 1),
           backward = column_bytes(all_elements(s), 1);
    if (c->backward) c->saved_bytes = kept_bytes(s);
    c->scratch_bytes = (c->backward ? 0 : kept_bytes(s)) + cuda_aligned(s.rows * sizeof(float)) +
                       (forward > backward ? forward : backward);
    return OK;
}

typedef struct weigh_rows { /* W^T u */
    enum { width = 1 };
    const float *w, *u;
    uint32_t columns;
    __device__ void operator()(float *sums, uint32_t, uint32_t row, uint32_t column) const
    {
        sums[0] += w[row * columns + column] * u[row];
    }
} weigh_rows;

/* wv = W v, one block a row. */
static __global__ void times_vector(float *wv, const float *w, const float *v, uint32_t columns)
{
    __shared__ float shared[THREADS];
    const float *row = w + blockIdx.x * columns;
    float sum = 0;
    for (uint32_t k = threadIdx.x; k < columns; k += THREADS) sum += row[k] * v[k];
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) wv[blockIdx.x] = sum;
}

static __device__ double block_dot(const float *x, const float *y, uint32_t n, double *shared)
{
    double sum = 0;
    for (uint32_t k = threadIdx.x; k < n; k += THREADS) sum += (double)x[k] * (double)y[k];
    return block_sum(sum, shared);
}

/* From v_raw = W^T u and wv_raw = W v_raw: v, u, sigma = u^T W v, and the states. */
static __global__ void finish_iteration(vectors t, sizes s, float *state_u, float *state_v, float epsilon)
{
    __shared__ double shared[THREADS];
    double v_norm = sqrt(block_dot(t.v, t.v, s.columns, shared));
    double v_factor = 1 / (v_norm < (double)epsilon ? (double)epsilon : v_norm);
    double wv_norm = sqrt(block_dot(t.wv, t.wv, s.rows, shared)) * v_factor; /* of W v */
    double u_factor = v_factor / (wv_norm < (double)epsilon ? (double)epsilon : wv_norm);
    for (uint32_t k = threadIdx.x; k < s.columns; k += THREADS)
        state_v[k] = t.v[k] = (float)((double)t.v[k] * v_factor);
    for (uint32_t r = threadIdx.x; r < s.rows; r += THREADS)
        state_u[r] = t.u[r] = (float)((double)t.wv[r] * u_factor);
    __syncthreads();
    double sigma = block_dot(t.u, t.wv, s.rows, shared) * v_factor;
    if (threadIdx.x == 0) *t.sigma = (float)sigma;
}

static __global__ void finish_frozen(vectors t, sizes s)
{
    __shared__ double shared[THREADS];
    double sigma = block_dot(t.u, t.wv, s.rows, shared);
    if (threadIdx.x == 0) *t.sigma = (float)sigma;
}

static __global__ void divide(float *out, const float *w, const float *sigma, uint32_t n)
{
    FOR_EACH(i, n) out[i] = w[i] / *sigma;
}

static err forward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    vectors t = vectors_of(c);
    const float *w = c->in[0];
    size_t n = nn_count(&c->n->shape);
    if (c->n->a.training) {
        weigh_rows term = {w, c->in[1], s.columns};
        store_scaled finish = {t.v, s.columns, 1.0, false};
        TRY(reduce_columns<1>(b, plan_columns(1, s.rows, s.columns), term, finish, t.partials));
        LAUNCH(b, times_vector, s.rows, THREADS, t.wv, w, (const float *)t.v, s.columns);
        LAUNCH(b, finish_iteration, 1, THREADS, t, s, c->state[1], c->state[2], c->n->a.epsilon);
    } else {
        TRY(cuda_store(b, ELEMENT_FLOAT, t.u, c->in[1], s.rows, false));
        TRY(cuda_store(b, ELEMENT_FLOAT, t.v, c->in[2], s.columns, false));
        LAUNCH(b, times_vector, s.rows, THREADS, t.wv, w, (const float *)t.v, s.columns);
        LAUNCH(b, finish_frozen, 1, THREADS, t, s);
    }
    LAUNCH_EACH(b, divide, n, c->out, w, (const float *)t.sigma, (uint32_t)n);
    return OK;
}

typedef struct product { /* <dout, out> */
    enum { width = 1 };
    const float *x, *y;
    __device__ void operator()(float *sums, uint32_t, uint32_t row, uint32_t) const
    {
        sums[0] += x[row] * y[row];
    }
} product;

/* dw = (dout - <dout, out> u v^T) / sigma. */
static __global__ void gradient(float *dw, const float *dout, const float *along, vectors t, sizes s,
                                uint32_t n, bool add)
{
    FOR_EACH(i, n)
    {
        float d = dout[i] - *along * t.u[i / s.columns] * t.v[i % s.columns];
        put(dw + i, d / *t.sigma, add);
    }
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    sizes s = sizes_of(c->n);
    vectors t = vectors_of(c);
    size_t n = nn_count(&c->n->shape);
    product term = {c->dout, c->out};
    store_scaled finish = {t.wv, 1, 1.0, false};
    TRY(reduce_columns<1>(b, all_elements(s), term, finish, t.partials));
    LAUNCH_EACH(b, gradient, n, c->din[0], c->dout, (const float *)t.wv, t, s, (uint32_t)n, c->add[0]);
    return OK;
}

const kernel cuda_spectral_norm = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
