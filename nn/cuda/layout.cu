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

cuda_tensor cuda_tensor_of(const backend *b, const node *n, const void *data)
{
    return cuda_tensor{const_cast<void *>(data), cuda_view_of(&n->shape, n->plain), cuda_element(b, n)};
}

template <class From, class To>
static __global__ void relayout(cuda_view from, const From *x, cuda_view to, To *y, uint32_t n, bool add)
{
    FOR_EACH(i, n) put(y + i, to_float(x[view_offset(from, view_index(to, i))]), add);
}

err cuda_relayout(backend *b, cuda_tensor from, cuda_tensor to, bool add)
{
    const cuda_view &f = from.view, &t = to.view;
    size_t n = (size_t)t.n * t.channels * t.area;
    bool same = f.channels == t.channels && f.area == t.area && f.interleaved == t.interleaved;
    bool order_kept = same || (!f.interleaved && !t.interleaved);
    if (order_kept && from.element == to.element)
        return cuda_store(b, to.element, to.data, from.data, n, add);
    return by_element(from.element, [&]<class From>() -> err {
        return by_element(to.element, [&]<class To>() -> err {
            LAUNCH_EACH(b, (relayout<From, To>), n, f, (const From *)from.data, t, (To *)to.data, (uint32_t)n,
                        add);
            return OK;
        });
    });
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
static err send(backend *b, const float *host, void *device, size_t bytes)
{
    staging_slot *s = NULL;
    TRY(take_slot(b, bytes, &s));
    memcpy(s->memory, host, bytes);
    CUDA_TRY(cudaMemcpyAsync(device, s->memory, bytes, cudaMemcpyHostToDevice, b->stream));
    CUDA_TRY(cudaEventRecord(s->copied, b->stream));
    return OK;
}

/* The part of a tensor that starts at element `first`, `rows` rows of axis 0 long. */
static cuda_tensor part_of(cuda_tensor t, size_t first, size_t rows)
{
    t.data = (char *)t.data + first * element_bytes(t.element);
    t.view.n = (uint32_t)rows;
    return t;
}

/* The same elements in the staging memory, as the host has them. */
static cuda_tensor staged(const backend *b, cuda_tensor t)
{
    t.data = b->staging;
    t.view.interleaved = false;
    t.element = ELEMENT_FLOAT;
    return t;
}

/* On the device as on the host: nothing to convert. */
static bool as_on_host(const cuda_tensor &t)
{
    return !t.view.interleaved && t.element == ELEMENT_FLOAT;
}

static cuda_tensor device_tensor(const backend *b, const nn_shape_t *shape, bool plain, const float *device)
{
    return cuda_tensor{const_cast<float *>(device), cuda_view_of(shape, plain),
                       cuda_element_of(b, shape, plain)};
}

err cuda_upload(backend *b, const nn_shape_t *shape, bool plain, const float *host, float *device)
{
    cuda_tensor whole = device_tensor(b, shape, plain, device);
    travel t = travel_of(shape);
    if (!as_on_host(whole)) TRY(grow_staging(b, t.together * t.row * sizeof(float)));
    for (size_t first = 0, rows; first < t.rows; first += rows) {
        rows = t.together < t.rows - first ? t.together : t.rows - first;
        cuda_tensor part = part_of(whole, first * t.row, rows), stage = staged(b, part);
        void *to = as_on_host(whole) ? part.data : stage.data;
        TRY(send(b, host + first * t.row, to, rows * t.row * sizeof(float)));
        if (!as_on_host(whole)) TRY(cuda_relayout(b, stage, part, false));
    }
    return OK;
}

err cuda_download(backend *b, const nn_shape_t *shape, bool plain, const float *device, float *host)
{
    cuda_tensor whole = device_tensor(b, shape, plain, device);
    travel t = travel_of(shape);
    if (!as_on_host(whole)) TRY(grow_staging(b, t.together * t.row * sizeof(float)));
    for (size_t first = 0, rows; first < t.rows; first += rows) {
        rows = t.together < t.rows - first ? t.together : t.rows - first;
        cuda_tensor part = part_of(whole, first * t.row, rows), stage = staged(b, part);
        const void *from = as_on_host(whole) ? part.data : stage.data;
        if (!as_on_host(whole)) TRY(cuda_relayout(b, part, stage, false));
        CUDA_TRY(cudaMemcpyAsync(host + first * t.row, from, rows * t.row * sizeof(float),
                                 cudaMemcpyDeviceToHost, b->stream));
        CUDA_TRY(cudaStreamSynchronize(b->stream)); /* the copy into pageable memory is complete */
    }
    return OK;
}
