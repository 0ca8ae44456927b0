/* xhat = (x - mean) / sqrt(var + epsilon) of each row, out = gain xhat + bias.
 * With g = dout gain and means over the row: dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(var + epsilon);
 * dgain = sum of rows dout xhat, dbias = sum of rows dout. */
#include "nn/ref/ref.h"

#include <math.h>

typedef struct statistics {
    double mean, inverse;
} statistics;

static statistics statistics_of(const float *x, size_t n, double epsilon)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    return (statistics){mean, 1 / sqrt(squares / (double)n + epsilon)};
}

static size_t width_of(const call *c)
{
    return (size_t)c->n->shape.d[c->n->shape.rank - 1];
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t width = width_of(c), rows = nn_count(&c->n->shape) / width;
    for (size_t r = 0; r < rows; r++) {
        const float *x = c->in[0] + r * width;
        statistics s = statistics_of(x, width, (double)c->n->a.epsilon);
        for (size_t i = 0; i < width; i++)
            c->out[r * width + i] = (float)((x[i] - s.mean) * s.inverse * c->in[1][i] + c->in[2][i]);
    }
    return OK;
}

static void backward_row(const call *c, size_t r)
{
    size_t width = width_of(c);
    const float *x = c->in[0] + r * width, *dout = c->dout + r * width, *gain = c->in[1];
    statistics s = statistics_of(x, width, (double)c->n->a.epsilon);
    double mean = 0, along = 0;
    for (size_t i = 0; i < width; i++) {
        double g = (double)dout[i] * gain[i];
        mean += g / (double)width;
        along += g * (x[i] - s.mean) * s.inverse / (double)width;
    }
    for (size_t i = 0; i < width; i++) {
        double g = (double)dout[i] * gain[i], normal = (x[i] - s.mean) * s.inverse;
        ref_store(&c->din[0][r * width + i], (g - mean - normal * along) * s.inverse, c->add[0]);
    }
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t width = width_of(c), rows = nn_count(&c->n->shape) / width;
    for (size_t r = 0; c->din[0] && r < rows; r++) backward_row(c, r);
    for (size_t i = 0; (c->din[1] || c->din[2]) && i < width; i++) {
        double gain = 0, bias = 0;
        for (size_t r = 0; r < rows; r++) {
            statistics s = statistics_of(c->in[0] + r * width, width, (double)c->n->a.epsilon);
            gain += c->dout[r * width + i] * (c->in[0][r * width + i] - s.mean) * s.inverse;
            bias += c->dout[r * width + i];
        }
        if (c->din[1]) ref_store(&c->din[1][i], gain, c->add[1]);
        if (c->din[2]) ref_store(&c->din[2][i], bias, c->add[2]);
    }
    return OK;
}

const kernel ref_layer_norm = {.forward = forward, .backward = backward};
