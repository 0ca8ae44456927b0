/* Upsampling by two repeats every pixel in a 2x2 box; convolving that with a 3x3 kernel w is the transpose of
 * a convolution of stride 2, pad 1 (the mirror) with the 4x4 kernel w * box, which every pixel is multiplied
 * with once: 16 products for four pixels of the output where the literal way has 36. In one dimension, with
 * output p = 2i + t - 1 of input i:
 *
 *     W[t] = sum over k in 0..2, u in 0..1 with t = u - k + 2 of w[k]:  w2, w1 + w2, w0 + w1, w0.
 *
 * So forward is the mirror's gradient of its input, the gradient of x is the mirror's forward, and the
 * gradient of w gathers that of W. */
#include "nn/cpu/up_conv.h"
#include "nn/cpu/conv_product.h"
#include "nn/cpu/tile.h"
#include "nn/cpu/winograd.h"

#include <omp.h>
#include <stdlib.h>

enum { K = 3, MIRROR = 4 };

typedef struct up_plan {
    conv_shape mirror;
    int in, out; /* channels */
    int threads; /* of what oneDNN does not do */
    conv_way forward_way, data_way, weights_way;
    stage *forward, *data, *weights; /* of the mirror: backward data, forward, backward weights */
    conv_product *product;           /* in place of `weights` where that is faster */
    size_t dz_bytes, kernel_bytes;   /* scratch is dz (if there is an activation), W, the stage's own */
} up_plan;

static bool wants_dz(const call *c)
{
    return c->backward && c->n->a.act != ACT_NONE;
}

static void choose_ways(const backend *b, const call *c, up_plan *p)
{
    const conv_shape *mirror = &p->mirror;
    if (winograd_suits(b, mirror, CONV_BACKWARD_DATA)) p->forward_way = BY_WINOGRAD;
    if (c->wants[0] && winograd_suits(b, mirror, CONV_FORWARD)) p->data_way = BY_WINOGRAD;
    if (c->wants[1] && winograd_suits(b, mirror, CONV_BACKWARD_WEIGHTS)) p->weights_way = BY_WINOGRAD;
    if (tile_spread_suits(b, mirror)) p->forward_way = BY_TILES;
    if (tile_weights_suits(b, mirror)) p->weights_way = BY_TILES;
}

static err open_stages(const backend *b, const call *c, up_plan *p)
{
    const conv_shape *mirror = &p->mirror;
    if (p->forward_way == BY_ONEDNN)
        TRY(conv_stage_open(b, mirror, CONV_BACKWARD_DATA, false, ACT_NONE, &p->forward));
    if (c->backward && c->wants[0] && p->data_way == BY_ONEDNN)
        TRY(conv_stage_open(b, mirror, CONV_FORWARD, false, ACT_NONE, &p->data));
    if (!c->backward || !c->wants[1] || p->weights_way != BY_ONEDNN) return OK;
    if (conv_product_suits(b, mirror)) return conv_product_open(b, mirror, &p->product);
    return conv_stage_open(b, mirror, CONV_BACKWARD_WEIGHTS, false, ACT_NONE, &p->weights);
}

/* Of the largest of the three, but for the kernel. */
static size_t own_scratch(const call *c, const up_plan *p)
{
    const conv_shape *mirror = &p->mirror;
    size_t own = stage_larger(stage_larger(stage_bytes(p->forward), stage_bytes(p->data)),
                              stage_larger(stage_bytes(p->weights), conv_product_bytes(p->product)));
    if (p->forward_way == BY_TILES) own = stage_larger(own, tile_spread_bytes(mirror, p->threads));
    if (p->forward_way == BY_WINOGRAD)
        own = stage_larger(own, winograd_bytes(mirror, CONV_BACKWARD_DATA, p->threads));
    if (p->data_way == BY_WINOGRAD) own = stage_larger(own, winograd_bytes(mirror, CONV_FORWARD, p->threads));
    if (c->backward && p->weights_way == BY_TILES)
        own = stage_larger(own, tile_weights_bytes(mirror, p->threads));
    if (p->weights_way == BY_WINOGRAD)
        own = stage_larger(own, winograd_bytes(mirror, CONV_BACKWARD_WEIGHTS, p->threads));
    return own;
}

static conv_shape mirror_of(const node *n)
{
    const int *x = n->in[0]->shape.d, *y = n->shape.d;
    return conv_shape_of(y[0], y[1], y[2], y[3], x[1], MIRROR, 2, 1);
}

bool up_conv_adds(const backend *b, const call *c)
{
    conv_shape mirror = mirror_of(c->n);
    return winograd_suits(b, &mirror, CONV_BACKWARD_DATA);
}

err up_conv_plan(backend *b, call *c)
{
    const int *x = c->n->in[0]->shape.d, *y = c->n->shape.d;
    view out = cpu_view_of(b, c->n);
    up_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory for a convolution");
    c->plan = p;
    p->in = x[1];
    p->out = y[1];
    p->threads = omp_get_max_threads();
    p->mirror = mirror_of(c->n);
    choose_ways(b, c, p);
    err error = open_stages(b, c, p);
    if (error != OK) {
        up_conv_unplan(c);
        return error;
    }
    if (wants_dz(c)) p->dz_bytes = stage_align(view_bytes(&out));
    p->kernel_bytes = stage_align((size_t)(p->in * p->out * MIRROR * MIRROR) * sizeof(float));
    size_t sums = view_padded(&out) * (size_t)out.n * sizeof(float); /* of cpu_channel_sums */
    c->scratch_bytes = p->dz_bytes + stage_larger(p->kernel_bytes + own_scratch(c, p), sums);
    double products = (double)x[0] * x[1] * x[2] * x[3] * y[1] * MIRROR * MIRROR;
    c->flops = 2 * products * (1 + (c->backward && c->wants[0]) + (c->backward && c->wants[1]));
    return OK;
}

