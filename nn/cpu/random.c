#include "base/rng.h"
#include "nn/cpu/cpu.h"

/* The elements from `first` on of the draw that one device would make. */
static void draw(const call *c, size_t first, float *out, size_t n)
{
    if (c->n->a.kind == DISTRIBUTION_UNIFORM)
        rng_fill_uniform_from(c->n->a.key, c->t, first, out, n);
    else
        rng_fill_normal_from(c->n->a.key, c->t, first, out, n);
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t n = nn_count(&c->n->shape), rows = (size_t)c->n->shape.d[0], columns = n / rows;
    if (c->replicas > 1)
        for (size_t r = 0; r < rows; r++) draw(c, call_row(c, r) * columns, c->out + r * columns, columns);
    else
        draw(c, 0, c->out, n);
    return OK;
}

const kernel cpu_random = {.forward = forward};
