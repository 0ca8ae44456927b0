/* Max and average pooling over k x k windows. A batch norm that a pool absorbs is computed a slab at a time,
 * into scratch that stays in the cache of the thread that pools it. */
#include "nn/cpu/batch_norm.h"
#include "nn/cpu/cells.h"
#include "nn/cpu/onednn.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

enum { MOST_WIDTH = 16 };

typedef struct window {
    int k, stride, pad, height, width, out_height, out_width;
    bool max;
    size_t lanes;
} window;

/* The part of output row or column `o`'s window that lies inside `size`: taps first .. end - 1. */
static inline void inside(const window *w, int o, int size, int *first, int *end)
{
    int start = o * w->stride - w->pad;
    *first = start < 0 ? -start : 0;
    *end = start + w->k > size ? size - start : w->k;
}

/* The outputs first .. end - 1 whose window holds row or column i. */
static inline void covering(const window *w, int i, int outputs, int *first, int *end)
{
    int low = i + w->pad - w->k + 1, high = (i + w->pad) / w->stride + 1;
    *first = low > 0 ? (low + w->stride - 1) / w->stride : 0;
    *end = high < outputs ? high : outputs;
}

/* Whether the windows cover every pixel once. */
static bool tiles(const window *w)
{
    return w->k == w->stride && w->pad == 0 && w->height == w->out_height * w->k &&
           w->width == w->out_width * w->k;
}

/* The pixel that tap (ky, kx) of the window of (oy, ox) looks at. */
static inline size_t looked_at(const window *w, int oy, int ox, int ky, int kx)
{
    return (size_t)((oy * w->stride - w->pad + ky) * w->width + ox * w->stride - w->pad + kx);
}

/* A group of channels of one output pixel. best is the tap y * k + x of the first maximum. */
CPU_INLINE void max_pixel(const window *w, const void *restrict x, int oy, int ox, void *restrict out,
                          int32_t *restrict best, size_t first, int width, bool half)
{
    float value[MOST_WIDTH];
    int32_t tap[MOST_WIDTH];
    int y0, y1, x0, x1;
    inside(w, oy, w->height, &y0, &y1);
    inside(w, ox, w->width, &x0, &x1);
    for (int j = 0; j < width; j++) value[j] = -INFINITY;
    for (int j = 0; j < width; j++) tap[j] = -1;
    for (int ky = y0; ky < y1; ky++)
        for (int kx = x0; kx < x1; kx++) {
            size_t at = looked_at(w, oy, ox, ky, kx) * w->lanes + first;
            for (int j = 0; j < width; j++) {
                float p = cell_load(x, at + (size_t)j, half);
                bool more = p > value[j];
                tap[j] = more ? ky * w->k + kx : tap[j];
                value[j] = more ? p : value[j];
            }
        }
    size_t at = (size_t)(oy * w->out_width + ox) * w->lanes + first;
    for (int j = 0; j < width; j++) cell_store(out, at + (size_t)j, value[j], half);
    for (int j = 0; j < width; j++) best[at + (size_t)j] = tap[j];
}

/* A row of outputs where nobody asks which one it was: tap by tap over the whole row, so that no output waits
 * for itself. */
CPU_INLINE void largest_row(const window *w, const void *restrict x, int oy, void *restrict out, size_t first,
                            int width, bool half)
{
    int y0, y1;
    size_t row = (size_t)(oy * w->out_width) * w->lanes + first;
    inside(w, oy, w->height, &y0, &y1);
    for (int ox = 0; ox < w->out_width; ox++)
        for (int j = 0; j < width; j++)
            cell_store(out, row + (size_t)ox * w->lanes + (size_t)j, -INFINITY, half);
    for (int ky = y0; ky < y1; ky++)
        for (int kx = 0; kx < w->k; kx++)
            for (int ox = 0; ox < w->out_width; ox++) {
                int column = ox * w->stride - w->pad + kx;
                if (column < 0 || column >= w->width) continue;
                size_t from = looked_at(w, oy, ox, ky, kx) * w->lanes + first,
                       to = row + (size_t)ox * w->lanes;
#pragma omp simd
                for (int j = 0; j < width; j++) {
                    float p = cell_load(x, from + (size_t)j, half),
                          most = cell_load(out, to + (size_t)j, half);
                    cell_store(out, to + (size_t)j, p > most ? p : most, half);
                }
            }
}

