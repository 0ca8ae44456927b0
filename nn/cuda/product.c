#include "nn/cuda/product.h"

enum {
    MOST_WORKSPACE = 32 << 20, /* bytes; what NVIDIA recommends on Hopper */
    ALIGNMENT = 64             /* of the arena's buffers; cuBLASLt would assume 256 */
};

void cuda_product_close(product *p)
{
    if (p->operation) (void)lt.MatmulDescDestroy(p->operation);
    if (p->a) (void)lt.MatrixLayoutDestroy(p->a);
    if (p->b) (void)lt.MatrixLayoutDestroy(p->b);
    if (p->d) (void)lt.MatrixLayoutDestroy(p->d);
}

err cuda_product_set_bias(const product *p, const float *bias)
{
    BLAS_TRY(lt.MatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias));
    return OK;
}

/* The heuristic looks at the bias's address for its alignment: here one that is aligned to ALIGNMENT and no
 * more. */
static const _Alignas(2 * ALIGNMENT) char somewhere[2 * ALIGNMENT];

static err set_operation(backend *b, product_shape s, product *p)
{
    cublasComputeType_t compute = b->precision == NN_TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    cublasOperation_t on_a = s.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t on_b = s.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasLtEpilogue_t epilogue = s.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    BLAS_TRY(lt.MatmulDescCreate(&p->operation, compute, CUDA_R_32F));
    BLAS_TRY(lt.MatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_TRANSA, &on_a, sizeof on_a));
    BLAS_TRY(lt.MatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_TRANSB, &on_b, sizeof on_b));
    BLAS_TRY(
        lt.MatmulDescSetAttribute(p->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
    return s.bias ? cuda_product_set_bias(p, (const float *)(const void *)(somewhere + ALIGNMENT)) : OK;
}

/* With columns first, d^T = op(b)^T op(a)^T. */
static err set_layouts(product_shape s, product *p)
{
    cudaDataType_t type = s.narrow ? CUDA_R_16BF : CUDA_R_32F;
    uint64_t m = (uint64_t)s.columns, n = (uint64_t)s.rows, k = (uint64_t)s.inner;
    BLAS_TRY(lt.MatrixLayoutCreate(&p->a, type, s.transpose_b ? k : m, s.transpose_b ? m : k, s.ldb));
    BLAS_TRY(lt.MatrixLayoutCreate(&p->b, type, s.transpose_a ? n : k, s.transpose_a ? k : n, s.lda));
    BLAS_TRY(lt.MatrixLayoutCreate(&p->d, CUDA_R_32F, m, n, s.ldd ? s.ldd : s.columns));
    return OK;
}

static err set_preference(cublasLtMatmulPreference_t preference, int bytes)
{
    static const cublasLtMatmulPreferenceAttributes_t alignments[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    uint64_t most = MOST_WORKSPACE;
    uint32_t alignment = bytes ? (uint32_t)bytes : ALIGNMENT;
    BLAS_TRY(lt.MatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most,
                                             sizeof most));
    for (int i = 0; i < 4; i++)
        BLAS_TRY(lt.MatmulPreferenceSetAttribute(preference, alignments[i], &alignment, sizeof alignment));
    return OK;
}

static err choose_with(backend *b, cublasLtMatmulPreference_t preference, product_shape s, product *p)
{
    cublasLtMatmulHeuristicResult_t found = {0};
    int count = 0;
    TRY(set_preference(preference, s.alignment));
    BLAS_TRY(lt.MatmulAlgoGetHeuristic(b->blas, p->operation, p->a, p->b, p->d, p->d, preference, 1, &found,
                                       &count));
    if (count == 0) return blas_error(CUBLAS_STATUS_NOT_SUPPORTED, "cublasLtMatmulAlgoGetHeuristic");
    p->algorithm = found.algo;
    p->workspace = found.workspaceSize;
    return OK;
}

static err choose_algorithm(backend *b, product_shape s, product *p)
{
    cublasLtMatmulPreference_t preference;
    BLAS_TRY(lt.MatmulPreferenceCreate(&preference));
    err error = choose_with(b, preference, s, p);
    (void)lt.MatmulPreferenceDestroy(preference);
    return error;
}

err cuda_product_open(backend *b, product_shape s, product *p)
{
    TRY(set_operation(b, s, p));
    TRY(set_layouts(s, p));
    return choose_algorithm(b, s, p);
}

err cuda_product_run(backend *b, const product *p, const void *x, const void *y, float *d, bool add,
                     void *workspace)
{
    const float one = 1, beta = add ? 1 : 0;
    BLAS_TRY(lt.Matmul(b->blas, p->operation, &one, y, p->a, x, p->b, &beta, d, p->d, d, p->d, &p->algorithm,
                       workspace, p->workspace, b->stream));
    return OK;
}
