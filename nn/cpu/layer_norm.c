/* Rows are normalised one by one; the gradients of gain and bias are sums over rows, a thread having some
 * columns for itself. saved: mean and 1 / sqrt(var + epsilon) of every row. */
#include "nn/cpu/cpu.h"

#include <math.h>
#include <string.h>

typedef struct sizes {
    size_t rows, width;
} sizes;

static sizes sizes_of(const node *n)
{
    size_t width = (size_t)n->shape.d[n->shape.rank - 1];
    return (sizes){nn_count(&n->shape) / width, width};
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward) c->saved_bytes = 2 * sizes_of(c->n).rows * sizeof(float);
    return OK;
}

CPU_KERNEL static void normalise_row(float *restrict y, const float *restrict x, const float *restrict gain,
                                     const float *restrict bias, size_t n, float epsilon, float statistics[2])
{
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += x[i];
    float mean = sum / (float)n;
#pragma omp simd reduction(+ : squares)
    for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    float inverse = 1 / sqrtf(squares / (float)n + epsilon);
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * inverse * gain[i] + bias[i];
    statistics[0] = mean;
    statistics[1] = inverse;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    float *saved = c->saved;
#pragma omp parallel for schedule(static) if (s.rows * s.width > 4096)
    for (size_t r = 0; r < s.rows; r++) {
        float statistics[2];
        normalise_row(c->out + r * s.width, c->in[0] + r * s.width, c->in[1], c->in[2], s.width,
                      c->n->a.epsilon, statistics);
        if (saved) memcpy(saved + 2 * r, statistics, sizeof statistics);
    }
    return OK;
}

/* With g = dout gain, xhat = (x - mean) inverse: dx = inverse (g - mean(g) - xhat mean(g xhat)). */
CPU_KERNEL static void backward_row(float *restrict dx, const float *restrict x, const float *restrict dout,
                                    const float *restrict gain, const float statistics[2], size_t n, bool add)
{
    float mean = statistics[0], inverse = statistics[1], sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
    for (size_t i = 0; i < n; i++) {
        float g = dout[i] * gain[i];
        sum += g;
        along += g * (x[i] - mean) * inverse;
    }
    sum /= (float)n;
    along /= (float)n;
    for (size_t i = 0; i < n; i++) {
        float d = (dout[i] * gain[i] - sum - (x[i] - mean) * inverse * along) * inverse;
        dx[i] = add ? dx[i] + d : d;
    }
}

/* Some columns, of all rows: dgain += sum dout xhat. */
CPU_KERNEL static void gain_columns(float *restrict dgain, const float *x, const float *dout,
                                    const float *statistics, sizes s, size_t n)
{
    for (size_t r = 0; r < s.rows; r++) {
        float mean = statistics[2 * r], inverse = statistics[2 * r + 1];
        for (size_t i = 0; i < n; i++)
            dgain[i] += dout[r * s.width + i] * (x[r * s.width + i] - mean) * inverse;
    }
}

static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    const float *saved = c->saved;
#pragma omp parallel for schedule(static) if (s.rows * s.width > 4096)
    for (size_t r = 0; r < s.rows; r++)
        if (c->din[0])
            backward_row(c->din[0] + r * s.width, c->in[0] + r * s.width, c->dout + r * s.width, c->in[1],
                         saved + 2 * r, s.width, c->add[0]);
    if (c->din[1] && !c->add[1]) cpu_zero(c->din[1], s.width * sizeof(float));
#pragma omp parallel if (s.rows * s.width > 4096)
    {
        size_t first, end;
        cpu_share(s.width, &first, &end);
        if (c->din[1])
            gain_columns(c->din[1] + first, c->in[0] + first, c->dout + first, saved, s, end - first);
    }
    if (c->din[2]) cpu_column_sums(c->din[2], c->dout, (int)s.rows, (int)s.width, c->add[2]);
    return OK;
}

const kernel cpu_layer_norm = {.plan = plan, .forward = forward, .backward = backward};
