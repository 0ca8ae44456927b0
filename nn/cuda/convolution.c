/* cuDNN's legacy convolution API is deprecated in cuDNN 9 but complete; it needs no graph per shape and takes
 * alpha and beta, so a gradient can be added without a temporary. The algorithm is the heuristic's best one
 * that is deterministic, exact (no Winograd or Fourier transform, whose rounding is larger) and small enough.
 * Trying them out would be faster in places, but what is chosen would then depend on the machine's mood. */
#include "nn/cuda/convolution.h"

#include <stdlib.h>

enum {
    MOST_WORKSPACE = 256 << 20, /* bytes */
    CANDIDATES = 16,
    ALGORITHM_1 =
        1 /* of each product: exact, deterministic, and the one documented for channels-last tensors */
};

/* How one product is computed: the algorithm's math mode is part of the descriptor. */
typedef struct way {
    cudnnConvolutionDescriptor_t descriptor; /* NULL: not wanted */
    int algorithm;                           /* of the product's enum */
    size_t workspace;
    bool direct; /* not by cuDNN */
} way;

struct dnn_convolution {
    conv_shape s;
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t w;
    way ways[PRODUCTS];
};

/* An algorithm that the heuristic proposes, for any product. */
typedef struct candidate {
    int algorithm;
    cudnnStatus_t status;
    cudnnDeterminism_t determinism;
    cudnnMathType_t math;
} candidate;

/* ---- choosing: cuDNN has three sets of types and functions, alike but for their names ---- */

/* Bits: the algorithms that compute the sums of the definition, in one order or another. */
static const unsigned exact_algorithms[PRODUCTS] = {
    [PRODUCT_Y] = 1U << CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM |
                  1U << CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM |
                  1U << CUDNN_CONVOLUTION_FWD_ALGO_GEMM | 1U << CUDNN_CONVOLUTION_FWD_ALGO_DIRECT,
    [PRODUCT_X] = 1U << CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 | 1U << CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
    [PRODUCT_W] = 1U << CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 | 1U << CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 |
                  1U << CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3,
};

#define TAKE(results)                                                                                        \
    for (int i = 0; i < *count; i++) out[i] = (candidate)                                                    \
        {                                                                                                    \
            (int)(results)[i].algo, (results)[i].status, (results)[i].determinism, (results)[i].mathType     \
        }

/* The heuristic's proposals, best first. */
static cudnnStatus_t propose(backend *b, const dnn_convolution *d, conv_product which,
                             candidate out[CANDIDATES], int *count)
{
    cudnnConvolutionDescriptor_t c = d->ways[which].descriptor;
    cudnnConvolutionFwdAlgoPerf_t y[CANDIDATES];
    cudnnConvolutionBwdDataAlgoPerf_t x[CANDIDATES];
    cudnnConvolutionBwdFilterAlgoPerf_t w[CANDIDATES];
    cudnnStatus_t status;
    *count = 0;
    switch (which) {
    case PRODUCT_Y:
        status = dnn.GetConvolutionForwardAlgorithm_v7(b->cudnn, d->x, d->w, c, d->y, CANDIDATES, count, y);
        TAKE(y);
        return status;
    case PRODUCT_X:
        status =
            dnn.GetConvolutionBackwardDataAlgorithm_v7(b->cudnn, d->w, d->y, c, d->x, CANDIDATES, count, x);
        TAKE(x);
        return status;
    default:
        status =
            dnn.GetConvolutionBackwardFilterAlgorithm_v7(b->cudnn, d->x, d->y, c, d->w, CANDIDATES, count, w);
        TAKE(w);
        return status;
    }
}

/* The workspace of algorithm w->algorithm, if it can be used at all. */
static cudnnStatus_t measure(backend *b, const dnn_convolution *d, conv_product which, way *w)
{
    switch (which) {
    case PRODUCT_Y:
        return dnn.GetConvolutionForwardWorkspaceSize(b->cudnn, d->x, d->w, w->descriptor, d->y,
                                                      (cudnnConvolutionFwdAlgo_t)w->algorithm, &w->workspace);
    case PRODUCT_X:
        return dnn.GetConvolutionBackwardDataWorkspaceSize(b->cudnn, d->w, d->y, w->descriptor, d->x,
                                                           (cudnnConvolutionBwdDataAlgo_t)w->algorithm,
                                                           &w->workspace);
    default:
        return dnn.GetConvolutionBackwardFilterWorkspaceSize(b->cudnn, d->x, d->y, w->descriptor, d->w,
                                                             (cudnnConvolutionBwdFilterAlgo_t)w->algorithm,
                                                             &w->workspace);
    }
}

/* What may be used at most: fp32 products, products of TF32, or of bfloat16 on tensor cores. */
static cudnnMathType_t most_math(const backend *b)
{
    return b->precision == NN_FP32   ? CUDNN_FMA_MATH
           : b->precision == NN_TF32 ? CUDNN_DEFAULT_MATH
                                     : CUDNN_TENSOR_OP_MATH;
}

static bool usable(backend *b, const dnn_convolution *d, conv_product which, way *w, const candidate *c)
{
    cudnnMathType_t math = b->precision == NN_FP32 ? CUDNN_FMA_MATH : c->math;
    if (c->status != CUDNN_STATUS_SUCCESS || c->determinism != CUDNN_DETERMINISTIC) return false;
    if (!(exact_algorithms[which] >> c->algorithm & 1)) return false;
    w->algorithm = c->algorithm;
    return dnn.SetConvolutionMathType(w->descriptor, math) == CUDNN_STATUS_SUCCESS &&
           measure(b, d, which, w) == CUDNN_STATUS_SUCCESS && w->workspace <= MOST_WORKSPACE;
}

