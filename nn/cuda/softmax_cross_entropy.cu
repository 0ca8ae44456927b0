/* One thread a row: there are a few dozen columns. */
#include "nn/cuda/launch.cuh"

/* The largest logit of a row and sum_k exp(x_k - largest). */
static __device__ inline double exponentials(const float *x, uint32_t columns, double *largest)
{
    double sum = 0;
    *largest = (double)x[0];
    for (uint32_t k = 1; k < columns; k++)
        if ((double)x[k] > *largest) *largest = (double)x[k];
    for (uint32_t k = 0; k < columns; k++) sum += exp((double)x[k] - *largest);
    return sum;
}

static __global__ void cross_entropy(float *out, const float *logits, const float *targets, uint32_t rows,
                                     uint32_t columns)
{
    __shared__ double shared[THREADS];
    double loss = 0;
    for (uint32_t r = threadIdx.x; r < rows; r += THREADS) {
        const float *x = logits + r * columns, *t = targets + r * columns;
        double largest, sum = exponentials(x, columns, &largest), normalizer = largest + log(sum);
        for (uint32_t k = 0; k < columns; k++)
            if (t[k] != 0) loss -= (double)t[k] * ((double)x[k] - normalizer);
    }
    loss = block_sum(loss, shared);
    if (threadIdx.x == 0) out[0] = (float)(loss / rows);
}

/* dx = (softmax(x) sum(t) - t) / B. */
static __global__ void cross_entropy_gradient(float *dlogits, const float *logits, const float *targets,
                                              const float *dout, uint32_t rows, uint32_t columns, bool add)
{
    double each = (double)dout[0] / rows;
    FOR_EACH(r, rows)
    {
        const float *x = logits + r * columns, *t = targets + r * columns;
        double largest, sum = exponentials(x, columns, &largest), total = 0;
        for (uint32_t k = 0; k < columns; k++) total += (double)t[k];
        for (uint32_t k = 0; k < columns; k++) {
            double d = each * (exp((double)x[k] - largest) / sum * total - (double)t[k]);
            put(dlogits + r * columns + k, (float)d, add);
        }
    }
}

static err forward(backend *b, const call *c)
{
    const int *d = c->n->in[0]->shape.d;
    TRY(cuda_check_count(nn_count(&c->n->in[0]->shape)));
    LAUNCH(b, cross_entropy, 1, THREADS, c->out, c->in[0], c->in[1], (uint32_t)d[0], (uint32_t)d[1]);
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    const int *d = c->n->in[0]->shape.d;
    LAUNCH_EACH(b, cross_entropy_gradient, (size_t)d[0], c->din[0], c->in[0], c->in[1], c->dout,
                (uint32_t)d[0], (uint32_t)d[1], c->add[0]);
    return OK;
}

const kernel cuda_softmax_cross_entropy = {
    .plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
