/* Sums over the rows of a (segments, rows, columns) array, V of them at once, in two kernels whose order of
 * additions depends on the sizes alone: partial sums of chunks of rows in float, then the sums of those in
 * double. Batch norm, bias gradients, global pooling, per-sample means and W^T u are all of this kind.
 *
 * Term:   __device__ void operator()(float *sums, segment, row, column) adds the term to sums[0..V).
 * Finish: __device__ void operator()(segment, column, const double *sums) stores the result. */
#ifndef NN_CUDA_COLUMNS_CUH
#define NN_CUDA_COLUMNS_CUH

#include "nn/cuda/launch.cuh"

typedef struct column_plan {
    uint32_t segments, rows, columns;
    uint32_t across, down;       /* threads of a block: columns and rows; neighbours read neighbours */
    uint32_t tiles;              /* blocks side by side over the columns */
    uint32_t chunks, chunk_rows; /* of a segment */
} column_plan;

static inline column_plan plan_columns(size_t segments, size_t rows, size_t columns)
{
    enum { WIDEST = 32, BLOCKS = 512, ROWS_PER_THREAD = 8 };
    column_plan p = {(uint32_t)segments, (uint32_t)rows, (uint32_t)columns, 1, 0, 0, 0, 0};
    while (p.across < WIDEST && p.across < p.columns) p.across *= 2;
    p.down = THREADS / p.across;
    p.tiles = (p.columns + p.across - 1) / p.across;
    uint32_t blocks = p.tiles * p.segments, wanted = blocks < BLOCKS ? BLOCKS / blocks : 1;
    uint32_t most = (p.rows + p.down * ROWS_PER_THREAD - 1) / (p.down * ROWS_PER_THREAD);
    p.chunks = wanted < most ? wanted : most;
    p.chunk_rows = (p.rows + p.chunks - 1) / p.chunks;
    return p;
}

static inline size_t column_bytes(column_plan p, int values)
{
    return (size_t)p.segments * p.chunks * p.columns * (size_t)values * sizeof(float);
}

/* Adds up shared[0..down) of each column, with the sum in row 0. */
template <class T> static __device__ inline void fold_rows(T *shared)
{
    __syncthreads();
    for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
        if (threadIdx.y < half)
            shared[threadIdx.y * blockDim.x + threadIdx.x] +=
                shared[(threadIdx.y + half) * blockDim.x + threadIdx.x];
        __syncthreads();
    }
}

/* partials [segments][chunks][V][columns]; grid (tiles * segments, chunks), block (across, down). */
template <int V, class Term> static __global__ void column_partials(Term term, column_plan p, float *partials)
{
    __shared__ float shared[V][THREADS];
    uint32_t segment = blockIdx.x / p.tiles, chunk = blockIdx.y;
    uint32_t column = blockIdx.x % p.tiles * p.across + threadIdx.x;
    uint32_t first = chunk * p.chunk_rows;
    uint32_t end = first + p.chunk_rows < p.rows ? first + p.chunk_rows : p.rows;
    float sums[V] = {};
    if (column < p.columns)
        for (uint32_t row = first + threadIdx.y; row < end; row += p.down) term(sums, segment, row, column);
    for (int v = 0; v < V; v++) shared[v][threadIdx.y * p.across + threadIdx.x] = sums[v];
    for (int v = 0; v < V; v++) fold_rows(shared[v]);
    if (threadIdx.y > 0 || column >= p.columns) return;
    for (int v = 0; v < V; v++)
        partials[((segment * p.chunks + chunk) * V + v) * p.columns + column] = shared[v][threadIdx.x];
}

/* grid tiles * segments, block (across, down). */
template <int V, class Finish>
static __global__ void column_finish(Finish finish, column_plan p, const float *partials)
{
    __shared__ double shared[V][THREADS];
    uint32_t segment = blockIdx.x / p.tiles, column = blockIdx.x % p.tiles * p.across + threadIdx.x;
    double sums[V] = {};
    if (column < p.columns)
        for (uint32_t chunk = threadIdx.y; chunk < p.chunks; chunk += p.down)
            for (int v = 0; v < V; v++)
                sums[v] += (double)partials[((segment * p.chunks + chunk) * V + v) * p.columns + column];
    for (int v = 0; v < V; v++) shared[v][threadIdx.y * p.across + threadIdx.x] = sums[v];
    for (int v = 0; v < V; v++) fold_rows(shared[v]);
    if (threadIdx.y > 0 || column >= p.columns) return;
    for (int v = 0; v < V; v++) sums[v] = shared[v][threadIdx.x];
    finish(segment, column, sums);
}

/* partials: column_bytes(p, V) bytes of scratch. */
template <int V, class Term, class Finish>
static err reduce_columns(backend *b, column_plan p, Term term, Finish finish, void *partials)
{
    TRY(cuda_check_count((size_t)p.segments * p.rows * p.columns));
    dim3 block(p.across, p.down);
    LAUNCH(b, (column_partials<V, Term>), dim3(p.tiles * p.segments, p.chunks), block, term, p,
           (float *)partials);
    LAUNCH(b, (column_finish<V, Finish>), p.tiles * p.segments, block, finish, p, (const float *)partials);
    return OK;
}

/* Terms and ends that several operators need. */
typedef struct add_element { /* x[segment][row][column] */
    const float *x;
    uint32_t rows, columns;
    __device__ void operator()(float *sums, uint32_t segment, uint32_t row, uint32_t column) const
    {
        sums[0] += x[(segment * rows + row) * columns + column];
    }
} add_element;

typedef struct store_scaled { /* to[segment][column] = factor * the sum, or += that */
    float *to;
    uint32_t columns;
    double factor;
    bool add;
    __device__ void operator()(uint32_t segment, uint32_t column, const double *sums) const
    {
        put(to + segment * columns + column, (float)(factor * sums[0]), add);
    }
} store_scaled;

#endif
