#include "nn/cpu/peak.h"

#include "base/clock.h"

#include "nn/cpu/onednn.h"

#include <stdlib.h>
#include <time.h>

/* A primitive with memory of its own for every tensor. */
typedef struct bare {
    backend *b;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[STAGE_TENSORS];
    void *buffers[STAGE_TENSORS];
    int n;
} bare;

static err add_tensor(bare *x, const_dnnl_primitive_desc_t descriptor, dnnl_query_t query, int argument)
{
    const dnnl_memory_desc_t *layout = dnnl_primitive_desc_query_md(descriptor, query, 0);
    TRY(be_cpu.allocate(x->b, dnnl_memory_desc_get_size(layout), &x->buffers[x->n]));
    if (dnnl_memory_create(&x->arguments[x->n].memory, layout, x->b->engine, x->buffers[x->n]) !=
        dnnl_success) {
        be_cpu.release(x->b, x->buffers[x->n]);
        return err_set(ERR_SYSTEM, "out of memory in oneDNN");
    }
    x->arguments[x->n++].arg = argument;
    return OK;
}

static err open_bare(bare *x, const conv_shape *s, int direction)
{
    static const struct {
        dnnl_query_t query;
        int argument;
    } tensors[3][4] = {
        {{dnnl_query_src_md, DNNL_ARG_SRC},
         {dnnl_query_weights_md, DNNL_ARG_WEIGHTS},
         {dnnl_query_dst_md, DNNL_ARG_DST},
         {dnnl_query_scratchpad_md, DNNL_ARG_SCRATCHPAD}},
        {{dnnl_query_diff_src_md, DNNL_ARG_DIFF_SRC},
         {dnnl_query_weights_md, DNNL_ARG_WEIGHTS},
         {dnnl_query_diff_dst_md, DNNL_ARG_DIFF_DST},
         {dnnl_query_scratchpad_md, DNNL_ARG_SCRATCHPAD}},
        {{dnnl_query_src_md, DNNL_ARG_SRC},
         {dnnl_query_diff_weights_md, DNNL_ARG_DIFF_WEIGHTS},
         {dnnl_query_diff_dst_md, DNNL_ARG_DIFF_DST},
         {dnnl_query_scratchpad_md, DNNL_ARG_SCRATCHPAD}},
    };
    dnnl_primitive_desc_t descriptor = conv_descriptor(x->b, s, direction, false, false, ACT_NONE);
    if (!descriptor)
        return err_set(ERR_INTERNAL, "oneDNN has no convolution of %d to %d channels, %d x %d, kernel %d",
                       s->c, s->o, s->h, s->w, s->k);
    err error = OK;
    for (int i = 0; i < STAGE_TENSORS && error == OK; i++)
        error = add_tensor(x, descriptor, tensors[direction][i].query, tensors[direction][i].argument);
    if (error == OK && dnnl_primitive_create(&x->primitive, descriptor) != dnnl_success)
        error = err_set(ERR_SYSTEM, "oneDNN cannot build a convolution");
    (void)dnnl_primitive_desc_destroy(descriptor);
    return error;
}

static void close_bare(bare *x)
{
    for (int i = 0; i < x->n; i++) {
        (void)dnnl_memory_destroy(x->arguments[i].memory);
        be_cpu.release(x->b, x->buffers[i]);
    }
    if (x->primitive) (void)dnnl_primitive_destroy(x->primitive);
}

/* The best of at least three runs, until `budget` seconds are spent. */
static err measure(backend *b, const conv_shape *s, int direction, double budget, double *best)
{
    bare x = {.b = b};
    err error = open_bare(&x, s, direction);
    double start = clock_seconds();
    *best = 0;
    for (int run = 0; error == OK && (run < 3 || clock_seconds() - start < budget); run++) {
        double before = clock_seconds();
        if (dnnl_primitive_execute(x.primitive, b->stream, x.n, x.arguments) != dnnl_success ||
            dnnl_stream_wait(b->stream) != dnnl_success)
            error = err_set(ERR_INTERNAL, "oneDNN cannot run a convolution");
        double taken = clock_seconds() - before;
        if (run == 0 || taken < *best) *best = taken;
    }
    close_bare(&x);
    return error;
}

err cpu_convolution_seconds(int n, int c, int h, int w, int o, int k, int stride, int pad, double *forward_s,
                            double *backward_data_s, double *backward_weights_s)
{
    const double budget = 0.02;
    double *const results[] = {forward_s, backward_data_s, backward_weights_s};
    conv_shape s = conv_shape_of(n, c, h, w, o, k, stride, pad);
    backend *b;
    TRY(be_cpu.open(&(nn_device){.backend = &be_cpu}, &b));
    err error = OK;
    for (int direction = 0; direction < 3 && error == OK; direction++)
        if (results[direction]) error = measure(b, &s, direction, budget, results[direction]);
    be_cpu.close(b);
    return error;
}

err cpu_convolution_rate(double *gflops)
{
    static const int shapes[][4] = {/* channels in, out, side, kernel */
                                    {32, 32, 32, 5},   {64, 64, 16, 5},  {64, 64, 32, 5}, {128, 128, 8, 5},
                                    {128, 128, 16, 5}, {64, 256, 16, 1}, {256, 256, 8, 1}};
    enum { SHAPES = sizeof shapes / sizeof shapes[0], BATCH = 32 };
    backend *b;
    *gflops = 0;
    TRY(be_cpu.open(&(nn_device){.backend = &be_cpu}, &b));
    err error = OK;
    for (int i = 0; i < SHAPES && error == OK; i++) {
        const int *d = shapes[i];
        double best, work = 2.0 * BATCH * d[0] * d[1] * d[2] * d[2] * d[3] * d[3];
        conv_shape s = conv_shape_of(BATCH, d[0], d[2], d[2], d[1], d[3], 1, d[3] / 2);
        error = measure(b, &s, CONV_FORWARD, 0.15, &best);
        if (error == OK && work / best * 1e-9 > *gflops) *gflops = work / best * 1e-9;
    }
    be_cpu.close(b);
    return error;
}
