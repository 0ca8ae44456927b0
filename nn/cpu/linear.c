/* out = act(x w^T + b) with the rows of x in one matrix, by oneDNN; w (O,I), or transposed (I,O). */
#include "nn/cpu/cpu.h"

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

CPU_KERNEL static void add_row(float *restrict out, const float *restrict bias, int columns)
{
    for (int i = 0; i < columns; i++) out[i] += bias[i];
}

static void add_bias(const call *c, sizes s)
{
#pragma omp parallel for schedule(static) if ((size_t)s.rows * (size_t)s.out > 16384)
    for (int r = 0; r < s.rows; r++) add_row(c->out + (size_t)r * (size_t)s.out, c->in[2], s.out);
}

static err forward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    bool turned = c->n->a.transposed;
    TRY(cpu_matmul_done(cpu_matmul('N', turned ? 'N' : 'T', s.rows, s.out, s.in, 1, c->in[0], s.in, c->in[1],
                                   turned ? s.out : s.in, false, c->out, s.out)));
    if (c->n->n_in > 2) add_bias(c, s);
    cpu_activate(c->n->a.act, false, c->out, c->out, nn_count(&c->n->shape));
    return OK;
}

static bool backward_weight(const call *c, sizes s, const float *d)
{
    if (c->n->a.transposed)
        return cpu_matmul('T', 'N', s.in, s.out, s.rows, 1, c->in[0], s.in, d, s.out, c->add[1], c->din[1],
                          s.out);
    return cpu_matmul('T', 'N', s.out, s.in, s.rows, 1, d, s.out, c->in[0], s.in, c->add[1], c->din[1], s.in);
}

/* With d = dout act'(out): dx = d w, dw = d^T x, db = the column sums of d. */
static err backward(backend *b, const call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    bool turned = c->n->a.transposed, fine = true;
    const float *d = c->dout;
    if (c->n->a.act != ACT_NONE) {
        cpu_activate_backward(c->n->a.act, false, c->scratch, c->out, c->dout, nn_count(&c->n->shape), false);
        d = c->scratch;
    }
    if (c->din[0])
        fine = cpu_matmul('N', turned ? 'T' : 'N', s.rows, s.in, s.out, 1, d, s.out, c->in[1],
                          turned ? s.out : s.in, c->add[0], c->din[0], s.in);
    if (c->din[1]) fine = backward_weight(c, s, d) && fine;
    if (c->n->n_in > 2 && c->din[2]) cpu_column_sums(c->din[2], d, s.rows, s.out, c->add[2]);
    return cpu_matmul_done(fine);
}

const kernel cpu_linear = {.plan = plan, .forward = forward, .backward = backward};
