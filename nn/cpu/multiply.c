#include "nn/cpu/cpu.h"

CPU_KERNEL static void multiply_part(float *restrict y, const float *restrict a, const float *restrict b,
                                     size_t n, bool add)
{
    if (add)
        for (size_t i = 0; i < n; i++) y[i] += a[i] * b[i];
    else
        for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}

static void multiply(float *y, const float *x, const float *z, size_t n, bool add)
{
#pragma omp parallel if (n > 4096)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        multiply_part(y + first, x + first, z + first, end - first, add);
    }
}

static err forward(backend *b, const call *c)
{
    (void)b;
    multiply(c->out, c->in[0], c->in[1], nn_count(&c->n->shape), false);
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    for (int k = 0; k < 2; k++)
        if (c->din[k]) multiply(c->din[k], c->dout, c->in[1 - k], nn_count(&c->n->shape), c->add[k]);
    return OK;
}

const kernel cpu_multiply = {.forward = forward, .backward = backward};
