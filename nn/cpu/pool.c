/* Max and average pooling over k x k windows. */
#include "nn/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum { MOST_LANES = 16 };

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

/* The first pixel of the window of (oy, ox), counted in floats; outside the image it is not read. */
static inline ptrdiff_t corner(const window *w, int oy, int ox, int lanes)
{
    return ((ptrdiff_t)(oy * w->stride - w->pad) * w->width + ox * w->stride - w->pad) * lanes;
}

/* One output pixel of a block. best is the tap y * k + x of the first maximum. */
CPU_INLINE void max_pixel(const window *w, const float *restrict x, int oy, int ox, float *restrict out,
                          int32_t *restrict best, int lanes)
{
    float value[MOST_LANES];
    int32_t tap[MOST_LANES];
    int y0, y1, x0, x1;
    inside(w, oy, w->height, &y0, &y1);
    inside(w, ox, w->width, &x0, &x1);
    for (int j = 0; j < lanes; j++) value[j] = -INFINITY;
    for (int j = 0; j < lanes; j++) tap[j] = -1;
    for (int ky = y0; ky < y1; ky++)
        for (int kx = x0; kx < x1; kx++) {
            const float *p = x + corner(w, oy, ox, lanes) + (ptrdiff_t)(ky * w->width + kx) * lanes;
            for (int j = 0; j < lanes; j++) {
                bool more = p[j] > value[j];
                tap[j] = more ? ky * w->k + kx : tap[j];
                value[j] = more ? p[j] : value[j];
            }
        }
    for (int j = 0; j < lanes; j++) out[j] = value[j];
    for (int j = 0; j < lanes; j++) best[j] = tap[j];
}

CPU_INLINE void average_pixel(const window *w, const float *restrict x, int oy, int ox, float *restrict out,
                              int lanes)
{
    float sum[MOST_LANES] = {0};
    int y0, y1, x0, x1;
    inside(w, oy, w->height, &y0, &y1);
    inside(w, ox, w->width, &x0, &x1);
    for (int ky = y0; ky < y1; ky++)
        for (int kx = x0; kx < x1; kx++) {
            const float *p = x + corner(w, oy, ox, lanes) + (ptrdiff_t)(ky * w->width + kx) * lanes;
            for (int j = 0; j < lanes; j++) sum[j] += p[j];
        }
    float factor = 1 / (float)((y1 - y0) * (x1 - x0));
    for (int j = 0; j < lanes; j++) out[j] = sum[j] * factor;
}

CPU_INLINE void pool_loop(const window *w, const float *x, float *out, int32_t *best, int lanes)
{
    for (int oy = 0; oy < w->out_height; oy++)
        for (int ox = 0; ox < w->out_width; ox++) {
            size_t o = (size_t)(oy * w->out_width + ox) * (size_t)lanes;
            if (w->max)
                max_pixel(w, x, oy, ox, out + o, best + o, lanes);
            else
                average_pixel(w, x, oy, ox, out + o, lanes);
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
CPU_INLINE void unpool_pixel(const window *w, float *restrict dx, int oy, int ox, const float *restrict d,
                             const int32_t *restrict best, int lanes, bool max)
{
    int y0, y1, x0, x1;
    inside(w, oy, w->height, &y0, &y1);
    inside(w, ox, w->width, &x0, &x1);
    float factor = 1 / (float)((y1 - y0) * (x1 - x0));
    for (int ky = y0; ky < y1; ky++)
        for (int kx = x0; kx < x1; kx++) {
            float *p = dx + corner(w, oy, ox, lanes) + (ptrdiff_t)(ky * w->width + kx) * lanes;
            for (int j = 0; j < lanes; j++) {
                // cppcheck-suppress nullPointer ; `best` is NULL only where `max` is false
                float hit = max ? (float)(best[j] == ky * w->k + kx) : factor;
                p[j] += d[j] * hit;
            }
        }
}

CPU_INLINE void unpool_loop(const window *w, float *dx, const float *d, const int32_t *best, int lanes)
{
    for (int oy = 0; oy < w->out_height; oy++)
        for (int ox = 0; ox < w->out_width; ox++) {
            size_t o = (size_t)(oy * w->out_width + ox) * (size_t)lanes;
            if (w->max)
                unpool_pixel(w, dx, oy, ox, d + o, best + o, lanes, true);
            else
                unpool_pixel(w, dx, oy, ox, d + o, NULL, lanes, false);
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
    if (c->n->a.kind != POOL_MAX) return OK;
    *(c->backward ? &c->saved_bytes : &c->scratch_bytes) = view_floats(&v) * sizeof(int32_t);
    return OK;
}

static err forward(backend *b, const call *c)
{
    view in = cpu_view_of(b, c->n->in[0]), out = cpu_view_of(b, c->n);
    window w = window_of(&in, &out, &c->n->a);
    int32_t *best = !w.max ? NULL : c->backward ? c->saved : c->scratch;
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