CPU_INLINE void average_pixel(const window *w, const void *restrict x, int oy, int ox, void *restrict out,
                              size_t first, int width, bool half)
{
    float sum[MOST_WIDTH] = {0};
    int y0, y1, x0, x1;
    inside(w, oy, w->height, &y0, &y1);
    inside(w, ox, w->width, &x0, &x1);
    for (int ky = y0; ky < y1; ky++)
        for (int kx = x0; kx < x1; kx++) {
            size_t at = looked_at(w, oy, ox, ky, kx) * w->lanes + first;
            for (int j = 0; j < width; j++) sum[j] += cell_load(x, at + (size_t)j, half);
        }
    float factor = 1 / (float)((y1 - y0) * (x1 - x0));
    size_t at = (size_t)(oy * w->out_width + ox) * w->lanes + first;
    for (int j = 0; j < width; j++) cell_store(out, at + (size_t)j, sum[j] * factor, half);
}

/* 2x2 averages that tile the image, the common case: no taps to count. */
CPU_INLINE void halve_group(const window *w, const void *restrict x, void *restrict out, size_t first,
                            int width, bool half)
{
    size_t row = (size_t)w->width * w->lanes;
    for (int oy = 0; oy < w->out_height; oy++)
        for (int ox = 0; ox < w->out_width; ox++)
            for (int j = 0; j < width; j++) {
                size_t at = (size_t)(2 * oy) * row + (size_t)(2 * ox) * w->lanes + first + (size_t)j;
                float sum = (cell_load(x, at, half) + cell_load(x, at + w->lanes, half)) +
                            (cell_load(x, at + row, half) + cell_load(x, at + row + w->lanes, half));
                cell_store(out, (size_t)(oy * w->out_width + ox) * w->lanes + first + (size_t)j, 0.25F * sum,
                           half);
            }
}

/* The same of one channel, across the pixels. */
CPU_INLINE void halve_line(const window *w, const float *restrict x, float *restrict out)
{
    for (int oy = 0; oy < w->out_height; oy++) {
        const float *top = x + (size_t)(2 * oy) * (size_t)w->width, *bottom = top + w->width;
        float *to = out + (size_t)oy * (size_t)w->out_width;
        for (int ox = 0; ox < w->out_width; ox++)
            to[ox] = 0.25F * ((top[2 * ox] + top[2 * ox + 1]) + (bottom[2 * ox] + bottom[2 * ox + 1]));
    }
}

CPU_INLINE void pool_group(const window *w, const void *x, void *out, int32_t *best, size_t first, int width,
                           bool half)
{
    for (int oy = 0; oy < w->out_height; oy++) {
        if (w->max && !best) largest_row(w, x, oy, out, first, width, half);
        for (int ox = 0; ox < w->out_width; ox++)
            if (w->max && best)
                max_pixel(w, x, oy, ox, out, best, first, width, half);
            else if (!w->max)
                average_pixel(w, x, oy, ox, out, first, width, half);
    }
}

CPU_KERNEL static void pool_slab(const window *w, bool half, const void *x, void *out, int32_t *best)
{
    if (tiles(w) && !w->max && w->k == 2 && w->lanes == 1)
        halve_line(w, x, out);
    else if (tiles(w) && !w->max && w->k == 2)
        CELL_GROUPS((int)w->lanes, half, j, halve_group, w, x, out, (size_t)j);
    else
        CELL_GROUPS((int)w->lanes, half, j, pool_group, w, x, out, best, (size_t)j);
}

/* The gradient of a group of channels of input pixel (y, x): gathered from the windows that hold it, so that
 * bf16 rounds once. */
CPU_INLINE void unpool_pixel(const window *w, int y, int x, const void *restrict d,
                             const int32_t *restrict best, float *restrict sum, size_t first, int width,
                             bool half)
{
    int oy0, oy1, ox0, ox1;
    covering(w, y, w->out_height, &oy0, &oy1);
    covering(w, x, w->out_width, &ox0, &ox1);
    for (int j = 0; j < width; j++) sum[j] = 0;
    for (int oy = oy0; oy < oy1; oy++)
        for (int ox = ox0; ox < ox1; ox++) {
            size_t at = (size_t)(oy * w->out_width + ox) * w->lanes + first;
            int y0, y1, x0, x1, tap = (y - oy * w->stride + w->pad) * w->k + x - ox * w->stride + w->pad;
            inside(w, oy, w->height, &y0, &y1);
            inside(w, ox, w->width, &x0, &x1);
            float factor = 1 / (float)((y1 - y0) * (x1 - x0));
            for (int j = 0; j < width; j++) {
                // cppcheck-suppress nullPointer ; `best` is NULL only where `max` is false
                float share = w->max ? (float)(best[at + (size_t)j] == tap) : factor;
                sum[j] += cell_load(d, at + (size_t)j, half) * share;
            }
        }
}

CPU_INLINE void unpool_group(const window *w, void *restrict dx, const void *d, const int32_t *best, bool add,
                             size_t first, int width, bool half)
{
    float sum[MOST_WIDTH];
    for (int y = 0; y < w->height; y++)
        for (int x = 0; x < w->width; x++) {
            size_t at = (size_t)(y * w->width + x) * w->lanes + first;
            unpool_pixel(w, y, x, d, best, sum, first, width, half);
            for (int j = 0; j < width; j++)
                cell_store(dx, at + (size_t)j, (add ? cell_load(dx, at + (size_t)j, half) : 0) + sum[j],
                           half);
        }
}

