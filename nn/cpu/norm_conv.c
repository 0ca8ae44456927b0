/* Each thread takes a sample at a time: it normalises it into scratch, which is still in its cache when it
 * convolves it there. That is a primitive for a batch of one that runs on the thread that calls it; what its
 * result adds up, and in which order, is the same as for the whole batch. */
#include "nn/cpu/norm_conv.h"
#include "nn/cpu/batch_norm.h"
#include "nn/cpu/onednn.h"

#include <omp.h>
#include <stdlib.h>

/* What a thread has of its own. */
typedef struct worker {
    dnnl_memory_t src, dst, scratchpad;
    dnnl_stream_t stream;
} worker;

/* Scratch is the norm's tables, the packed weights, and for each worker a sample and its primitive's own. */
typedef struct sample_plan {
    conv_shape sample; /* its batch is one */
    bool biased;
    dnnl_primitive_t conv, pack;
    dnnl_memory_t weights, packed, bias;
    worker *workers;
    int threads;
    size_t table_bytes, packed_bytes, sample_bytes, own_bytes;
} sample_plan;

static conv_shape sample_of(const node *n)
{
    const int *x = n->in[0]->shape.d;
    return conv_shape_of(1, x[1], x[2], x[3], n->shape.d[1], n->a.k, n->a.stride, n->a.pad);
}

/* oneDNN makes what it opens for as many threads as there are by then: here for one. */
static int to_one_thread(void)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    return threads;
}

static dnnl_primitive_desc_t descriptor_of(const backend *b, const call *c)
{
    conv_shape s = sample_of(c->n);
    return conv_descriptor(b, &s, CONV_FORWARD, true, conv_has_bias(c), c->n->a.act);
}

/* Whether the threads have about as much to do each. */
static bool shares_evenly(int samples, int threads)
{
    enum { TOLERANCE = 16 }; /* a part in so many may be idle: less than what is won */
    int idle = (threads - samples % threads) % threads;
    return idle <= samples / TOLERANCE;
}

bool norm_conv_absorbs(backend *b, const call *c)
{
    const node *n = c->n;
    nn_act act = n->a.act;
    bool by_pixel = n->a.k == 1 && n->a.stride == 1 && n->a.pad == 0 && !n->a.upsample;
    bool fuses = act == ACT_NONE || act == ACT_RELU || act == ACT_LEAKY_RELU;
    bool blocked = n->in[0]->shape.d[1] >= CPU_MIN_BLOCKED && n->shape.d[1] >= CPU_MIN_BLOCKED && !b->half;
    if (!by_pixel || !fuses || !blocked) return false;
    if (!shares_evenly(n->shape.d[0], omp_get_max_threads())) return false;
    int threads = to_one_thread();
    dnnl_primitive_desc_t descriptor = descriptor_of(b, c);
    omp_set_num_threads(threads);
    bool fast = descriptor && !descriptor_is_slow(descriptor);
    if (descriptor) (void)dnnl_primitive_desc_destroy(descriptor);
    return fast;
}

static size_t bytes_of(const_dnnl_primitive_desc_t descriptor, dnnl_query_t query)
{
    return stage_align(dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(descriptor, query, 0)));
}

static err open_worker(const backend *b, const_dnnl_primitive_desc_t descriptor, worker *w)
{
    const dnnl_memory_desc_t *src = dnnl_primitive_desc_query_md(descriptor, dnnl_query_src_md, 0),
                             *dst = dnnl_primitive_desc_query_md(descriptor, dnnl_query_dst_md, 0),
                             *own = dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
    DNN(dnnl_memory_create(&w->src, src, b->engine, NULL));
    DNN(dnnl_memory_create(&w->dst, dst, b->engine, NULL));
    DNN(dnnl_memory_create(&w->scratchpad, own, b->engine, NULL));
    DNN(dnnl_stream_create(&w->stream, b->engine, dnnl_stream_default_flags));
    return OK;
}

static err open_weights(const backend *b, const_dnnl_primitive_desc_t descriptor, sample_plan *p)
{
    const conv_shape *s = &p->sample;
    const dnnl_memory_desc_t *packed = dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0),
                             *bias = dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 1);
    dnnl_memory_desc_t plain;
    DNN(dnnl_memory_desc_init_by_tag(&plain, 4, (dnnl_dims_t){s->o, s->c, 1, 1}, dnnl_f32, dnnl_oihw));
    DNN(dnnl_memory_create(&p->weights, &plain, b->engine, NULL));
    DNN(dnnl_memory_create(&p->packed, packed, b->engine, NULL));
    if (p->biased) DNN(dnnl_memory_create(&p->bias, bias, b->engine, NULL));
    return reorder_open(b, &plain, packed, false, &p->pack);
}

static err open_sample(const backend *b, const_dnnl_primitive_desc_t descriptor, sample_plan *p)
{
    DNN(dnnl_primitive_create(&p->conv, descriptor));
    p->packed_bytes = bytes_of(descriptor, dnnl_query_weights_md);
    p->sample_bytes = bytes_of(descriptor, dnnl_query_src_md);
    p->own_bytes = bytes_of(descriptor, dnnl_query_scratchpad_md);
    for (int i = 0; i < p->threads; i++) TRY(open_worker(b, descriptor, &p->workers[i]));
    return OK;
}

