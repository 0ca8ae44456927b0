#include "nn/cpu/cpu.h"

#include <string.h>

CPU_INLINE void widen_loop(float *restrict to, const float *restrict x, int width, int lanes)
{
    for (int i = 0; i < width; i++)
        for (int j = 0; j < lanes; j++) {
            float value = x[i * lanes + j];
            to[2 * i * lanes + j] = value;
            to[(2 * i + 1) * lanes + j] = value;
        }
}

/* Two rows of the output from one of the input. */
CPU_KERNEL static void widen_row(float *restrict to, const float *restrict x, int width, int lanes)
{
    if (lanes == 8)
        widen_loop(to, x, width, 8);
    else if (lanes == 16)
        widen_loop(to, x, width, 16);
    else
        widen_loop(to, x, width, 1);
    memcpy(to + 2 * width * lanes, to, (size_t)(2 * width * lanes) * sizeof *to);
}

CPU_INLINE void fold_loop(float *restrict dx, const float *restrict d, int width, int lanes, bool add)
{
    const float *below = d + 2 * width * lanes;
    for (int i = 0; i < width; i++)
        for (int j = 0; j < lanes; j++) {
            int p = 2 * i * lanes + j, q = p + lanes;
            float sum = (d[p] + d[q]) + (below[p] + below[q]);
            dx[i * lanes + j] = add ? dx[i * lanes + j] + sum : sum;
        }
}

CPU_KERNEL static void fold_row(float *restrict dx, const float *restrict d, int width, int lanes, bool add)
{
    if (lanes == 8)
        fold_loop(dx, d, width, 8, add);
    else if (lanes == 16)
        fold_loop(dx, d, width, 16, add);
    else
        fold_loop(dx, d, width, 1, add);
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n->in[0]);
    int row = v.width * v.lanes;
#pragma omp parallel for schedule(static)
    for (int r = 0; r < view_slabs(&v) * v.height; r++)
        widen_row(c->out + (size_t)r * 4 * (size_t)row, c->in[0] + (size_t)r * (size_t)row, v.width, v.lanes);
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    view v = cpu_view_of(b, c->n->in[0]);
    int row = v.width * v.lanes;
#pragma omp parallel for schedule(static)
    for (int r = 0; r < view_slabs(&v) * v.height; r++)
        fold_row(c->din[0] + (size_t)r * (size_t)row, c->dout + (size_t)r * 4 * (size_t)row, v.width, v.lanes,
                 c->add[0]);
    return OK;
}

const kernel cpu_upsample = {.forward = forward, .backward = backward};
