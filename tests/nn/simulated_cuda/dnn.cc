/* cuDNN: 2-d convolutions, channels last, with a filter (K,R,S,C). What its documentation leaves to an
 * algorithm is done as badly as it allows: proposals come in an order with the useful ones last, every byte
 * of the workspace is overwritten, nothing is read where beta is 0. */
#include "tests/nn/simulated_cuda/numbers.h"
#include "tests/nn/simulated_cuda/runtime.h"

#include <cstdio>
#include <cudnn.h>
#include <vector>

struct cudnnContext {
    cudaStream_t stream;
};

struct cudnnTensorStruct {
    number_type type;
    int n, c, h, w;
};

struct cudnnFilterStruct {
    number_type type;
    int k, c, h, w;
};

struct cudnnConvolutionStruct {
    int pad, stride;
    cudnnMathType_t math;
};

const char *cudnnGetErrorString(cudnnStatus_t)
{
    return "simulated";
}

void cudnnGetLastErrorString(char *message, size_t bytes)
{
    (void)std::snprintf(message, bytes, "no reason");
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    *handle = new cudnnContext{nullptr};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    delete handle;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- descriptors ---- */

static bool type_of(cudnnDataType_t type, number_type *out)
{
    *out = type == CUDNN_DATA_FLOAT ? NUMBER_FLOAT : NUMBER_BFLOAT16;
    return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_BFLOAT16;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *tensor)
{
    *tensor = new cudnnTensorStruct{};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensor)
{
    delete tensor;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w)
{
    *tensor = {NUMBER_FLOAT, n, c, h, w};
    bool fine = format == CUDNN_TENSOR_NHWC && n > 0 && c > 0 && h > 0 && w > 0;
    return type_of(type, &tensor->type) && fine ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *filter)
{
    *filter = new cudnnFilterStruct{};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filter)
{
    delete filter;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w)
{
    *filter = {NUMBER_FLOAT, k, c, h, w};
    return type_of(type, &filter->type) && format == CUDNN_TENSOR_NHWC ? CUDNN_STATUS_SUCCESS
                                                                       : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *convolution)
{
    *convolution = new cudnnConvolutionStruct{};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t convolution)
{
    delete convolution;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution, int pad_h, int pad_w,
                                              int stride_h, int stride_w, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t type)
{
    *convolution = {pad_h, stride_h, CUDNN_DEFAULT_MATH};
    bool fine = pad_h == pad_w && stride_h == stride_w && dilation_h == 1 && dilation_w == 1 &&
                mode == CUDNN_CROSS_CORRELATION && type == CUDNN_DATA_FLOAT;
    return fine ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convolution, cudnnMathType_t math)
{
    convolution->math = math;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- proposals ---- */

/* Whether sizes and types fit together; else every function says so. */
static bool fits(const cudnnTensorStruct *x, const cudnnFilterStruct *w, const cudnnConvolutionStruct *c,
                 const cudnnTensorStruct *y)
{
    return x->type == w->type && x->type == y->type && x->n == y->n && x->c == w->c && y->c == w->k &&
           y->h == (x->h + 2 * c->pad - w->h) / c->stride + 1 &&
           y->w == (x->w + 2 * c->pad - w->w) / c->stride + 1;
}

/* A single channel in bfloat16 has no algorithm here: releases of cuDNN differ in what they offer where
 * channels are few, and nn/cuda must do without. */
static bool offered(const cudnnTensorStruct *x, const cudnnTensorStruct *y)
{
    return x->type == NUMBER_FLOAT || (x->c > 1 && y->c > 1);
}

/* Of every direction, algorithm 1 is the one that works. The others are not exact (5), not deterministic (0),
 * not there (2). */
template <class Perf>
static void propose(const cudnnTensorStruct *x, const cudnnTensorStruct *y, int most, int *count, Perf *perf)
{
    static const int order[] = {5, 0, 2, 1};
    static const cudnnStatus_t statuses[] = {CUDNN_STATUS_SUCCESS, CUDNN_STATUS_SUCCESS,
                                             CUDNN_STATUS_NOT_SUPPORTED, CUDNN_STATUS_SUCCESS};
    *count = 0;
    for (int i = 0; i < 4 && i < most && offered(x, y); i++) {
        Perf p = {};
        p.algo = static_cast<decltype(p.algo)>(order[i]);
        p.status = statuses[i];
        p.determinism = order[i] == 0 ? CUDNN_NON_DETERMINISTIC : CUDNN_DETERMINISTIC;
        p.mathType = CUDNN_DEFAULT_MATH;
        p.memory = 1;
        perf[(*count)++] = p;
    }
}

static size_t workspace_of(const cudnnTensorStruct *x, const cudnnTensorStruct *y)
{
    return 1000 + static_cast<size_t>(x->c + y->c);
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                     cudnnFilterDescriptor_t w,
                                                     cudnnConvolutionDescriptor_t c,
                                                     cudnnTensorDescriptor_t y, int most, int *count,
                                                     cudnnConvolutionFwdAlgoPerf_t *perf)
{
    if (!fits(x, w, c, y)) return CUDNN_STATUS_BAD_PARAM;
    propose(x, y, most, count, perf);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t y,
                                                          cudnnConvolutionDescriptor_t c,
                                                          cudnnTensorDescriptor_t x, int most, int *count,
                                                          cudnnConvolutionBwdDataAlgoPerf_t *perf)
{
    if (!fits(x, w, c, y)) return CUDNN_STATUS_BAD_PARAM;
    propose(x, y, most, count, perf);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t y,
                                                            cudnnConvolutionDescriptor_t c,
                                                            cudnnFilterDescriptor_t w, int most, int *count,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t *perf)
{
    if (!fits(x, w, c, y)) return CUDNN_STATUS_BAD_PARAM;
    propose(x, y, most, count, perf);
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t answer_size(int algorithm, const cudnnTensorStruct *x, const cudnnFilterStruct *w,
                                 const cudnnConvolutionStruct *c, const cudnnTensorStruct *y, size_t *bytes)
{
    if (!fits(x, w, c, y)) return CUDNN_STATUS_BAD_PARAM;
    if (algorithm != 1 || !offered(x, y)) return CUDNN_STATUS_NOT_SUPPORTED;
    *bytes = workspace_of(x, y);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                      cudnnFilterDescriptor_t w,
                                                      cudnnConvolutionDescriptor_t c,
                                                      cudnnTensorDescriptor_t y,
                                                      cudnnConvolutionFwdAlgo_t algorithm, size_t *bytes)
{
    return answer_size(algorithm, x, w, c, y, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(
    cudnnHandle_t, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t y, cudnnConvolutionDescriptor_t c,
    cudnnTensorDescriptor_t x, cudnnConvolutionBwdDataAlgo_t algorithm, size_t *bytes)
{
    return answer_size(algorithm, x, w, c, y, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t y, cudnnConvolutionDescriptor_t c,
    cudnnFilterDescriptor_t w, cudnnConvolutionBwdFilterAlgo_t algorithm, size_t *bytes)
{
    return answer_size(algorithm, x, w, c, y, bytes);
}

/* ---- convolutions ---- */

/* One convolution with all that it needs, by value: descriptors may be changed while it is queued. */
struct task {
    cudnnTensorStruct x, y;
    cudnnFilterStruct w;
    cudnnConvolutionStruct c;
    float alpha, beta;

    size_t x_at(int n, int row, int column, int channel) const
    {
        return static_cast<size_t>(((n * x.h + row) * x.w + column) * x.c + channel);
    }
    size_t y_at(int n, int row, int column, int channel) const
    {
        return static_cast<size_t>(((n * y.h + row) * y.w + column) * y.c + channel);
    }
    size_t w_at(int k, int row, int column, int channel) const
    {
        return static_cast<size_t>(((k * w.h + row) * w.w + column) * w.c + channel);
    }
    /* What the multipliers see. */
    double read(const void *from, size_t i) const
    {
        double value = number_at(from, x.type, i);
        bool tf32 = x.type == NUMBER_FLOAT && c.math != CUDNN_FMA_MATH;
        return tf32 ? rounded(static_cast<float>(value), TF32_FEWER) : value;
    }
    void write(void *to, size_t i, double sum) const
    {
        double before = beta != 0 ? number_at(to, x.type, i) : 0;
        set_number(to, x.type, i, alpha * sum + static_cast<double>(beta) * before);
    }
};

/* Calls visit(n, input row and column, output row and column, tap row and column) for every product of
 * images. */
template <class Visit> static void every_tap(const task &t, Visit visit)
{
    for (int n = 0; n < t.x.n; n++)
        for (int oy = 0; oy < t.y.h; oy++)
            for (int ox = 0; ox < t.y.w; ox++)
                for (int ky = 0; ky < t.w.h; ky++)
                    for (int kx = 0; kx < t.w.w; kx++) {
                        int iy = oy * t.c.stride - t.c.pad + ky, ix = ox * t.c.stride - t.c.pad + kx;
                        if (iy >= 0 && iy < t.x.h && ix >= 0 && ix < t.x.w) visit(n, iy, ix, oy, ox, ky, kx);
                    }
}

enum result { RESULT_X, RESULT_Y, RESULT_W };

static void run(const task &t, result what, const void *x, const void *w, const void *y, void *out,
                size_t count)
{
    std::vector<double> sums(count);
    every_tap(t, [&](int n, int iy, int ix, int oy, int ox, int ky, int kx) {
        for (int k = 0; k < t.w.k; k++)
            for (int c = 0; c < t.w.c; c++) {
                size_t at_x = t.x_at(n, iy, ix, c), at_y = t.y_at(n, oy, ox, k), at_w = t.w_at(k, ky, kx, c);
                if (what == RESULT_X) sums[at_x] += t.read(y, at_y) * t.read(w, at_w);
                if (what == RESULT_Y) sums[at_y] += t.read(x, at_x) * t.read(w, at_w);
                if (what == RESULT_W) sums[at_w] += t.read(y, at_y) * t.read(x, at_x);
            }
    });
    for (size_t i = 0; i < count; i++) t.write(out, i, sums[i]);
}

static size_t count_of(const cudnnTensorStruct &t)
{
    return static_cast<size_t>(t.n) * static_cast<size_t>(t.c) * static_cast<size_t>(t.h) *
           static_cast<size_t>(t.w);
}

static void check_pointers(const void *x, const void *w, const void *y)
{
    enum { ALIGNMENT = 16 }; /* of channels-last tensors on tensor cores */
    for (const void *p : {x, w, y})
        if (reinterpret_cast<uintptr_t>(p) % ALIGNMENT) simulated_misuse("cuDNN: %p is not aligned", p);
    if (x == w || x == y || w == y) simulated_misuse("cuDNN: operands share memory");
}

static cudnnStatus_t queue(cudnnHandle_t handle, const task &t, int algorithm, result what, const void *x,
                           const void *w, const void *y, void *workspace, size_t bytes)
{
    size_t wanted;
    cudnnStatus_t status = answer_size(algorithm, &t.x, &t.w, &t.c, &t.y, &wanted);
    if (status != CUDNN_STATUS_SUCCESS) return status;
    if (bytes < wanted) return CUDNN_STATUS_BAD_PARAM;
    check_pointers(x, w, y);
    size_t filter =
        static_cast<size_t>(t.w.k) * static_cast<size_t>(t.w.c) * static_cast<size_t>(t.w.h * t.w.w);
    void *out = const_cast<void *>(what == RESULT_X ? x : what == RESULT_Y ? y : w);
    size_t count = what == RESULT_X ? count_of(t.x) : what == RESULT_Y ? count_of(t.y) : filter;
    simulated_queue(handle->stream, [=] {
        std::memset(workspace, 0xFF, wanted);
        run(t, what, x, w, y, out, count);
    });
    return CUDNN_STATUS_SUCCESS;
}

static float factor(const void *host)
{
    return *static_cast<const float *>(host);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha,
                                      cudnnTensorDescriptor_t x_descriptor, const void *x,
                                      cudnnFilterDescriptor_t w_descriptor, const void *w,
                                      cudnnConvolutionDescriptor_t c, cudnnConvolutionFwdAlgo_t algorithm,
                                      void *workspace, size_t bytes, const void *beta,
                                      cudnnTensorDescriptor_t y_descriptor, void *y)
{
    task t = {*x_descriptor, *y_descriptor, *w_descriptor, *c, factor(alpha), factor(beta)};
    return queue(handle, t, algorithm, RESULT_Y, x, w, y, workspace, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha,
                                           cudnnFilterDescriptor_t w_descriptor, const void *w,
                                           cudnnTensorDescriptor_t y_descriptor, const void *y,
                                           cudnnConvolutionDescriptor_t c,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void *workspace,
                                           size_t bytes, const void *beta,
                                           cudnnTensorDescriptor_t x_descriptor, void *x)
{
    task t = {*x_descriptor, *y_descriptor, *w_descriptor, *c, factor(alpha), factor(beta)};
    return queue(handle, t, algorithm, RESULT_X, x, w, y, workspace, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void *alpha,
                                             cudnnTensorDescriptor_t x_descriptor, const void *x,
                                             cudnnTensorDescriptor_t y_descriptor, const void *y,
                                             cudnnConvolutionDescriptor_t c,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void *workspace,
                                             size_t bytes, const void *beta,
                                             cudnnFilterDescriptor_t w_descriptor, void *w)
{
    task t = {*x_descriptor, *y_descriptor, *w_descriptor, *c, factor(alpha), factor(beta)};
    return queue(handle, t, algorithm, RESULT_W, x, w, y, workspace, bytes);
}
