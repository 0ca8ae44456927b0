/* One block a row. saved: the length of every row. */
#include "nn/cuda/launch.cuh"

typedef struct sizes {
    uint32_t rows, width;
} sizes;

static sizes sizes_of(const node *n)
{
    size_t width = (size_t)n->shape.d[n->shape.rank - 1];
    return sizes{(uint32_t)(nn_count(&n->shape) / width), (uint32_t)width};
}

static __global__ void normalize_rows(float *out, const float *x, float *saved, uint32_t width, float epsilon)
{
    __shared__ float shared[THREADS];
    uint32_t start = blockIdx.x * width;
    float squares = 0;
    for (uint32_t i = threadIdx.x; i < width; i += THREADS) squares += x[start + i] * x[start + i];
    float length = sqrtf(block_sum(squares, shared)), inverse = 1 / (length < epsilon ? epsilon : length);
    for (uint32_t i = threadIdx.x; i < width; i += THREADS) out[start + i] = x[start + i] * inverse;
    if (saved && threadIdx.x == 0) saved[blockIdx.x] = length;
}

/* dx = (dout - y <dout, y>) / length; a row shorter than epsilon was only divided by epsilon. */
static __global__ void row_gradients(float *dx, const float *y, const float *dout, const float *saved,
                                     uint32_t width, float epsilon, bool add)
{
    __shared__ float shared[THREADS];
    uint32_t start = blockIdx.x * width;
    float length = saved[blockIdx.x], product = 0;
    bool whole = length > epsilon;
    for (uint32_t i = threadIdx.x; i < width; i += THREADS) product += dout[start + i] * y[start + i];
    product = block_sum(product, shared);
    float along = whole ? product : 0, inverse = 1 / (whole ? length : epsilon);
    for (uint32_t i = threadIdx.x; i < width; i += THREADS)
        put(dx + start + i, (dout[start + i] - y[start + i] * along) * inverse, add);
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward) c->saved_bytes = (size_t)sizes_of(c->n).rows * sizeof(float);
    return OK;
}

static err forward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    LAUNCH(b, normalize_rows, s.rows, THREADS, c->out, c->in[0], (float *)c->saved, s.width, c->n->a.epsilon);
    return OK;
}

static err backward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    if (c->din[0])
        LAUNCH(b, row_gradients, s.rows, THREADS, c->din[0], (const float *)c->out, c->dout,
               (const float *)c->saved, s.width, c->n->a.epsilon, c->add[0]);
    return OK;
}

const kernel cuda_normalize = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
