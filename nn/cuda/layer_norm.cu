/* Rows are normalised by one block each; the gradients of gain and bias are sums of columns. saved: mean and
 * 1 / sqrt(var + epsilon) of every row. */
#include "nn/cuda/columns.cuh"

typedef struct sizes {
    uint32_t rows, width;
} sizes;

static sizes sizes_of(const node *n)
{
    size_t width = (size_t)n->shape.d[n->shape.rank - 1];
    return sizes{(uint32_t)(nn_count(&n->shape) / width), (uint32_t)width};
}

static __global__ void normalize_rows(float *out, const float *x, const float *gain, const float *bias,
                                      float *saved, uint32_t width, float epsilon)
{
    __shared__ float shared[THREADS];
    const float *row = x + blockIdx.x * width;
    float sum = 0, squares = 0;
    for (uint32_t i = threadIdx.x; i < width; i += THREADS) sum += row[i];
    float mean = block_sum(sum, shared) / (float)width;
    for (uint32_t i = threadIdx.x; i < width; i += THREADS) squares += (row[i] - mean) * (row[i] - mean);
    float inverse = 1 / sqrtf(block_sum(squares, shared) / (float)width + epsilon);
    for (uint32_t i = threadIdx.x; i < width; i += THREADS)
        out[blockIdx.x * width + i] = (row[i] - mean) * inverse * gain[i] + bias[i];
    if (!saved || threadIdx.x > 0) return;
    saved[2 * blockIdx.x] = mean;
    saved[2 * blockIdx.x + 1] = inverse;
}

/* With g = dout gain, xhat = (x - mean) inverse: dx = inverse (g - mean(g) - xhat mean(g xhat)). */
static __global__ void row_gradients(float *dx, const float *x, const float *dout, const float *gain,
                                     const float *saved, uint32_t width, bool add)
{
    __shared__ float shared[THREADS];
    uint32_t start = blockIdx.x * width;
    float mean = saved[2 * blockIdx.x], inverse = saved[2 * blockIdx.x + 1], sum = 0, along = 0;
    for (uint32_t i = threadIdx.x; i < width; i += THREADS) {
        float g = dout[start + i] * gain[i];
        sum += g;
        along += g * (x[start + i] - mean) * inverse;
    }
    sum = block_sum(sum, shared) / (float)width;
    along = block_sum(along, shared) / (float)width;
    for (uint32_t i = threadIdx.x; i < width; i += THREADS) {
        float normal = (x[start + i] - mean) * inverse;
        put(dx + start + i, (dout[start + i] * gain[i] - sum - normal * along) * inverse, add);
    }
}

typedef struct gradient_terms { /* dout xhat, and dout; a column at a time */
    enum { width = 1 };
    const float *x, *dout, *saved;
    uint32_t columns;
    __device__ void operator()(float *sums, uint32_t, uint32_t row, uint32_t column) const
    {
        uint32_t i = row * columns + column;
        sums[0] += dout[i] * (x[i] - saved[2 * row]) * saved[2 * row + 1];
        sums[1] += dout[i];
    }
} gradient_terms;

typedef struct keep_gradients {
    float *dgain, *dbias; /* or NULL */
    bool add_gain, add_bias;
    __device__ void operator()(uint32_t, uint32_t column, const double *sums) const
    {
        if (dgain) put(dgain + column, (float)sums[0], add_gain);
        if (dbias) put(dbias + column, (float)sums[1], add_bias);
    }
} keep_gradients;

static column_plan columns_of(sizes s)
{
    return plan_columns(1, s.rows, s.width);
}

static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    if (c->backward) c->saved_bytes = 2 * (size_t)s.rows * sizeof(float);
    if (c->wants[1] || c->wants[2]) c->scratch_bytes = column_bytes(columns_of(s), 2);
    return OK;
}

static err forward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    LAUNCH(b, normalize_rows, s.rows, THREADS, c->out, c->in[0], c->in[1], c->in[2], (float *)c->saved,
           s.width, c->n->a.epsilon);
    return OK;
}

static err backward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    const float *saved = (const float *)c->saved;
    if (c->din[0])
        LAUNCH(b, row_gradients, s.rows, THREADS, c->din[0], c->in[0], c->dout, c->in[1], saved, s.width,
               c->add[0]);
    if (!c->din[1] && !c->din[2]) return OK;
    gradient_terms term = {c->in[0], c->dout, saved, s.width};
    keep_gradients finish = {c->din[1], c->din[2], c->add[1], c->add[2]};
    return reduce_columns<2>(b, columns_of(s), term, finish, c->scratch);
}

const kernel cuda_layer_norm = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
