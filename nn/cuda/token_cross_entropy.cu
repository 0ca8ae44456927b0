/* One block a row, then one block for the mean. saved: log sum exp of every row, then the sum of the weights;
 * with replicas the mean of their sums, so that the mean of their losses is the loss. */
#include "nn/cuda/launch.cuh"

typedef struct tokens {
    const float *logits, *ids, *weights; /* weights: or NULL */
    uint32_t rows, classes, per_weight;  /* per_weight: rows that share one weight */
} tokens;

static tokens tokens_of(const call *c)
{
    const nn_shape_t *s = &c->n->in[0]->shape;
    size_t classes = (size_t)s->d[s->rank - 1], rows = nn_count(s) / classes;
    const float *weights = c->n->n_in > 2 ? c->in[2] : NULL;
    return tokens{c->in[0],       c->in[1],          weights,
                  (uint32_t)rows, (uint32_t)classes, (uint32_t)(rows / (size_t)s->d[0])};
}

/* 0 for a row that does not count. */
static __device__ inline float weight_of(tokens t, uint32_t r)
{
    if (row_of_id(t.ids[r], t.classes) == t.classes) return 0;
    return t.weights ? t.weights[r / t.per_weight] : 1;
}

static __global__ void log_sum_exp(float *log_sums, tokens t)
{
    __shared__ float shared[THREADS];
    const float *x = t.logits + blockIdx.x * t.classes;
    float most = -INFINITY, sum = 0;
    for (uint32_t i = threadIdx.x; i < t.classes; i += THREADS) most = x[i] > most ? x[i] : most;
    most = block_max(most, shared);
    for (uint32_t i = threadIdx.x; i < t.classes; i += THREADS) sum += expf(x[i] - most);
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) log_sums[blockIdx.x] = most + logf(sum);
}

/* The mean; or, with replicas, only its two sums. */
static __global__ void mean_loss(float *out, float *log_sums, tokens t, bool divide)
{
    __shared__ double shared[THREADS];
    double loss = 0, total = 0;
    for (uint32_t r = threadIdx.x; r < t.rows; r += THREADS) {
        double weight = (double)weight_of(t, r);
        if (weight == 0) continue;
        total += weight;
        loss += weight * ((double)log_sums[r] - (double)t.logits[r * t.classes + (uint32_t)t.ids[r]]);
    }
    loss = block_sum(loss, shared);
    total = block_sum(total, shared);
    if (threadIdx.x > 0) return;
    log_sums[t.rows] = (float)total;
    out[0] = (float)(!divide ? loss : total > 0 ? loss / total : 0);
}

static __global__ void divide_loss(float *out, float *total, int replicas)
{
    *total /= (float)replicas;
    out[0] = *total > 0 ? out[0] / *total : 0;
}

/* dx = dout (w_r / sum w) (softmax(x_r) - one at id_r) */
static __global__ void gradient(float *dx, const float *log_sums, const float *dout, tokens t, uint32_t n,
                                bool add)
{
    float total = log_sums[t.rows], scale = total > 0 ? dout[0] / total : 0;
    FOR_EACH(i, n)
    {
        uint32_t r = i / t.classes;
        float each = scale * weight_of(t, r), hit = row_of_id(t.ids[r], t.classes) == i % t.classes;
        put(dx + i, each != 0 ? each * (expf(t.logits[i] - log_sums[r]) - hit) : 0, add);
    }
}

static err plan(backend *b, call *c)
{
    (void)b;
    size_t bytes = (tokens_of(c).rows + (size_t)1) * sizeof(float);
    *(c->backward ? &c->saved_bytes : &c->scratch_bytes) = bytes;
    return OK;
}

static err forward(backend *b, const call *c)
{
    tokens t = tokens_of(c);
    float *log_sums = (float *)(c->backward ? c->saved : c->scratch);
    TRY(cuda_check_count(nn_count(&c->n->in[0]->shape)));
    LAUNCH(b, log_sum_exp, t.rows, THREADS, log_sums, t);
    LAUNCH(b, mean_loss, 1, THREADS, c->out, log_sums, t, c->replicas <= 1);
    if (c->replicas <= 1) return OK;
    TRY(cuda_all_reduce(b, log_sums + t.rows, 1));
    LAUNCH(b, divide_loss, 1, 1, c->out, log_sums + t.rows, c->replicas);
    return OK;
}

static err backward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->in[0]->shape);
    if (c->din[0])
        LAUNCH_EACH(b, gradient, n, c->din[0], (const float *)c->saved, c->dout, tokens_of(c), (uint32_t)n,
                    c->add[0]);
    return OK;
}

const kernel cuda_token_cross_entropy = {
    .plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
