#include "nn/cpu/cpu.h"

CPU_KERNEL static float dot(const float *x, const float *y, size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    const int *d = c->n->in[0]->shape.d;
    for (int r = 0; r < d[0]; r++) {
        size_t start = (size_t)r * (size_t)d[1];
        c->out[r] = dot(c->in[0] + start, c->in[1] + start, (size_t)d[1]);
    }
    return OK;
}

/* da = dout b, db = dout a, row by row. */
static err backward(backend *b, const call *c)
{
    (void)b;
    const int *d = c->n->in[0]->shape.d;
    for (int i = 0; i < 2; i++) {
        if (!c->din[i]) continue;
        for (int r = 0; r < d[0]; r++) {
            size_t start = (size_t)r * (size_t)d[1];
            cpu_scale(false, c->din[i] + start, c->in[1 - i] + start, c->dout[r], (size_t)d[1], c->add[i]);
        }
    }
    return OK;
}

const kernel cpu_row_dot = {.forward = forward, .backward = backward};
