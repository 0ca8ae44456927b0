/* One block a row. saved: the softmax itself, where the output is not it. */
#include "nn/cuda/launch.cuh"

typedef struct sizes {
    uint32_t rows, width;
} sizes;

static sizes sizes_of(const node *n)
{
    size_t width = (size_t)n->shape.d[n->shape.rank - 1];
    return sizes{(uint32_t)(nn_count(&n->shape) / width), (uint32_t)width};
}

typedef struct soft_row {
    const float *x, *noise; /* noise: or NULL */
    uint32_t width;
    float scale;
} soft_row;

static __device__ inline float logit(soft_row s, uint32_t i)
{
    return s.scale * (s.x[i] + (s.noise ? gumbel_of(s.noise[i]) : 0));
}

/* The first largest logit of the block's row, in every thread. */
static __device__ inline largest_logit find_largest(soft_row s, uint32_t start)
{
    __shared__ largest_logit shared[THREADS];
    largest_logit mine = {-INFINITY, s.width};
    for (uint32_t i = threadIdx.x; i < s.width; i += THREADS) {
        largest_logit other = {logit(s, start + i), i};
        mine = larger_logit(mine, other);
    }
    shared[threadIdx.x] = mine;
    __syncthreads();
    for (unsigned apart = THREADS / 2; apart > 0; apart /= 2) {
        if (threadIdx.x < apart)
            shared[threadIdx.x] = larger_logit(shared[threadIdx.x], shared[threadIdx.x + apart]);
        __syncthreads();
    }
    return shared[0];
}

/* saved may be NULL. */
static __global__ void softmax_rows(float *out, float *saved, soft_row s, int kind)
{
    __shared__ float shared[THREADS];
    uint32_t start = blockIdx.x * s.width;
    largest_logit most = find_largest(s, start);
    float sum = 0;
    for (uint32_t i = threadIdx.x; i < s.width; i += THREADS) sum += expf(logit(s, start + i) - most.value);
    sum = block_sum(sum, shared);
    float inverse = 1 / sum, logarithm = logf(sum);
    for (uint32_t i = threadIdx.x; i < s.width; i += THREADS) {
        float z = logit(s, start + i) - most.value, y = expf(z) * inverse;
        out[start + i] = kind == SOFTMAX_LOG ? z - logarithm : kind == SOFTMAX_HARD ? i == most.at : y;
        if (saved) saved[start + i] = y;
    }
}

/* dx = scale y (dout - <dout, y>), or scale (dout - y sum(dout)) for the logarithm. */
static __global__ void row_gradients(float *dx, const float *y, const float *dout, uint32_t width,
                                     float scale, bool logs, bool add)
{
    __shared__ float shared[THREADS];
    uint32_t start = blockIdx.x * width;
    float total = 0;
    for (uint32_t i = threadIdx.x; i < width; i += THREADS)
        total += logs ? dout[start + i] : dout[start + i] * y[start + i];
    total = block_sum(total, shared);
    for (uint32_t i = start + threadIdx.x; i < start + width; i += THREADS)
        put(dx + i, scale * (logs ? dout[i] - y[i] * total : y[i] * (dout[i] - total)), add);
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward && c->n->a.kind != SOFTMAX_PLAIN) c->saved_bytes = nn_count(&c->n->shape) * sizeof(float);
    return OK;
}

static err forward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    soft_row rows = {c->in[0], c->n->n_in > 1 ? c->in[1] : NULL, s.width, c->n->a.scale};
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    LAUNCH(b, softmax_rows, s.rows, THREADS, c->out, (float *)c->saved, rows, c->n->a.kind);
    return OK;
}

static err backward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    const float *y = c->n->a.kind == SOFTMAX_PLAIN ? c->out : (const float *)c->saved;
    if (c->din[0])
        LAUNCH(b, row_gradients, s.rows, THREADS, c->din[0], y, c->dout, s.width, c->n->a.scale,
               c->n->a.kind == SOFTMAX_LOG, c->add[0]);
    return OK;
}

const kernel cuda_softmax = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
