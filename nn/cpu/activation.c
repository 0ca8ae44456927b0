/* Activations, alone and for the operators that end with one. */
#include "nn/cpu/cells.h"

#include <math.h>
#include <string.h>

/* e^x to 2 units in the last place for -87 <= x <= 0, clamped below; NaN stays NaN. A call to expf would keep
 * the loop from being vectorised. x = k ln 2 + r, |r| <= ln 2 / 2, with ln 2 in two parts (Cody & Waite
 * 1980), and e^r by its series. 2^k is made from the bits of `shifted`, whose low ones are k. */
CPU_INLINE float exponential(float x)
{
    const float shift = 12582912.0F; /* 1.5 * 2^23: adding it rounds to an integer; its bits are 0x4B400000 */
    x = x < -87.0F ? -87.0F : x;
    float shifted = x * 1.44269504F + shift;
    float k = shifted - shift;
    float r = (x - k * 0.693359375F) + k * 2.12194440e-4F;
    float p = 1.0F / 5040;
    p = p * r + 1.0F / 720;
    p = p * r + 1.0F / 120;
    p = p * r + 1.0F / 24;
    p = p * r + 1.0F / 6;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4B400000U + 127U) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* NaN must come out as NaN, so that a diverged net is noticed. Both sides of a choice are computed first: a
 * branch would keep the loop from being vectorised. */
CPU_INLINE float activated(nn_act act, float x)
{
    float leaked = 0.2F * x, t;
    switch (act) {
    case ACT_RELU:
        return x < 0 ? 0 : x;
    case ACT_LEAKY_RELU:
        return x < 0 ? leaked : x;
    case ACT_TANH:
        t = exponential(-2 * fabsf(x));
        return copysignf((1 - t) / (1 + t), x);
    case ACT_SIGMOID:
        t = exponential(-fabsf(x));
        return (x < 0 ? t : 1) / (1 + t);
    default:
        return x;
    }
}

/* dy times the derivative. */
CPU_INLINE float derived(nn_act act, float y, float dy)
{
    float leaked = 0.2F * dy;
    switch (act) {
    case ACT_RELU:
        return y > 0 ? dy : 0;
    case ACT_LEAKY_RELU:
        return y > 0 ? dy : leaked;
    case ACT_TANH:
        return dy * (1 - y * y);
    case ACT_SIGMOID:
        return dy * (y * (1 - y));
    default:
        return dy;
    }
}

/* Elements first .. end - 1. */
CPU_INLINE void activate_loop(nn_act act, void *y, const void *x, size_t first, size_t end, bool half)
{
#pragma omp simd
    for (size_t i = first; i < end; i++) cell_store(y, i, activated(act, cell_load(x, i, half)), half);
}

/* With a constant element type and activation. */
#define BY_ACTIVATION(loop, act, half, ...)                                                                  \
    switch (act) {                                                                                           \
    case ACT_RELU:                                                                                           \
        half ? loop(ACT_RELU, __VA_ARGS__, true) : loop(ACT_RELU, __VA_ARGS__, false);                       \
        break;                                                                                               \
    case ACT_LEAKY_RELU:                                                                                     \
        half ? loop(ACT_LEAKY_RELU, __VA_ARGS__, true) : loop(ACT_LEAKY_RELU, __VA_ARGS__, false);           \
        break;                                                                                               \
    case ACT_TANH:                                                                                           \
        half ? loop(ACT_TANH, __VA_ARGS__, true) : loop(ACT_TANH, __VA_ARGS__, false);                       \
        break;                                                                                               \
    case ACT_SIGMOID:                                                                                        \
        half ? loop(ACT_SIGMOID, __VA_ARGS__, true) : loop(ACT_SIGMOID, __VA_ARGS__, false);                 \
        break;                                                                                               \
    default:                                                                                                 \
        half ? loop(ACT_NONE, __VA_ARGS__, true) : loop(ACT_NONE, __VA_ARGS__, false);                       \
        break;                                                                                               \
    }

CPU_KERNEL static void activate_part(nn_act act, bool half, void *y, const void *x, size_t first,
                                     size_t end){BY_ACTIVATION(activate_loop, act, half, y, x, first, end)}

CPU_INLINE void backward_loop(nn_act act, void *dx, const void *y, const void *dy, size_t first, size_t end,
                              bool add, bool half)
{
    if (add) {
#pragma omp simd
        for (size_t i = first; i < end; i++)
            cell_store(dx, i,
                       cell_load(dx, i, half) + derived(act, cell_load(y, i, half), cell_load(dy, i, half)),
                       half);
    } else {
#pragma omp simd
        for (size_t i = first; i < end; i++)
            cell_store(dx, i, derived(act, cell_load(y, i, half), cell_load(dy, i, half)), half);
    }
}

CPU_KERNEL static void backward_part(nn_act act, bool half, void *dx, const void *y, const void *dy,
                                     size_t first, size_t end, bool add)
{
    BY_ACTIVATION(backward_loop, act, half, dx, y, dy, first, end, add)
}

void cpu_activate(nn_act act, bool half, void *y, const void *x, size_t n)
{
    if (act == ACT_NONE && y == x) return;
#pragma omp parallel if (n > 4096)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        activate_part(act, half, y, x, first, end);
    }
}

void cpu_activate_backward(nn_act act, bool half, void *dx, const void *y, const void *dy, size_t n, bool add)
{
#pragma omp parallel if (n > 4096)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        backward_part(act, half, dx, y, dy, first, end, add);
    }
}

CPU_INLINE void bias_loop(void *restrict y, const float *restrict bias, size_t area, int used, int lanes,
                          bool half)
{
    for (size_t i = 0; i < area; i++)
        for (int j = 0; j < used; j++) {
            size_t at = i * (size_t)lanes + (size_t)j;
            cell_store(y, at, cell_load(y, at, half) + bias[j], half);
        }
}

CPU_KERNEL static void add_bias(const view *v, int slab, void *y, const float *bias)
{
    int k = slab % v->blocks, used = view_used(v, k);
    if (v->half)
        bias_loop(y, bias + k * v->lanes, v->area, used, v->lanes, true);
    else
        bias_loop(y, bias + k * v->lanes, v->area, used, v->lanes, false);
}

void cpu_add_bias(const view *v, void *y, const float *bias)
{
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(v); s++) add_bias(v, s, view_at(v, y, (size_t)s * view_slab(v)), bias);
}

/* The same for both types: zero is all zero bits. */
void cpu_clear_padding(const view *v, void *y)
{
    int used = view_used(v, v->blocks - 1);
    if (used == v->lanes) return;
#pragma omp parallel for schedule(static)
    for (int n = 0; n < v->n; n++) {
        size_t block = (size_t)(n * v->blocks + v->blocks - 1) * view_slab(v);
        for (size_t i = 0; i < v->area; i++)
            for (int j = used; j < v->lanes; j++)
                memset(view_at(v, y, block + i * (size_t)v->lanes + (size_t)j), 0, v->half ? 2 : 4);
    }
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    cpu_activate(c->n->a.act, v.half, c->out, c->in[0], view_cells(&v));
    if (c->n->a.act == ACT_SIGMOID) cpu_clear_padding(&v, c->out);
    return OK;
}

/* The padding of dout is zero, so that of din stays zero. */
static err backward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    if (c->din[0])
        cpu_activate_backward(c->n->a.act, v.half, c->din[0], c->out, c->dout, view_cells(&v), c->add[0]);
    return OK;
}

const kernel cpu_activation = {.forward = forward, .backward = backward};
