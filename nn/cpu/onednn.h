/* A oneDNN primitive bound to our tensors: what it wants in another layout goes through scratch. */
#ifndef NN_CPU_ONEDNN_H
#define NN_CPU_ONEDNN_H

#include "nn/cpu/cpu.h"

enum { STAGE_TENSORS = 4, CONV_FORWARD = 0, CONV_BACKWARD_DATA = 1, CONV_BACKWARD_WEIGHTS = 2 };

/* Returns from the function that it is in where oneDNN refuses a call. */
#define DNN(expression)                                                                                      \
    do {                                                                                                     \
        dnnl_status_t status_ = (expression);                                                                \
        if (status_ != dnnl_success) return dnn_failed(status_, __FILE__, __LINE__);                         \
    } while (0)
err dnn_failed(dnnl_status_t status, const char *file, int line);

/* A primitive from one layout to another; `add` adds to what is there. */
err reorder_open(const backend *b, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, bool add,
                 dnnl_primitive_t *out);

typedef struct stage stage;

/* One tensor of a primitive: its argument, how to ask the primitive for its layout, and our layout of it. */
typedef struct stage_tensor {
    int argument;       /* DNNL_ARG_... */
    dnnl_query_t query; /* dnnl_query_..._md */
    int index;          /* of the query: a bias is weights 1 */
    dnnl_memory_desc_t ours;
    bool output;
} stage_tensor;

/* Builds the primitive of `descriptor` (which it does not take over). */
err stage_open(const backend *b, const_dnnl_primitive_desc_t descriptor, const stage_tensor *tensors, int n,
               stage **out);
void stage_close(stage *s); /* NULL is fine */

/* oneDNN takes memory that it only reads as not const, too. */
static inline void *stage_readable(const void *x)
{
    return (void *)x;
}

/* Sizes of parts of scratch: whole cache lines. */
static inline size_t stage_align(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static inline size_t stage_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Bytes of scratch that stage_run needs. */
size_t stage_bytes(const stage *s);

/* Runs it on memory in our layouts, in the order of `tensors` at opening. An output is stored, or added where
 * add[i] is true. */
err stage_run(stage *s, const backend *b, void *const *memory, const bool *add, void *scratch);

/* A convolution of src (n,c,h,w) to dst (n,o,oh,ow). */
typedef struct conv_shape {
    int n, c, h, w, o, oh, ow, k, stride, pad;
} conv_shape;

/* Whether the call of a convolution has a bias: its input 2. */
static inline bool conv_has_bias(const call *c)
{
    return c->n->n_in > 2;
}

conv_shape conv_shape_of(int n, int c, int h, int w, int o, int k, int stride, int pad);

/* The descriptor of one direction. With `fixed`, src and dst lie in our layout (cpu_view), else oneDNN
 * chooses; the weights' layout is always its choice. `act` (forward only: none, relu or leaky relu) is fused.
 * NULL if oneDNN has no such convolution. The caller destroys it. */
dnnl_primitive_desc_t conv_descriptor(const backend *b, const conv_shape *s, int direction, bool fixed,
                                      bool bias, nn_act act);

/* Whether the descriptor's implementation is oneDNN's unoptimised one, a hundred times slower. */
bool descriptor_is_slow(const_dnnl_primitive_desc_t descriptor);

/* Opens the stage of one direction on our layouts. Order of tensors: forward src, weights, dst, [bias];
 * backward data diff_src, weights, diff_dst; backward weights src, diff_weights, diff_dst, [diff_bias]. */
err conv_stage_open(const backend *b, const conv_shape *s, int direction, bool bias, nn_act act, stage **out);

#endif
