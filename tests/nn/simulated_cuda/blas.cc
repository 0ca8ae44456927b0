/* cuBLASLt: one product of column-major matrices with an optional bias. */
#include "tests/nn/simulated_cuda/numbers.h"
#include "tests/nn/simulated_cuda/runtime.h"

#include <cublasLt.h>

struct cublasLtContext {
    int nothing;
};

struct operation {
    cublasComputeType_t compute;
    cublasOperation_t on_a, on_b;
    cublasLtEpilogue_t epilogue;
    const float *bias;
};

struct matrix {
    number_type type;
    size_t rows, columns, leading;
};

struct preference {
    uint64_t workspace;
    uint32_t alignment[4]; /* of a, b, c, d; 256 if it is not said */
};

/* What an algorithm was chosen for; it works for nothing else. */
struct choice {
    uint32_t alignment[4], bias_alignment;
    size_t workspace;
};
static_assert(sizeof(choice) <= sizeof(cublasLtMatmulAlgo_t));

/* The library's descriptors are opaque memory of the caller's; ours lie behind the same pointers. */
template <class Ours, class Theirs> static Ours *ours(Theirs *theirs)
{
    return reinterpret_cast<Ours *>(theirs);
}

const char *cublasLtGetStatusString(cublasStatus_t)
{
    return "simulated";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    *handle = new cublasLtContext{};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

/* ---- descriptors ---- */

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, cublasComputeType_t compute,
                                        cudaDataType_t scale)
{
    *out = ours<cublasLtMatmulDescOpaque_t>(
        new operation{compute, CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, nullptr});
    return scale == CUDA_R_32F ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t descriptor)
{
    delete ours<operation>(descriptor);
    return CUBLAS_STATUS_SUCCESS;
}

