#include "nn/cpu/cpu.h"

#include <string.h>

CPU_INLINE void sum_loop(float *restrict to, const float *restrict x, size_t area, int lanes)
{
    for (size_t i = 0; i < area; i++)
        for (int j = 0; j < lanes; j++) to[j] += x[i * (size_t)lanes + (size_t)j];
}

CPU_KERNEL static void sum_slab(float *restrict to, const float *restrict x, size_t area, int lanes)
{
    float sums[16] = {0};
    if (lanes == 8) {
        sum_loop(sums, x, area, 8);
    } else if (lanes == 16) {
        sum_loop(sums, x, area, 16);
    } else {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < area; i++) sum += x[i];
        sums[0] = sum;
    }
    memcpy(to, sums, (size_t)lanes * sizeof *to);
}

CPU_INLINE void spread_loop(float *restrict dx, const float *restrict value, size_t area, int lanes, bool add)
{
    for (size_t i = 0; i < area; i++)
        for (int j = 0; j < lanes; j++) {
            float *d = dx + i * (size_t)lanes + (size_t)j;
            *d = add ? *d + value[j] : value[j];
        }
}

CPU_KERNEL static void spread_slab(float *restrict dx, const float *restrict value, size_t area, int lanes,
                                   bool add)
{
    if (lanes == 8)
        spread_loop(dx, value, area, 8, add);
    else if (lanes == 16)
        spread_loop(dx, value, area, 16, add);
    else
        spread_loop(dx, value, area, 1, add);
}

void cpu_channel_sums(const view *v, const float *x, float *slab_sums, float *out, bool add)
{
    size_t padded = view_padded(v);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(v); s++)
        sum_slab(slab_sums + (size_t)s * (size_t)v->lanes, x + (size_t)s * view_slab(v), v->area, v->lanes);
    for (int i = 0; i < v->channels; i++) {
        double sum = 0;
        for (int n = 0; n < v->n; n++) sum += (double)slab_sums[(size_t)n * padded + (size_t)i];
        out[i] = (add ? out[i] : 0) + (float)sum;
    }
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n->in[0]);
    float factor = c->n->a.kind == GLOBAL_AVERAGE ? 1.0F / (float)v.area : 1.0F;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&v); s++) {
        float sums[16];
        int n = s / v.blocks, k = s % v.blocks;
        sum_slab(sums, c->in[0] + (size_t)s * view_slab(&v), v.area, v.lanes);
        for (int j = 0; j < view_used(&v, k); j++)
            c->out[(size_t)n * (size_t)v.channels + (size_t)(k * v.lanes + j)] = sums[j] * factor;
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    view v = cpu_view_of(b, c->n->in[0]);
    float factor = c->n->a.kind == GLOBAL_AVERAGE ? 1.0F / (float)v.area : 1.0F;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&v); s++) {
        float values[16] = {0};
        int n = s / v.blocks, k = s % v.blocks;
        for (int j = 0; j < view_used(&v, k); j++)
            values[j] = c->dout[(size_t)n * (size_t)v.channels + (size_t)(k * v.lanes + j)] * factor;
        spread_slab(c->din[0] + (size_t)s * view_slab(&v), values, v.area, v.lanes, c->add[0]);
    }
    return OK;
}

const kernel cpu_global_pool = {.forward = forward, .backward = backward};
