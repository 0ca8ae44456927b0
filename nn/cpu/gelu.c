/* gelu(x) = x Phi(x), with the normal distribution Phi: an activation of its own, see ACTIVATION. */
#include "nn/cpu/elementwise.h"

/* The normal distribution Phi(x), given e = exp(-x^2 / 2): by erf to 1.5e-7 (Abramowitz & Stegun 7.1.26). */
CPU_INLINE float normal_distribution(float x, float e)
{
    float t = 1 / (1 + 0.3275911F * 0.707106781F * fabsf(x));
    float p = 1.061405429F;
    p = p * t - 1.453152027F;
    p = p * t + 1.421413741F;
    p = p * t - 0.284496736F;
    p = p * t + 0.254829592F;
    float tail = 0.5F * p * t * e; /* Phi(-|x|) */
    return x < 0 ? tail : 1 - tail;
}

CPU_KERNEL static void forward_part(float *y, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = x[i] * normal_distribution(x[i], exponential(-0.5F * x[i] * x[i]));
}

void cpu_gelu(float *y, const float *x, size_t n)
{
#pragma omp parallel if (n > 4096)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        forward_part(y + first, x + first, end - first);
    }
}

/* gelu' = Phi(x) + x phi(x), with the normal density phi. */
CPU_INLINE float slope(float x)
{
    float e = exponential(-0.5F * x * x);
    return normal_distribution(x, e) + x * 0.398942280F * e;
}

CPU_KERNEL static void backward_part(float *restrict dx, const float *restrict x, const float *restrict dy,
                                     size_t n, bool add)
{
    if (add) { /* NOLINT(bugprone-branch-clone): the analyzer does not look below the pragma */
#pragma omp simd
        for (size_t i = 0; i < n; i++) dx[i] += dy[i] * slope(x[i]);
    } else {
#pragma omp simd
        for (size_t i = 0; i < n; i++) dx[i] = dy[i] * slope(x[i]);
    }
}

void cpu_gelu_backward(float *dx, const float *x, const float *dy, size_t n, bool add)
{
#pragma omp parallel if (n > 4096)
    {
        size_t first, end;
        cpu_share(n, &first, &end);
        backward_part(dx + first, x + first, dy + first, end - first, add);
    }
}
