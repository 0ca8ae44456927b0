/* Batch norm over (B,H,W), with one gain and bias per channel or per sample and channel, and relu.
 *
 * With channels last, x is a matrix of B*H*W rows and C columns, and everything is sums of columns. The
 * variance comes from squares of x - pivot, with the first row as the pivot, so that it does not cancel where
 * the mean is large (Chan, Golub & LeVeque 1983, "shifted data"). relu's mask is found from x again, by the
 * same instructions as in forward, rather than read from the output. */
#include "nn/cuda/columns.cuh"

/* What every kernel needs; g(b, c) = conditional ? [b][c] : [c]. */
typedef struct normalizer {
    uint32_t samples, area, channels; /* area: rows of a sample */
    bool conditional, relu, training;
    const float *x, *gain, *bias;
    float *mean, *inverse; /* (C) each: inverse = 1 / sqrt(var + epsilon) */
} normalizer;

static __device__ inline float normal(const normalizer &n, uint32_t i, uint32_t channel)
{
    return (n.x[i] - n.mean[channel]) * n.inverse[channel];
}

static __device__ inline uint32_t gain_at(const normalizer &n, uint32_t sample, uint32_t channel)
{
    return (n.conditional ? sample * n.channels : 0) + channel;
}

/* Before the activation. The rounding is spelled out, so that backward finds the very same value. */
static __device__ inline float normed(const normalizer &n, uint32_t i, uint32_t sample, uint32_t channel)
{
    uint32_t at = gain_at(n, sample, channel);
    float scale = __fmul_rn(n.gain[at], n.inverse[channel]);
    return __fmaf_rn(__fsub_rn(n.x[i], n.mean[channel]), scale, n.bias[at]);
}

/* ---- forward ---- */

typedef struct moments { /* sums of x - pivot and of its square */
    const float *x;
    uint32_t columns;
    __device__ void operator()(float *sums, uint32_t, uint32_t row, uint32_t column) const
    {
        float d = x[row * columns + column] - x[column];
        sums[0] += d;
        sums[1] += d * d;
    }
} moments;

/* Mean and inverse deviation of the batch; moves the running ones (unbiased variance). */
typedef struct keep_moments {
    const float *x;
    float *mean, *inverse, *running_mean, *running_var;
    double count, momentum, epsilon;
    __device__ void operator()(uint32_t, uint32_t c, const double *sums) const
    {
        double away = sums[0] / count, squares = sums[1] - sums[0] * away;
        double batch_mean = (double)x[c] + away;
        if (squares < 0) squares = 0; /* rounding; NaN stays */
        double variance = squares / count, unbiased = count > 1 ? squares / (count - 1) : variance;
        mean[c] = (float)batch_mean;
        inverse[c] = (float)(1 / sqrt(variance + epsilon));
        running_mean[c] = (float)((1 - momentum) * (double)running_mean[c] + momentum * batch_mean);
        running_var[c] = (float)((1 - momentum) * (double)running_var[c] + momentum * unbiased);
    }
} keep_moments;

static __global__ void take_running(normalizer n, const float *running_mean, const float *running_var,
                                    float epsilon)
{
    FOR_EACH(c, n.channels)
    {
        n.mean[c] = running_mean[c];
        n.inverse[c] = (float)(1 / sqrt((double)running_var[c] + (double)epsilon));
    }
}

static __global__ void apply(float *out, normalizer n, uint32_t count)
{
    FOR_EACH(i, count)
    {
        float y = normed(n, i, i / n.channels / n.area, i % n.channels);
        out[i] = n.relu && y < 0 ? 0 : y;
    }
}

/* Where things lie. saved (scratch if there is no backward): mean, inverse. scratch: partial sums; in
 * backward before them sums (S,2,C) of segments and totals (2,C). */
static normalizer norm_of(const call *c)
{
    const nn_shape_t *s = &c->n->shape;
    normalizer n;
    n.samples = (uint32_t)s->d[0];
    n.channels = (uint32_t)s->d[1];
    n.area = s->rank == 4 ? (uint32_t)s->d[2] * (uint32_t)s->d[3] : 1;
    n.conditional = c->n->in[1]->shape.rank == 2;
    n.relu = c->n->a.act == ACT_RELU;
    n.training = c->n->a.training;
    n.x = c->in[0];
    n.gain = c->in[1];
    n.bias = c->in[2];
    n.mean = (float *)(c->backward ? c->saved : c->scratch);
    n.inverse = n.mean ? n.mean + n.channels : NULL; /* there is no memory yet when planning */
    return n;
}

static column_plan batch_columns(const normalizer &n)
{
    return plan_columns(1, (size_t)n.samples * n.area, n.channels);
}

/* One segment per gain. */
static column_plan gain_columns(const normalizer &n)
{
    return n.conditional ? plan_columns(n.samples, n.area, n.channels) : batch_columns(n);
}

