/* saved: log sum exp of every row, then the sum of the weights; with replicas the mean of their sums, so that
 * the mean of their losses is the loss. */
#include "nn/cpu/elementwise.h"

typedef struct sizes {
    size_t rows, classes, per_weight; /* per_weight: rows that share one weight */
} sizes;

static sizes sizes_of(const node *n)
{
    const nn_shape_t *s = &n->in[0]->shape;
    size_t classes = (size_t)s->d[s->rank - 1], rows = nn_count(s) / classes;
    return (sizes){rows, classes, rows / (size_t)s->d[0]};
}

static err plan(backend *b, call *c)
{
    (void)b;
    size_t bytes = (sizes_of(c->n).rows + 1) * sizeof(float);
    *(c->backward ? &c->saved_bytes : &c->scratch_bytes) = bytes;
    return OK;
}

/* 0 for a row that does not count. */
static float weight_of(const call *c, sizes s, size_t r)
{
    float id = c->in[1][r];
    if (!(id >= 0 && id < (float)s.classes)) return 0;
    return c->n->n_in > 2 ? c->in[2][r / s.per_weight] : 1;
}

CPU_KERNEL static float log_sum_exp(const float *x, size_t n)
{
    float most = x[0], sum = 0;
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < n; i++) most = x[i] > most ? x[i] : most;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += exponential(x[i] - most);
    return n ? most + logf(sum) : -INFINITY;
}

static err forward(backend *b, const call *c)
{
    sizes s = sizes_of(c->n);
    float *log_sums = c->backward ? c->saved : c->scratch;
    double loss = 0, total = 0;
#pragma omp parallel for schedule(static) if (s.rows * s.classes > 2048)
    for (size_t r = 0; r < s.rows; r++) log_sums[r] = log_sum_exp(c->in[0] + r * s.classes, s.classes);
    for (size_t r = 0; r < s.rows; r++) {
        double weight = (double)weight_of(c, s, r);
        if (weight == 0) continue;
        total += weight;
        loss += weight * ((double)log_sums[r] - (double)c->in[0][r * s.classes + (size_t)c->in[1][r]]);
    }
    log_sums[s.rows] = (float)total;
    if (c->replicas > 1) {
        TRY(cpu_all_reduce(b, log_sums + s.rows, 1));
        log_sums[s.rows] /= (float)c->replicas;
        total = (double)log_sums[s.rows];
    }
    c->out[0] = (float)(total > 0 ? loss / total : 0);
    return OK;
}

CPU_KERNEL static void backward_row(float *restrict dx, const float *restrict x, size_t n, float log_sum,
                                    float each, bool add)
{
    if (add)
        for (size_t i = 0; i < n; i++) dx[i] += each * exponential(x[i] - log_sum);
    else
        for (size_t i = 0; i < n; i++) dx[i] = each * exponential(x[i] - log_sum);
}

/* dx = dout (w_r / sum w) (softmax(x_r) - one at id_r) */
static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    const float *log_sums = c->saved;
    float total = log_sums[s.rows], scale = total > 0 ? c->dout[0] / total : 0;
    if (!c->din[0]) return OK;
#pragma omp parallel for schedule(static) if (s.rows * s.classes > 2048)
    for (size_t r = 0; r < s.rows; r++) {
        float *dx = c->din[0] + r * s.classes, each = scale * weight_of(c, s, r);
        if (each != 0) {
            backward_row(dx, c->in[0] + r * s.classes, s.classes, log_sums[r], each, c->add[0]);
            dx[(size_t)c->in[1][r]] -= each;
        } else if (!c->add[0]) {
            memset(dx, 0, s.classes * sizeof *dx);
        }
    }
    return OK;
}

const kernel cpu_token_cross_entropy = {.plan = plan, .forward = forward, .backward = backward};
