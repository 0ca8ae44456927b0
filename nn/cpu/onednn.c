#include "nn/cpu/onednn.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

err dnn_failed(dnnl_status_t status, const char *file, int line)
{
    if (status == dnnl_out_of_memory) return err_set(ERR_SYSTEM, "out of memory in oneDNN");
    return err_set(ERR_INTERNAL, "oneDNN refused a call (status %d, %s:%d)", (int)status, file, line);
}

/* A tensor of a stage. `ours` and the reorders are NULL where the primitive works in our layout. An output
 * has a place in scratch in any case, for when it has to be added. */
typedef struct operand {
    dnnl_memory_t own, ours;
    dnnl_primitive_t store, add; /* an input only has store: ours to own */
    size_t offset, elements;     /* of own, in scratch */
    bool output, half;
} operand;

struct stage {
    dnnl_primitive_t primitive;
    operand operands[STAGE_TENSORS];
    int n;
    dnnl_memory_t scratchpad;
    size_t scratchpad_offset, bytes;
    dnnl_exec_arg_t arguments[STAGE_TENSORS + 1];
};

static size_t reserve(stage *s, size_t bytes)
{
    size_t offset = s->bytes;
    s->bytes += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return offset;
}

err reorder_open(const backend *b, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, bool add,
                 dnnl_primitive_t *out)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t after = NULL;
    dnnl_primitive_desc_t descriptor = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success) status = dnnl_post_ops_create(&after);
    if (status == dnnl_success && add) status = dnnl_post_ops_append_sum(after, 1);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attr, after);
    if (status == dnnl_success)
        status = dnnl_reorder_primitive_desc_create(&descriptor, from, b->engine, to, b->engine, attr);
    if (status == dnnl_success) status = dnnl_primitive_create(out, descriptor);
    (void)dnnl_primitive_desc_destroy(descriptor);
    (void)dnnl_post_ops_destroy(after);
    (void)dnnl_primitive_attr_destroy(attr);
    DNN(status);
    return OK;
}

static err open_operand(stage *s, const backend *b, const_dnnl_primitive_desc_t descriptor,
                        const stage_tensor *t, operand *o)
{
    const dnnl_memory_desc_t *own = dnnl_primitive_desc_query_md(descriptor, t->query, t->index);
    bool same = dnnl_memory_desc_equal(own, &t->ours) == 1;
    o->output = t->output;
    DNN(dnnl_memory_create(&o->own, own, b->engine, NULL));
    if (t->output || !same) o->offset = reserve(s, dnnl_memory_desc_get_size(own));
    o->half = own->data_type == dnnl_bf16;
    o->elements = dnnl_memory_desc_get_size(own) / (o->half ? sizeof(uint16_t) : sizeof(float));
    if (same) return OK;
    DNN(dnnl_memory_create(&o->ours, &t->ours, b->engine, NULL));
    if (!t->output) return reorder_open(b, &t->ours, own, false, &o->store);
    TRY(reorder_open(b, own, &t->ours, false, &o->store));
    return reorder_open(b, own, &t->ours, true, &o->add);
}

static err open_parts(stage *s, const backend *b, const_dnnl_primitive_desc_t descriptor,
                      const stage_tensor *tensors, int n)
{
    DNN(dnnl_primitive_create(&s->primitive, descriptor));
    for (int i = 0; i < n; i++) {
        s->n = i + 1; /* so that stage_close frees a half-built one */
        TRY(open_operand(s, b, descriptor, tensors + i, s->operands + i));
        s->arguments[i] = (dnnl_exec_arg_t){tensors[i].argument, s->operands[i].own};
    }
    const dnnl_memory_desc_t *pad = dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
    s->scratchpad_offset = reserve(s, dnnl_memory_desc_get_size(pad));
    DNN(dnnl_memory_create(&s->scratchpad, pad, b->engine, NULL));
    s->arguments[n] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, s->scratchpad};
    return OK;
}

