/* Convolution: oneDNN between our layouts, except where one side has fewer channels than a block
 * (thin_conv.h), or where Winograd takes fewer products than oneDNN (winograd.h), or AMX more at a time
 * (tile.h). */
#include "nn/cpu/conv_product.h"
#include "nn/cpu/norm_conv.h"
#include "nn/cpu/thin_conv.h"
#include "nn/cpu/tile.h"
#include "nn/cpu/up_conv.h"
#include "nn/cpu/winograd.h"

#include <omp.h>
#include <stdlib.h>

typedef struct conv_plan {
    conv_shape shape;
    stage *forward, *data, *weights;
    conv_product *product; /* in place of `weights` where that is faster */
    conv_way forward_way, data_way, weights_way;
    thin_conv contract, expand, correlate;
    int threads; /* of what oneDNN does not do */
    bool fused;  /* the activation is part of the forward primitive */
    bool thin_is_out;
    bool gated;      /* thin kernels read dout through the derivative of the activation themselves */
    size_t dz_bytes; /* else scratch of backward begins with dz = dout act'(out), if there is an activation */
} conv_plan;

static conv_shape shape_of(const node *n)
{
    const int *x = n->in[0]->shape.d;
    return conv_shape_of(x[0], x[1], x[2], x[3], n->shape.d[1], n->a.k, n->a.stride, n->a.pad);
}

/* Which directions oneDNN leaves to us, and their thin convolutions. */
static void choose_ways(const backend *b, const call *c, conv_plan *p)
{
    const conv_shape *s = &p->shape;
    view in = cpu_view_of(b, c->n->in[0]), out = cpu_view_of(b, c->n);
    p->threads = omp_get_max_threads();
    if (winograd_suits(b, s, CONV_FORWARD)) p->forward_way = BY_WINOGRAD;
    if (c->wants[0] && winograd_suits(b, s, CONV_BACKWARD_DATA)) p->data_way = BY_WINOGRAD;
    if (c->wants[1] && winograd_suits(b, s, CONV_BACKWARD_WEIGHTS)) p->weights_way = BY_WINOGRAD;
    if (tile_spread_suits(b, s)) p->data_way = BY_TILES;
    if (tile_weights_suits(b, s)) p->weights_way = BY_TILES;
    bool thin_in = s->c < CPU_MIN_BLOCKED, thin_out = s->o < CPU_MIN_BLOCKED;
    if (thin_in == thin_out || (thin_in ? out : in).lanes % CPU_MIN_BLOCKED != 0) return;
    int mirrored = s->k - 1 - s->pad;
    thin_conv t = {.thin = thin_in ? in : out,
                   .wide = thin_in ? out : in,
                   .k = s->k,
                   .stride = 1,
                   .thin_is_out = thin_out,
                   .slope = c->n->a.act == ACT_LEAKY_RELU ? 0.2F : 0,
                   .tile = b->width == 16 ? 8 : 4,
                   .threads = p->threads};
    p->contract = p->expand = p->correlate = t;
    p->thin_is_out = thin_out;
    p->contract.pad = thin_out ? s->pad : mirrored;
    p->contract.flip = thin_in;
    p->expand.pad = p->correlate.pad = thin_in ? s->pad : mirrored;
    p->expand.flip = p->correlate.flip = thin_out;
    p->expand.stride = p->correlate.stride = s->stride;
    if (thin_in) p->weights_way = BY_THIN;
    if (thin_in && out.half) p->forward_way = BY_THIN;
    if (thin_in && s->stride == 1) p->data_way = BY_THIN;
    if (thin_out && s->stride == 1) p->forward_way = p->data_way = p->weights_way = BY_THIN;
    bool relu = c->n->a.act == ACT_RELU || c->n->a.act == ACT_LEAKY_RELU;
    p->gated = relu && thin_in && (!c->wants[0] || p->data_way == BY_THIN);
}

static bool wants_weights(const call *c)
{
    return c->backward && (c->wants[1] || (conv_has_bias(c) && c->wants[2]));
}

static err open_stages(const backend *b, const call *c, conv_plan *p)
{
    const conv_shape *s = &p->shape;
    nn_act act = c->n->a.act;
    p->fused = (p->forward_way != BY_THIN || !p->thin_is_out) && (act == ACT_RELU || act == ACT_LEAKY_RELU);
    if (p->forward_way == BY_ONEDNN)
        TRY(conv_stage_open(b, s, CONV_FORWARD, conv_has_bias(c), p->fused ? act : ACT_NONE, &p->forward));
    if (c->backward && c->wants[0] && p->data_way == BY_ONEDNN)
        TRY(conv_stage_open(b, s, CONV_BACKWARD_DATA, false, ACT_NONE, &p->data));
    if (!wants_weights(c) || p->weights_way != BY_ONEDNN) return OK;
    if (conv_product_suits(b, s)) return conv_product_open(b, s, &p->product);
    return conv_stage_open(b, s, CONV_BACKWARD_WEIGHTS, conv_has_bias(c), ACT_NONE, &p->weights);
}

