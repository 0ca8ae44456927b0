/* The vector functions, each element in double and rounded once. */
#include "nn/ref/ref.h"

#include <math.h>

err ref_fill(backend *b, float *x, size_t n, float value)
{
    (void)b;
    for (size_t i = 0; i < n; i++) x[i] = value;
    return OK;
}

/* Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019). */
err ref_adam(backend *b, float *w, const float *g, float *m, float *v, size_t n, const adam_update *u)
{
    (void)b;
    double b1 = u->beta1, b2 = u->beta2;
    for (size_t i = 0; i < n; i++) {
        double gradient = (double)g[i] * u->grad_scale;
        double weight = w[i] - (double)u->rate * u->weight_decay * w[i];
        double first = b1 * m[i] + (1 - b1) * gradient;
        double second = b2 * v[i] + (1 - b2) * gradient * gradient;
        w[i] = (float)(weight -
                       u->rate * (first / u->correction1) / (sqrt(second / u->correction2) + u->epsilon));
        m[i] = (float)first;
        v[i] = (float)second;
    }
    return OK;
}

err ref_sgd(backend *b, float *w, const float *g, float *velocity, size_t n, float rate, float momentum,
            float weight_decay, float grad_scale)
{
    (void)b;
    for (size_t i = 0; i < n; i++) {
        double weight = w[i] - (double)rate * weight_decay * w[i];
        double moved = (double)momentum * velocity[i] + (double)g[i] * grad_scale;
        w[i] = (float)(weight - rate * moved);
        velocity[i] = (float)moved;
    }
    return OK;
}

err ref_ema(backend *b, float *average, const float *w, size_t n, float decay)
{
    (void)b;
    for (size_t i = 0; i < n; i++)
        average[i] = (float)((double)decay * average[i] + (1 - (double)decay) * w[i]);
    return OK;
}

err ref_swap(backend *b, float *x, float *y, size_t n)
{
    (void)b;
    for (size_t i = 0; i < n; i++) {
        float held = x[i];
        x[i] = y[i];
        y[i] = held;
    }
    return OK;
}

err ref_sum_squares(backend *b, const float *x, size_t n, double *out)
{
    (void)b;
    *out = 0;
    for (size_t i = 0; i < n; i++) *out += (double)x[i] * x[i];
    return OK;
}
