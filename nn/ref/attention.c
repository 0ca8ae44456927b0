/* Per sample and head, with rows of D/heads columns: S = scale q k^T, P = softmax of the keys that a query
 * sees, out = P v. saved: P (B,heads,Tq,Tk), zero for keys that are not seen. dP = dout v^T, dS = P (dP -
 * sum_j P dP), dq = scale dS k, dk = scale dS^T q, dv = P^T dout. */
#include "nn/ref/ref.h"

#include <math.h>

typedef struct sizes {
    size_t batch, heads, queries, keys, width, value_width; /* widths: of one head */
} sizes;

static sizes sizes_of(const node *n)
{
    const int *q = n->in[0]->shape.d, *v = n->in[2]->shape.d;
    size_t heads = (size_t)n->a.heads;
    return (sizes){(size_t)q[0],        heads, (size_t)q[1], (size_t)v[1], (size_t)q[2] / heads,
                   (size_t)v[2] / heads};
}

/* The columns of head h in row t of sample b, in a (B,rows,heads*width). */
static size_t row_at(sizes s, size_t rows, size_t width, size_t b, size_t h, size_t t)
{
    return ((b * rows + t) * s.heads + h) * width;
}

static size_t seen(const call *c, sizes s, size_t b, size_t query)
{
    size_t known = c->n->n_in > 3 ? ref_length(c->in[3][b], s.keys) : s.keys;
    return c->n->a.causal && query + 1 < known ? query + 1 : known;
}

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * y[i];
    return sum;
}

static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    size_t pairs = s.batch * s.heads * s.queries * s.keys, bytes = pairs * sizeof(float);
    *(c->backward ? &c->saved_bytes : &c->scratch_bytes) = bytes;
    if (c->backward) c->scratch_bytes = bytes; /* dS */
    c->flops = 2.0 * (double)(pairs * (s.width + s.value_width)) * (c->backward ? 3 : 1);
    return OK;
}

/* The weights of one query: P[0..keys). */
static void weigh(const call *c, sizes s, size_t b, size_t h, size_t i, float *weights)
{
    size_t n = seen(c, s, b, i);
    const float *q = c->in[0] + row_at(s, s.queries, s.width, b, h, i);
    double most = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++)
        most = fmax(most, c->n->a.scale * dot(q, c->in[1] + row_at(s, s.keys, s.width, b, h, j), s.width));
    for (size_t j = 0; j < n; j++)
        sum += exp(c->n->a.scale * dot(q, c->in[1] + row_at(s, s.keys, s.width, b, h, j), s.width) - most);
    for (size_t j = 0; j < s.keys; j++) {
        const float *k = c->in[1] + row_at(s, s.keys, s.width, b, h, j);
        weights[j] = j < n ? (float)(exp(c->n->a.scale * dot(q, k, s.width) - most) / sum) : 0;
    }
}

static err forward(backend *context, const call *c)
{
    (void)context;
    sizes s = sizes_of(c->n);
    float *weights = c->backward ? c->saved : c->scratch;
    for (size_t r = 0; r < s.batch * s.heads * s.queries; r++) {
        size_t b = r / s.queries / s.heads, h = r / s.queries % s.heads, i = r % s.queries;
        weigh(c, s, b, h, i, weights + r * s.keys);
        for (size_t e = 0; e < s.value_width; e++) {
            double sum = 0;
            for (size_t j = 0; j < seen(c, s, b, i); j++)
                sum +=
                    (double)weights[r * s.keys + j] * c->in[2][row_at(s, s.keys, s.value_width, b, h, j) + e];
            c->out[row_at(s, s.queries, s.value_width, b, h, i) + e] = (float)sum;
        }
    }
    return OK;
}

/* dS of one query, and its dq. */
static void backward_query(const call *c, sizes s, size_t r)
{
    size_t b = r / s.queries / s.heads, h = r / s.queries % s.heads, i = r % s.queries, n = seen(c, s, b, i);
    const float *weights = (float *)c->saved + r * s.keys;
    const float *dout = c->dout + row_at(s, s.queries, s.value_width, b, h, i);
    float *slopes = (float *)c->scratch + r * s.keys;
    double along = 0;
    for (size_t j = 0; j < n; j++)
        along += weights[j] * dot(dout, c->in[2] + row_at(s, s.keys, s.value_width, b, h, j), s.value_width);
    for (size_t j = 0; j < s.keys; j++) {
        const float *v = c->in[2] + row_at(s, s.keys, s.value_width, b, h, j);
        slopes[j] = j < n ? (float)(weights[j] * (dot(dout, v, s.value_width) - along)) : 0;
    }
    for (size_t e = 0; c->din[0] && e < s.width; e++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += (double)slopes[j] * c->in[1][row_at(s, s.keys, s.width, b, h, j) + e];
        ref_store(&c->din[0][row_at(s, s.queries, s.width, b, h, i) + e], c->n->a.scale * sum, c->add[0]);
    }
}

/* to[e] = factor sum_i weights[i][j] from[i][e], for key j of a head. */
static void backward_key(sizes s, size_t r, const float *weights, const float *from, size_t width,
                         double factor, float *to, bool add)
{
    size_t b = r / s.keys / s.heads, h = r / s.keys % s.heads, j = r % s.keys;
    for (size_t e = 0; e < width; e++) {
        double sum = 0;
        for (size_t i = 0; i < s.queries; i++)
            sum += (double)weights[((b * s.heads + h) * s.queries + i) * s.keys + j] *
                   from[row_at(s, s.queries, width, b, h, i) + e];
        ref_store(&to[row_at(s, s.keys, width, b, h, j) + e], factor * sum, add);
    }
}

static err backward(backend *context, const call *c)
{
    (void)context;
    sizes s = sizes_of(c->n);
    for (size_t r = 0; r < s.batch * s.heads * s.queries; r++) backward_query(c, s, r);
    for (size_t r = 0; r < s.batch * s.heads * s.keys; r++) {
        if (c->din[1]) backward_key(s, r, c->scratch, c->in[0], s.width, c->n->a.scale, c->din[1], c->add[1]);
        if (c->din[2]) backward_key(s, r, c->saved, c->dout, s.value_width, 1, c->din[2], c->add[2]);
    }
    return OK;
}

const kernel ref_attention = {.plan = plan, .forward = forward, .backward = backward};
