/* z = scale (x + g), g = -log(-log u) of the noise u or 0; y = softmax(z) of each row. out = y, log y, or one
 * at the largest z and zero elsewhere. dx = scale y (dout - <dout, y>), or scale (dout - y sum(dout)) for log
 * y. saved: y. */
#include "nn/ref/ref.h"

#include <math.h>

static size_t width_of(const call *c)
{
    return (size_t)c->n->shape.d[c->n->shape.rank - 1];
}

/* z_i of a row that starts at `start`. */
static double logit(const call *c, size_t i)
{
    double noise = c->n->n_in > 1 ? -log(-log(fmax(c->in[1][i], 0x1p-33))) : 0;
    return c->n->a.scale * (c->in[0][i] + noise);
}

static double log_sum(const call *c, size_t start, size_t *largest)
{
    size_t width = width_of(c);
    double most = logit(c, start), sum = 0;
    *largest = start;
    for (size_t i = start + 1; i < start + width; i++)
        if (logit(c, i) > most) {
            most = logit(c, i);
            *largest = i;
        }
    for (size_t i = start; i < start + width; i++) sum += exp(logit(c, i) - most);
    return most + log(sum);
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward) c->saved_bytes = nn_count(&c->n->shape) * sizeof(float);
    return OK;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t width = width_of(c), rows = nn_count(&c->n->shape) / width, largest;
    float *saved = c->saved;
    for (size_t r = 0; r < rows; r++) {
        double sum = log_sum(c, r * width, &largest);
        for (size_t i = r * width; i < (r + 1) * width; i++) {
            double y = logit(c, i) - sum;
            c->out[i] = (float)(c->n->a.kind == SOFTMAX_LOG    ? y
                                : c->n->a.kind == SOFTMAX_HARD ? i == largest
                                                               : exp(y));
            if (saved) saved[i] = (float)exp(y);
        }
    }
    return OK;
}

static void backward_row(const call *c, size_t start)
{
    size_t width = width_of(c);
    const float *y = c->saved;
    double total = 0;
    bool logs = c->n->a.kind == SOFTMAX_LOG;
    for (size_t i = start; i < start + width; i++) total += logs ? c->dout[i] : (double)c->dout[i] * y[i];
    for (size_t i = start; i < start + width; i++)
        ref_store(&c->din[0][i],
                  c->n->a.scale * (logs ? c->dout[i] - y[i] * total : y[i] * (c->dout[i] - total)),
                  c->add[0]);
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t width = width_of(c), rows = nn_count(&c->n->shape) / width;
    for (size_t r = 0; c->din[0] && r < rows; r++) backward_row(c, r * width);
    return OK;
}

const kernel ref_softmax = {.plan = plan, .forward = forward, .backward = backward};
