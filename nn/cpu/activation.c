/* Activations, alone and for the operators that end with one. */
#include "nn/cpu/cells.h"
#include "nn/cpu/elementwise.h"

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
        size_t block = view_slab_at(v, (n + 1) * v->blocks - 1) + (size_t)used;
        for (size_t i = 0; i < v->area; i++)
            memset(view_at(v, y, block + i * v->pixel_pitch), 0,
                   (size_t)(v->lanes - used) * (v->half ? 2 : 4));
    }
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    if (c->n->a.act == ACT_GELU)
        cpu_gelu(c->out, c->in[0], view_cells(&v));
    else
        cpu_activate(c->n->a.act, v.half, c->out, c->in[0], view_cells(&v));
    if (c->n->a.act == ACT_SIGMOID) cpu_clear_padding(&v, c->out);
    return OK;
}

/* The padding of dout is zero, so that of din stays zero. */
static err backward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    if (c->din[0] && c->n->a.act == ACT_GELU)
        cpu_gelu_backward(c->din[0], c->in[0], c->dout, view_cells(&v), c->add[0]);
    else if (c->din[0])
        cpu_activate_backward(c->n->a.act, v.half, c->din[0], c->out, c->dout, view_cells(&v), c->add[0]);
    return OK;
}

const kernel cpu_activation = {.forward = forward, .backward = backward};
