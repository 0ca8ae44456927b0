/* Where a tensor's elements lie, and the copies between that and NCHW order. */
#include "nn/cpu/cells.h"

#include <omp.h>
#include <string.h>

view cpu_view(const backend *b, const nn_shape_t *shape, bool plain)
{
    const int *d = shape->d;
    view v = {.n = 1, .channels = d[0], .blocks = 1, .height = 1, .width = 1, .lanes = d[0], .area = 1};
    if (shape->rank == 4) {
        v.n = d[0];
        v.channels = d[1];
        v.height = d[2];
        v.width = d[3];
        v.area = (size_t)d[2] * (size_t)d[3];
        bool thin = plain || v.channels < CPU_MIN_BLOCKED;
        v.lanes = thin ? 1 : b->interleaved ? v.channels : b->width;
        v.half = b->half && !thin;
        v.blocks = (v.channels + v.lanes - 1) / v.lanes;
    } else if (shape->rank >= 2) {
        v.n = d[0];
        v.channels = v.lanes = shape->rank == 2 ? d[1] : d[1] * d[2];
    }
    v.sample_pitch = view_sample(&v);
    v.pixel_pitch = (size_t)v.lanes;
    return v;
}

view cpu_view_of(const backend *b, const node *n)
{
    return cpu_view(b, &n->shape, n->plain);
}

view cpu_view_pitched(const backend *b, const node *n, int pitch)
{
    view v = cpu_view_of(b, n);
    if (pitch == 0) return v;
    nn_shape_t shape = n->shape;
    shape.d[1] = pitch;
    view whole = cpu_view(b, &shape, n->plain);
    v.sample_pitch = whole.sample_pitch;
    v.pixel_pitch = whole.pixel_pitch;
    return v;
}

void cpu_share(size_t n, size_t *first, size_t *end)
{
    enum { LINE = 32 }; /* elements: a cache line of bf16, two of floats */
    size_t threads = (size_t)omp_get_num_threads(), thread = (size_t)omp_get_thread_num();
    size_t lines = (n + LINE - 1) / LINE;
    *first = lines * thread / threads * LINE;
    *end = lines * (thread + 1) / threads * LINE;
    if (*first > n) *first = n;
    if (*end > n) *end = n;
}

/* used x area (channel-major) to area x lanes; the lanes past `used` become zero unless adding. */
CPU_INLINE void interleave(const float *from, void *to, size_t area, int used, int lanes, bool add, bool half)
{
    for (size_t i = 0; i < area; i++)
        for (int j = 0; j < lanes; j++) {
            float x = j < used ? from[(size_t)j * area + i] : 0;
            size_t at = i * (size_t)lanes + (size_t)j;
            cell_store(to, at, add ? cell_load(to, at, half) + x : x, half);
        }
}

CPU_KERNEL static void interleave_slab(const float *from, void *to, size_t area, int used, int lanes,
                                       bool add, bool half)
{
    if (half)
        interleave(from, to, area, used, lanes, add, true);
    else if (lanes == 8 && used == 8 && !add)
        interleave(from, to, area, 8, 8, false, false);
    else if (lanes == 16 && used == 16 && !add)
        interleave(from, to, area, 16, 16, false, false);
    else
        interleave(from, to, area, used, lanes, add, false);
}

CPU_INLINE void separate(const void *from, float *to, size_t area, int used, int lanes, bool add, bool half)
{
    for (int j = 0; j < used; j++)
        for (size_t i = 0; i < area; i++) {
            float x = cell_load(from, i * (size_t)lanes + (size_t)j, half);
            float *y = to + (size_t)j * area + i;
            *y = add ? *y + x : x;
        }
}

CPU_KERNEL static void separate_slab(const void *from, float *to, size_t area, int used, int lanes, bool add,
                                     bool half)
{
    if (half)
        separate(from, to, area, used, lanes, add, true);
    else if (lanes == 8)
        separate(from, to, area, used, 8, add, false);
    else if (lanes == 16)
        separate(from, to, area, used, 16, add, false);
    else
        separate(from, to, area, used, lanes, add, false);
}

void cpu_to_plain(const view *v, const void *from, float *to, bool add)
{
    if (view_is_plain(v)) {
        cpu_store(false, to, from, view_cells(v), add);
        return;
    }
    size_t sample = (size_t)v->channels * v->area, block = (size_t)v->lanes * v->area;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(v); s++) {
        int n = s / v->blocks, k = s % v->blocks;
        separate_slab(view_at(v, from, (size_t)s * block), to + (size_t)n * sample + (size_t)k * block,
                      v->area, view_used(v, k), v->lanes, add, v->half);
    }
}

void cpu_from_plain(const view *v, const float *from, void *to, bool add)
{
    if (view_is_plain(v)) {
        cpu_store(false, to, from, view_cells(v), add);
        return;
    }
    size_t sample = (size_t)v->channels * v->area, block = (size_t)v->lanes * v->area;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(v); s++) {
        int n = s / v->blocks, k = s % v->blocks;
        interleave_slab(from + (size_t)n * sample + (size_t)k * block, view_at(v, to, (size_t)s * block),
                        v->area, view_used(v, k), v->lanes, add, v->half);
    }
}
