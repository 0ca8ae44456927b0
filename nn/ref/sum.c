/* out = sum_i coefficient[i] in[i], so din[i] = coefficient[i] dout. */
#include "nn/ref/ref.h"

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape);
    for (size_t k = 0; k < n; k++) {
        double sum = 0;
        for (int i = 0; i < c->n->n_in; i++) sum += (double)c->n->a.coefficients[i] * c->in[i][k];
        c->out[k] = (float)sum;
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape);
    for (int i = 0; i < c->n->n_in; i++)
        for (size_t k = 0; c->din[i] && k < n; k++)
            ref_store(&c->din[i][k], (double)c->n->a.coefficients[i] * c->dout[k], c->add[i]);
    return OK;
}

const kernel ref_sum = {.forward = forward, .backward = backward};