static err open_plan(const backend *b, const call *c, sample_plan *p)
{
    p->workers = calloc((size_t)p->threads, sizeof *p->workers);
    if (!p->workers) return err_set(ERR_SYSTEM, "out of memory for a convolution");
    int threads = to_one_thread();
    dnnl_primitive_desc_t descriptor = descriptor_of(b, c);
    err error = descriptor ? open_sample(b, descriptor, p)
                           : err_set(ERR_INTERNAL, "oneDNN has no convolution of one sample");
    omp_set_num_threads(threads);
    if (error == OK) error = open_weights(b, descriptor, p);
    if (descriptor) (void)dnnl_primitive_desc_destroy(descriptor);
    return error;
}

err norm_conv_plan(backend *b, call *c)
{
    sample_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory for a convolution");
    c->plan = p;
    p->sample = sample_of(c->n);
    p->biased = conv_has_bias(c);
    p->threads = omp_get_max_threads();
    err error = open_plan(b, c, p);
    if (error != OK) {
        norm_conv_unplan(c);
        return err_context(error, "%s", c->n->name);
    }
    const conv_shape *s = &p->sample;
    p->table_bytes = stage_align(known_norm_floats(b, c->norm) * sizeof(float));
    c->scratch_bytes =
        p->table_bytes + p->packed_bytes + (size_t)p->threads * (p->sample_bytes + p->own_bytes);
    c->flops = 2.0 * c->n->shape.d[0] * s->o * s->oh * s->ow * s->c;
    return OK;
}

static void close_worker(worker *w)
{
    if (w->src) (void)dnnl_memory_destroy(w->src);
    if (w->dst) (void)dnnl_memory_destroy(w->dst);
    if (w->scratchpad) (void)dnnl_memory_destroy(w->scratchpad);
    if (w->stream) (void)dnnl_stream_destroy(w->stream);
}

void norm_conv_unplan(call *c)
{
    sample_plan *p = c->plan;
    if (!p) return;
    for (int i = 0; p->workers && i < p->threads; i++) close_worker(&p->workers[i]);
    if (p->conv) (void)dnnl_primitive_destroy(p->conv);
    if (p->pack) (void)dnnl_primitive_destroy(p->pack);
    if (p->weights) (void)dnnl_memory_destroy(p->weights);
    if (p->packed) (void)dnnl_memory_destroy(p->packed);
    if (p->bias) (void)dnnl_memory_destroy(p->bias);
    free(p->workers);
    free(p);
    c->plan = NULL;
}

/* Points everything but the outputs to where it is in this call. */
static err point_plan(const sample_plan *p, const call *c, char *packed)
{
    DNN(dnnl_memory_set_data_handle(p->weights, stage_readable(c->in[1])));
    DNN(dnnl_memory_set_data_handle(p->packed, packed));
    if (p->biased) DNN(dnnl_memory_set_data_handle(p->bias, stage_readable(c->in[2])));
    char *own = packed + p->packed_bytes;
    for (int i = 0; i < p->threads; i++, own += p->sample_bytes + p->own_bytes) {
        DNN(dnnl_memory_set_data_handle(p->workers[i].src, own));
        DNN(dnnl_memory_set_data_handle(p->workers[i].scratchpad, own + p->sample_bytes));
    }
    return OK;
}

/* The convolution of what a worker has normalised, into `out`. */
static dnnl_status_t convolve(const sample_plan *p, const worker *w, void *out)
{
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, w->src},
                                   {DNNL_ARG_WEIGHTS, p->packed},
                                   {DNNL_ARG_DST, w->dst},
                                   {DNNL_ARG_SCRATCHPAD, w->scratchpad},
                                   {DNNL_ARG_BIAS, p->bias}};
    dnnl_status_t status = dnnl_memory_set_data_handle(w->dst, out);
    if (status != dnnl_success) return status;
    status = dnnl_primitive_execute(p->conv, w->stream, p->biased ? 5 : 4, arguments);
    return status == dnnl_success ? dnnl_stream_wait(w->stream) : status;
}

err norm_conv_forward(backend *b, const call *c)
{
    const sample_plan *p = c->plan;
    view out = cpu_view_of(b, c->n);
    char *packed = (char *)c->scratch + p->table_bytes, *samples = packed + p->packed_bytes;
    TRY(point_plan(p, c, packed));
    known_norm norm = known_norm_of(b, c->norm, c->scratch);
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, p->weights}, {DNNL_ARG_TO, p->packed}};
    DNN(dnnl_primitive_execute(p->pack, b->stream, 2, arguments));
    DNN(dnnl_stream_wait(b->stream));
    int failure = dnnl_success;
#pragma omp parallel for schedule(static) num_threads(p->threads) reduction(max : failure)
    for (int n = 0; n < out.n; n++) {
        size_t thread = (size_t)omp_get_thread_num();
        known_norm_sample(&norm, n, samples + thread * (p->sample_bytes + p->own_bytes));
        int status =
            (int)convolve(p, &p->workers[thread], view_at(&out, c->out, (size_t)n * view_sample(&out)));
        if (status > failure) failure = status;
    }
    DNN((dnnl_status_t)failure);
    return OK;
}