template <class T> static cublasStatus_t take(T *to, const void *value, size_t bytes)
{
    if (bytes != sizeof *to) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(to, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t descriptor,
                                              cublasLtMatmulDescAttributes_t attribute, const void *value,
                                              size_t bytes)
{
    operation *o = ours<operation>(descriptor);
    switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
        return take(&o->on_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
        return take(&o->on_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
        return take(&o->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
        return take(&o->bias, value, bytes);
    default:
        return CUBLAS_STATUS_INVALID_VALUE;
    }
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t leading)
{
    bool fine = (type == CUDA_R_32F || type == CUDA_R_16BF) && leading >= static_cast<int64_t>(rows);
    *out = ours<cublasLtMatrixLayoutOpaque_t>(new matrix{type == CUDA_R_32F ? NUMBER_FLOAT : NUMBER_BFLOAT16,
                                                         rows, columns, static_cast<size_t>(leading)});
    return fine ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout)
{
    delete ours<matrix>(layout);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out)
{
    *out = ours<cublasLtMatmulPreferenceOpaque_t>(new preference{0, {256, 256, 256, 256}});
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
    delete ours<preference>(p);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t given,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t bytes)
{
    preference *p = ours<preference>(given);
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) return take(&p->workspace, value, bytes);
    int which = attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
    if (which < 0 || which > 3) return CUBLAS_STATUS_INVALID_VALUE;
    return take(&p->alignment[which], value, bytes);
}

/* ---- products ---- */

struct sizes {
    size_t m, n, k;
};

/* What fits together, by the documentation's table of types: a and b alike, c and d float. */
static bool sizes_of(const operation *o, const matrix *a, const matrix *b, const matrix *c, const matrix *d,
                     sizes *s)
{
    bool turn_a = o->on_a == CUBLAS_OP_T, turn_b = o->on_b == CUBLAS_OP_T;
    size_t inner = turn_b ? b->columns : b->rows;
    *s = {turn_a ? a->columns : a->rows, turn_b ? b->rows : b->columns, turn_a ? a->rows : a->columns};
    bool types = a->type == b->type && c->type == NUMBER_FLOAT && d->type == NUMBER_FLOAT &&
                 (a->type == NUMBER_FLOAT || o->compute == CUBLAS_COMPUTE_32F);
    return types && s->k == inner && d->rows == s->m && d->columns == s->n && c->rows == s->m &&
           c->columns == s->n;
}

static uint32_t alignment_of(const void *p)
{
    uintptr_t address = reinterpret_cast<uintptr_t>(p);
    return static_cast<uint32_t>(address ? address & -address : 256);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t descriptor,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t given, int most,
                                              cublasLtMatmulHeuristicResult_t results[], int *count)
{
    enum { WORKSPACE = 3000 };
    const operation *o = ours<operation>(descriptor);
    const preference *p = ours<preference>(given);
    sizes s;
    *count = 0;
    if (most < 1 || !sizes_of(o, ours<matrix>(a), ours<matrix>(b), ours<matrix>(c), ours<matrix>(d), &s))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    choice chosen = {{}, alignment_of(o->bias), p->workspace < WORKSPACE ? 0 : size_t{WORKSPACE}};
    std::memcpy(chosen.alignment, p->alignment, sizeof chosen.alignment);
    results[0] = {};
    std::memcpy(&results[0].algo, &chosen, sizeof chosen);
    results[0].workspaceSize = chosen.workspace;
    results[0].state = CUBLAS_STATUS_SUCCESS;
    *count = 1;
    return CUBLAS_STATUS_SUCCESS;
}

/* One product with all that it needs, by value. */
struct task {
    operation o;
    matrix a, b, d;
    sizes s;
    float alpha, beta;

    double read(const matrix &x, bool turned, const void *from, size_t row, size_t column) const
    {
        size_t i = turned ? row * x.leading + column : column * x.leading + row;
        double value = number_at(from, x.type, i);
        return o.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? rounded(static_cast<float>(value), TF32_FEWER)
                                                         : value;
    }
};

static void run(const task &t, const void *a, const void *b, float *d)
{
    for (size_t column = 0; column < t.s.n; column++)
        for (size_t row = 0; row < t.s.m; row++) {
            double sum = 0;
            for (size_t k = 0; k < t.s.k; k++)
                sum += t.read(t.a, t.o.on_a == CUBLAS_OP_T, a, row, k) *
                       t.read(t.b, t.o.on_b == CUBLAS_OP_T, b, k, column);
            float *to = d + column * t.d.leading + row;
            double before = t.beta != 0 ? static_cast<double>(t.beta) * *to : 0;
            double bias = t.o.epilogue == CUBLASLT_EPILOGUE_BIAS ? t.o.bias[row] : 0;
            *to = static_cast<float>(t.alpha * sum + before + bias);
        }
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t descriptor, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t a_layout, const void *b,
                              cublasLtMatrixLayout_t b_layout, const void *beta, const void *c,
                              cublasLtMatrixLayout_t c_layout, void *d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t *algorithm, void *workspace, size_t bytes,
                              cudaStream_t stream)
{
    choice chosen;
    std::memcpy(&chosen, algorithm, sizeof chosen);
    task t = {*ours<operation>(descriptor),
              *ours<matrix>(a_layout),
              *ours<matrix>(b_layout),
              *ours<matrix>(d_layout),
              {},
              *static_cast<const float *>(alpha),
              *static_cast<const float *>(beta)};
    if (!sizes_of(&t.o, &t.a, &t.b, ours<matrix>(c_layout), &t.d, &t.s)) return CUBLAS_STATUS_INVALID_VALUE;
    const void *pointers[] = {a, b, c, d};
    for (int i = 0; i < 4; i++)
        if (alignment_of(pointers[i]) < chosen.alignment[i])
            simulated_misuse("cublasLtMatmul: operand %d is not aligned as was promised", i);
    if (t.o.epilogue == CUBLASLT_EPILOGUE_BIAS && alignment_of(t.o.bias) < chosen.bias_alignment)
        simulated_misuse("cublasLtMatmul: the bias is not aligned as was promised");
    if (c != d || bytes < chosen.workspace || alignment_of(workspace) < 256)
        return CUBLAS_STATUS_INVALID_VALUE;
    simulated_queue(stream, [=] {
        std::memset(workspace, 0xFF, chosen.workspace);
        run(t, a, b, static_cast<float *>(d));
    });
    return CUBLAS_STATUS_SUCCESS;
}
