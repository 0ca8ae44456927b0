/* out = x / (1 - rate) where u >= rate, else 0. saved: one byte an element, whether it was kept. */
#include "nn/ref/ref.h"

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward) c->saved_bytes = nn_count(&c->n->shape);
    return OK;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    unsigned char *kept = c->saved;
    for (size_t i = 0; i < nn_count(&c->n->shape); i++) {
        bool keep = c->in[1][i] >= c->n->a.rate;
        c->out[i] = (float)(keep ? c->in[0][i] / (1.0 - c->n->a.rate) : 0);
        if (kept) kept[i] = keep;
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    const unsigned char *kept = c->saved;
    for (size_t i = 0; c->din[0] && i < nn_count(&c->n->shape); i++)
        ref_store(&c->din[0][i], kept[i] ? c->dout[i] / (1.0 - c->n->a.rate) : 0, c->add[0]);
    return OK;
}

const kernel ref_dropout = {.plan = plan, .forward = forward, .backward = backward};