/* Windows that tile the image: every output stores the gradients of its own pixels. */
CPU_INLINE void tile_group(const window *w, void *restrict dx, const void *restrict d,
                           const int32_t *restrict best, bool add, size_t first, int width, bool half)
{
    float factor = 1 / (float)(w->k * w->k);
    for (int y = 0; y < w->height; y++)
        for (int ox = 0; ox < w->out_width; ox++)
            for (int kx = 0; kx < w->k; kx++) {
                size_t from = (size_t)(y / w->k * w->out_width + ox) * w->lanes + first;
                size_t to = (size_t)(y * w->width + ox * w->k + kx) * w->lanes + first;
                int tap = y % w->k * w->k + kx;
                for (int j = 0; j < width; j++) {
                    float share = w->max ? (float)(best[from + (size_t)j] == tap) : factor;
                    float g = cell_load(d, from + (size_t)j, half) * share;
                    cell_store(dx, to + (size_t)j, add ? cell_load(dx, to + (size_t)j, half) + g : g, half);
                }
            }
}

CPU_KERNEL static void unpool_slab(const window *w, bool half, void *dx, const void *d, const int32_t *best,
                                   bool add)
{
    if (tiles(w))
        CELL_GROUPS((int)w->lanes, half, j, tile_group, w, dx, d, best, add, (size_t)j);
    else
        CELL_GROUPS((int)w->lanes, half, j, unpool_group, w, dx, d, best, add, (size_t)j);
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
                    .max = a->kind == POOL_MAX,
                    .lanes = (size_t)in->lanes};
}

/* Where a norm is absorbed. Scratch is its tables and a slab for each thread. */
typedef struct norm_plan {
    int threads;
    size_t table_bytes, slab_bytes;
} norm_plan;

static bool absorbs(backend *b, const call *c)
{
    (void)b;
    return !c->backward;
}

static err plan_norm(const backend *b, call *c)
{
    view in = cpu_view_of(b, c->n->in[0]);
    norm_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory for a pool");
    c->plan = p;
    p->threads = omp_get_max_threads();
    p->table_bytes = stage_align(known_norm_floats(b, c->norm) * sizeof(float));
    p->slab_bytes = stage_align(view_bytes(&in) / (size_t)view_slabs(&in));
    c->scratch_bytes = p->table_bytes + (size_t)p->threads * p->slab_bytes;
    return OK;
}

static err plan(backend *b, call *c)
{
    view v = cpu_view_of(b, c->n);
    if (c->n->a.kind == POOL_MAX && c->backward) c->saved_bytes = view_cells(&v) * sizeof(int32_t);
    return c->norm ? plan_norm(b, c) : OK;
}

static void unplan(backend *b, call *c)
{
    (void)b;
    free(c->plan);
    c->plan = NULL;
}

static err forward_normed(const backend *b, const call *c)
{
    const norm_plan *p = c->plan;
    view in = cpu_view_of(b, c->n->in[0]), out = cpu_view_of(b, c->n);
    window w = window_of(&in, &out, &c->n->a);
    known_norm norm = known_norm_of(b, c->norm, c->scratch);
#pragma omp parallel for schedule(static) num_threads(p->threads)
    for (int s = 0; s < view_slabs(&in); s++) {
        char *normed = (char *)c->scratch + p->table_bytes + (size_t)omp_get_thread_num() * p->slab_bytes;
        known_norm_slab(&norm, s, normed);
        pool_slab(&w, in.half, normed, view_at(&out, c->out, (size_t)s * view_slab(&out)), NULL);
    }
    return OK;
}

static err forward(backend *b, const call *c)
{
    if (c->norm) return forward_normed(b, c);
    view in = cpu_view_of(b, c->n->in[0]), out = cpu_view_of(b, c->n);
    window w = window_of(&in, &out, &c->n->a);
    int32_t *best = w.max ? c->saved : NULL; /* NULL, too, where nothing runs backward */
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&in); s++) {
        size_t o = (size_t)s * view_slab(&out);
        pool_slab(&w, in.half, view_at(&in, c->in[0], (size_t)s * view_slab(&in)), view_at(&out, c->out, o),
                  best ? best + o : NULL);
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
        unpool_slab(&w, in.half, view_at(&in, c->din[0], (size_t)s * view_slab(&in)),
                    view_at(&out, c->dout, o), best ? best + o : NULL, c->add[0]);
    }
    return OK;
}

const kernel cpu_pool = {
    .plan = plan, .unplan = unplan, .forward = forward, .backward = backward, .absorbs = absorbs};
