/* saved: the length of every row. */
#include "nn/cpu/cpu.h"

#include <math.h>

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
    if (c->backward) c->saved_bytes = sizes_of(c->n).rows * sizeof(float);
    return OK;
}

CPU_KERNEL static float normalise_row(float *restrict y, const float *restrict x, size_t n, float epsilon)
{
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (size_t i = 0; i < n; i++) squares += x[i] * x[i];
    float length = sqrtf(squares), inverse = 1 / (length < epsilon ? epsilon : length);
    for (size_t i = 0; i < n; i++) y[i] = x[i] * inverse;
    return length;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    float *saved = c->saved;
#pragma omp parallel for schedule(static) if (s.rows * s.width > 4096)
    for (size_t r = 0; r < s.rows; r++) {
        float length = normalise_row(c->out + r * s.width, c->in[0] + r * s.width, s.width, c->n->a.epsilon);
        if (saved) saved[r] = length;
    }
    return OK;
}

/* dx = (dout - y <dout, y>) / length; a row shorter than epsilon was only divided by epsilon. */
CPU_KERNEL static void backward_row(float *restrict dx, const float *restrict y, const float *restrict dout,
                                    size_t n, float length, float epsilon, bool add)
{
    bool whole = length > epsilon;
    float along = 0, inverse = 1 / (whole ? length : epsilon);
#pragma omp simd reduction(+ : along)
    for (size_t i = 0; i < n; i++) along += dout[i] * y[i];
    along = whole ? along : 0;
    for (size_t i = 0; i < n; i++) {
        float d = (dout[i] - y[i] * along) * inverse;
        dx[i] = add ? dx[i] + d : d;
    }
}

static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    const float *saved = c->saved;
    if (!c->din[0]) return OK;
#pragma omp parallel for schedule(static) if (s.rows * s.width > 4096)
    for (size_t r = 0; r < s.rows; r++)
        backward_row(c->din[0] + r * s.width, c->out + r * s.width, c->dout + r * s.width, s.width, saved[r],
                     c->n->a.epsilon, c->add[0]);
    return OK;
}

const kernel cpu_normalize = {.plan = plan, .forward = forward, .backward = backward};
