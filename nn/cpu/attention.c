/* One head of one sample at a time: OpenBLAS multiplies within one thread there, and the threads share the
 * heads. saved: the weights P (B,heads,Tq,Tk), of which a head uses the columns of the keys that its sample
 * has. */
#include "nn/cpu/cpu.h"

#include <string.h>

typedef struct sizes {
    int batch, heads, queries, keys, width, value_width; /* widths: of one head */
} sizes;

static sizes sizes_of(const node *n)
{
    const int *q = n->in[0]->shape.d, *v = n->in[2]->shape.d;
    return (sizes){q[0], n->a.heads, q[1], v[1], q[2] / n->a.heads, v[2] / n->a.heads};
}

/* One head of one sample. */
typedef struct head {
    size_t q, k, v, out, weights; /* where its part of each tensor starts */
    int ld, value_ld, known;      /* floats from row to row; keys of its sample */
} head;

static head head_of(const call *c, sizes s, int r)
{
    size_t b = (size_t)(r / s.heads), h = (size_t)(r % s.heads);
    size_t ld = (size_t)(s.heads * s.width), value_ld = (size_t)(s.heads * s.value_width);
    return (head){.q = b * (size_t)s.queries * ld + h * (size_t)s.width,
                  .k = b * (size_t)s.keys * ld + h * (size_t)s.width,
                  .v = b * (size_t)s.keys * value_ld + h * (size_t)s.value_width,
                  .out = b * (size_t)s.queries * value_ld + h * (size_t)s.value_width,
                  .weights = (size_t)r * (size_t)s.queries * (size_t)s.keys,
                  .ld = (int)ld,
                  .value_ld = (int)value_ld,
                  .known = c->n->n_in > 3 ? cpu_length(c->in[3][b], s.keys) : s.keys};
}

static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    size_t pairs = (size_t)s.batch * (size_t)s.heads * (size_t)s.queries * (size_t)s.keys;
    if (c->backward) c->saved_bytes = pairs * sizeof(float);
    c->scratch_bytes = pairs * sizeof(float); /* P where there is no backward; dS in it */
    c->flops = 2.0 * (double)pairs * (s.width + s.value_width) * (c->backward ? 3 : 1);
    return OK;
}

/* Row i becomes the softmax of the keys that query i sees, zero for the others. */
static void weigh(const call *c, sizes s, head h, float *weights)
{
    for (int i = 0; i < s.queries; i++) {
        float *row = weights + (size_t)i * (size_t)s.keys;
        int seen = c->n->a.causal && i + 1 < h.known ? i + 1 : h.known;
        cpu_softmax_row(row, (size_t)seen, cpu_largest(row, (size_t)seen));
        memset(row + seen, 0, (size_t)(h.known - seen) * sizeof *row);
    }
}

static void zero_rows(float *x, int rows, int width, int ld)
{
    for (int i = 0; i < rows; i++) memset(x + (size_t)i * (size_t)ld, 0, (size_t)width * sizeof *x);
}

static bool forward_head(const call *c, sizes s, head h)
{
    float *weights = (float *)(c->backward ? c->saved : c->scratch) + h.weights;
    if (h.known == 0) {
        zero_rows(c->out + h.out, s.queries, s.value_width, h.value_ld);
        return true;
    }
    if (!cpu_matmul('N', 'T', s.queries, h.known, s.width, c->n->a.scale, c->in[0] + h.q, h.ld,
                    c->in[1] + h.k, h.ld, false, weights, s.keys))
        return false;
    weigh(c, s, h, weights);
    return cpu_matmul('N', 'N', s.queries, s.value_width, h.known, 1, weights, s.keys, c->in[2] + h.v,
                      h.value_ld, false, c->out + h.out, h.value_ld);
}

static err forward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    bool fine = true;
#pragma omp parallel for schedule(static) reduction(&& : fine)
    for (int r = 0; r < s.batch * s.heads; r++) fine = forward_head(c, s, head_of(c, s, r)) && fine;
    return cpu_matmul_done(fine);
}

/* dS = P (dP - sum_j P dP), in place of dP. */
CPU_KERNEL static void slope_row(float *restrict slopes, const float *restrict weights, size_t n)
{
    float along = 0;
#pragma omp simd reduction(+ : along)
    for (size_t j = 0; j < n; j++) along += weights[j] * slopes[j];
    for (size_t j = 0; j < n; j++) slopes[j] = weights[j] * (slopes[j] - along);
}

/* With dP = dout v^T: dq = scale dS k, dk = scale dS^T q. */
static bool backward_scores(const call *c, sizes s, head h, const float *weights, float *slopes)
{
    float scale = c->n->a.scale;
    bool fine = cpu_matmul('N', 'T', s.queries, h.known, s.value_width, 1, c->dout + h.out, h.value_ld,
                           c->in[2] + h.v, h.value_ld, false, slopes, s.keys);
    for (int i = 0; i < s.queries; i++)
        slope_row(slopes + (size_t)i * (size_t)s.keys, weights + (size_t)i * (size_t)s.keys, (size_t)h.known);
    if (c->din[0])
        fine = cpu_matmul('N', 'N', s.queries, s.width, h.known, scale, slopes, s.keys, c->in[1] + h.k, h.ld,
                          c->add[0], c->din[0] + h.q, h.ld) &&
               fine;
    if (c->din[1])
        fine = cpu_matmul('T', 'N', h.known, s.width, s.queries, scale, slopes, s.keys, c->in[0] + h.q, h.ld,
                          c->add[1], c->din[1] + h.k, h.ld) &&
               fine;
    return fine;
}

/* Keys that the sample does not have get no gradient, and without any the queries get none. */
static void zero_unknown(const call *c, sizes s, head h)
{
    size_t known = (size_t)h.known;
    if (c->din[0] && !c->add[0] && h.known == 0) zero_rows(c->din[0] + h.q, s.queries, s.width, h.ld);
    if (c->din[1] && !c->add[1])
        zero_rows(c->din[1] + h.k + known * (size_t)h.ld, s.keys - h.known, s.width, h.ld);
    if (c->din[2] && !c->add[2])
        zero_rows(c->din[2] + h.v + known * (size_t)h.value_ld, s.keys - h.known, s.value_width, h.value_ld);
}

static bool backward_head(const call *c, sizes s, head h)
{
    const float *weights = (const float *)c->saved + h.weights;
    bool fine = true;
    zero_unknown(c, s, h);
    if (h.known == 0) return true;
    if (c->din[0] || c->din[1]) fine = backward_scores(c, s, h, weights, (float *)c->scratch + h.weights);
    if (c->din[2])
        fine = cpu_matmul('T', 'N', h.known, s.value_width, s.queries, 1, weights, s.keys, c->dout + h.out,
                          h.value_ld, c->add[2], c->din[2] + h.v, h.value_ld) &&
               fine;
    return fine;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    bool fine = true;
#pragma omp parallel for schedule(static) reduction(&& : fine)
    for (int r = 0; r < s.batch * s.heads; r++) fine = backward_head(c, s, head_of(c, s, r)) && fine;
    return cpu_matmul_done(fine);
}

const kernel cpu_attention = {.plan = plan, .forward = forward, .backward = backward};
