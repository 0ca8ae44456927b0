/* out (B,O) = act(x (B,I) w^T (I,O) + b), by cuBLASLt.
 *
 * cuBLASLt counts columns first, so our row-major (R,C) is its (C,R). Its choice of algorithm depends on the
 * shape alone, and the reductions that it may choose from have a fixed order. The bias is fused; relu is not,
 * because cuBLASLt does not promise that NaN stays NaN.
 *
 * In NN_BF16 all tensors are fp32 here, too: factors are copied to bfloat16 first, products are stored in
 * fp32. */
#include "nn/cuda/internal.h"

#include <stdlib.h>

enum {
    MOST_WORKSPACE = 32 << 20, /* bytes; what NVIDIA recommends on Hopper */
    ALIGNMENT = 64             /* of the arena's buffers; cuBLASLt would assume 256 */
};

/* One product d = op(a) op(b), d (m,n), sum over k, all column-major. */
typedef struct product {
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, d;
    cublasLtMatmulAlgo_t algorithm;
    size_t workspace;
} product;

typedef struct products {
    product forward, data, weights;
} products;

typedef struct sizes {
    int rows, in, out;
} sizes;

/* How to make a product. Leading dimensions are those of the matrices as they lie. */
typedef struct product_shape {
    int m, n, k, lda, ldb;
    bool transpose_a, transpose_b, bias;
} product_shape;

/* Whether factors are multiplied in bfloat16. */
static bool narrows(const backend *b)
{
    return b->precision == NN_BF16;
}

static sizes sizes_of(const node *n)
{
    return (sizes){n->shape.d[0], n->in[0]->shape.d[1], n->shape.d[1]};
}

static void close_product(product *p)
{
    if (p->operation) (void)lt.MatmulDescDestroy(p->operation);
    if (p->a) (void)lt.MatrixLayoutDestroy(p->a);
    if (p->b) (void)lt.MatrixLayoutDestroy(p->b);
    if (p->d) (void)lt.MatrixLayoutDestroy(p->d);
}

static err set_bias(const product *p, const float *bias)
{
    BLAS_TRY(lt.MatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias));
    return OK;
}

static err set_operation(backend *b, product_shape s, product *p)
{
    cublasComputeType_t compute = b->precision == NN_TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    cublasOperation_t on_a = s.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t on_b = s.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasLtEpilogue_t epilogue = s.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    BLAS_TRY(lt.MatmulDescCreate(&p->operation, compute, CUDA_R_32F));
    BLAS_TRY(lt.MatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_TRANSA, &on_a, sizeof on_a));
    BLAS_TRY(lt.MatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_TRANSB, &on_b, sizeof on_b));
    BLAS_TRY(
        lt.MatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
    return s.bias ? set_bias(p, (const float *)(uintptr_t)ALIGNMENT) : OK; /* its alignment counts */
}

static err set_layouts(const backend *b, product_shape s, product *p)
{
    uint64_t m = (uint64_t)s.m, n = (uint64_t)s.n, k = (uint64_t)s.k;
    cudaDataType_t type = narrows(b) ? CUDA_R_16BF : CUDA_R_32F;
    BLAS_TRY(lt.MatrixLayoutCreate(&p->a, type, s.transpose_a ? k : m, s.transpose_a ? m : k, s.lda));
    BLAS_TRY(lt.MatrixLayoutCreate(&p->b, type, s.transpose_b ? n : k, s.transpose_b ? k : n, s.ldb));
    BLAS_TRY(lt.MatrixLayoutCreate(&p->d, CUDA_R_32F, m, n, s.m));
    return OK;
}

static err set_preference(cublasLtMatmulPreference_t preference)
{
    static const cublasLtMatmulPreferenceAttributes_t alignments[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    uint64_t most = MOST_WORKSPACE;
    uint32_t alignment = ALIGNMENT;
    BLAS_TRY(lt.MatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most,
                                             sizeof most));
    for (int i = 0; i < 4; i++)
        BLAS_TRY(lt.MatmulPreferenceSetAttribute(preference, alignments[i], &alignment, sizeof alignment));
    return OK;
}

