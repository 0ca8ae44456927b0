/* Loops over plain vectors: copies, optimizers, the sum of squares. */
#include "nn/cuda/launch.cuh"

/* ---- copies ---- */

err cuda_zero(backend *b, void *y, size_t bytes)
{
    if (bytes > 0) CUDA_TRY(cudaMemsetAsync(y, 0, bytes, b->stream));
    return OK;
}

template <class T, int W> static __global__ void scale(T *y, const T *x, float a, uint32_t packs, bool add)
{
    FOR_EACH(i, packs)
    {
        floats<W> scaled = load<W>(x, i);
        for (int k = 0; k < W; k++) scaled.v[k] *= a;
        put(y, i, scaled, add);
    }
}

err cuda_scale(backend *b, element e, void *y, const void *x, float a, size_t n, bool add)
{
    return by_type(e, together_at(n, x, y), [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (scale<T, W>), n / W, (T *)y, (const T *)x, a, (uint32_t)(n / W), add);
        return OK;
    });
}

err cuda_store(backend *b, element e, void *y, const void *x, size_t n, bool add)
{
    if (add) return cuda_scale(b, e, y, x, 1, n, true);
    if (n > 0) CUDA_TRY(cudaMemcpyAsync(y, x, n * element_bytes(e), cudaMemcpyDeviceToDevice, b->stream));
    return OK;
}

template <int W> static __global__ void narrow(bfloat16 *y, const float *x, uint32_t packs)
{
    FOR_EACH(i, packs) put(y, i, load<W>(x, i), false);
}

/* Four at a time: as many floats as fit 16 bytes. */
err cuda_narrow(backend *b, void *y, const float *x, size_t n)
{
    enum { W = 4 };
    if (n % W == 0)
        LAUNCH_EACH(b, (narrow<W>), n / W, (bfloat16 *)y, x, (uint32_t)(n / W));
    else
        LAUNCH_EACH(b, (narrow<1>), n, (bfloat16 *)y, x, (uint32_t)n);
    return OK;
}

static __global__ void fill(float *x, float value, uint32_t n)
{
    FOR_EACH(i, n) x[i] = value;
}

err cuda_fill(backend *b, float *x, size_t n, float value)
{
    LAUNCH_EACH(b, fill, n, x, value, (uint32_t)n);
    return OK;
}

static __global__ void swap(float *x, float *y, uint32_t n)
{
    FOR_EACH(i, n)
    {
        float held = x[i];
        x[i] = y[i];
        y[i] = held;
    }
}

err cuda_swap(backend *b, float *x, float *y, size_t n)
{
    LAUNCH_EACH(b, swap, n, x, y, (uint32_t)n);
    return OK;
}

/* ---- optimizers ---- */

static __global__ void adam(float *w, const float *g, float *m, float *v, uint32_t n, adam_update u)
{
    FOR_EACH(i, n)
    {
        float d = g[i] * u.grad_scale;
        float first = u.beta1 * m[i] + (1 - u.beta1) * d, second = u.beta2 * v[i] + (1 - u.beta2) * d * d;
        m[i] = first;
        v[i] = second;
        w[i] = (1 - u.rate * u.weight_decay) * w[i] -
               u.rate * (first / u.correction1) / (sqrtf(second / u.correction2) + u.epsilon);
    }
}

err cuda_adam(backend *b, float *w, const float *g, float *m, float *v, size_t n, const adam_update *u)
{
    LAUNCH_EACH(b, adam, n, w, g, m, v, (uint32_t)n, *u);
    return OK;
}

typedef struct sgd_update {
    float rate, momentum, keep, grad_scale;
} sgd_update;

static __global__ void sgd(float *w, const float *g, float *velocity, uint32_t n, sgd_update u)
{
    FOR_EACH(i, n)
    {
        float speed = u.momentum * velocity[i] + u.grad_scale * g[i];
        velocity[i] = speed;
        w[i] = u.keep * w[i] - u.rate * speed;
    }
}

err cuda_sgd(backend *b, float *w, const float *g, float *velocity, size_t n, float rate, float momentum,
             float weight_decay, float grad_scale)
{
    sgd_update u = {rate, momentum, 1 - rate * weight_decay, grad_scale};
    LAUNCH_EACH(b, sgd, n, w, g, velocity, (uint32_t)n, u);
    return OK;
}

static __global__ void ema(float *average, const float *w, uint32_t n, float decay)
{
    FOR_EACH(i, n) average[i] = decay * average[i] + (1 - decay) * w[i];
}

err cuda_ema(backend *b, float *average, const float *w, size_t n, float decay)
{
    LAUNCH_EACH(b, ema, n, average, w, (uint32_t)n, decay);
    return OK;
}

/* ---- the sum of squares: partial sums, then one of those, in an order that n alone decides ---- */

static __global__ void square_parts(const float *x, uint32_t n, double *parts)
{
    __shared__ double shared[THREADS];
    double sum = 0;
    FOR_EACH(i, n) sum += (double)x[i] * (double)x[i];
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

static __global__ void join_parts(const double *parts, unsigned count, double *out)
{
    __shared__ double shared[THREADS];
    double sum = 0;
    for (unsigned k = threadIdx.x; k < count; k += THREADS) sum += parts[k];
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) *out = sum;
}

err cuda_sum_squares(backend *b, const float *x, size_t n, double *out)
{
    unsigned blocks = blocks_for(n), parts = blocks < SUM_PARTS ? blocks : (unsigned)SUM_PARTS;
    TRY(cuda_check_count(n));
    if (parts > 0) LAUNCH(b, square_parts, parts, THREADS, x, (uint32_t)n, b->sums);
    LAUNCH(b, join_parts, 1, THREADS, (const double *)b->sums, parts, b->sums + SUM_PARTS);
    CUDA_TRY(cudaMemcpyAsync(b->sum, b->sums + SUM_PARTS, sizeof *out, cudaMemcpyDeviceToHost, b->stream));
    CUDA_TRY(cudaStreamSynchronize(b->stream));
    *out = *b->sum;
    return OK;
}
