/* Batch norm over (B,H,W), with one gain and bias per channel or per sample and channel, and relu.
 *
 * With channels last, x is a matrix of B*H*W rows and C columns, and everything is sums of columns. The
 * variance comes from squares of x - pivot, with the first row as the pivot, so that it does not cancel where
 * the mean is large (Chan, Golub & LeVeque 1983, "shifted data"). relu's mask is found from x again, by the
 * same instructions as in forward, rather than read from the output. */
#include "nn/cuda/columns.cuh"

/* What every kernel needs, but for the elements' type; g(b, c) = conditional ? [b][c] : [c]. */
typedef struct normalizer {
    element type;
    uint32_t samples, area, channels; /* area: rows of a sample */
    bool conditional, relu, training;
    const void *x;
    const float *gain, *bias;
    float *mean, *inverse; /* (C) each: inverse = 1 / sqrt(var + epsilon) */
} normalizer;

/* Of pack i of x: its sample and first channel. */
typedef struct place {
    uint32_t sample, channel;
} place;

template <int W> static __device__ inline place place_of(const normalizer &n, uint32_t i)
{
    uint32_t packs = n.channels / W;
    return place{i / packs / n.area, i % packs * W};
}

static __device__ inline uint32_t gain_at(const normalizer &n, place p)
{
    return (n.conditional ? p.sample * n.channels : 0) + p.channel;
}

/* (x - mean) inverse. */
template <int W> static __device__ inline floats<W> normal(const normalizer &n, const floats<W> &x, place p)
{
    floats<W> mean = load<W>(n.mean, p.channel / W), inverse = load<W>(n.inverse, p.channel / W), out;
    for (int k = 0; k < W; k++) out.v[k] = (x.v[k] - mean.v[k]) * inverse.v[k];
    return out;
}

/* Before the activation. The rounding is spelled out, so that backward finds the very same value. */
template <int W> static __device__ inline floats<W> normed(const normalizer &n, const floats<W> &x, place p)
{
    floats<W> mean = load<W>(n.mean, p.channel / W), inverse = load<W>(n.inverse, p.channel / W);
    floats<W> gain = load<W>(n.gain, gain_at(n, p) / W), bias = load<W>(n.bias, gain_at(n, p) / W), out;
    for (int k = 0; k < W; k++) {
        float scale = __fmul_rn(gain.v[k], inverse.v[k]);
        out.v[k] = __fmaf_rn(__fsub_rn(x.v[k], mean.v[k]), scale, bias.v[k]);
    }
    return out;
}

/* ---- forward ---- */

template <class T, int W> struct moments { /* sums of x - pivot and of its square */
    enum { width = W };
    const T *x;
    uint32_t columns;
    __device__ void operator()(float *sums, uint32_t, uint32_t row, uint32_t column) const
    {
        floats<W> pivot = load<W>(x, column / W), x_here = load<W>(x, (row * columns + column) / W);
        for (int k = 0; k < W; k++) {
            float d = x_here.v[k] - pivot.v[k];
            sums[k] += d;
            sums[W + k] += d * d;
        }
    }
};

/* What becomes of the moments of the whole batch: the running ones move, by the unbiased variance. */
typedef struct moments_end {
    float *mean, *inverse, *running_mean, *running_var;
    double count, momentum, epsilon;
} moments_end;

static __device__ inline void end_moments(const moments_end &e, uint32_t c, double mean, double variance)
{
    double unbiased = e.count > 1 ? variance * e.count / (e.count - 1) : variance;
    e.mean[c] = (float)mean;
    e.inverse[c] = (float)(1 / sqrt(variance + e.epsilon));
    e.running_mean[c] = (float)((1 - e.momentum) * (double)e.running_mean[c] + e.momentum * mean);
    e.running_var[c] = (float)((1 - e.momentum) * (double)e.running_var[c] + e.momentum * unbiased);
}

/* Ends with the moments of the batch; or, with replicas, stores those of this one's rows at own (2,C). */
template <class T> struct keep_moments {
    const T *x;
    double count; /* of this replica */
    float *own;
    uint32_t channels;
    moments_end end;
    __device__ void operator()(uint32_t, uint32_t c, const double *sums) const
    {
        double away = sums[0] / count, squares = sums[1] - sums[0] * away;
        double mean = (double)to_float(x[c]) + away;
        if (squares < 0) squares = 0; /* rounding; NaN stays */
        if (!own) {
            end_moments(end, c, mean, squares / count);
        } else {
            own[c] = (float)mean;
            own[channels + c] = (float)(squares / count);
        }
    }
};

