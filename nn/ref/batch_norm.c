/* Batch norm over (B,C,area), plain (gain and bias (C)) or conditional (gain and bias (B,C)).
 *
 * n = (x - mean) / sqrt(var + epsilon),   out = act(gain n + bias)
 *
 * Backward, with dz = dout act'(out), dn = gain dz and means over (B,area) of the channel:
 *   training:     dx = (dn - mean(dn) - n mean(dn n)) / sqrt(var + epsilon)
 *   not training: dx = dn / sqrt(var + epsilon)
 *   dgain = sum dz n, dbias = sum dz, over (B,area), or over the area where they are (B,C). */
#include "nn/ref/ref.h"

#include <math.h>

enum { X, GAIN, BIAS, RUNNING_MEAN, RUNNING_VAR };

typedef struct moments {
    double mean, inverse; /* 1 / sqrt(var + epsilon) */
} moments;

/* Kept from forward to backward, because the running statistics may have moved meanwhile. */
static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward) c->saved_bytes = (size_t)c->n->shape.d[1] * sizeof(moments);
    return OK;
}

static size_t at(ref_planes p, size_t b, size_t channel, size_t i)
{
    return (b * p.channels + channel) * p.area + i;
}

/* Where the gain or the bias of (b, channel) lies. */
static size_t affine_at(const call *c, ref_planes p, size_t b, size_t channel)
{
    return c->n->in[GAIN]->shape.rank == 2 ? b * p.channels + channel : channel;
}

static void batch_moments(const call *c, ref_planes p, size_t channel, double *mean, double *variance)
{
    double sum = 0, squares = 0, count = (double)(p.batch * p.area);
    for (size_t b = 0; b < p.batch; b++)
        for (size_t i = 0; i < p.area; i++) sum += c->in[X][at(p, b, channel, i)];
    *mean = sum / count;
    for (size_t b = 0; b < p.batch; b++)
        for (size_t i = 0; i < p.area; i++) {
            double d = c->in[X][at(p, b, channel, i)] - *mean;
            squares += d * d;
        }
    *variance = squares / count;
}

/* From the moments of each replica's rows, of which all have the same number, to those of the batch (Chan,
 * Golub & LeVeque 1979). Each replica fills in its own row of a table of zeros. */
static err join_moments(backend *b, const call *c, double *mean, double *variance)
{
    float rows[2 * NN_MAX_REPLICAS] = {0};
    int replicas = c->replicas;
    if (replicas <= 1) return OK;
    rows[2 * c->rank] = (float)*mean;
    rows[2 * c->rank + 1] = (float)*variance;
    TRY(ref_all_reduce(b, rows, 2 * (size_t)replicas));
    *mean = *variance = 0;
    for (int r = 0; r < replicas; r++) *mean += (double)rows[2 * r] / replicas;
    for (int r = 0; r < replicas; r++) {
        double away = rows[2 * r] - *mean;
        *variance += (rows[2 * r + 1] + away * away) / replicas;
    }
    return OK;
}

/* Elements of a channel in the whole batch. */
static double count_of(const call *c, ref_planes p)
{
    return (double)(p.batch * p.area) * (c->replicas > 1 ? c->replicas : 1);
}

static double towards(double running, double batch, double momentum)
{
    return (1 - momentum) * running + momentum * batch;
}

static err find_moments(backend *b, const call *c, ref_planes p, size_t channel, moments *out)
{
    double mean = c->in[RUNNING_MEAN][channel], variance = c->in[RUNNING_VAR][channel];
    if (c->n->a.training) {
        double count = count_of(c, p), momentum = c->n->a.momentum;
        batch_moments(c, p, channel, &mean, &variance);
        TRY(join_moments(b, c, &mean, &variance));
        double unbiased = count > 1 ? variance * count / (count - 1) : variance;
        float *running_mean = &c->state[RUNNING_MEAN][channel],
              *running_var = &c->state[RUNNING_VAR][channel];
        *running_mean = (float)towards(*running_mean, mean, momentum);
        *running_var = (float)towards(*running_var, unbiased, momentum);
    }
    *out = (moments){mean, 1 / sqrt(variance + c->n->a.epsilon)};
    return OK;
}

