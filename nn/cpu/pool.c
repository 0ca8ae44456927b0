/* Max and average pooling over k x k windows. */
#include "nn/cpu/cpu.h"

#include <math.h>
#include <string.h>

typedef struct window {
    int k, stride, pad, height, width, out_height, out_width;
    bool max;
} window;

/* The part of output row or column `o`'s window that lies inside `size`: taps first .. end - 1. */
static inline void inside(const window *w, int o, int size, int *first, int *end)
{
    int start = o * w->stride - w->pad;
    *first = start < 0 ? -start : 0;
    *end = start + w->k > size ? size - start : w->k;
}

/* One output pixel of a block. best (max only) holds the tap y * k + x of the first maximum, or -1. */
CPU_INLINE void pool_pixel(const window *w, const float *x, int oy, int ox, float *out, int32_t *best,
                           int lanes)
{
    float value[16];
    int32_t tap[16];
    int y0, y1, x0, x1;
    inside(w, oy, w->height, &y0, &y1);
    inside(w, ox, w->width, &x0, &x1);
    for (int j = 0; j < lanes; j++) value[j] = w->max ? -INFINITY : 0;
    for (int j = 0; j < lanes; j++) tap[j] = -1;
    for (int ky = y0; ky < y1; ky++)
        for (int kx = x0; kx < x1; kx++) {
            int pixel = (oy * w->stride - w->pad + ky) * w->width + ox * w->stride - w->pad + kx;
            const float *p = x + (ptrdiff_t)pixel * lanes;
            for (int j = 0; j < lanes; j++) {
                bool more = p[j] > value[j];
                tap[j] = more ? ky * w->k + kx : tap[j];
                value[j] = !w->max ? value[j] + p[j] : more ? p[j] : value[j];
            }
        }
    int count = (y1 - y0) * (x1 - x0);
    float factor = w->max || count < 1 ? 1 : 1 / (float)count;
    for (int j = 0; j < lanes; j++) out[j] = value[j] * factor;
    if (best) memcpy(best, tap, (size_t)lanes * sizeof *best);
}

CPU_INLINE void pool_loop(const window *w, const float *x, float *out, int32_t *best, int lanes)
{
    for (int oy = 0; oy < w->out_height; oy++)
        for (int ox = 0; ox < w->out_width; ox++) {
            size_t o = (size_t)(oy * w->out_width + ox) * (size_t)lanes;
            pool_pixel(w, x, oy, ox, out + o, best ? best + o : NULL, lanes);
        }
}

CPU_KERNEL static void pool_slab(const window *w, const float *x, float *out, int32_t *best, int lanes)
{
    if (lanes == 8)
        pool_loop(w, x, out, best, 8);
    else if (lanes == 16)
        pool_loop(w, x, out, best, 16);
    else
        pool_loop(w, x, out, best, 1);
}

/* Adds the gradient of one output pixel to its window. */
CPU_INLINE void unpool_pixel(const window *w, float *dx, int oy, int ox, const float *d, const int32_t *best,
                             int lanes)
{
    int y0, y1, x0, x1;
    inside(w, oy, w->height, &y0, &y1);
    inside(w, ox, w->width, &x0, &x1);
    float factor = 1 / (float)((y1 - y0) * (x1 - x0));
    for (int ky = y0; ky < y1; ky++)
        for (int kx = x0; kx < x1; kx++) {
            int pixel = (oy * w->stride - w->pad + ky) * w->width + ox * w->stride - w->pad + kx;
            float *p = dx + (ptrdiff_t)pixel * lanes;
            for (int j = 0; j < lanes; j++)
                p[j] += !w->max ? d[j] * factor : best[j] == ky * w->k + kx ? d[j] : 0;
        }
}

CPU_INLINE void unpool_loop(const window *w, float *dx, const float *d, const int32_t *best, int lanes)
{
    for (int oy = 0; oy < w->out_height; oy++)
        for (int ox = 0; ox < w->out_width; ox++) {
            size_t o = (size_t)(oy * w->out_width + ox) * (size_t)lanes;
            unpool_pixel(w, dx, oy, ox, d + o, best ? best + o : NULL, lanes);
        }
}

CPU_KERNEL static void unpool_slab(const window *w, float *dx, const float *d, const int32_t *best, int lanes)
{
    if (lanes == 8)
        unpool_loop(w, dx, d, best, 8);
    else if (lanes == 16)
        unpool_loop(w, dx, d, best, 16);
    else
        unpool_loop(w, dx, d, best, 1);
}

static window window_of(const view *in, const view *out, const attributes *a)
{
    return (window){.k = a->k,
                    .stride = a->stride,
                    .pad = a->pad,
                    .height = in->height,
                    .width = in->width,
                    .out_height = out->height,
                    .out_width = out->width,
                    .max = a->kind == POOL_MAX};
}

static err plan(backend *b, call *c)
{
    view v = cpu_view_of(b, c->n);
    if (c->n->a.kind == POOL_MAX && c->backward) c->saved_bytes = view_floats(&v) * sizeof(int32_t);
    return OK;
}

static err forward(backend *b, const call *c)
{
    view in = cpu_view_of(b, c->n->in[0]), out = cpu_view_of(b, c->n);
    window w = window_of(&in, &out, &c->n->a);
    int32_t *best = w.max && c->backward ? c->saved : NULL;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&in); s++) {
        size_t o = (size_t)s * view_slab(&out);
        pool_slab(&w, c->in[0] + (size_t)s * view_slab(&in), c->out + o, best ? best + o : NULL, in.lanes);
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    view in = cpu_view_of(b, c->n->in[0]), out = cpu_view_of(b, c->n);
    window w = window_of(&in, &out, &c->n->a);
    const int32_t *best = w.max ? c->saved : NULL;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&in); s++) {
        size_t o = (size_t)s * view_slab(&out);
        float *dx = c->din[0] + (size_t)s * view_slab(&in);
        if (!c->add[0]) memset(dx, 0, view_slab(&in) * sizeof *dx);
        unpool_slab(&w, dx, c->dout + o, best ? best + o : NULL, in.lanes);
    }
    return OK;
}

const kernel cpu_pool = {.plan = plan, .forward = forward, .backward = backward};
