/* out[r] = sum_d a[r,d] b[r,d], so da[r,d] = dout[r] b[r,d] and the other way round. */
#include "nn/ref/ref.h"

static err forward(backend *context, const call *c)
{
    (void)context;
    size_t rows = (size_t)c->n->shape.d[0], columns = (size_t)c->n->in[0]->shape.d[1];
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t d = 0; d < columns; d++)
            sum += (double)c->in[0][r * columns + d] * c->in[1][r * columns + d];
        c->out[r] = (float)sum;
    }
    return OK;
}

static err backward(backend *context, const call *c)
{
    (void)context;
    size_t rows = (size_t)c->n->shape.d[0], columns = (size_t)c->n->in[0]->shape.d[1];
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; c->din[i] && k < rows * columns; k++)
            ref_store(&c->din[i][k], (double)c->dout[k / columns] * c->in[1 - i][k], c->add[i]);
    return OK;
}

const kernel ref_row_dot = {.forward = forward, .backward = backward};
