/* out = w * gain / sqrt(var + epsilon): each row of the weights by a number of its own. */
#include "nn/cpu/cpu.h"

#include <math.h>

enum { W, GAIN, VARIANCE };

static float inverse_deviation(const call *c, size_t row)
{
    return 1 / sqrtf(c->in[VARIANCE][row] + c->n->a.epsilon);
}

CPU_KERNEL static void scale_row(float *to, const float *from, float factor, size_t n, bool add)
{
    for (size_t i = 0; i < n; i++) to[i] = (add ? to[i] : 0) + from[i] * factor;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t rows = (size_t)c->n->shape.d[0], columns = nn_count(&c->n->shape) / rows;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < rows; row++)
        scale_row(c->out + row * columns, c->in[W] + row * columns,
                  c->in[GAIN][row] * inverse_deviation(c, row), columns, false);
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t rows = (size_t)c->n->shape.d[0], columns = nn_count(&c->n->shape) / rows;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < rows; row++) {
        const float *dout = c->dout + row * columns;
        float inverse = inverse_deviation(c, row);
        if (c->din[W])
            scale_row(c->din[W] + row * columns, dout, c->in[GAIN][row] * inverse, columns, c->add[W]);
        if (!c->din[GAIN]) continue;
        float gradient = (float)cpu_dot(dout, c->in[W] + row * columns, columns) * inverse;
        c->din[GAIN][row] = (c->add[GAIN] ? c->din[GAIN][row] : 0) + gradient;
    }
    return OK;
}

const kernel cpu_fold_norm = {.forward = forward, .backward = backward};