static err choose_with(backend *b, cublasLtMatmulPreference_t preference, product *p)
{
    cublasLtMatmulHeuristicResult_t found = {0};
    int count = 0;
    TRY(set_preference(preference));
    BLAS_TRY(lt.MatmulAlgoGetHeuristic(b->blas, p->operation, p->a, p->b, p->d, p->d, preference, 1, &found,
                                       &count));
    if (count == 0) return blas_error(CUBLAS_STATUS_NOT_SUPPORTED, "cublasLtMatmulAlgoGetHeuristic");
    p->algorithm = found.algo;
    p->workspace = found.workspaceSize;
    return OK;
}

static err choose_algorithm(backend *b, product *p)
{
    cublasLtMatmulPreference_t preference;
    BLAS_TRY(lt.MatmulPreferenceCreate(&preference));
    err error = choose_with(b, preference, p);
    (void)lt.MatmulPreferenceDestroy(preference);
    return error;
}

static err open_product(backend *b, product_shape s, product *p)
{
    TRY(set_operation(b, s, p));
    TRY(set_layouts(b, s, p));
    return choose_algorithm(b, p);
}

static err multiply(backend *b, const product *p, const void *x, const void *y, float *out, bool add,
                    void *workspace)
{
    const float one = 1, beta = add ? 1 : 0;
    BLAS_TRY(lt.Matmul(b->blas, p->operation, &one, x, p->a, y, p->b, &beta, out, p->d, out, p->d,
                       &p->algorithm, workspace, p->workspace, b->stream));
    return OK;
}

/* Row-major out = x w^T, dx = d w, dw = d^T x are, with columns first, out = w^T x, dx = w d, dw = x d^T. */
static err open_products(backend *b, call *c, products *p)
{
    sizes s = sizes_of(c->n);
    product_shape forward = {
        .m = s.out, .n = s.rows, .k = s.in, .lda = s.in, .ldb = s.in, .transpose_a = true};
    product_shape data = {.m = s.in, .n = s.rows, .k = s.out, .lda = s.in, .ldb = s.out};
    product_shape weights = {
        .m = s.in, .n = s.out, .k = s.rows, .lda = s.in, .ldb = s.out, .transpose_b = true};
    forward.bias = c->n->n_in > 2;
    TRY(open_product(b, forward, &p->forward));
    if (c->wants[0]) TRY(open_product(b, data, &p->data));
    if (c->wants[1]) TRY(open_product(b, weights, &p->weights));
    return OK;
}

