/* Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018: out = W / sigma, W
 * as (rows, columns), sigma = u^T W v from one power iteration on the stored vectors.
 *
 * Backward, u and v constant: dW = (dout - <dout, out> u v^T) / sigma. */
#include "nn/ref/ref.h"

#include <math.h>

enum { W, U, V };

typedef struct sizes {
    size_t rows, columns;
} sizes;

static sizes sizes_of(const node *n)
{
    size_t rows = (size_t)n->shape.d[0];
    return (sizes){rows, nn_count(&n->shape) / rows};
}

/* From forward to backward: sigma, and u and v as they were, since another call may move the states. */
static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    if (c->backward) c->saved_bytes = (1 + s.rows + s.columns) * sizeof(double);
    return OK;
}

/* y = W x (or W^T x), of length n; then y / max(|y|, epsilon). */
static void iterate(const call *c, sizes s, const float *x, float *y, bool transposed)
{
    size_t n = transposed ? s.columns : s.rows, terms = transposed ? s.rows : s.columns;
    double squares = 0;
    for (int pass = 0; pass < 2; pass++) {
        double norm = fmax(sqrt(squares), c->n->a.epsilon);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t j = 0; j < terms; j++)
                sum += (double)c->in[W][transposed ? j * s.columns + i : i * s.columns + j] * x[j];
            if (pass == 0)
                squares += sum * sum;
            else
                y[i] = (float)(sum / norm);
        }
    }
}

static double sigma_of(const call *c, sizes s)
{
    double sum = 0;
    for (size_t i = 0; i < s.rows; i++)
        for (size_t j = 0; j < s.columns; j++)
            sum += (double)c->in[U][i] * c->in[W][i * s.columns + j] * c->in[V][j];
    return sum;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    if (c->n->a.training) {
        iterate(c, s, c->in[U], c->state[V], true);
        iterate(c, s, c->in[V], c->state[U], false);
    }
    double sigma = sigma_of(c, s), *saved = c->saved;
    for (size_t k = 0; k < s.rows * s.columns; k++) c->out[k] = (float)(c->in[W][k] / sigma);
    if (!saved) return OK;
    *saved++ = sigma;
    for (size_t i = 0; i < s.rows; i++) *saved++ = c->in[U][i];
    for (size_t j = 0; j < s.columns; j++) *saved++ = c->in[V][j];
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    if (!c->din[W]) return OK;
    sizes s = sizes_of(c->n);
    const double *sigma = c->saved, *u = sigma + 1, *v = u + s.rows;
    double along = 0;
    for (size_t k = 0; k < s.rows * s.columns; k++) along += (double)c->dout[k] * c->out[k];
    for (size_t i = 0; i < s.rows; i++)
        for (size_t j = 0; j < s.columns; j++) {
            size_t k = i * s.columns + j;
            ref_store(&c->din[W][k], (c->dout[k] - along * u[i] * v[j]) / *sigma, c->add[W]);
        }
    return OK;
}

const kernel ref_spectral_norm = {.plan = plan, .forward = forward, .backward = backward};