void up_conv_unplan(call *c)
{
    up_plan *p = c->plan;
    if (!p) return;
    stage_close(p->forward);
    stage_close(p->data);
    stage_close(p->weights);
    conv_product_close(p->product);
    free(p);
    c->plan = NULL;
}

/* One row or column of W from one of w, and back: `apart` lies between elements of w, `wide` between those of
 * W. */
CPU_INLINE void widen_line(const float *w, int apart, float *to, int wide)
{
    to[0] = w[2 * apart];
    to[wide] = w[apart] + w[2 * apart];
    to[2 * wide] = w[0] + w[apart];
    to[3 * wide] = w[0];
}

CPU_INLINE void fold_line(const float *from, int wide, float *w, int apart)
{
    w[0] = from[2 * wide] + from[3 * wide];
    w[apart] = from[wide] + from[2 * wide];
    w[2 * apart] = from[0] + from[wide];
}

/* W (in, out, 4, 4) of w (out, in, 3, 3): rows, then columns. */
static void widen_kernel(const up_plan *p, const float *w, float *to)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < p->in * p->out; i++) {
        const float *from = w + (i % p->out * p->in + i / p->out) * K * K;
        float half[MIRROR * K];
        for (int x = 0; x < K; x++) widen_line(from + x, K, half + x, K);
        for (int y = 0; y < MIRROR; y++) widen_line(half + y * K, 1, to + (i * MIRROR + y) * MIRROR, 1);
    }
}

/* The gradient of w from that of W. */
static void fold_kernel(const up_plan *p, const float *from, float *dw, bool add)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < p->in * p->out; i++) {
        float *to = dw + (i % p->out * p->in + i / p->out) * K * K;
        float half[MIRROR * K], sum[K * K];
        for (int y = 0; y < MIRROR; y++) fold_line(from + (i * MIRROR + y) * MIRROR, 1, half + y * K, 1);
        for (int x = 0; x < K; x++) fold_line(half + x, K, sum + x, K);
        for (int j = 0; j < K * K; j++) to[j] = add ? to[j] + sum[j] : sum[j];
    }
}

err up_conv_forward(backend *b, const call *c)
{
    const up_plan *p = c->plan;
    view out = cpu_view_of(b, c->n);
    char *scratch = (char *)c->scratch + p->dz_bytes;
    float *widened = (float *)(void *)scratch;
    widen_kernel(p, c->in[1], widened);
    void *memory[] = {c->out, widened, stage_readable(c->in[0])}, *own = scratch + p->kernel_bytes;
    if (p->forward_way == BY_WINOGRAD)
        winograd_data(&p->mirror, b->half, c->in[0], widened, &(winograd_finish){.addend = c->addend}, c->out,
                      p->threads, own);
    else if (p->forward_way == BY_TILES)
        tile_spread(&p->mirror, c->in[0], widened, c->out, false, p->threads, own);
    else
        TRY(stage_run(p->forward, b, memory, (bool[3]){false}, own));
    if (conv_has_bias(c)) cpu_add_bias(&out, c->out, c->in[2]);
    cpu_activate(c->n->a.act, out.half, c->out, c->out, view_cells(&out));
    if (c->n->a.act == ACT_SIGMOID) cpu_clear_padding(&out, c->out);
    return OK;
}

err up_conv_backward(backend *b, const call *c)
{
    const up_plan *p = c->plan;
    view out = cpu_view_of(b, c->n);
    const float *dz = c->dout;
    char *scratch = (char *)c->scratch + p->dz_bytes;
    float *widened = (float *)(void *)scratch;
    if (p->dz_bytes) {
        cpu_activate_backward(c->n->a.act, out.half, c->scratch, c->out, c->dout, view_cells(&out), false);
        dz = c->scratch;
    }
    if (conv_has_bias(c) && c->din[2]) cpu_channel_sums(&out, dz, widened, c->din[2], c->add[2]);
    if (c->din[0]) {
        widen_kernel(p, c->in[1], widened);
        void *memory[] = {stage_readable(dz), widened, c->din[0]}, *own = scratch + p->kernel_bytes;
        if (p->data_way == BY_WINOGRAD)
            winograd_forward(&p->mirror, b->half, dz, widened, &(winograd_finish){.add = c->add[0]},
                             c->din[0], p->threads, own);
        else
            TRY(stage_run(p->data, b, memory, (bool[3]){false, false, c->add[0]}, own));
    }
    if (!c->din[1]) return OK;
    void *own = scratch + p->kernel_bytes,
         *memory[] = {stage_readable(dz), widened, stage_readable(c->in[0])};
    if (p->weights_way == BY_WINOGRAD)
        winograd_weights(&p->mirror, b->half, dz, c->in[0], widened, false, p->threads, own);
    else if (p->weights_way == BY_TILES)
        tile_weights(&p->mirror, dz, c->in[0], widened, false, p->threads, own);
    else if (p->product)
        TRY(conv_product_run(p->product, b, dz, c->in[0], widened, false, own));
    else
        TRY(stage_run(p->weights, b, memory, (bool[3]){false}, own));
    fold_kernel(p, widened, c->din[1], c->add[1]);
    return OK;
}
