/* Sums over the rows of a (segments, rows, columns) array, V of them at once, in two kernels whose order of
 * additions depends on the sizes alone: partial sums of chunks of rows in float, then the sums of those in
 * double. Batch norm, bias gradients, global pooling, per-sample means and W^T u are all of this kind.
 *
 * Term:   enum { width = W }: it reads W neighbouring columns at once. __device__ void operator()(float
 * *sums, segment, row, column) adds to sums[v * W + w] the v-th term of column + w. Finish: __device__ void
 * operator()(segment, column, const double *sums) stores the result. */
#ifndef NN_CUDA_COLUMNS_CUH
#define NN_CUDA_COLUMNS_CUH

#include "nn/cuda/launch.cuh"

typedef struct column_plan {
    uint32_t segments, rows, columns;
    uint32_t chunks, chunk_rows; /* of a segment */
} column_plan;

/* How a block's threads are spread over columns, or over groups of as many columns as a thread reads at once:
 * neighbours read neighbours. */
typedef struct column_tiles {
    uint32_t across, down; /* threads of a block */
    uint32_t tiles;        /* blocks side by side */
} column_tiles;

static inline column_tiles tile_columns(uint32_t groups)
{
    enum { WIDEST = 32 };
    column_tiles t = {1, 0, 0};
    while (t.across < WIDEST && t.across < groups) t.across *= 2;
    t.down = THREADS / t.across;
    t.tiles = (groups + t.across - 1) / t.across;
    return t;
}

/* Chunks such that there are enough blocks to fill a GPU, and each thread has some rows to add. The plan is
 * for any width, so that scratch memory is the same for all. */
static inline column_plan plan_columns(size_t segments, size_t rows, size_t columns)
{
    enum { BLOCKS = 1024, ROWS_PER_THREAD = 8 };
    column_plan p = {(uint32_t)segments, (uint32_t)rows, (uint32_t)columns, 0, 0};
    column_tiles t = tile_columns(p.columns);
    uint32_t blocks = t.tiles * p.segments, wanted = blocks < BLOCKS ? BLOCKS / blocks : 1;
    uint32_t most = (p.rows + t.down * ROWS_PER_THREAD - 1) / (t.down * ROWS_PER_THREAD);
    p.chunks = wanted < most ? wanted : most;
    p.chunk_rows = (p.rows + p.chunks - 1) / p.chunks;
    return p;
}

static inline size_t column_bytes(column_plan p, int sums)
{
    return cuda_aligned((size_t)p.segments * p.chunks * p.columns * (size_t)sums * sizeof(float));
}

/* Adds up shared[v][0..down) of each column, with the sums in row 0. */
template <int V, class T> static __device__ inline void fold_rows(T (*shared)[THREADS])
{
    uint32_t at = threadIdx.y * blockDim.x + threadIdx.x;
    __syncthreads();
    for (unsigned apart = blockDim.y / 2; apart > 0; apart /= 2) {
        for (int v = 0; v < V && threadIdx.y < apart; v++)
            shared[v][at] += shared[v][at + apart * blockDim.x];
        __syncthreads();
    }
}

/* partials [segments][chunks][V][columns]; grid (tiles * segments, chunks), block (across, down). */
template <int V, class Term>
static __global__ void column_partials(Term term, column_plan p, uint32_t tiles, float *partials)
{
    constexpr int W = Term::width;
    __shared__ float shared[V * W][THREADS];
    uint32_t segment = blockIdx.x / tiles, chunk = blockIdx.y;
    uint32_t column = (blockIdx.x % tiles * blockDim.x + threadIdx.x) * W;
    uint32_t first = chunk * p.chunk_rows;
    uint32_t end = first + p.chunk_rows < p.rows ? first + p.chunk_rows : p.rows;
    float sums[V * W] = {};
    if (column < p.columns) {
#pragma unroll 4
        for (uint32_t row = first + threadIdx.y; row < end; row += blockDim.y)
            term(sums, segment, row, column);
    }
    for (int v = 0; v < V * W; v++) shared[v][threadIdx.y * blockDim.x + threadIdx.x] = sums[v];
    fold_rows<V * W>(shared);
    if (threadIdx.y > 0 || column >= p.columns) return;
    for (int v = 0; v < V; v++)
        for (int w = 0; w < W; w++)
            partials[((segment * p.chunks + chunk) * V + v) * p.columns + column + w] =
                shared[v * W + w][threadIdx.x];
}

/* grid tiles * segments, block (across, down). */
template <int V, class Finish>
static __global__ void column_finish(Finish finish, column_plan p, uint32_t tiles, const float *partials)
{
    __shared__ double shared[V][THREADS];
    uint32_t segment = blockIdx.x / tiles, column = blockIdx.x % tiles * blockDim.x + threadIdx.x;
    double sums[V] = {};
    if (column < p.columns)
        for (uint32_t chunk = threadIdx.y; chunk < p.chunks; chunk += blockDim.y)
            for (int v = 0; v < V; v++)
                sums[v] += (double)partials[((segment * p.chunks + chunk) * V + v) * p.columns + column];
    for (int v = 0; v < V; v++) shared[v][threadIdx.y * blockDim.x + threadIdx.x] = sums[v];
    fold_rows<V>(shared);
    if (threadIdx.y > 0 || column >= p.columns) return;
    for (int v = 0; v < V; v++) sums[v] = shared[v][threadIdx.x];
    finish(segment, column, sums);
}

/* partials: column_bytes(p, V) bytes of scratch. */
template <int V, class Term, class Finish>
static err reduce_columns(backend *b, column_plan p, Term term, Finish finish, void *partials)
{
    TRY(cuda_check_count((size_t)p.segments * p.rows * p.columns));
    column_tiles t = tile_columns(p.columns / Term::width), f = tile_columns(p.columns);
    LAUNCH(b, (column_partials<V, Term>), dim3(t.tiles * p.segments, p.chunks), dim3(t.across, t.down), term,
           p, t.tiles, (float *)partials);
    LAUNCH(b, (column_finish<V, Finish>), f.tiles * p.segments, dim3(f.across, f.down), finish, p, f.tiles,
           (const float *)partials);
    return OK;
}

/* Terms and ends that several operators need. */
template <class T, int W> struct add_element { /* x[segment][row][column] */
    enum { width = W };
    const T *x;
    uint32_t rows, columns;
    __device__ void operator()(float *sums, uint32_t segment, uint32_t row, uint32_t column) const
    {
        floats<W> x_here = load<W>(x, ((segment * rows + row) * columns + column) / W);
        for (int w = 0; w < W; w++) sums[w] += x_here.v[w];
    }
};

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
