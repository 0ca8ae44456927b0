/* out = w * gain / sqrt(var + epsilon): each row of the weights by a number of its own. */
#include "nn/cuda/launch.cuh"

enum { W, GAIN, VARIANCE };

static __global__ void fold(float *out, const float *w, const float *gain, const float *variance,
                            uint32_t columns, float epsilon, bool add, uint32_t n)
{
    FOR_EACH(i, n)
    {
        uint32_t row = i / columns;
        put(out + i, w[i] * (gain[row] / sqrtf(variance[row] + epsilon)), add);
    }
}

/* One block a row. */
static __global__ void gain_gradient(float *dgain, const float *dout, const float *w, const float *variance,
                                     uint32_t columns, float epsilon, bool add)
{
    __shared__ float shared[THREADS];
    uint32_t row = blockIdx.x, start = row * columns;
    float sum = 0;
    for (uint32_t i = threadIdx.x; i < columns; i += THREADS) sum += dout[start + i] * w[start + i];
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) put(dgain + row, sum / sqrtf(variance[row] + epsilon), add);
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    LAUNCH_EACH(b, fold, n, c->out, c->in[W], c->in[GAIN], c->in[VARIANCE],
                (uint32_t)(n / (size_t)c->n->shape.d[0]), c->n->a.epsilon, false, (uint32_t)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    uint32_t rows = (uint32_t)c->n->shape.d[0], columns = (uint32_t)(n / rows);
    if (c->din[W])
        LAUNCH_EACH(b, fold, n, c->din[W], c->dout, c->in[GAIN], c->in[VARIANCE], columns, c->n->a.epsilon,
                    c->add[W], (uint32_t)n);
    if (c->din[GAIN])
        LAUNCH(b, gain_gradient, rows, THREADS, c->din[GAIN], c->dout, c->in[W], c->in[VARIANCE], columns,
               c->n->a.epsilon, c->add[GAIN]);
    return OK;
}

const kernel cuda_fold_norm = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