err stage_open(const backend *b, const_dnnl_primitive_desc_t descriptor, const stage_tensor *tensors, int n,
               stage **out)
{
    *out = NULL;
    stage *s = calloc(1, sizeof *s);
    if (!s) return err_set(ERR_SYSTEM, "out of memory for a oneDNN primitive");
    err error = open_parts(s, b, descriptor, tensors, n);
    if (error != OK) {
        stage_close(s);
        return error;
    }
    *out = s;
    return OK;
}

void stage_close(stage *s)
{
    if (!s) return;
    for (int i = 0; i < s->n; i++) {
        operand *o = s->operands + i;
        if (o->store) (void)dnnl_primitive_destroy(o->store);
        if (o->add) (void)dnnl_primitive_destroy(o->add);
        if (o->ours) (void)dnnl_memory_destroy(o->ours);
        if (o->own) (void)dnnl_memory_destroy(o->own);
    }
    if (s->scratchpad) (void)dnnl_memory_destroy(s->scratchpad);
    if (s->primitive) (void)dnnl_primitive_destroy(s->primitive);
    free(s);
}

size_t stage_bytes(const stage *s)
{
    return s ? s->bytes : 0;
}

/* Setting a handle makes oneDNN clear the padding behind it, so an unchanged one is left alone. */
static err point(dnnl_memory_t memory, void *to)
{
    void *old = NULL;
    DNN(dnnl_memory_get_data_handle(memory, &old));
    if (old != to) DNN(dnnl_memory_set_data_handle(memory, to));
    return OK;
}

static err reorder(const backend *b, dnnl_primitive_t primitive, dnnl_memory_t from, dnnl_memory_t to)
{
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    DNN(dnnl_primitive_execute(primitive, b->stream, 2, arguments));
    return OK;
}

static err place_operand(const operand *o, const backend *b, void *memory, bool add, char *scratch)
{
    bool direct = !o->ours && !(o->output && add);
    TRY(point(o->own, direct ? memory : scratch + o->offset));
    if (!o->ours) return OK;
    TRY(point(o->ours, memory));
    return o->output ? OK : reorder(b, o->store, o->ours, o->own);
}

err stage_run(stage *s, const backend *b, void *const *memory, const bool *add, void *scratch)
{
    for (int i = 0; i < s->n; i++) TRY(place_operand(s->operands + i, b, memory[i], add[i], scratch));
    TRY(point(s->scratchpad, (char *)scratch + s->scratchpad_offset));
    DNN(dnnl_primitive_execute(s->primitive, b->stream, s->n + 1, s->arguments));
    for (int i = 0; i < s->n; i++) {
        const operand *o = s->operands + i;
        if (!o->output) continue;
        if (o->ours)
            TRY(reorder(b, add[i] ? o->add : o->store, o->own, o->ours));
        else if (add[i])
            cpu_store(o->half, memory[i], (char *)scratch + o->offset, o->elements, true);
    }
    DNN(dnnl_stream_wait(b->stream));
    return OK;
}

/* ---- convolutions ---- */

conv_shape conv_shape_of(int n, int c, int h, int w, int o, int k, int stride, int pad)
{
    conv_shape s = {n, c,      h,  w, o, (h + 2 * pad - k) / stride + 1, (w + 2 * pad - k) / stride + 1,
                    k, stride, pad};
    return s;
}

static dnnl_memory_desc_t tensor(int rank, const dnnl_dims_t sizes, bool half, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t m;
    if (dnnl_memory_desc_init_by_tag(&m, rank, sizes, half ? dnnl_bf16 : dnnl_f32, tag) != dnnl_success)
        m = (dnnl_memory_desc_t){0};
    return m;
}

/* An activation in our layout (cpu_view). */
static dnnl_memory_desc_t ours(const backend *b, int n, int c, int h, int w)
{
    dnnl_dims_t sizes = {n, c, h, w};
    if (c < CPU_MIN_BLOCKED) return tensor(4, sizes, false, dnnl_nchw);
    return tensor(4, sizes, b->half,
                  b->interleaved   ? dnnl_nhwc
                  : b->width == 16 ? dnnl_nChw16c
                                   : dnnl_nChw8c);
}

