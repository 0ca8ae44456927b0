/* Rows of a table by their ids. Backward, each thread has some columns of the table for itself, and adds the
 * uses in order: no two threads meet, and the sums do not depend on chance. */
#include "nn/cpu/cpu.h"

#include <string.h>

/* The id, or -1 where there is none. */
static long id_of(const call *c, size_t r)
{
    float id = c->in[0][r];
    return id >= 0 && id < (float)c->n->in[1]->shape.d[0] ? (long)id : -1;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t rows = nn_count(&c->n->in[0]->shape), width = (size_t)c->n->in[1]->shape.d[1];
#pragma omp parallel for schedule(static) if (rows * width > 16384)
    for (size_t r = 0; r < rows; r++) {
        long id = id_of(c, r);
        if (id < 0)
            memset(c->out + r * width, 0, width * sizeof(float));
        else
            memcpy(c->out + r * width, c->in[1] + (size_t)id * width, width * sizeof(float));
    }
    return OK;
}

CPU_KERNEL static void add_columns(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t rows = nn_count(&c->n->in[0]->shape), width = (size_t)c->n->in[1]->shape.d[1];
    if (!c->din[1]) return OK;
    if (!c->add[1]) cpu_zero(c->din[1], nn_count(&c->n->in[1]->shape) * sizeof(float));
#pragma omp parallel if (rows * width > 16384)
    {
        size_t first, end;
        cpu_share(width, &first, &end);
        for (size_t r = 0; r < rows && end > first; r++) {
            long id = id_of(c, r);
            if (id >= 0)
                add_columns(c->din[1] + (size_t)id * width + first, c->dout + r * width + first, end - first);
        }
    }
    return OK;
}

const kernel cpu_embedding = {.forward = forward, .backward = backward};
