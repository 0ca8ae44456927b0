/* out = w * gain / sqrt(var + epsilon), row by row. */
#include "nn/ref/ref.h"

#include <math.h>

enum { W, GAIN, VARIANCE };

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t rows = (size_t)c->n->shape.d[0], columns = nn_count(&c->n->shape) / rows;
    for (size_t k = 0; k < rows * columns; k++) {
        size_t row = k / columns;
        double deviation = sqrt((double)c->in[VARIANCE][row] + c->n->a.epsilon);
        c->out[k] = (float)((double)c->in[W][k] * c->in[GAIN][row] / deviation);
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t rows = (size_t)c->n->shape.d[0], columns = nn_count(&c->n->shape) / rows;
    for (size_t row = 0; row < rows; row++) {
        double deviation = sqrt((double)c->in[VARIANCE][row] + c->n->a.epsilon), sum = 0;
        for (size_t k = row * columns; k < (row + 1) * columns; k++) {
            sum += (double)c->dout[k] * c->in[W][k];
            if (c->din[W]) ref_store(&c->din[W][k], c->dout[k] * c->in[GAIN][row] / deviation, c->add[W]);
        }
        if (c->din[GAIN]) ref_store(&c->din[GAIN][row], sum / deviation, c->add[GAIN]);
    }
    return OK;
}

const kernel ref_fold_norm = {.forward = forward, .backward = backward};