static column_plan sample_columns(const normalizer &n)
{
    return plan_columns(1, n.samples, n.channels);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t backward_tables(const normalizer &n)
{
    size_t rows = n.conditional ? n.samples : 1;
    return cuda_aligned((rows + 1) * 2 * n.channels * sizeof(float));
}

static err plan(backend *b, call *c)
{
    (void)b;
    normalizer n = norm_of(c);
    size_t statistics = 2 * n.channels * sizeof(float);
    size_t forward = column_bytes(batch_columns(n), 2) + (c->backward ? 0 : cuda_aligned(statistics));
    size_t backward =
        backward_tables(n) + larger(column_bytes(gain_columns(n), 2), column_bytes(sample_columns(n), 2));
    if (c->backward) c->saved_bytes = statistics;
    c->scratch_bytes = larger(forward, c->backward ? backward : 0);
    return OK;
}

static err forward(backend *b, const call *c)
{
    normalizer n = norm_of(c);
    size_t count = nn_count(&c->n->shape);
    if (n.training) {
        char *partials =
            (char *)c->scratch + (c->backward ? 0 : cuda_aligned(2 * n.channels * sizeof(float)));
        moments term = {n.x, n.channels};
        keep_moments finish = {n.x,
                               n.mean,
                               n.inverse,
                               c->state[3],
                               c->state[4],
                               (double)n.samples * n.area,
                               (double)c->n->a.momentum,
                               (double)c->n->a.epsilon};
        TRY(reduce_columns<2>(b, batch_columns(n), term, finish, partials));
    } else {
        LAUNCH_EACH(b, take_running, (size_t)n.channels, n, c->in[3], c->in[4], c->n->a.epsilon);
    }
    LAUNCH_EACH(b, apply, count, c->out, n, (uint32_t)count);
    return OK;
}

/* ---- backward: with g = dout where the output is positive (or no relu), xhat = (x - mean) inverse, and
 * means over (B,H,W): dx = inverse (gain g - mean(gain g) - xhat mean(gain g xhat)) ---- */

static __device__ inline float through(const normalizer &n, const float *dout, uint32_t i, uint32_t sample,
                                       uint32_t channel)
{
    return n.relu && !(normed(n, i, sample, channel) > 0) ? 0 : dout[i];
}

typedef struct gradient_sums { /* sums of g and of g xhat */
    normalizer n;
    const float *dout;
    uint32_t rows; /* of a segment */
    __device__ void operator()(float *sums, uint32_t segment, uint32_t row, uint32_t column) const
    {
        uint32_t i = (segment * rows + row) * n.channels + column;
        float g = through(n, dout, i, segment, column);
        sums[0] += g;
        sums[1] += g * normal(n, i, column);
    }
} gradient_sums;

/* The gradients of gain and bias, and gain times the sums. */
typedef struct keep_gradients {
    normalizer n;
    float *dgain, *dbias, *weighted; /* dgain, dbias: or NULL; weighted (S,2,C) */
    bool add_gain, add_bias;
    __device__ void operator()(uint32_t segment, uint32_t column, const double *sums) const
    {
        uint32_t at = segment * n.channels + column;
        if (dgain) put(dgain + at, (float)sums[1], add_gain);
        if (dbias) put(dbias + at, (float)sums[0], add_bias);
        weighted[2 * segment * n.channels + column] = (float)((double)n.gain[at] * sums[0]);
        weighted[(2 * segment + 1) * n.channels + column] = (float)((double)n.gain[at] * sums[1]);
    }
} keep_gradients;

typedef struct add_weighted { /* rows are samples */
    const float *weighted;
    uint32_t columns;
    __device__ void operator()(float *sums, uint32_t, uint32_t row, uint32_t column) const
    {
        sums[0] += weighted[2 * row * columns + column];
        sums[1] += weighted[(2 * row + 1) * columns + column];
    }
} add_weighted;

typedef struct keep_totals { /* (2,C) */
    float *totals;
    uint32_t columns;
    __device__ void operator()(uint32_t, uint32_t column, const double *sums) const
    {
        totals[column] = (float)sums[0];
        totals[columns + column] = (float)sums[1];
    }
} keep_totals;

static __global__ void gradient(float *dx, normalizer n, const float *dout, const float *totals,
                                uint32_t count, bool add)
{
    float each = 1 / ((float)n.samples * (float)n.area);
    FOR_EACH(i, count)
    {
        uint32_t channel = i % n.channels, sample = i / n.channels / n.area;
        float d = n.gain[gain_at(n, sample, channel)] * through(n, dout, i, sample, channel);
        if (n.training) d -= (totals[channel] + normal(n, i, channel) * totals[n.channels + channel]) * each;
        put(dx + i, d * n.inverse[channel], add);
    }
}

/* Leaves the sums over the batch that the gradient of x needs at *totals (2,C). */
static err sum_gradients(backend *b, const call *c, const normalizer &n, const float **totals)
{
    column_plan p = gain_columns(n);
    float *weighted = (float *)c->scratch, *last = weighted + (size_t)p.segments * 2 * n.channels;
    void *partials = (char *)c->scratch + backward_tables(n);
    gradient_sums term = {n, c->dout, p.rows};
    keep_gradients finish = {n, c->din[1], c->din[2], weighted, c->add[1], c->add[2]};
    TRY(reduce_columns<2>(b, p, term, finish, partials));
    *totals = p.segments == 1 ? weighted : last;
    if (p.segments == 1) return OK;
    add_weighted samples = {weighted, n.channels};
    keep_totals keep = {last, n.channels};
    return reduce_columns<2>(b, sample_columns(n), samples, keep, partials);
}

static err backward(backend *b, const call *c)
{
    normalizer n = norm_of(c);
    const float *totals = NULL;
    size_t count = nn_count(&c->n->shape);
    if (n.training || c->din[1] || c->din[2]) TRY(sum_gradients(b, c, n, &totals));
    if (c->din[0]) LAUNCH_EACH(b, gradient, count, c->din[0], n, c->dout, totals, (uint32_t)count, c->add[0]);
    return OK;
}

const kernel cuda_batch_norm = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
