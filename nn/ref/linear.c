/* z = x w^T + bias, out = act(z): x (rows,I), w (O,I) or transposed (I,O), bias (O).
 * dx = dz w, dw = dz^T x, dbias = the sum of the rows of dz. */
#include "nn/ref/ref.h"

typedef struct sizes {
    size_t rows, in, out;
} sizes;

static sizes sizes_of(const node *n)
{
    const nn_shape_t *x = &n->in[0]->shape, *y = &n->shape;
    size_t in = (size_t)x->d[x->rank - 1], out = (size_t)y->d[y->rank - 1];
    return (sizes){nn_count(y) / out, in, out};
}

/* Where the weight of output o and input i lies. */
static size_t weight_at(const call *c, sizes s, size_t o, size_t i)
{
    return c->n->a.transposed ? i * s.out + o : o * s.in + i;
}

static err plan(backend *b, call *c)
{
    (void)b;
    sizes s = sizes_of(c->n);
    c->flops = 2.0 * (double)(s.rows * s.in * s.out) * (1 + c->wants[0] + c->wants[1]);
    return OK;
}

static err forward(backend *context, const call *c)
{
    (void)context;
    sizes s = sizes_of(c->n);
#pragma omp parallel for
    for (size_t b = 0; b < s.rows; b++)
        for (size_t o = 0; o < s.out; o++) {
            double z = c->n->n_in == 3 ? c->in[2][o] : 0;
            for (size_t i = 0; i < s.in; i++)
                z += (double)c->in[0][b * s.in + i] * c->in[1][weight_at(c, s, o, i)];
            c->out[b * s.out + o] = (float)ref_activate(c->n->a.act, z);
        }
    return OK;
}

static void backward_input(const call *c, sizes s)
{
#pragma omp parallel for
    for (size_t b = 0; b < s.rows; b++)
        for (size_t i = 0; i < s.in; i++) {
            double sum = 0;
            for (size_t o = 0; o < s.out; o++)
                sum += ref_before_activation(c, b * s.out + o) * c->in[1][weight_at(c, s, o, i)];
            ref_store(&c->din[0][b * s.in + i], sum, c->add[0]);
        }
}

static void backward_weight(const call *c, sizes s)
{
#pragma omp parallel for
    for (size_t o = 0; o < s.out; o++)
        for (size_t i = 0; i < s.in; i++) {
            double sum = 0;
            for (size_t b = 0; b < s.rows; b++)
                sum += ref_before_activation(c, b * s.out + o) * c->in[0][b * s.in + i];
            ref_store(&c->din[1][weight_at(c, s, o, i)], sum, c->add[1]);
        }
}

static err backward(backend *context, const call *c)
{
    (void)context;
    sizes s = sizes_of(c->n);
    if (c->din[0]) backward_input(c, s);
    if (c->din[1]) backward_weight(c, s);
    for (size_t o = 0; c->din[2] && o < s.out; o++) {
        double sum = 0;
        for (size_t b = 0; b < s.rows; b++) sum += ref_before_activation(c, b * s.out + o);
        ref_store(&c->din[2][o], sum, c->add[2]);
    }
    return OK;
}

const kernel ref_linear = {.plan = plan, .forward = forward, .backward = backward};