/* From the moments of all replicas, rows (R,2,C), to those of the batch (Chan, Golub & LeVeque 1979). */
static __global__ void join_moments(moments_end end, const float *rows, int replicas, uint32_t channels)
{
    FOR_EACH(c, channels)
    {
        double mean = 0, variance = 0;
        for (int r = 0; r < replicas; r++) mean += (double)rows[2 * r * channels + c] / replicas;
        for (int r = 0; r < replicas; r++) {
            double away = (double)rows[2 * r * channels + c] - mean;
            variance += ((double)rows[(2 * r + 1) * channels + c] + away * away) / replicas;
        }
        end_moments(end, c, mean, variance);
    }
}

static __global__ void take_running(normalizer n, const float *running_mean, const float *running_var,
                                    float epsilon)
{
    FOR_EACH(c, n.channels)
    {
        n.mean[c] = running_mean[c];
        n.inverse[c] = (float)(1 / sqrt((double)running_var[c] + (double)epsilon));
    }
}

template <class T, int W> static __global__ void apply(T *out, normalizer n, uint32_t packs)
{
    FOR_EACH(i, packs)
    {
        floats<W> y = normed(n, load<W>((const T *)n.x, i), place_of<W>(n, i));
        for (int k = 0; k < W && n.relu; k++) y.v[k] = y.v[k] < 0 ? 0 : y.v[k];
        put(out, i, y, false);
    }
}

/* Where things lie. saved (scratch if there is no backward): mean, inverse. scratch: partial sums; in
 * forward before them, with replicas, the moments of all (R,2,C); in backward before them sums (S,2,C) of
 * segments and totals (2,C). */
static float *second_table(float *first, uint32_t channels) /* aligned for packs */
{
    return first ? (float *)((char *)first + cuda_aligned(channels * sizeof *first))
                 : NULL; /* none when planning */
}

static size_t statistics_bytes(uint32_t channels)
{
    return 2 * cuda_aligned(channels * sizeof(float));
}

static normalizer norm_of(const backend *b, const call *c)
{
    const nn_shape_t *s = &c->n->shape;
    normalizer n;
    n.type = cuda_element(b, c->n);
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
    n.inverse = second_table(n.mean, n.channels);
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

/* Floats of the moments of all replicas; 0 if the batch's are found here. */
static size_t shared_moments(const call *c, const normalizer &n)
{
    return n.training && c->replicas > 1 ? (size_t)c->replicas * 2 * n.channels : 0;
}

static size_t shared_bytes(const call *c, const normalizer &n)
{
    return cuda_aligned(shared_moments(c, n) * sizeof(float));
}

static err plan(backend *b, call *c)
{
    normalizer n = norm_of(b, c);
    size_t statistics = statistics_bytes(n.channels);
    size_t forward = shared_bytes(c, n) + column_bytes(batch_columns(n), 2) + (c->backward ? 0 : statistics);
    size_t backward =
        backward_tables(n) + larger(column_bytes(gain_columns(n), 2), column_bytes(sample_columns(n), 2));
    if (c->backward) c->saved_bytes = statistics;
    c->scratch_bytes = larger(forward, c->backward ? backward : 0);
    return OK;
}

static err find_moments(backend *b, const call *c, const normalizer &n)
{
    size_t shared = shared_moments(c, n);
    double count = (double)n.samples * n.area;
    float *rows = (float *)((char *)c->scratch + (c->backward ? 0 : statistics_bytes(n.channels)));
    float *own = shared ? rows + (size_t)c->rank * 2 * n.channels : NULL;
    moments_end end = {n.mean,
                       n.inverse,
                       c->state[3],
                       c->state[4],
                       shared ? count * c->replicas : count,
                       (double)c->n->a.momentum,
                       (double)c->n->a.epsilon};
    if (shared) TRY(cuda_zero(b, rows, shared * sizeof *rows));
    TRY(by_type(n.type, n.channels, [&]<class T, int W>() -> err {
        moments<T, W> term = {(const T *)n.x, n.channels};
        keep_moments<T> finish = {(const T *)n.x, count, own, n.channels, end};
        return reduce_columns<2>(b, batch_columns(n), term, finish, (char *)rows + shared_bytes(c, n));
    }));
    if (!shared) return OK;
    TRY(cuda_all_reduce(b, rows, shared));
    LAUNCH_EACH(b, join_moments, (size_t)n.channels, end, rows, c->replicas, n.channels);
    return OK;
}

static err forward(backend *b, const call *c)
{
    normalizer n = norm_of(b, c);
    size_t count = nn_count(&c->n->shape);
    if (n.training)
        TRY(find_moments(b, c, n));
    else
        LAUNCH_EACH(b, take_running, (size_t)n.channels, n, c->in[3], c->in[4], c->n->a.epsilon);
    return by_type(n.type, n.channels, [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (apply<T, W>), count / W, (T *)c->out, n, (uint32_t)(count / W));
        return OK;
    });
}

