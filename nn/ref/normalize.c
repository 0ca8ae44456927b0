/* y = x / max(|x|, epsilon) of each row; where |x| > epsilon, dx = (dout - y <dout, y>) / |x|, else dout /
 * epsilon. */
#include "nn/ref/ref.h"

#include <math.h>

static double length_of(const float *x, size_t n)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++) squares += (double)x[i] * x[i];
    return sqrt(squares);
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t width = (size_t)c->n->shape.d[c->n->shape.rank - 1], rows = nn_count(&c->n->shape) / width;
    for (size_t r = 0; r < rows; r++) {
        double length = length_of(c->in[0] + r * width, width);
        for (size_t i = r * width; i < (r + 1) * width; i++)
            c->out[i] = (float)(c->in[0][i] / fmax(length, (double)c->n->a.epsilon));
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t width = (size_t)c->n->shape.d[c->n->shape.rank - 1], rows = nn_count(&c->n->shape) / width;
    for (size_t r = 0; c->din[0] && r < rows; r++) {
        double length = length_of(c->in[0] + r * width, width), along = 0, epsilon = (double)c->n->a.epsilon;
        for (size_t i = r * width; i < (r + 1) * width; i++) along += c->dout[i] * c->in[0][i] / length;
        for (size_t i = r * width; i < (r + 1) * width; i++)
            ref_store(&c->din[0][i],
                      length > epsilon ? (c->dout[i] - c->in[0][i] / length * along) / length
                                       : c->dout[i] / epsilon,
                      c->add[0]);
    }
    return OK;
}

const kernel ref_normalize = {.forward = forward, .backward = backward};
