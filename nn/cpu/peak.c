#include "nn/cpu/peak.h"

#include "base/clock.h"

#include "nn/cpu/onednn.h"

#include <omp.h>
#include <stdatomic.h>
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

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of at least three runs after a first one, until `budget` seconds are spent. */
static err measure(backend *b, const conv_shape *s, int direction, double budget, double *median)
{
    enum { MOST = 1024 };
    double runs[MOST], start = clock_seconds();
    int n = -1;
    bare x = {.b = b};
    err error = open_bare(&x, s, direction);
    for (; error == OK && n < MOST && (n < 3 || clock_seconds() - start < budget); n++) {
        double before = clock_seconds();
        if (dnnl_primitive_execute(x.primitive, b->stream, x.n, x.arguments) != dnnl_success ||
            dnnl_stream_wait(b->stream) != dnnl_success)
            error = err_set(ERR_INTERNAL, "oneDNN cannot run a convolution");
        if (n >= 0) runs[n] = clock_seconds() - before;
    }
    if (error == OK) {
        qsort(runs, (size_t)n, sizeof runs[0], rising);
        *median = runs[n / 2];
    }
    close_bare(&x);
    return error;
}

err cpu_convolution_seconds(nn_precision precision, const convolution *c, double *seconds)
{
    const double budget = 0.02;
    const bool wanted[] = {
        [CONV_FORWARD] = c->forward,
        [CONV_BACKWARD_DATA] = c->backward_data,
        [CONV_BACKWARD_WEIGHTS] = c->backward_weights,
    };
    conv_shape s = conv_shape_of(c->batch, c->in, c->height, c->width, c->out, c->k, c->stride, c->pad);
    backend *b;
    *seconds = 0;
    TRY(be_cpu.open(&(nn_device){.backend = &be_cpu, .precision = precision}, &b));
    err error = OK;
    for (int direction = 0; direction < 3 && error == OK; direction++) {
        double one = 0;
        if (wanted[direction]) error = measure(b, &s, direction, budget, &one);
        *seconds += one;
    }
    be_cpu.close(b);
    return error;
}

err cpu_convolution_rate(nn_precision precision, double *gflops)
{
    /* Without padding: of taps that fall on it the products are counted, but not computed, and the rate would
     * exceed what the processor can do by as much as a third (8x8, 5x5, 2 pixels on each side). */
    static const int shapes[][4] = {/* channels in, out, side of the output, kernel */
                                    {32, 32, 32, 5},   {64, 64, 16, 5},  {64, 64, 32, 5}, {128, 128, 8, 5},
                                    {128, 128, 16, 5}, {64, 256, 16, 1}, {256, 256, 8, 1}};
    enum { SHAPES = sizeof shapes / sizeof shapes[0], BATCH = 32 };
    backend *b;
    *gflops = 0;
    TRY(be_cpu.open(&(nn_device){.backend = &be_cpu, .precision = precision}, &b));
    err error = OK;
    for (int i = 0; i < SHAPES && error == OK; i++) {
        const int *d = shapes[i];
        double median, work = 2.0 * BATCH * d[0] * d[1] * d[2] * d[2] * d[3] * d[3];
        conv_shape s = conv_shape_of(BATCH, d[0], d[2] + d[3] - 1, d[2] + d[3] - 1, d[1], d[3], 1, 0);
        error = measure(b, &s, CONV_FORWARD, 0.15, &median);
        if (error == OK && work / median * 1e-9 > *gflops) *gflops = work / median * 1e-9;
    }
    be_cpu.close(b);
    return error;
}

/* The ball is at 2i for the first thread to hit, at 2i + 1 for its partner, below 0 when the game is over. */
static long play(atomic_long *ball, bool first)
{
    const double budget = 0.004;
    enum { BETWEEN_LOOKS = 32 }; /* at the clock */
    double end = clock_seconds() + budget;
    for (long i = 0;; i++) {
        long mine = 2 * i + !first, seen;
        do {
            seen = atomic_load_explicit(ball, memory_order_acquire);
        } while (seen >= 0 && seen != mine);
        if (seen < 0) return i;
        bool over = first && i % BETWEEN_LOOKS == BETWEEN_LOOKS - 1 && clock_seconds() > end;
        atomic_store_explicit(ball, over ? -1 : mine + 1, memory_order_release);
        if (over) return i;
    }
}

/* Seconds of a round trip between the first thread and `partner`; 0 if OpenMP gives fewer than `threads`. */
static double round_trip(int partner, int threads)
{
    _Alignas(2 * 64) atomic_long ball = 0; /* lines are fetched in pairs */
    double seconds = 0;
#pragma omp parallel num_threads(threads)
    {
        int me = omp_get_thread_num();
        bool there = omp_get_num_threads() == threads;
#pragma omp barrier
        if (me == 0 && there) {
            double start = clock_seconds();
            long rounds = play(&ball, true);
            seconds = (clock_seconds() - start) / (double)(rounds > 0 ? rounds : 1);
        } else if (me == partner && there) {
            (void)play(&ball, false);
        }
    }
    return seconds;
}

double cpu_round_trip_seconds(void)
{
    enum { TRIES = 5 }; /* in some, one of the two threads waits for its core */
    int threads = omp_get_max_threads();
    double sum = 0;
    for (int partner = 1; partner < threads; partner++) {
        double least = round_trip(partner, threads);
        for (int i = 1; i < TRIES; i++) {
            double again = round_trip(partner, threads);
            if (again < least) least = again;
        }
        sum += least;
    }
    return threads > 1 ? sum / (threads - 1) : 0;
}