static size_t forward_scratch(const conv_plan *p)
{
    if (p->forward_way == BY_ONEDNN) return stage_bytes(p->forward);
    if (p->forward_way == BY_WINOGRAD) return winograd_bytes(&p->shape, CONV_FORWARD, p->threads);
    return p->thin_is_out ? thin_contract_bytes(&p->contract) : thin_expand_bytes(&p->expand);
}

static size_t data_scratch(const conv_plan *p)
{
    if (p->data_way == BY_ONEDNN) return stage_bytes(p->data);
    if (p->data_way == BY_TILES) return tile_spread_bytes(&p->shape, p->threads);
    if (p->data_way == BY_WINOGRAD) return winograd_bytes(&p->shape, CONV_BACKWARD_DATA, p->threads);
    return p->thin_is_out ? thin_expand_bytes(&p->expand) : thin_contract_bytes(&p->contract);
}

static size_t weights_scratch(const backend *b, const call *c, const conv_plan *p)
{
    const conv_shape *s = &p->shape;
    view out = cpu_view_of(b, c->n);
    size_t sums = view_padded(&out) * (size_t)out.n * sizeof(float); /* of cpu_channel_sums */
    if (p->weights_way == BY_THIN) return stage_larger(thin_weights_bytes(&p->correlate), sums);
    if (p->weights_way == BY_TILES) return stage_larger(tile_weights_bytes(s, p->threads), sums);
    if (p->weights_way == BY_WINOGRAD)
        return stage_larger(winograd_bytes(s, CONV_BACKWARD_WEIGHTS, p->threads), sums);
    if (p->product) return stage_larger(conv_product_bytes(p->product), sums);
    /* A bias whose gradient nobody wants (or the weight's) is still computed by the primitive: into scratch.
     */
    return stage_align((size_t)(s->o * s->c * s->k * s->k) * sizeof(float)) +
           stage_align((size_t)s->o * sizeof(float)) + stage_bytes(p->weights);
}

static size_t scratch_of(const backend *b, const call *c, conv_plan *p)
{
    if (!c->backward) return forward_scratch(p);
    view out = cpu_view_of(b, c->n);
    if (c->n->a.act != ACT_NONE && !p->gated) p->dz_bytes = stage_align(view_bytes(&out));
    return stage_larger(forward_scratch(p),
                        p->dz_bytes + stage_larger(data_scratch(p), weights_scratch(b, c, p)));
}

static void unplan(backend *b, call *c)
{
    if (c->n->a.upsample) {
        up_conv_unplan(c);
        return;
    }
    if (c->norm) {
        norm_conv_unplan(c);
        return;
    }
    (void)b;
    conv_plan *p = c->plan;
    if (!p) return;
    stage_close(p->forward);
    stage_close(p->data);
    stage_close(p->weights);
    conv_product_close(p->product);
    free(p);
    c->plan = NULL;
}

static err plan(backend *b, call *c)
{
    if (c->n->a.upsample) return up_conv_plan(b, c);
    if (c->norm) return norm_conv_plan(b, c);
    conv_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory for a convolution");
    c->plan = p;
    p->shape = shape_of(c->n);
    choose_ways(b, c, p);
    err error = open_stages(b, c, p);
    if (error != OK) {
        unplan(b, c);
        return err_context(error, "%s", c->n->name);
    }
    c->scratch_bytes = scratch_of(b, c, p);
    const conv_shape *s = &p->shape;
    double products = (double)s->n * s->o * s->oh * s->ow * s->c * s->k * s->k;
    int directions = 1 + (c->backward && c->wants[0]) + (c->backward && c->wants[1]);
    c->flops = 2 * products * directions;
    return OK;
}

static err forward(backend *b, const call *c)
{
    if (c->n->a.upsample) return up_conv_forward(b, c);
    if (c->norm) return norm_conv_forward(b, c);
    conv_plan *p = c->plan;
    view out = cpu_view_of(b, c->n);
    const float *bias = conv_has_bias(c) ? c->in[2] : NULL;
    if (p->forward_way == BY_WINOGRAD) {
        winograd_finish finish = {
            .bias = bias, .addend = c->addend, .act = p->fused ? c->n->a.act : ACT_NONE};
        winograd_forward(&p->shape, out.half, c->in[0], c->in[1], &finish, c->out, p->threads, c->scratch);
    } else if (p->forward_way == BY_THIN && !p->thin_is_out) {
        thin_expand(&p->expand, c->in[0], c->in[1], bias, p->fused ? c->n->a.act : ACT_NONE, c->out, false,
                    c->scratch);
    } else if (p->forward_way == BY_THIN) {
        thin_contract(&p->contract, c->in[0], NULL, c->in[1], bias, c->out, false, c->scratch);
    } else {
        void *memory[] = {stage_readable(c->in[0]), stage_readable(c->in[1]), c->out, stage_readable(bias)};
        TRY(stage_run(p->forward, b, memory, (bool[4]){false}, c->scratch));
    }
    if (p->fused) return OK;
    cpu_activate(c->n->a.act, out.half, c->out, c->out, view_cells(&out));
    if (c->n->a.act == ACT_SIGMOID) cpu_clear_padding(&out, c->out);
    return OK;
}

