/* out (B,O) = act(x (B,I) w^T (I,O) + b), by OpenBLAS. */
#include "nn/cpu/cpu.h"

#include <cblas.h>

typedef struct sizes {
    int rows, in, out;
} sizes;

static sizes sizes_of(const node *n)
{
    return (sizes){n->shape.d[0], n->in[0]->shape.d[1], n->shape.d[1]};
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
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, s.rows, s.out, s.in, 1, c->in[0], s.in, c->in[1],
                s.in, 0, c->out, s.out);
    if (c->n->n_in > 2) add_rows(c->out, c->in[2], s.rows, s.out);
    cpu_activate(c->n->a.act, false, c->out, c->out, nn_count(&c->n->shape));
    return OK;
}

/* With d = dout act'(out): dx = d w, dw = d^T x, db = the column sums of d. */
static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    const float *d = c->dout;
    if (c->n->a.act != ACT_NONE) {
        cpu_activate_backward(c->n->a.act, false, c->scratch, c->out, c->dout, nn_count(&c->n->shape), false);
        d = c->scratch;
    }
    if (c->din[0])
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s.rows, s.in, s.out, 1, d, s.out, c->in[1],
                    s.in, c->add[0] ? 1 : 0, c->din[0], s.in);
    if (c->din[1])
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, s.out, s.in, s.rows, 1, d, s.out, c->in[0], s.in,
                    c->add[1] ? 1 : 0, c->din[1], s.in);
    if (c->n->n_in > 2 && c->din[2]) cpu_column_sums(c->din[2], d, s.rows, s.out, c->add[2]);
    return OK;
}

const kernel cpu_linear = {.plan = plan, .forward = forward, .backward = backward};