/* An activation as a convolution is asked to take it: every one of bf16 if any is. */
static dnnl_memory_desc_t activation(const backend *b, int n, int c, int h, int w, bool fixed)
{
    if (fixed && (c >= CPU_MIN_BLOCKED || !b->half)) return ours(b, n, c, h, w);
    return tensor(4, (dnnl_dims_t){n, c, h, w}, b->half, dnnl_format_tag_any);
}

static dnnl_primitive_attr_t attr_of(nn_act act)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t after = NULL;
    float slope = act == ACT_LEAKY_RELU ? 0.2F : 0;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success) status = dnnl_post_ops_create(&after);
    if (status == dnnl_success && (act == ACT_RELU || act == ACT_LEAKY_RELU))
        status = dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, slope, 0);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attr, after);
    if (after) (void)dnnl_post_ops_destroy(after);
    if (status == dnnl_success) return attr;
    if (attr) (void)dnnl_primitive_attr_destroy(attr);
    return NULL;
}

/* Whether Winograd's F(4x4, 3x3) (Lavin & Gray 2016), with a quarter of the products, is faster: measured
 * with AVX-512, up to twice, given enough channels and pixels to pay for the transforms. A rule, not a
 * measurement at run time: the choice moves the last digits, and equal runs must be equal. */
static bool suits_winograd(const backend *b, const conv_shape *s, int direction)
{
    enum { MIN_CHANNELS = 32, MIN_PIXELS = 2048, MIN_WEIGHT_CHANNELS = 16 };
    const double min_weight_products = 6e7;
    if (s->k != 3 || s->stride != 1 || b->half) return false;
    int channels = s->c < s->o ? s->c : s->o;
    double pixels = (double)s->n * s->oh * s->ow;
    if (direction == CONV_BACKWARD_WEIGHTS)
        return channels >= MIN_WEIGHT_CHANNELS && pixels * s->c * s->o * s->k * s->k >= min_weight_products;
    return channels >= MIN_CHANNELS && pixels >= MIN_PIXELS;
}

static dnnl_primitive_desc_t find_descriptor(const backend *b, const conv_shape *s, int direction, bool fixed,
                                             bool bias, nn_act act, dnnl_alg_kind_t algorithm)
{
    dnnl_memory_desc_t src = activation(b, s->n, s->c, s->h, s->w, fixed);
    dnnl_memory_desc_t dst = activation(b, s->n, s->o, s->oh, s->ow, fixed);
    bool weights = direction == CONV_BACKWARD_WEIGHTS; /* whose result is fp32 */
    dnnl_memory_desc_t any = tensor(4, (dnnl_dims_t){s->o, s->c, s->k, s->k}, b->half, dnnl_format_tag_any),
                       w = any;
    dnnl_memory_desc_t one = tensor(1, (dnnl_dims_t){s->o}, false, dnnl_a), *with = bias ? &one : NULL;
    if (weights) w = tensor(4, (dnnl_dims_t){s->o, s->c, s->k, s->k}, false, dnnl_format_tag_any);
    dnnl_dims_t strides = {s->stride, s->stride}, low = {s->pad, s->pad};
    dnnl_dims_t high = {(s->oh - 1) * s->stride + s->k - s->h - s->pad,
                        (s->ow - 1) * s->stride + s->k - s->w - s->pad};
    dnnl_convolution_desc_t c;
    dnnl_primitive_desc_t forward = NULL, found = NULL;
    dnnl_primitive_attr_t attr = attr_of(direction == CONV_FORWARD ? act : ACT_NONE);
    if (!attr) return NULL;
    (void)(dnnl_convolution_forward_desc_init(&c, dnnl_forward_training, algorithm, &src, &any, with, &dst,
                                              strides, low, high) == dnnl_success &&
           dnnl_primitive_desc_create(&forward, &c, attr, b->engine, NULL) == dnnl_success);
    if (direction == CONV_FORWARD) {
        (void)dnnl_primitive_attr_destroy(attr);
        return forward;
    }
    dnnl_status_t status =
        direction == CONV_BACKWARD_DATA
            ? dnnl_convolution_backward_data_desc_init(&c, algorithm, &src, &w, &dst, strides, low, high)
            : dnnl_convolution_backward_weights_desc_init(&c, algorithm, &src, &w, with, &dst, strides, low,
                                                          high);
    if (forward && status == dnnl_success)
        (void)dnnl_primitive_desc_create(&found, &c, attr, b->engine, forward);
    if (forward) (void)dnnl_primitive_desc_destroy(forward);
    (void)dnnl_primitive_attr_destroy(attr);
    return found;
}

