/* Between NCHW and NHWC, and between the host and the device. */
#include "nn/cuda/launch.cuh"

#include <string.h>

cuda_view cuda_view_of(const nn_shape_t *shape, bool plain)
{
    uint32_t d[NN_MAX_RANK] = {1, 1, 1, 1};
    for (int i = 0; i < shape->rank; i++) d[i] = (uint32_t)shape->d[i];
    bool interleaved = shape->rank == 4 && !plain && d[1] > 1 && d[2] * d[3] > 1;
    return cuda_view{d[0], d[1], d[2], d[3], d[2] * d[3], interleaved};
}

static __global__ void relayout(cuda_view from, const float *x, cuda_view to, float *y, uint32_t n, bool add)
{
    FOR_EACH(i, n) put(y + i, x[view_offset(from, view_index(to, i))], add);
}

err cuda_relayout(backend *b, cuda_view from, const float *x, cuda_view to, float *y, bool add)
{
    size_t n = (size_t)to.n * to.channels * to.area;
    bool same = from.channels == to.channels && from.area == to.area && from.interleaved == to.interleaved;
    if (same || (!from.interleaved && !to.interleaved)) return cuda_store(b, y, x, n, add);
    LAUNCH_EACH(b, relayout, n, from, x, to, y, (uint32_t)n, add);
    return OK;
}

/* ---- copies between host and device, a few rows of axis 0 at a time ---- */

enum { CHUNK_BYTES = 8 << 20 };

/* Rows that travel together. */
typedef struct travel {
    size_t row, rows, together; /* floats of a row; rows in all and at a time */
} travel;

static travel travel_of(const nn_shape_t *shape)
{
    travel t;
    t.rows = (size_t)shape->d[0];
    t.row = nn_count(shape) / t.rows;
    size_t fit = CHUNK_BYTES / (t.row * sizeof(float));
    t.together = fit < 1 ? 1 : fit < t.rows ? fit : t.rows;
    return t;
}

static cuda_view part_of(cuda_view v, size_t rows)
{
    v.n = (uint32_t)rows;
    return v;
}

static cuda_view as_plain(cuda_view v)
{
    v.interleaved = false;
    return v;
}

static err grow_staging(backend *b, size_t bytes)
{
    if (b->staging_bytes >= bytes) return OK;
    void *memory;
    CUDA_TRY(cudaFree(b->staging)); /* waits for the kernels that still read it */
    b->staging = NULL;
    b->staging_bytes = 0;
    CUDA_TRY(cudaMalloc(&memory, bytes));
    b->staging = (float *)memory;
    b->staging_bytes = bytes;
    return OK;
}

/* The next slot, free and large enough. */
static err take_slot(backend *b, size_t bytes, staging_slot **out)
{
    staging_slot *s = &b->slots[b->next_slot];
    b->next_slot = (b->next_slot + 1) % STAGING_SLOTS;
    CUDA_TRY(cudaEventSynchronize(s->copied));
    if (s->bytes < bytes) {
        CUDA_TRY(cudaFreeHost(s->memory));
        s->memory = NULL;
        s->bytes = 0;
        CUDA_TRY(cudaMallocHost(&s->memory, bytes));
        s->bytes = bytes;
    }
    *out = s;
    return OK;
}

/* The host's memory is free when this returns; the device's is written in the order of the stream. */
static err send(backend *b, const float *host, float *device, size_t bytes)
{
    staging_slot *s = NULL;
    TRY(take_slot(b, bytes, &s));
    memcpy(s->memory, host, bytes);
    CUDA_TRY(cudaMemcpyAsync(device, s->memory, bytes, cudaMemcpyHostToDevice, b->stream));
    CUDA_TRY(cudaEventRecord(s->copied, b->stream));
    return OK;
}

err cuda_upload(backend *b, const nn_shape_t *shape, bool plain, const float *host, float *device)
{
    cuda_view v = cuda_view_of(shape, plain);
    travel t = travel_of(shape);
    if (v.interleaved) TRY(grow_staging(b, t.together * t.row * sizeof(float)));
    for (size_t first = 0, rows; first < t.rows; first += rows) {
        rows = t.together < t.rows - first ? t.together : t.rows - first;
        size_t start = first * t.row, bytes = rows * t.row * sizeof(float);
        TRY(send(b, host + start, v.interleaved ? b->staging : device + start, bytes));
        if (v.interleaved)
            TRY(cuda_relayout(b, as_plain(part_of(v, rows)), b->staging, part_of(v, rows), device + start,
                              false));
    }
    return OK;
}

err cuda_download(backend *b, const nn_shape_t *shape, bool plain, const float *device, float *host)
{
    cuda_view v = cuda_view_of(shape, plain);
    travel t = travel_of(shape);
    if (v.interleaved) TRY(grow_staging(b, t.together * t.row * sizeof(float)));
    for (size_t first = 0, rows; first < t.rows; first += rows) {
        rows = t.together < t.rows - first ? t.together : t.rows - first;
        size_t start = first * t.row, bytes = rows * t.row * sizeof(float);
        const float *from = device + start;
        if (v.interleaved) {
            TRY(cuda_relayout(b, part_of(v, rows), from, as_plain(part_of(v, rows)), b->staging, false));
            from = b->staging;
        }
        CUDA_TRY(cudaMemcpyAsync(host + start, from, bytes, cudaMemcpyDeviceToHost, b->stream));
        CUDA_TRY(cudaStreamSynchronize(b->stream)); /* the copy into pageable memory is complete */
    }
    return OK;
}
