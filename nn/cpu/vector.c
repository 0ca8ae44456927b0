/* Loops over plain vectors: copies, sums, optimizers. Each thread takes one run of whole cache lines. */
#include "nn/cpu/cells.h"

#include <math.h>
#include <string.h>

enum { PARALLEL = 1 << 14 }; /* floats from which waking the other threads pays */

/* ---- copies and sums ---- */

void cpu_copy(void *y, const void *x, size_t bytes)
{
#pragma omp parallel if (bytes > PARALLEL * sizeof(float))
    {
        size_t first, end;
        cpu_share(bytes, &first, &end);
        memcpy((char *)y + first, (const char *)x + first, end - first);
    }
}

void cpu_zero(void *y, size_t bytes)
{
#pragma omp parallel if (bytes > PARALLEL * sizeof(float))
    {
        size_t first, end;
        cpu_share(bytes, &first, &end);
        memset((char *)y + first, 0, end - first);
    }
}

/* Elements first .. end - 1. */
CPU_INLINE void scale_loop(void *restrict y, const void *restrict x, float a, size_t first, size_t end,
                           bool add, bool half)
{
    for (size_t i = first; i < end; i++)
        cell_store(y, i, (add ? cell_load(y, i, half) : 0) + a * cell_load(x, i, half), half);
}

CPU_KERNEL static void scale_part(bool half, void *y, const void *x, float a, size_t first, size_t end,
                                  bool add)
{
    if (half && add)
        scale_loop(y, x, a, first, end, true, true);
    else if (half)
        scale_loop(y, x, a, first, end, false, true);
    else if (add)
        scale_loop(y, x, a, first, end, true, false);
    else
        scale_loop(y, x, a, first, end, false, false);
}

void cpu_scale(bool half, void *y, const void *x, float a, size_t n, bool add)
{
#pragma omp parallel if (n > PARALLEL)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        scale_part(half, y, x, a, first, end, add);
    }
}

void cpu_store(bool half, void *y, const void *x, size_t n, bool add)
{
    if (add)
        cpu_scale(half, y, x, 1, n, true);
    else
        cpu_copy(y, x, n * (half ? sizeof(uint16_t) : sizeof(float)));
}

CPU_KERNEL static void store_row(float *restrict y, const float *restrict x, size_t n, bool add)
{
    if (!add)
        memcpy(y, x, n * sizeof *y);
    else
        for (size_t i = 0; i < n; i++) y[i] += x[i];
}

void cpu_store_rows(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t width,
                    bool add)
{
#pragma omp parallel for schedule(static) if (rows * width > PARALLEL)
    for (size_t r = 0; r < rows; r++) store_row(y + r * y_stride, x + r * x_stride, width, add);
}

CPU_KERNEL static void column_sums_part(float *restrict y, const float *restrict x, int rows, int stride,
                                        size_t n, bool add)
{
    if (!add) memset(y, 0, n * sizeof *y);
    for (int r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++) y[i] += x[(size_t)r * (size_t)stride + i];
}

void cpu_column_sums(float *y, const float *x, int rows, int columns, bool add)
{
#pragma omp parallel if ((size_t)rows * (size_t)columns > PARALLEL)
    {
        size_t first, end;
        cpu_share((size_t)columns, &first, &end);
        column_sums_part(y + first, x + first, rows, columns, end - first, add);
    }
}

/* ---- vector functions of backend_i ---- */

err cpu_fill(backend *b, float *x, size_t n, float value)
{
    (void)b;
#pragma omp parallel if (n > PARALLEL)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        for (size_t i = first; i < end; i++) x[i] = value;
    }
    return OK;
}

CPU_KERNEL static void adam_part(float *restrict w, const float *restrict g, float *restrict m,
                                 float *restrict v, size_t n, const adam_update *u)
{
    float b1 = u->beta1, b2 = u->beta2, scale = u->grad_scale, epsilon = u->epsilon;
    float rate = u->rate / u->correction1, root = 1 / u->correction2, keep = 1 - u->rate * u->weight_decay;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * scale;
        m[i] = b1 * m[i] + (1 - b1) * d;
        v[i] = b2 * v[i] + (1 - b2) * d * d;
        w[i] = keep * w[i] - rate * m[i] / (sqrtf(v[i] * root) + epsilon);
    }
}

err cpu_adam(backend *b, float *w, const float *g, float *m, float *v, size_t n, const adam_update *u)
{
    (void)b;
#pragma omp parallel if (n > PARALLEL)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        adam_part(w + first, g + first, m + first, v + first, end - first, u);
    }
    return OK;
}

CPU_KERNEL static void sgd_part(float *restrict w, const float *restrict g, float *restrict velocity,
                                size_t n, float rate, float momentum, float keep, float grad_scale)
{
    for (size_t i = 0; i < n; i++) {
        velocity[i] = momentum * velocity[i] + grad_scale * g[i];
        w[i] = keep * w[i] - rate * velocity[i];
    }
}

err cpu_sgd(backend *b, float *w, const float *g, float *velocity, size_t n, float rate, float momentum,
            float weight_decay, float grad_scale)
{
    (void)b;
    float keep = 1 - rate * weight_decay;
#pragma omp parallel if (n > PARALLEL)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        sgd_part(w + first, g + first, velocity + first, end - first, rate, momentum, keep, grad_scale);
    }
    return OK;
}

CPU_KERNEL static void ema_part(float *restrict average, const float *restrict w, size_t n, float decay)
{
    for (size_t i = 0; i < n; i++) average[i] = decay * average[i] + (1 - decay) * w[i];
}

err cpu_ema(backend *b, float *average, const float *w, size_t n, float decay)
{
    (void)b;
#pragma omp parallel if (n > PARALLEL)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        ema_part(average + first, w + first, end - first, decay);
    }
    return OK;
}

err cpu_swap(backend *b, float *x, float *y, size_t n)
{
    (void)b;
#pragma omp parallel if (n > PARALLEL)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        for (size_t i = first; i < end; i++) {
            float held = x[i];
            x[i] = y[i];
            y[i] = held;
        }
    }
    return OK;
}

CPU_KERNEL double cpu_dot(const float *x, const float *y, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

double cpu_parallel_dot(const float *x, const float *y, size_t n)
{
    enum { PARTS = 64 }; /* fixed, so that the sum does not depend on the number of threads */
    double parts[PARTS], sum = 0;
#pragma omp parallel for schedule(static) if (n > PARALLEL)
    for (int k = 0; k < PARTS; k++) {
        size_t first = n * (size_t)k / PARTS, end = n * (size_t)(k + 1) / PARTS;
        parts[k] = cpu_dot(x + first, y + first, end - first);
    }
    for (int k = 0; k < PARTS; k++) sum += parts[k];
    return sum;
}

err cpu_sum_squares(backend *b, const float *x, size_t n, double *out)
{
    (void)b;
    *out = cpu_parallel_dot(x, x, n);
    return OK;
}