dnnl_primitive_desc_t conv_descriptor(const backend *b, const conv_shape *s, int direction, bool fixed,
                                      bool bias, nn_act act)
{
    dnnl_primitive_desc_t found = NULL;
    if (suits_winograd(b, s, direction))
        found = find_descriptor(b, s, direction, fixed, bias, act, dnnl_convolution_winograd);
    return found ? found : find_descriptor(b, s, direction, fixed, bias, act, dnnl_convolution_direct);
}

bool descriptor_is_slow(const_dnnl_primitive_desc_t descriptor)
{
    const char *name = NULL;
    if (dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, (void *)&name) != dnnl_success)
        return true;
    return strncmp(name, "ref", 3) == 0;
}

/* In our layout if oneDNN is fast there, else in its own, with reorders on both sides. */
static dnnl_primitive_desc_t best_descriptor(const backend *b, const conv_shape *s, int direction, bool bias,
                                             nn_act act)
{
    dnnl_primitive_desc_t fixed = conv_descriptor(b, s, direction, true, bias, act);
    if (fixed && !descriptor_is_slow(fixed)) return fixed;
    dnnl_primitive_desc_t chosen = conv_descriptor(b, s, direction, false, bias, act);
    if (fixed && chosen) (void)dnnl_primitive_desc_destroy(fixed);
    return chosen ? chosen : fixed;
}

err conv_stage_open(const backend *b, const conv_shape *s, int direction, bool bias, nn_act act, stage **out)
{
    *out = NULL;
    dnnl_memory_desc_t src = ours(b, s->n, s->c, s->h, s->w), dst = ours(b, s->n, s->o, s->oh, s->ow);
    dnnl_memory_desc_t w = tensor(4, (dnnl_dims_t){s->o, s->c, s->k, s->k}, false, dnnl_oihw);
    dnnl_memory_desc_t one = tensor(1, (dnnl_dims_t){s->o}, false, dnnl_a);
    const stage_tensor all[3][STAGE_TENSORS] = {
        {{DNNL_ARG_SRC, dnnl_query_src_md, 0, src, false},
         {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, w, false},
         {DNNL_ARG_DST, dnnl_query_dst_md, 0, dst, true},
         {DNNL_ARG_BIAS, dnnl_query_weights_md, 1, one, false}},
        {{DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, src, true},
         {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, w, false},
         {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, dst, false}},
        {{DNNL_ARG_SRC, dnnl_query_src_md, 0, src, false},
         {DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0, w, true},
         {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, dst, false},
         {DNNL_ARG_DIFF_BIAS, dnnl_query_diff_weights_md, 1, one, true}},
    };
    dnnl_primitive_desc_t descriptor = best_descriptor(b, s, direction, bias, act);
    if (!descriptor)
        return err_set(ERR_INTERNAL, "oneDNN has no convolution of %d to %d channels, %d x %d, kernel %d",
                       s->c, s->o, s->h, s->w, s->k);
    err error = stage_open(b, descriptor, all[direction], bias ? 4 : 3, out);
    (void)dnnl_primitive_desc_destroy(descriptor);
    return error;
}
