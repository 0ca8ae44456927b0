#include "base/rng.h"
#include "nn/ref/ref.h"

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape);
    if (c->n->a.kind == DISTRIBUTION_UNIFORM)
        rng_fill_uniform(c->n->a.key, c->t, c->out, n);
    else
        rng_fill_normal(c->n->a.key, c->t, c->out, n);
    return OK;
}

const kernel ref_random = {.forward = forward};
