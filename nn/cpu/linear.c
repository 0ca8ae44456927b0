/* out = act(x w^T + b) with the rows of x in one matrix, by OpenBLAS; w (O,I), or transposed (I,O). */
#include "nn/cpu/cpu.h"

#include <cblas.h>

typedef struct sizes {
    int rows, in, out;
} sizes;

static sizes sizes_of(const node *n)
{
    const nn_shape_t *x = &n->in[0]->shape, *y = &n->shape;
    int in = x->d[x->rank - 1], out = y->d[y->rank - 1];
    return (sizes){(int)(nn_count(y) / (size_t)out), in, out};
}

static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    if (c->backward && c->n->a.act != ACT_NONE) c->scratch_bytes = nn_count(&c->n->shape) * sizeof(float);
    c->flops =
        2.0 * s.rows * s.in * s.out * (1 + (c->backward && c->wants[0]) + (c->backward && c->wants[1]));
    return OK;
}

CPU_KERNEL static void add_rows(float *restrict out, const float *restrict bias, int rows, int columns)
{
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < columns; i++) out[(size_t)r * (size_t)columns + (size_t)i] += bias[i];
}

static err forward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    bool turned = c->n->a.transposed;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, turned ? CblasNoTrans : CblasTrans, s.rows, s.out, s.in, 1,
                c->in[0], s.in, c->in[1], turned ? s.out : s.in, 0, c->out, s.out);
    if (c->n->n_in > 2) add_rows(c->out, c->in[2], s.rows, s.out);
    cpu_activate(c->n->a.act, false, c->out, c->out, nn_count(&c->n->shape));
    return OK;
}

static void backward_weight(const call *c, sizes s, const float *d)
{
    float beta = c->add[1] ? 1 : 0;
    if (c->n->a.transposed)
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, s.in, s.out, s.rows, 1, c->in[0], s.in, d, s.out,
                    beta, c->din[1], s.out);
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, s.out, s.in, s.rows, 1, d, s.out, c->in[0], s.in,
                    beta, c->din[1], s.in);
}

/* With d = dout act'(out): dx = d w, dw = d^T x, db = the column sums of d. */
static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    bool turned = c->n->a.transposed;
    const float *d = c->dout;
    if (c->n->a.act != ACT_NONE) {
        cpu_activate_backward(c->n->a.act, false, c->scratch, c->out, c->dout, nn_count(&c->n->shape), false);
        d = c->scratch;
    }
    if (c->din[0])
        cblas_sgemm(CblasRowMajor, CblasNoTrans, turned ? CblasTrans : CblasNoTrans, s.rows, s.in, s.out, 1,
                    d, s.out, c->in[1], turned ? s.out : s.in, c->add[0] ? 1 : 0, c->din[0], s.in);
    if (c->din[1]) backward_weight(c, s, d);
    if (c->n->n_in > 2 && c->din[2]) cpu_column_sums(c->din[2], d, s.rows, s.out, c->add[2]);
    return OK;
}

const kernel cpu_linear = {.plan = plan, .forward = forward, .backward = backward};
