#include "nn/cpu/cells.h"

CPU_INLINE void sum_group(float *restrict to, const void *restrict x, size_t area, size_t lanes, size_t first,
                          int width, bool half)
{
    float sums[16] = {0};
    for (size_t i = 0; i < area; i++)
        for (int j = 0; j < width; j++) sums[j] += cell_load(x, i * lanes + first + (size_t)j, half);
    memcpy(to + first, sums, (size_t)width * sizeof *to);
}

static float sum_row(const float *x, size_t area)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < area; i++) sum += x[i];
    return sum;
}

CPU_KERNEL static void sum_slab(const view *v, float *restrict to, const void *restrict x)
{
    if (v->lanes == 1 && !v->half)
        to[0] = sum_row(x, v->area);
    else
        CELL_GROUPS(v->lanes, v->half, j, sum_group, to, x, v->area, (size_t)v->lanes, (size_t)j);
}

CPU_INLINE void spread_group(void *restrict dx, const float *restrict value, size_t area, size_t lanes,
                             size_t first, bool add, int width, bool half)
{
    float values[16];
    memcpy(values, value + first, (size_t)width * sizeof *values);
    for (size_t i = 0; i < area; i++)
        for (int j = 0; j < width; j++) {
            size_t at = i * lanes + first + (size_t)j;
            cell_store(dx, at, add ? cell_load(dx, at, half) + values[j] : values[j], half);
        }
}

CPU_KERNEL static void spread_slab(const view *v, void *dx, const float *value, bool add)
{
    CELL_GROUPS(v->lanes, v->half, j, spread_group, dx, value, v->area, (size_t)v->lanes, (size_t)j, add);
}

void cpu_channel_sums(const view *v, const void *x, float *slab_sums, float *out, bool add)
{
    size_t padded = view_padded(v);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(v); s++)
        sum_slab(v, slab_sums + (size_t)s * (size_t)v->lanes, view_at(v, x, (size_t)s * view_slab(v)));
    for (int i = 0; i < v->channels; i++) {
        double sum = 0;
        for (int n = 0; n < v->n; n++) sum += (double)slab_sums[(size_t)n * padded + (size_t)i];
        out[i] = (add ? out[i] : 0) + (float)sum;
    }
}

/* Scratch holds one value per padded channel of a sample. */
static err plan(backend *b, call *c)
{
    view v = cpu_view_of(b, c->n->in[0]);
    c->scratch_bytes = view_padded(&v) * (size_t)v.n * sizeof(float);
    return OK;
}

static float factor_of(const call *c, const view *v)
{
    return c->n->a.kind == GLOBAL_AVERAGE ? 1.0F / (float)v->area : 1.0F;
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n->in[0]);
    float factor = factor_of(c, &v), *sums = c->scratch;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&v); s++) {
        float *here = sums + (size_t)s * (size_t)v.lanes;
        int n = s / v.blocks, k = s % v.blocks;
        sum_slab(&v, here, view_at(&v, c->in[0], (size_t)s * view_slab(&v)));
        for (int j = 0; j < view_used(&v, k); j++)
            c->out[(size_t)n * (size_t)v.channels + (size_t)(k * v.lanes + j)] = here[j] * factor;
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    view v = cpu_view_of(b, c->n->in[0]);
    float factor = factor_of(c, &v), *values = c->scratch;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&v); s++) {
        float *here = values + (size_t)s * (size_t)v.lanes;
        int n = s / v.blocks, k = s % v.blocks, used = view_used(&v, k);
        for (int j = 0; j < v.lanes; j++)
            here[j] =
                j < used ? c->dout[(size_t)n * (size_t)v.channels + (size_t)(k * v.lanes + j)] * factor : 0;
        spread_slab(&v, view_at(&v, c->din[0], (size_t)s * view_slab(&v)), here, c->add[0]);
    }
    return OK;
}

const kernel cpu_global_pool = {.plan = plan, .forward = forward, .backward = backward};