static err forward(backend *context, const call *c)
{
    ref_planes p = ref_planes_of(&c->n->shape);
    for (size_t channel = 0; channel < p.channels; channel++) {
        moments m;
        TRY(find_moments(context, c, p, channel, &m));
        if (c->saved) ((moments *)c->saved)[channel] = m;
        for (size_t b = 0; b < p.batch; b++) {
            size_t affine = affine_at(c, p, b, channel);
            for (size_t i = 0; i < p.area; i++) {
                double n = (c->in[X][at(p, b, channel, i)] - m.mean) * m.inverse;
                c->out[at(p, b, channel, i)] =
                    (float)ref_activate(c->n->a.act, c->in[GAIN][affine] * n + c->in[BIAS][affine]);
            }
        }
    }
    return OK;
}

/* mean(dn) and mean(dn n) over the whole batch; zero if not training. */
static err gradient_means(backend *context, const call *c, ref_planes p, size_t channel, moments m,
                          double means[2])
{
    double sum = 0, sum_n = 0, count = count_of(c, p);
    for (size_t b = 0; b < p.batch && c->n->a.training; b++)
        for (size_t i = 0; i < p.area; i++) {
            size_t k = at(p, b, channel, i);
            double dn = c->in[GAIN][affine_at(c, p, b, channel)] * ref_before_activation(c, k);
            sum += dn;
            sum_n += dn * (c->in[X][k] - m.mean) * m.inverse;
        }
    if (c->replicas > 1 && c->n->a.training) {
        float sums[] = {(float)sum, (float)sum_n};
        TRY(ref_all_reduce(context, sums, 2));
        sum = sums[0];
        sum_n = sums[1];
    }
    means[0] = sum / count;
    means[1] = sum_n / count;
    return OK;
}

static err backward_input(backend *context, const call *c, ref_planes p, size_t channel, moments m)
{
    double means[2] = {0};
    TRY(gradient_means(context, c, p, channel, m, means));
    for (size_t b = 0; b < p.batch; b++)
        for (size_t i = 0; i < p.area; i++) {
            size_t k = at(p, b, channel, i);
            double n = (c->in[X][k] - m.mean) * m.inverse;
            double dn = c->in[GAIN][affine_at(c, p, b, channel)] * ref_before_activation(c, k);
            ref_store(&c->din[X][k], (dn - means[0] - n * means[1]) * m.inverse, c->add[X]);
        }
    return OK;
}

static void backward_affine(const call *c, ref_planes p, size_t channel, moments m)
{
    bool conditional = c->n->in[GAIN]->shape.rank == 2;
    double gain = 0, bias = 0;
    for (size_t b = 0; b < p.batch; b++) {
        for (size_t i = 0; i < p.area; i++) {
            size_t k = at(p, b, channel, i);
            gain += ref_before_activation(c, k) * (c->in[X][k] - m.mean) * m.inverse;
            bias += ref_before_activation(c, k);
        }
        if (!conditional && b + 1 < p.batch) continue;
        size_t affine = affine_at(c, p, b, channel);
        if (c->din[GAIN]) ref_store(&c->din[GAIN][affine], gain, c->add[GAIN]);
        if (c->din[BIAS]) ref_store(&c->din[BIAS][affine], bias, c->add[BIAS]);
        gain = bias = 0;
    }
}

static err backward(backend *context, const call *c)
{
    ref_planes p = ref_planes_of(&c->n->shape);
    for (size_t channel = 0; channel < p.channels; channel++) {
        moments m = ((const moments *)c->saved)[channel];
        if (c->din[X]) TRY(backward_input(context, c, p, channel, m));
        backward_affine(c, p, channel, m);
    }
    return OK;
}

const kernel ref_batch_norm = {.plan = plan, .forward = forward, .backward = backward};
