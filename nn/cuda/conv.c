/* Convolution by cuDNN, channels last. Weights are (O,I,k,k) to us and (O,k,k,I) to cuDNN: they are copied
 * into that order in forward, their gradient out of it in backward, unless the two orders are one.
 *
 * cuDNN's legacy convolution API is deprecated in cuDNN 9 but complete; it needs no graph per shape and takes
 * alpha and beta, so a gradient can be added without a temporary. The algorithm is the heuristic's best one
 * that is deterministic, exact (no Winograd or Fourier transform, whose rounding is larger) and small enough.
 * Trying them out would be faster in places, but what is chosen would then depend on the machine's mood. */
#include "nn/cuda/internal.h"

#include <stdlib.h>

enum { MOST_WORKSPACE = 256 << 20 /* bytes */, CANDIDATES = 16 };

/* One of the three convolutions: its algorithm's math mode is part of the descriptor. */
typedef struct way {
    cudnnConvolutionDescriptor_t descriptor;
    int algorithm; /* of the enum of its direction */
    size_t workspace;
} way;

typedef struct conv_plan {
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t w;
    way forward, data, weights;
    bool reorder; /* the two orders of the weights differ */
} conv_plan;

/* An algorithm that the heuristic proposes, of any direction. */
typedef struct candidate {
    int algorithm;
    cudnnStatus_t status;
    cudnnDeterminism_t determinism;
    cudnnMathType_t math;
    bool exact;
} candidate;

typedef err (*size_function)(backend *b, const conv_plan *p, way *w);

/* ---- choosing ---- */

static cudnnStatus_t set_math(const backend *b, way *w, const candidate *found)
{
    cudnnMathType_t math = !b->tf32 ? CUDNN_FMA_MATH : found ? found->math : CUDNN_DEFAULT_MATH;
    return dnn.SetConvolutionMathType(w->descriptor, math);
}

static err choose(backend *b, const conv_plan *p, way *w, const candidate *found, int count,
                  size_function find_size)
{
    for (int i = 0; i < count; i++) {
        if (found[i].status != CUDNN_STATUS_SUCCESS || found[i].determinism != CUDNN_DETERMINISTIC) continue;
        if (!found[i].exact) continue;
        w->algorithm = found[i].algorithm;
        CUDNN_TRY(set_math(b, w, &found[i]));
        if (find_size(b, p, w) == OK && w->workspace <= MOST_WORKSPACE) return OK;
    }
    return err_set(ERR_UNAVAILABLE, "cuDNN has no deterministic algorithm for this convolution's shape");
}

static err forward_size(backend *b, const conv_plan *p, way *w)
{
    CUDNN_TRY(dnn.GetConvolutionForwardWorkspaceSize(b->cudnn, p->x, p->w, w->descriptor, p->y,
                                                     (cudnnConvolutionFwdAlgo_t)w->algorithm, &w->workspace));
    return OK;
}

static err choose_forward(backend *b, conv_plan *p)
{
    cudnnConvolutionFwdAlgoPerf_t results[CANDIDATES];
    candidate found[CANDIDATES];
    int count = 0;
    CUDNN_TRY(dnn.GetConvolutionForwardAlgorithm_v7(b->cudnn, p->x, p->w, p->forward.descriptor, p->y,
                                                    CANDIDATES, &count, results));
    for (int i = 0; i < count; i++) {
        cudnnConvolutionFwdAlgo_t a = results[i].algo;
        bool exact = a == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM ||
                     a == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM ||
                     a == CUDNN_CONVOLUTION_FWD_ALGO_GEMM || a == CUDNN_CONVOLUTION_FWD_ALGO_DIRECT;
        found[i] = (candidate){(int)a, results[i].status, results[i].determinism, results[i].mathType, exact};
    }
    return choose(b, p, &p->forward, found, count, forward_size);
}

static err data_size(backend *b, const conv_plan *p, way *w)
{
    CUDNN_TRY(dnn.GetConvolutionBackwardDataWorkspaceSize(b->cudnn, p->w, p->y, w->descriptor, p->x,
                                                          (cudnnConvolutionBwdDataAlgo_t)w->algorithm,
                                                          &w->workspace));
    return OK;
}

static err choose_data(backend *b, conv_plan *p)
{
    cudnnConvolutionBwdDataAlgoPerf_t results[CANDIDATES];
    candidate found[CANDIDATES];
    int count = 0;
    CUDNN_TRY(dnn.GetConvolutionBackwardDataAlgorithm_v7(b->cudnn, p->w, p->y, p->data.descriptor, p->x,
                                                         CANDIDATES, &count, results));
    for (int i = 0; i < count; i++) {
        cudnnConvolutionBwdDataAlgo_t a = results[i].algo;
        bool exact = a == CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 || a == CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
        found[i] = (candidate){(int)a, results[i].status, results[i].determinism, results[i].mathType, exact};
    }
    return choose(b, p, &p->data, found, count, data_size);
}

