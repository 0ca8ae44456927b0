/* base/rng.c's bulk fills, to the bit: this file is compiled without contraction into fused multiply-adds,
 * and nvcc's division and square root are rounded as IEEE 754 says. t is read from device memory, because a
 * graph replays its kernels with the arguments that they were captured with. */
#include "nn/cuda/launch.cuh"

static __global__ void set_counter(uint64_t *counter, uint64_t t)
{
    *counter = t;
}

err cuda_set_t(backend *b, uint64_t t)
{
    if (b->t_known && b->t_value == t) return OK;
    LAUNCH(b, set_counter, 1, 1, b->t, t);
    b->t_value = t;
    b->t_known = true;
    return OK;
}

/* The four elements of a block of the draw. */
static __device__ inline void block_values(uint64_t key, uint64_t t, bool normal, uint64_t block,
                                           float *values)
{
    philox_words w = philox_block(key, t, block);
    for (int k = 0; k < 4; k++) values[k] = uniform_of(w.word[k]);
    if (!normal) return;
    for (int k = 0; k < 4; k += 2) {
        normal_pair pair = normal_of_words(w.word[k], w.word[k + 1]);
        values[k] = pair.cosine;
        values[k + 1] = pair.sine;
    }
}

static __global__ void draw(uint64_t key, const uint64_t *t, bool normal, float *out, uint32_t n)
{
    FOR_EACH(block, (n + 3) / 4)
    {
        float values[4];
        block_values(key, *t, normal, block, values);
        for (uint32_t k = 0; k < 4 && 4 * block + k < n; k++) out[4 * block + k] = values[k];
    }
}

/* Every `replicas`-th row of the draw, from row `rank` on. */
static __global__ void draw_rows(uint64_t key, const uint64_t *t, bool normal, float *out, uint32_t n,
                                 uint32_t columns, uint32_t replicas, uint32_t rank)
{
    FOR_EACH(i, n)
    {
        float values[4];
        uint64_t row = (uint64_t)(i / columns) * replicas + rank, at = row * columns + i % columns;
        block_values(key, *t, normal, at / 4, values);
        out[i] = values[at % 4];
    }
}

/* While capturing, the counter is left to whoever launches the graph. */
static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape), columns = n / (size_t)c->n->shape.d[0];
    bool normal = c->n->a.kind == DISTRIBUTION_NORMAL;
    if (!b->capturing) TRY(cuda_set_t(b, c->t));
    if (c->replicas > 1)
        LAUNCH_EACH(b, draw_rows, n, c->n->a.key, (const uint64_t *)b->t, normal, c->out, (uint32_t)n,
                    (uint32_t)columns, (uint32_t)c->replicas, (uint32_t)c->rank);
    else
        LAUNCH_EACH(b, draw, n, c->n->a.key, (const uint64_t *)b->t, normal, c->out, (uint32_t)n);
    return OK;
}

const kernel cuda_random = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = NULL};
