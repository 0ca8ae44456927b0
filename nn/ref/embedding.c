/* out[r] = table[ids[r]], so the gradient of a row of the table is the sum of those of its uses. */
#include "nn/ref/ref.h"

static bool known(const call *c, size_t r)
{
    return c->in[0][r] >= 0 && c->in[0][r] < (float)c->n->in[1]->shape.d[0];
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t rows = nn_count(&c->n->in[0]->shape), width = (size_t)c->n->in[1]->shape.d[1];
    for (size_t i = 0; i < rows * width; i++) {
        size_t r = i / width;
        c->out[i] = known(c, r) ? c->in[1][(size_t)c->in[0][r] * width + i % width] : 0;
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t rows = nn_count(&c->n->in[0]->shape), width = (size_t)c->n->in[1]->shape.d[1];
    size_t count = nn_count(&c->n->in[1]->shape);
    for (size_t k = 0; c->din[1] && k < count; k++) {
        double sum = 0;
        for (size_t r = 0; r < rows; r++)
            if (known(c, r) && (size_t)c->in[0][r] == k / width) sum += c->dout[r * width + k % width];
        ref_store(&c->din[1][k], sum, c->add[1]);
    }
    return OK;
}

const kernel ref_embedding = {.forward = forward, .backward = backward};
