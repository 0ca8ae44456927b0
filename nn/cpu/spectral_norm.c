/* out = w / sigma, one power iteration (Miyato et al. 2018), by OpenBLAS's matrix-vector products. */
#include "nn/cpu/cpu.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

typedef struct sizes {
    int rows, columns;
    size_t elements;
} sizes;

static sizes sizes_of(const node *n)
{
    sizes s = {.rows = n->shape.d[0], .elements = nn_count(&n->shape)};
    s.columns = (int)(s.elements / (size_t)s.rows);
    return s;
}

/* saved: u (rows), v (columns), sigma, as they were in forward: another step may move the states. */
static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    size_t kept = (size_t)s.rows + (size_t)s.columns + 1;
    if (c->backward) c->saved_bytes = kept * sizeof(float);
    c->scratch_bytes = (kept + (size_t)s.rows) * sizeof(float);
    return OK;
}

/* x / max(|x|, epsilon) into `to`. */
static void normalize(float *to, const float *x, int n, float epsilon)
{
    double norm = sqrt(cpu_dot(x, x, (size_t)n));
    float factor = (float)(1 / (norm > (double)epsilon ? norm : (double)epsilon));
    for (int i = 0; i < n; i++) to[i] = x[i] * factor;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    float *u = c->backward ? c->saved : c->scratch, *v = u + s.rows, *sigma = v + s.columns;
    float *wv = (float *)c->scratch + s.rows + s.columns + 1;
    const float *w = c->in[0], epsilon = c->n->a.epsilon;
    memcpy(u, c->in[1], (size_t)s.rows * sizeof *u);
    memcpy(v, c->in[2], (size_t)s.columns * sizeof *v);
    if (c->n->a.training) {
        memset(v, 0, (size_t)s.columns * sizeof *v);
        cblas_sgemv(CblasRowMajor, CblasTrans, s.rows, s.columns, 1, w, s.columns, u, 1, 0, v, 1);
        normalize(v, v, s.columns, epsilon);
    }
    memset(wv, 0, (size_t)s.rows * sizeof *wv);
    cblas_sgemv(CblasRowMajor, CblasNoTrans, s.rows, s.columns, 1, w, s.columns, v, 1, 0, wv, 1);
    if (c->n->a.training) {
        normalize(u, wv, s.rows, epsilon);
        memcpy(c->state[1], u, (size_t)s.rows * sizeof *u);
        memcpy(c->state[2], v, (size_t)s.columns * sizeof *v);
    }
    *sigma = (float)cpu_dot(u, wv, (size_t)s.rows);
    cpu_scale(false, c->out, w, 1 / *sigma, s.elements, false);
    return OK;
}

/* dx row by row: row r = (dout_r - dot u_r v) / sigma. */
CPU_KERNEL static void gradient_row(float *restrict dw, const float *restrict dout, const float *restrict v,
                                    float a, float p, int n, bool add)
{
    if (add)
        for (int i = 0; i < n; i++) dw[i] += a * dout[i] - p * v[i];
    else
        for (int i = 0; i < n; i++) dw[i] = a * dout[i] - p * v[i];
}

static err backward(backend *b, const call *c)
{
    (void)b;
    if (!c->din[0]) return OK;
    sizes s = sizes_of(c->n);
    const float *u = c->saved, *v = u + s.rows, sigma = v[s.columns];
    float along = (float)cpu_parallel_dot(c->dout, c->out, s.elements);
#pragma omp parallel for schedule(static)
    for (int r = 0; r < s.rows; r++) {
        size_t start = (size_t)r * (size_t)s.columns;
        gradient_row(c->din[0] + start, c->dout + start, v, 1 / sigma, along * u[r] / sigma, s.columns,
                     c->add[0]);
    }
    return OK;
}

const kernel cpu_spectral_norm = {.plan = plan, .forward = forward, .backward = backward};
