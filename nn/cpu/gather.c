/* One row of each sequence. */
#include "nn/cpu/cpu.h"

#include <string.h>

/* Where row at[b] of sample b starts, or SIZE_MAX where there is none. */
static size_t start_of(const call *c, int b)
{
    const int *d = c->n->in[0]->shape.d;
    float at = c->in[1][b];
    if (!(at >= 0 && at < (float)d[1])) return SIZE_MAX;
    return ((size_t)b * (size_t)d[1] + (size_t)at) * (size_t)d[2];
}

static err forward(backend *context, const call *c)
{
    (void)context;
    size_t width = (size_t)c->n->shape.d[1];
    for (int b = 0; b < c->n->shape.d[0]; b++) {
        size_t start = start_of(c, b);
        float *to = c->out + (size_t)b * width;
        if (start == SIZE_MAX)
            memset(to, 0, width * sizeof *to);
        else
            memcpy(to, c->in[0] + start, width * sizeof *to);
    }
    return OK;
}

static err backward(backend *context, const call *c)
{
    (void)context;
    size_t width = (size_t)c->n->shape.d[1];
    if (!c->din[0]) return OK;
    if (!c->add[0]) cpu_zero(c->din[0], nn_count(&c->n->in[0]->shape) * sizeof(float));
    for (int b = 0; b < c->n->shape.d[0]; b++) {
        size_t start = start_of(c, b);
        if (start != SIZE_MAX) cpu_store(false, c->din[0] + start, c->dout + (size_t)b * width, width, true);
    }
    return OK;
}

const kernel cpu_gather = {.forward = forward, .backward = backward};
