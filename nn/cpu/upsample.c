#include "nn/cpu/cells.h"

/* Two rows of the output from one of the input; `bytes` of a pixel. */
CPU_INLINE void widen_loop(char *restrict to, const char *restrict x, int width, size_t bytes)
{
    for (int i = 0; i < width; i++) {
        memcpy(to + (size_t)(2 * i) * bytes, x + (size_t)i * bytes, bytes);
        memcpy(to + (size_t)(2 * i + 1) * bytes, x + (size_t)i * bytes, bytes);
    }
    memcpy(to + (size_t)(2 * width) * bytes, to, (size_t)(2 * width) * bytes);
}

CPU_KERNEL static void widen_row(char *to, const char *x, int width, size_t bytes)
{
    if (bytes == 64)
        widen_loop(to, x, width, 64);
    else if (bytes == 32)
        widen_loop(to, x, width, 32);
    else
        widen_loop(to, x, width, bytes);
}

static void widen_narrow_row(float *to, const float *x, int width)
{
    for (int i = 0; i < width; i++) to[2 * i] = to[2 * i + 1] = x[i];
    memcpy(to + 2 * width, to, (size_t)(2 * width) * sizeof *to);
}

CPU_INLINE void fold_loop(void *restrict dx, const void *restrict d, int width, int lanes, bool add,
                          bool half)
{
    size_t row = 2 * (size_t)width * (size_t)lanes;
    for (int i = 0; i < width; i++)
        for (int j = 0; j < lanes; j++) {
            size_t p = 2 * (size_t)i * (size_t)lanes + (size_t)j, q = p + (size_t)lanes;
            float sum = (cell_load(d, p, half) + cell_load(d, q, half)) +
                        (cell_load(d, p + row, half) + cell_load(d, q + row, half));
            size_t at = (size_t)i * (size_t)lanes + (size_t)j;
            cell_store(dx, at, add ? cell_load(dx, at, half) + sum : sum, half);
        }
}

CPU_KERNEL static void fold_row(const view *v, void *dx, const void *d, bool add)
{
    if (v->half && v->lanes == 16)
        fold_loop(dx, d, v->width, 16, add, true);
    else if (v->half)
        fold_loop(dx, d, v->width, v->lanes, add, true);
    else if (v->lanes == 8)
        fold_loop(dx, d, v->width, 8, add, false);
    else if (v->lanes == 16)
        fold_loop(dx, d, v->width, 16, add, false);
    else
        fold_loop(dx, d, v->width, 1, add, false);
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n->in[0]);
    size_t row = (size_t)v.width * (size_t)v.lanes, pixel = (size_t)v.lanes * (v.half ? 2 : 4);
#pragma omp parallel for schedule(static)
    for (int r = 0; r < view_slabs(&v) * v.height; r++) {
        void *to = view_at(&v, c->out, (size_t)r * 4 * row);
        const void *from = view_at(&v, c->in[0], (size_t)r * row);
        if (v.lanes == 1)
            widen_narrow_row(to, from, v.width);
        else
            widen_row(to, from, v.width, pixel);
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    view v = cpu_view_of(b, c->n->in[0]);
    size_t row = (size_t)v.width * (size_t)v.lanes;
#pragma omp parallel for schedule(static)
    for (int r = 0; r < view_slabs(&v) * v.height; r++)
        fold_row(&v, view_at(&v, c->din[0], (size_t)r * row), view_at(&v, c->dout, (size_t)r * 4 * row),
                 c->add[0]);
    return OK;
}

const kernel cpu_upsample = {.forward = forward, .backward = backward};