static err backward_data(const backend *b, const call *c, const conv_plan *p, const float *dz, char *scratch)
{
    float *packed = (float *)(void *)scratch;
    void *memory[] = {c->din[0], stage_readable(c->in[1]), stage_readable(dz)};
    if (p->data_way == BY_ONEDNN) return stage_run(p->data, b, memory, (bool[3]){c->add[0]}, scratch);
    if (p->data_way == BY_WINOGRAD)
        winograd_data(&p->shape, b->half, dz, c->in[1], &(winograd_finish){.add = c->add[0]}, c->din[0],
                      p->threads, scratch);
    else if (p->data_way == BY_TILES)
        tile_spread(&p->shape, dz, c->in[1], c->din[0], c->add[0], p->threads, scratch);
    else if (p->thin_is_out)
        thin_expand(&p->expand, dz, c->in[1], NULL, ACT_NONE, c->din[0], c->add[0], packed);
    else
        thin_contract(&p->contract, dz, p->gated ? c->out : NULL, c->in[1], NULL, c->din[0], c->add[0],
                      packed);
    return OK;
}

static void weights_by_thin(const backend *b, const call *c, const conv_plan *p, const float *dz,
                            float *scratch)
{
    float *dbias = conv_has_bias(c) ? c->din[2] : NULL;
    if (!p->thin_is_out) {
        thin_weights(&p->correlate, dz, p->gated ? c->out : NULL, c->in[0], c->din[1], c->add[1], dbias,
                     c->add[2], scratch);
        return;
    }
    view out = cpu_view_of(b, c->n);
    if (c->din[1])
        thin_weights(&p->correlate, c->in[0], NULL, dz, c->din[1], c->add[1], NULL, false, scratch);
    if (dbias) cpu_channel_sums(&out, dz, scratch, dbias, c->add[2]);
}

static err backward_weights(backend *b, const call *c, const conv_plan *p, const float *dz, char *scratch)
{
    const conv_shape *s = &p->shape;
    float *dbias = conv_has_bias(c) ? c->din[2] : NULL;
    view out = cpu_view_of(b, c->n);
    if (p->weights_way == BY_THIN) {
        weights_by_thin(b, c, p, dz, (float *)(void *)scratch);
        return OK;
    }
    if (p->weights_way == BY_TILES || p->weights_way == BY_WINOGRAD) {
        if (dbias) cpu_channel_sums(&out, dz, (float *)(void *)scratch, dbias, c->add[2]);
        if (c->din[1] && p->weights_way == BY_TILES)
            tile_weights(s, c->in[0], dz, c->din[1], c->add[1], p->threads, scratch);
        else if (c->din[1])
            winograd_weights(s, b->half, c->in[0], dz, c->din[1], c->add[1], p->threads, scratch);
        return OK;
    }
    if (p->product) {
        if (dbias) cpu_channel_sums(&out, dz, (float *)(void *)scratch, dbias, c->add[2]);
        return c->din[1] ? conv_product_run(p->product, b, c->in[0], dz, c->din[1], c->add[1], scratch) : OK;
    }
    float *unwanted = (float *)(void *)scratch;
    scratch += stage_align((size_t)(s->o * s->c * s->k * s->k) * sizeof(float));
    float *unwanted_bias = (float *)(void *)scratch;
    scratch += stage_align((size_t)s->o * sizeof(float));
    void *memory[] = {stage_readable(c->in[0]), c->din[1] ? c->din[1] : unwanted, stage_readable(dz),
                      dbias ? dbias : unwanted_bias};
    bool add[] = {false, c->din[1] && c->add[1], false, dbias && c->add[2]};
    return stage_run(p->weights, b, memory, add, scratch);
}

static err backward(backend *b, const call *c)
{
    if (c->n->a.upsample) return up_conv_backward(b, c);
    const conv_plan *p = c->plan;
    const float *dz = c->dout;
    char *scratch = (char *)c->scratch + p->dz_bytes;
    if (p->dz_bytes) {
        view out = cpu_view_of(b, c->n);
        cpu_activate_backward(c->n->a.act, out.half, c->scratch, c->out, c->dout, view_cells(&out), false);
        dz = c->scratch;
    }
    if (c->din[0]) TRY(backward_data(b, c, p, dz, scratch));
    if (wants_weights(c)) TRY(backward_weights(b, c, p, dz, scratch));
    return OK;
}

static bool adds(backend *b, const call *c)
{
    if (c->n->a.act != ACT_NONE) return false;
    if (c->n->a.upsample) return up_conv_adds(b, c);
    conv_shape s = shape_of(c->n);
    return winograd_suits(b, &s, CONV_FORWARD);
}

const kernel cpu_conv = {.plan = plan,
                         .unplan = unplan,
                         .forward = forward,
                         .backward = backward,
                         .absorbs = norm_conv_absorbs,
                         .adds = adds};
