/* Logits and targets are (B,K) with a few dozen columns: plain loops are fast enough. */
#include "nn/cpu/cpu.h"

#include <math.h>

/* The largest logit and sum_k exp(x_k - largest). */
static double exponentials(const float *x, int columns, double *largest)
{
    double sum = 0;
    *largest = (double)x[0];
    for (int k = 1; k < columns; k++)
        if ((double)x[k] > *largest) *largest = (double)x[k];
    for (int k = 0; k < columns; k++) sum += exp((double)x[k] - *largest);
    return sum;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    int rows = c->n->in[0]->shape.d[0], columns = c->n->in[0]->shape.d[1];
    double loss = 0;
    for (int r = 0; r < rows; r++) {
        const float *x = c->in[0] + (size_t)r * (size_t)columns, *t = c->in[1] + (size_t)r * (size_t)columns;
        double largest, sum = exponentials(x, columns, &largest), normalizer = largest + log(sum);
        for (int k = 0; k < columns; k++)
            if (t[k] != 0) loss -= (double)t[k] * ((double)x[k] - normalizer);
    }
    c->out[0] = (float)(loss / rows);
    return OK;
}

/* dx = (softmax(x) sum(t) - t) / B. */
static err backward(backend *b, const call *c)
{
    (void)b;
    if (!c->din[0]) return OK;
    int rows = c->n->in[0]->shape.d[0], columns = c->n->in[0]->shape.d[1];
    double each = (double)c->dout[0] / rows;
    for (int r = 0; r < rows; r++) {
        size_t start = (size_t)r * (size_t)columns;
        const float *x = c->in[0] + start, *t = c->in[1] + start;
        float *dx = c->din[0] + start;
        double largest, sum = exponentials(x, columns, &largest), total = 0;
        for (int k = 0; k < columns; k++) total += (double)t[k];
        for (int k = 0; k < columns; k++) {
            double d = each * (exp((double)x[k] - largest) / sum * total - (double)t[k]);
            dx[k] = (c->add[0] ? dx[k] : 0) + (float)d;
        }
    }
    return OK;
}

const kernel cpu_softmax_cross_entropy = {.forward = forward, .backward = backward};