/* ---- backward: with g = dout where the output is positive (or no relu), xhat = (x - mean) inverse, and
 * means over (B,H,W): dx = inverse (gain g - mean(gain g) - xhat mean(gain g xhat)) ---- */

/* g of one pack. */
template <int W>
static __device__ inline floats<W> through(const normalizer &n, const floats<W> &x, floats<W> dout, place p)
{
    if (!n.relu) return dout;
    floats<W> y = normed(n, x, p);
    for (int k = 0; k < W; k++) dout.v[k] = y.v[k] > 0 ? dout.v[k] : 0;
    return dout;
}

template <class T, int W> struct gradient_sums { /* sums of g and of g xhat */
    enum { width = W };
    normalizer n;
    const T *dout;
    uint32_t rows; /* of a segment */
    __device__ void operator()(float *sums, uint32_t segment, uint32_t row, uint32_t column) const
    {
        uint32_t i = ((segment * rows + row) * n.channels + column) / W;
        place p = {segment, column}; /* where gains differ by sample, segments are samples */
        floats<W> x = load<W>((const T *)n.x, i), g = through(n, x, load<W>(dout, i), p),
                  hat = normal(n, x, p);
        for (int k = 0; k < W; k++) {
            sums[k] += g.v[k];
            sums[W + k] += g.v[k] * hat.v[k];
        }
    }
};

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
    enum { width = 1 };
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

template <class T, int W>
static __global__ void gradient(T *dx, normalizer n, const T *dout, const float *totals, float each,
                                uint32_t packs, bool add)
{
    FOR_EACH(i, packs)
    {
        place p = place_of<W>(n, i);
        floats<W> x = load<W>((const T *)n.x, i), d = through(n, x, load<W>(dout, i), p);
        floats<W> gain = load<W>(n.gain, gain_at(n, p) / W), inverse = load<W>(n.inverse, p.channel / W);
        for (int k = 0; k < W; k++) d.v[k] *= gain.v[k];
        if (n.training) {
            floats<W> hat = normal(n, x, p), first = load<W>(totals, p.channel / W);
            floats<W> second = load<W>(totals + n.channels, p.channel / W);
            for (int k = 0; k < W; k++) d.v[k] -= (first.v[k] + hat.v[k] * second.v[k]) * each;
        }
        for (int k = 0; k < W; k++) d.v[k] *= inverse.v[k];
        put(dx, i, d, add);
    }
}

/* The gradients of gain and bias, and weighted (S,2,C). */
static err sum_segments(backend *b, const call *c, const normalizer &n, float *weighted, void *partials)
{
    column_plan p = gain_columns(n);
    keep_gradients finish = {n, c->din[1], c->din[2], weighted, c->add[1], c->add[2]};
    return by_type(n.type, n.channels, [&]<class T, int W>() -> err {
        gradient_sums<T, W> term = {n, (const T *)c->dout, p.rows};
        return reduce_columns<2>(b, p, term, finish, partials);
    });
}

/* Leaves the sums over the batch that the gradient of x needs at *totals (2,C). */
static err sum_gradients(backend *b, const call *c, const normalizer &n, float **totals)
{
    uint32_t segments = gain_columns(n).segments;
    float *weighted = (float *)c->scratch, *last = weighted + (size_t)segments * 2 * n.channels;
    void *partials = (char *)c->scratch + backward_tables(n);
    TRY(sum_segments(b, c, n, weighted, partials));
    *totals = segments == 1 ? weighted : last;
    if (segments == 1) return OK;
    add_weighted samples = {weighted, n.channels};
    keep_totals keep = {last, n.channels};
    return reduce_columns<2>(b, sample_columns(n), samples, keep, partials);
}

static err backward(backend *b, const call *c)
{
    normalizer n = norm_of(b, c);
    float *totals = NULL, each = 1 / ((float)n.samples * (float)n.area);
    size_t count = nn_count(&c->n->shape);
    if (n.training || c->din[1] || c->din[2]) TRY(sum_gradients(b, c, n, &totals));
    if (!c->din[0]) return OK;
    if (n.training && c->replicas > 1) {
        TRY(cuda_all_reduce(b, totals, 2 * (size_t)n.channels));
        each /= (float)c->replicas;
    }
    return by_type(n.type, n.channels, [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (gradient<T, W>), count / W, (T *)c->din[0], n, (const T *)c->dout, totals, each,
                    (uint32_t)(count / W), c->add[0]);
        return OK;
    });
}

const kernel cuda_batch_norm = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