static err choose(backend *b, dnn_convolution *d, conv_product which)
{
    const candidate documented = {ALGORITHM_1, CUDNN_STATUS_SUCCESS, CUDNN_DETERMINISTIC, most_math(b)};
    candidate found[CANDIDATES + 1];
    int count;
    way *w = &d->ways[which];
    cudnnStatus_t status = propose(b, d, which, found, &count);
    if (status != CUDNN_STATUS_SUCCESS && CUDNN_STATUS_CATEGORY(status) != CUDNN_STATUS_NOT_SUPPORTED)
        return cudnn_error(status, "cudnnGetConvolutionAlgorithm");
    found[count++] = documented; /* in case the heuristic keeps it back */
    for (int i = 0; i < count; i++)
        if (usable(b, d, which, w, &found[i])) return OK;
    w->direct = true;
    w->workspace = cuda_direct_workspace(&d->s, which);
    return OK;
}

/* ---- opening ---- */

static err open_way(backend *b, dnn_convolution *d, conv_product which)
{
    const conv_shape *s = &d->s;
    way *w = &d->ways[which];
    CUDNN_TRY(dnn.CreateConvolutionDescriptor(&w->descriptor));
    CUDNN_TRY(dnn.SetConvolution2dDescriptor(w->descriptor, s->pad, s->pad, s->stride, s->stride, 1, 1,
                                             CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
    CUDNN_TRY(dnn.SetConvolutionMathType(w->descriptor, most_math(b)));
    return choose(b, d, which);
}

static err describe(backend *b, dnn_convolution *d, const bool wanted[PRODUCTS])
{
    const conv_shape *s = &d->s;
    cudnnDataType_t type = s->element == ELEMENT_BFLOAT16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    CUDNN_TRY(dnn.CreateTensorDescriptor(&d->x));
    CUDNN_TRY(dnn.SetTensor4dDescriptor(d->x, CUDNN_TENSOR_NHWC, type, s->n, s->c, s->h, s->w));
    CUDNN_TRY(dnn.CreateTensorDescriptor(&d->y));
    CUDNN_TRY(dnn.SetTensor4dDescriptor(d->y, CUDNN_TENSOR_NHWC, type, s->n, s->k, s->oh, s->ow));
    CUDNN_TRY(dnn.CreateFilterDescriptor(&d->w));
    CUDNN_TRY(dnn.SetFilter4dDescriptor(d->w, type, CUDNN_TENSOR_NHWC, s->k, s->c, s->size, s->size));
    for (conv_product which = 0; which < PRODUCTS; which++)
        if (wanted[which]) TRY(open_way(b, d, which));
    return OK;
}

err dnn_convolution_open(backend *b, const conv_shape *s, const bool wanted[PRODUCTS], dnn_convolution **out)
{
    *out = NULL;
    dnn_convolution *d = calloc(1, sizeof *d);
    if (!d) return err_set(ERR_SYSTEM, "out of memory while planning a convolution");
    d->s = *s;
    err error = describe(b, d, wanted);
    if (error != OK) {
        dnn_convolution_close(d);
        return error;
    }
    *out = d;
    return OK;
}

void dnn_convolution_close(dnn_convolution *d)
{
    if (!d) return;
    for (conv_product which = 0; which < PRODUCTS; which++)
        if (d->ways[which].descriptor) (void)dnn.DestroyConvolutionDescriptor(d->ways[which].descriptor);
    if (d->w) (void)dnn.DestroyFilterDescriptor(d->w);
    if (d->y) (void)dnn.DestroyTensorDescriptor(d->y);
    if (d->x) (void)dnn.DestroyTensorDescriptor(d->x);
    free(d);
}

size_t dnn_convolution_workspace(const dnn_convolution *d, conv_product which)
{
    return d->ways[which].workspace;
}

/* ---- running ---- */

static cudnnStatus_t run(backend *b, const dnn_convolution *d, conv_product which, conv_operands o, void *out,
                         float beta, void *workspace)
{
    static const float one = 1; /* cuDNN takes its factors by address, on the host */
    const way *w = &d->ways[which];
    switch (which) {
    case PRODUCT_Y:
        return dnn.ConvolutionForward(b->cudnn, &one, d->x, o.x, d->w, o.w, w->descriptor,
                                      (cudnnConvolutionFwdAlgo_t)w->algorithm, workspace, w->workspace, &beta,
                                      d->y, out);
    case PRODUCT_X:
        return dnn.ConvolutionBackwardData(b->cudnn, &one, d->w, o.w, d->y, o.y, w->descriptor,
                                           (cudnnConvolutionBwdDataAlgo_t)w->algorithm, workspace,
                                           w->workspace, &beta, d->x, out);
    default:
        return dnn.ConvolutionBackwardFilter(b->cudnn, &one, d->x, o.x, d->y, o.y, w->descriptor,
                                             (cudnnConvolutionBwdFilterAlgo_t)w->algorithm, workspace,
                                             w->workspace, &beta, d->w, out);
    }
}

err dnn_convolution_run(backend *b, const dnn_convolution *d, conv_product which, conv_operands o, void *out,
                        bool add, void *workspace)
{
    static const char *const names[] = {"cudnnConvolutionForward", "cudnnConvolutionBackwardData",
                                        "cudnnConvolutionBackwardFilter"};
    if (d->ways[which].direct) return cuda_direct_run(b, &d->s, which, o, out, add, workspace);
    cudnnStatus_t status = run(b, d, which, o, out, add ? 1 : 0, workspace);
    return status == CUDNN_STATUS_SUCCESS ? OK : cudnn_error(status, names[which]);
}
