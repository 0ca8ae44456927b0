/* out (B,1) = the dot products of the rows of a and b (B,D): one block a row. */
#include "nn/cuda/launch.cuh"

static __global__ void dot_rows(float *out, const float *x, const float *y, uint32_t columns)
{
    __shared__ float shared[THREADS];
    size_t start = (size_t)blockIdx.x * columns;
    float sum = 0;
    for (uint32_t i = threadIdx.x; i < columns; i += THREADS) sum += x[start + i] * y[start + i];
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

static __global__ void scale_rows(float *dx, const float *other, const float *dout, uint32_t n,
                                  uint32_t columns, bool add)
{
    FOR_EACH(i, n) put(dx + i, dout[i / columns] * other[i], add);
}

static err forward(backend *b, const call *c)
{
    const int *d = c->n->in[0]->shape.d;
    LAUNCH(b, dot_rows, (unsigned)d[0], THREADS, c->out, c->in[0], c->in[1], (uint32_t)d[1]);
    return OK;
}

/* da = dout b, db = dout a, row by row. */
static err backward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    uint32_t columns = (uint32_t)c->n->in[0]->shape.d[1];
    for (int i = 0; i < 2; i++)
        if (c->din[i])
            LAUNCH_EACH(b, scale_rows, n, c->din[i], c->in[1 - i], c->dout, (uint32_t)n, columns, c->add[i]);
    return OK;
}

const kernel cuda_row_dot = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
