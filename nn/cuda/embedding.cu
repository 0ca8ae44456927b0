/* Rows of a table by their ids. Backward, a block has one row of the table, finds its uses among the ids, and
 * adds them in order. */
#include "nn/cuda/launch.cuh"

static __global__ void look_up(float *out, const float *ids, const float *table, uint32_t known,
                               uint32_t width, uint32_t n)
{
    FOR_EACH(i, n)
    {
        uint32_t id = row_of_id(ids[i / width], known);
        out[i] = id < known ? table[id * width + i % width] : 0;
    }
}

/* One block a row of the table; the ids are looked through THREADS at a time. */
static __global__ void add_uses(float *dtable, const float *ids, const float *dout, uint32_t rows,
                                uint32_t known, uint32_t width, bool add)
{
    __shared__ bool used[THREADS];
    float *to = dtable + blockIdx.x * width;
    if (!add)
        for (uint32_t e = threadIdx.x; e < width; e += THREADS) to[e] = 0;
    for (uint32_t start = 0; start < rows; start += THREADS) {
        uint32_t r = start + threadIdx.x;
        bool mine = r < rows && row_of_id(ids[r], known) == blockIdx.x;
        used[threadIdx.x] = mine;
        if (__syncthreads_or(mine))
            for (uint32_t k = 0; k < THREADS; k++)
                for (uint32_t e = threadIdx.x; used[k] && e < width; e += THREADS)
                    to[e] += dout[(start + k) * width + e];
        __syncthreads(); /* before `used` changes */
    }
}

static err forward(backend *b, const call *c)
{
    const int *d = c->n->in[1]->shape.d;
    size_t n = nn_count(&c->n->shape);
    TRY(cuda_check_count(nn_count(&c->n->in[1]->shape)));
    LAUNCH_EACH(b, look_up, n, c->out, c->in[0], c->in[1], (uint32_t)d[0], (uint32_t)d[1], (uint32_t)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    const int *d = c->n->in[1]->shape.d;
    if (!c->din[1]) return OK;
    LAUNCH(b, add_uses, (unsigned)d[0], THREADS, c->din[1], c->in[0], c->dout,
           (uint32_t)nn_count(&c->n->in[0]->shape), (uint32_t)d[0], (uint32_t)d[1], c->add[1]);
    return OK;
}

const kernel cuda_embedding = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