static void unplan(backend *b, call *c)
{
    (void)b;
    products *p = c->plan;
    if (!p) return;
    close_product(&p->forward);
    close_product(&p->data);
    close_product(&p->weights);
    free(p);
    c->plan = NULL;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t derivative_bytes(const call *c)
{
    return c->n->a.act == ACT_NONE ? 0 : cuda_aligned(nn_count(&c->n->shape) * sizeof(float));
}

/* Bytes of a copy in bfloat16; 0 where none is made. */
static size_t narrow_bytes(const backend *b, const nn_shape_t *shape)
{
    return narrows(b) ? cuda_aligned(nn_count(shape) * element_bytes(ELEMENT_BFLOAT16)) : 0;
}

/* Copies of x and w are kept in saved where backward multiplies by them; the others, and what backward
 * narrows, lie in scratch, in this order: dout act'(out) if there is an activation; the copies; a workspace.
 */
typedef struct copies {
    size_t x, w, out; /* bytes */
} copies;

static copies copies_of(const backend *b, const call *c)
{
    return (copies){narrow_bytes(b, &c->n->in[0]->shape), narrow_bytes(b, &c->n->in[1]->shape),
                    narrow_bytes(b, &c->n->shape)};
}

static void size_buffers(const backend *b, call *c, const products *p)
{
    sizes s = sizes_of(c->n);
    copies n = copies_of(b, c);
    size_t forward = p->forward.workspace + (c->wants[1] ? 0 : n.x) + (c->wants[0] ? 0 : n.w);
    size_t backward = n.out + larger(p->data.workspace, p->weights.workspace);
    if (c->n->n_in > 2 && c->wants[2])
        backward = larger(backward, cuda_column_sums_bytes((size_t)s.rows, (size_t)s.out));
    backward += derivative_bytes(c);
    c->saved_bytes = (c->wants[1] ? n.x : 0) + (c->wants[0] ? n.w : 0);
    c->scratch_bytes = larger(forward, c->backward ? backward : 0) + CUDA_ALIGNMENT;
}

static err plan(backend *b, call *c)
{
    sizes s = sizes_of(c->n);
    products *p = calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory while planning a linear layer");
    c->plan = p;
    err error = open_products(b, c, p);
    if (error != OK) {
        unplan(b, c);
        return error;
    }
    size_buffers(b, c, p);
    c->flops = 2.0 * s.rows * s.in * s.out * (1 + c->wants[0] + c->wants[1]);
    return OK;
}

/* What a product reads in place of `x`: itself, or its copy, which is made at *room; *room moves on. */
static err factor(backend *b, const float *x, const nn_shape_t *shape, char **room, const void **out)
{
    *out = x;
    if (!narrows(b)) return OK;
    TRY(cuda_narrow(b, *room, x, nn_count(shape)));
    *out = *room;
    *room += narrow_bytes(b, shape);
    return OK;
}

static err forward(backend *b, const call *c)
{
    const products *p = c->plan;
    sizes s = sizes_of(c->n);
    char *kept = c->saved, *workspace = cuda_workspace(c);
    const void *x, *w;
    TRY(factor(b, c->in[0], &c->n->in[0]->shape, c->wants[1] ? &kept : &workspace, &x));
    TRY(factor(b, c->in[1], &c->n->in[1]->shape, c->wants[0] ? &kept : &workspace, &w));
    if (c->n->n_in > 2) TRY(set_bias(&p->forward, c->in[2]));
    TRY(multiply(b, &p->forward, w, x, c->out, false, workspace));
    return cuda_bias_activate(b, c->n->a.act, ELEMENT_FLOAT, c->out, NULL, (size_t)s.rows, (size_t)s.out);
}

/* With d = dout act'(out): dx = d w, dw = d^T x, db = the column sums of d. */
static err backward(backend *b, const call *c)
{
    const products *p = c->plan;
    sizes s = sizes_of(c->n);
    copies n = copies_of(b, c);
    const float *d = c->dout;
    char *workspace = cuda_workspace(c);
    if (c->n->a.act != ACT_NONE) {
        float *changed = (float *)(void *)workspace;
        TRY(cuda_activate_backward(b, c->n->a.act, ELEMENT_FLOAT, changed, c->out, c->dout,
                                   nn_count(&c->n->shape), false));
        d = changed;
        workspace += derivative_bytes(c);
    }
    if (c->n->n_in > 2 && c->din[2])
        TRY(cuda_column_sums(b, c->din[2], ELEMENT_FLOAT, d, (size_t)s.rows, (size_t)s.out, c->add[2],
                             workspace));
    const void *x = c->in[0], *w = c->in[1], *factor_d;
    if (narrows(b)) { /* as forward left them */
        x = c->saved;
        w = (const char *)c->saved + (c->wants[1] ? n.x : 0);
    }
    TRY(factor(b, d, &c->n->shape, &workspace, &factor_d));
    if (c->din[0]) TRY(multiply(b, &p->data, w, factor_d, c->din[0], c->add[0], workspace));
    if (c->din[1]) TRY(multiply(b, &p->weights, x, factor_d, c->din[1], c->add[1], workspace));
    return OK;
}

const kernel cuda_linear = {.plan = plan, .unplan = unplan, .forward = forward, .backward = backward};
