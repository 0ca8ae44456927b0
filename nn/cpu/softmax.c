/* saved: the softmax itself, where the output is not it. */
#include "nn/cpu/elementwise.h"

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
    size_t bytes = nn_count(&c->n->shape) * sizeof(float);
    if (c->backward && c->n->a.kind != SOFTMAX_PLAIN) c->saved_bytes = bytes;
    if (!c->backward && c->n->a.kind != SOFTMAX_PLAIN) c->scratch_bytes = bytes;
    return OK;
}

/* y = scale (x - log(-log u)); u is a multiple of 2^-32, and 0 is taken for half of that. */
static void add_noise(float *y, const float *x, const float *u, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++) y[i] = scale * (x[i] - logf(-logf(u[i] > 0 ? u[i] : 0x1p-33F)));
}

CPU_KERNEL static void scale_row(float *restrict y, const float *restrict x, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++) y[i] = scale * x[i];
}

CPU_KERNEL float cpu_largest(const float *x, size_t n)
{
    float most = x[0];
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < n; i++) most = x[i] > most ? x[i] : most;
    return most;
}

CPU_KERNEL float cpu_softmax_row(float *x, size_t n, float most)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        x[i] = exponential(x[i] - most);
        sum += x[i];
    }
    float inverse = 1 / sum;
    for (size_t i = 0; i < n; i++) x[i] *= inverse;
    return n ? most + logf(sum) : -INFINITY;
}

/* out = one at the first largest of z, zero elsewhere. */
static void one_hot(float *out, const float *z, size_t n, float most)
{
    size_t at = 0;
    while (at + 1 < n && z[at] != most) at++;
    memset(out, 0, n * sizeof *out);
    out[at] = 1;
}

CPU_KERNEL static void subtract(float *x, float value, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] -= value;
}

static void forward_row(const call *c, sizes s, size_t r)
{
    size_t start = r * s.width;
    float *out = c->out + start, *y = out;
    if (c->n->a.kind != SOFTMAX_PLAIN) y = (float *)(c->backward ? c->saved : c->scratch) + start;
    if (c->n->n_in > 1)
        add_noise(y, c->in[0] + start, c->in[1] + start, s.width, c->n->a.scale);
    else
        scale_row(y, c->in[0] + start, s.width, c->n->a.scale);
    float most = cpu_largest(y, s.width);
    if (c->n->a.kind == SOFTMAX_HARD) one_hot(out, y, s.width, most);
    if (c->n->a.kind == SOFTMAX_LOG) memcpy(out, y, s.width * sizeof *out);
    float log_sum = cpu_softmax_row(y, s.width, most);
    if (c->n->a.kind == SOFTMAX_LOG) subtract(out, log_sum, s.width);
}

static err forward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
#pragma omp parallel for schedule(static) if (s.rows * s.width > 2048)
    for (size_t r = 0; r < s.rows; r++) forward_row(c, s, r);
    return OK;
}

/* dx = scale y (dout - <dout, y>), or scale (dout - y sum(dout)) for the logarithm. */
CPU_KERNEL static void backward_row(float *restrict dx, const float *restrict y, const float *restrict dout,
                                    size_t n, float scale, bool logs, bool add)
{
    float total = 0;
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < n; i++) total += logs ? dout[i] : dout[i] * y[i];
    for (size_t i = 0; i < n; i++) {
        float d = scale * (logs ? dout[i] - y[i] * total : y[i] * (dout[i] - total));
        dx[i] = add ? dx[i] + d : d;
    }
}

static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    const float *y = c->n->a.kind == SOFTMAX_PLAIN ? c->out : c->saved;
    if (!c->din[0]) return OK;
#pragma omp parallel for schedule(static) if (s.rows * s.width > 2048)
    for (size_t r = 0; r < s.rows; r++)
        backward_row(c->din[0] + r * s.width, y + r * s.width, c->dout + r * s.width, s.width, c->n->a.scale,
                     c->n->a.kind == SOFTMAX_LOG, c->add[0]);
    return OK;
}

const kernel cpu_softmax = {.plan = plan, .forward = forward, .backward = backward};
