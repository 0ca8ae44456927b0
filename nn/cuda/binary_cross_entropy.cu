/* NaN targets are unknown and count for nothing. B x K is small: one block, which in backward counts the
 * known ones again rather than keep their number. */
#include "nn/cuda/launch.cuh"

static __device__ inline double count_known(const float *targets, uint32_t n, double *shared)
{
    double count = 0;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS) count += isnan(targets[i]) ? 0 : 1;
    return block_sum(count, shared);
}

/* With replicas, the sum of their numbers of known targets, from which each takes the mean. */
typedef struct shared_count {
    const float *sum; /* NULL: no replicas */
    int replicas;
} shared_count;

static __global__ void store_known(float *count, const float *targets, uint32_t n)
{
    __shared__ double shared[THREADS];
    double known = count_known(targets, n, shared);
    if (threadIdx.x == 0) *count = (float)known;
}

static __device__ inline double known_of(const float *targets, uint32_t n, shared_count all, double *shared)
{
    return all.sum ? (double)*all.sum / all.replicas : count_known(targets, n, shared);
}

static __global__ void cross_entropy(float *out, const float *logits, const float *targets, shared_count all,
                                     uint32_t n)
{
    __shared__ double shared[THREADS];
    double loss = 0, count = known_of(targets, n, all, shared);
    for (uint32_t i = threadIdx.x; i < n; i += THREADS) {
        double x = (double)logits[i], t = (double)targets[i];
        if (!isnan(t)) loss += (x < 0 ? 0 : x) - x * t + log1p(exp(-fabs(x)));
    }
    loss = block_sum(loss, shared);
    if (threadIdx.x == 0) out[0] = count > 0 ? (float)(loss / count) : 0;
}

/* dx = (sigmoid(x) - t) / known. */
static __global__ void cross_entropy_gradient(float *dlogits, const float *logits, const float *targets,
                                              const float *dout, shared_count all, uint32_t n, bool add)
{
    __shared__ double shared[THREADS];
    double count = known_of(targets, n, all, shared), each = count > 0 ? (double)dout[0] / count : 0;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS) {
        double x = (double)logits[i], t = (double)targets[i];
        double d = isnan(t) ? 0 : each * (1 / (1 + exp(-x)) - t);
        put(dlogits + i, (float)d, add);
    }
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->replicas > 1) c->scratch_bytes = sizeof(float);
    return OK;
}

static err share_count(backend *b, const call *c, size_t n, shared_count *out)
{
    float *sum = (float *)c->scratch;
    *out = shared_count{NULL, c->replicas};
    TRY(cuda_check_count(n));
    if (c->replicas <= 1) return OK;
    LAUNCH(b, store_known, 1, THREADS, sum, c->in[1], (uint32_t)n);
    out->sum = sum;
    return cuda_all_reduce(b, sum, 1);
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    shared_count all;
    TRY(share_count(b, c, n, &all));
    LAUNCH(b, cross_entropy, 1, THREADS, c->out, c->in[0], c->in[1], all, (uint32_t)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    shared_count all;
    if (!c->din[0]) return OK;
    TRY(share_count(b, c, n, &all));
    LAUNCH(b, cross_entropy_gradient, 1, THREADS, c->din[0], c->in[0], c->in[1], c->dout, all, (uint32_t)n,
           c->add[0]);
    return OK;
}

const kernel cuda_binary_cross_entropy = {
    .plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