static err weights_size(backend *b, const conv_plan *p, way *w)
{
    CUDNN_TRY(dnn.GetConvolutionBackwardFilterWorkspaceSize(b->cudnn, p->x, p->y, w->descriptor, p->w,
                                                            (cudnnConvolutionBwdFilterAlgo_t)w->algorithm,
                                                            &w->workspace));
    return OK;
}

static err choose_weights(backend *b, conv_plan *p)
{
    cudnnConvolutionBwdFilterAlgoPerf_t results[CANDIDATES];
    candidate found[CANDIDATES];
    int count = 0;
    CUDNN_TRY(dnn.GetConvolutionBackwardFilterAlgorithm_v7(b->cudnn, p->x, p->y, p->weights.descriptor, p->w,
                                                           CANDIDATES, &count, results));
    for (int i = 0; i < count; i++) {
        cudnnConvolutionBwdFilterAlgo_t a = results[i].algo;
        bool exact = a == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 || a == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 ||
                     a == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3;
        found[i] = (candidate){(int)a, results[i].status, results[i].determinism, results[i].mathType, exact};
    }
    return choose(b, p, &p->weights, found, count, weights_size);
}

/* ---- planning ---- */

static err open_way(const backend *b, const attributes *a, way *w)
{
    CUDNN_TRY(dnn.CreateConvolutionDescriptor(&w->descriptor));
    CUDNN_TRY(dnn.SetConvolution2dDescriptor(w->descriptor, a->pad, a->pad, a->stride, a->stride, 1, 1,
                                             CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
    CUDNN_TRY(set_math(b, w, NULL));
    return OK;
}

static err describe_tensor(const nn_shape_t *s, cudnnTensorDescriptor_t *out)
{
    CUDNN_TRY(dnn.CreateTensorDescriptor(out));
    CUDNN_TRY(dnn.SetTensor4dDescriptor(*out, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, s->d[0], s->d[1], s->d[2],
                                        s->d[3]));
    return OK;
}

static err describe(backend *b, const call *c, conv_plan *p)
{
    const nn_shape_t *w = &c->n->in[1]->shape;
    p->reorder = w->d[1] > 1 && w->d[2] * w->d[3] > 1;
    TRY(cuda_check_count(nn_count(&c->n->in[0]->shape)));
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    TRY(describe_tensor(&c->n->in[0]->shape, &p->x));
    TRY(describe_tensor(&c->n->shape, &p->y));
    CUDNN_TRY(dnn.CreateFilterDescriptor(&p->w));
    CUDNN_TRY(dnn.SetFilter4dDescriptor(p->w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, w->d[0], w->d[1], w->d[2],
                                        w->d[3]));
    TRY(open_way(b, &c->n->a, &p->forward));
    TRY(choose_forward(b, p));
    if (c->wants[0]) {
        TRY(open_way(b, &c->n->a, &p->data));
        TRY(choose_data(b, p));
    }
    if (c->wants[1]) {
        TRY(open_way(b, &c->n->a, &p->weights));
        TRY(choose_weights(b, p));
    }
    return OK;
}

static void close_way(way *w)
{
    if (w->descriptor) (void)dnn.DestroyConvolutionDescriptor(w->descriptor);
}

static void unplan(backend *b, call *c)
{
    (void)b;
    conv_plan *p = c->plan;
    if (!p) return;
    close_way(&p->forward);
    close_way(&p->data);
    close_way(&p->weights);
    if (p->w) (void)dnn.DestroyFilterDescriptor(p->w);
    if (p->y) (void)dnn.DestroyTensorDescriptor(p->y);
    if (p->x) (void)dnn.DestroyTensorDescriptor(p->x);
    free(p);
    c->plan = NULL;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t bytes_of(const nn_shape_t *shape)
{
    return cuda_aligned(nn_count(shape) * sizeof(float));
}

/* Rows and columns of the output as a matrix: pixels and channels. */
static size_t pixels_of(const node *n)
{
    return nn_count(&n->shape) / (size_t)n->shape.d[1];
}

/* The reordered weights, if any, lie in saved where backward reads them again, else at the start of scratch.
 * In backward scratch holds dout act'(out), if there is an activation; the reordered gradient of the weights,
 * if any; and a workspace. */
static void size_buffers(const call *c, const conv_plan *p, size_t *saved, size_t *scratch)
{
    size_t weights = p->reorder ? bytes_of(&c->n->in[1]->shape) : 0;
    size_t forward = p->forward.workspace, backward = larger(p->data.workspace, p->weights.workspace);
    *saved = c->wants[0] ? weights : 0;
    if (!c->wants[0]) forward += weights;
    if (c->n->n_in > 2 && c->wants[2])
        backward = larger(backward, cuda_column_sums_bytes(pixels_of(c->n), (size_t)c->n->shape.d[1]));
    if (c->wants[1]) backward += weights;
    if (c->n->a.act != ACT_NONE) backward += bytes_of(&c->n->shape);
    *scratch = larger(forward, c->backward ? backward : 0) + CUDA_ALIGNMENT;
}

static err plan(backend *b, call *c)
{
    const nn_shape_t *w = &c->n->in[1]->shape;
    conv_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory while planning a convolution");
    c->plan = p;
    err error = describe(b, c, p);
    if (error != OK) {
        unplan(b, c);
        return error;
    }
    size_buffers(c, p, &c->saved_bytes, &c->scratch_bytes);
    c->flops = 2.0 * (double)pixels_of(c->n) * (double)nn_count(w) * (1 + c->wants[0] + c->wants[1]);
    return OK;
}

/* ---- running ---- */

static const float one = 1, zero = 0; /* cuDNN takes its factors by address, on the host */

/* The views of the weights: as parameters, and as cuDNN wants them. */
static cuda_view weights_view(const call *c, bool channels_last)
{
    return cuda_view_of(&c->n->in[1]->shape, !channels_last);
}

static err forward(backend *b, const call *c)
{
    const conv_plan *p = c->plan;
    const float *w = c->in[1];
    char *workspace = cuda_workspace(c);
    if (p->reorder) {
        float *reordered = c->wants[0] ? c->saved : (void *)workspace;
        TRY(cuda_relayout(b, weights_view(c, false), w, weights_view(c, true), reordered, false));
        if (!c->wants[0]) workspace += bytes_of(&c->n->in[1]->shape);
        w = reordered;
    }
    CUDNN_TRY(dnn.ConvolutionForward(b->cudnn, &one, p->x, c->in[0], p->w, w, p->forward.descriptor,
                                     (cudnnConvolutionFwdAlgo_t)p->forward.algorithm, workspace,
                                     p->forward.workspace, &zero, p->y, c->out));
    return cuda_bias_activate(b, c->n->a.act, c->out, c->n->n_in > 2 ? c->in[2] : NULL, pixels_of(c->n),
                              (size_t)c->n->shape.d[1]);
}

/* dw is computed in cuDNN's order at `scratch`, if the orders differ, with the workspace after it. */
static err weights_gradient(backend *b, const call *c, const float *d, char *scratch)
{
    const conv_plan *p = c->plan;
    float *dw = p->reorder ? (float *)(void *)scratch : c->din[1];
    if (p->reorder) scratch += bytes_of(&c->n->in[1]->shape);
    CUDNN_TRY(dnn.ConvolutionBackwardFilter(b->cudnn, &one, p->x, c->in[0], p->y, d, p->weights.descriptor,
                                            (cudnnConvolutionBwdFilterAlgo_t)p->weights.algorithm, scratch,
                                            p->weights.workspace, c->add[1] && !p->reorder ? &one : &zero,
                                            p->w, dw));
    if (!p->reorder) return OK;
    return cuda_relayout(b, weights_view(c, true), dw, weights_view(c, false), c->din[1], c->add[1]);
}

/* With d = dout act'(out): dx and dw by cuDNN, db = the sums of d over the pixels. */
static err backward(backend *b, const call *c)
{
    const conv_plan *p = c->plan;
    const float *d = c->dout;
    char *scratch = cuda_workspace(c);
    if (c->n->a.act != ACT_NONE) {
        float *changed = (float *)(void *)scratch;
        TRY(cuda_activate_backward(b, c->n->a.act, changed, c->out, c->dout, nn_count(&c->n->shape), false));
        d = changed;
        scratch += bytes_of(&c->n->shape);
    }
    if (c->din[0])
        CUDNN_TRY(dnn.ConvolutionBackwardData(b->cudnn, &one, p->w, p->reorder ? c->saved : c->in[1], p->y, d,
                                              p->data.descriptor,
                                              (cudnnConvolutionBwdDataAlgo_t)p->data.algorithm, scratch,
                                              p->data.workspace, c->add[0] ? &one : &zero, p->x, c->din[0]));
    if (c->din[1]) TRY(weights_gradient(b, c, d, scratch));
    if (c->n->n_in > 2 && c->din[2])
        TRY(cuda_column_sums(b, c->din[2], d, pixels_of(c->n), (size_t)c->n->shape.d[1], c->add[2], scratch));
    return OK;
}

const kernel cuda_conv = {.plan = plan, .unplan = unplan, .forward = forward, .backward = backward};
