/* A part of one axis: out[o][i] = in[o][first + i] for every index o of the axes before it, where i and first
 * count elements of the axis and of those after it. The gradient of the rest is zero. */
#include "nn/ref/ref.h"

typedef struct part {
    size_t outer, whole, first, width; /* whole: elements of in[o]; first, width: of the part in it */
} part;

static part part_of(const node *n)
{
    const nn_shape_t *from = &n->in[0]->shape;
    part p = {.outer = 1};
    for (int k = 0; k < n->a.axis; k++) p.outer *= (size_t)from->d[k];
    p.whole = nn_count(from) / p.outer;
    p.width = nn_count(&n->shape) / p.outer;
    p.first = p.whole / (size_t)from->d[n->a.axis] * (size_t)n->a.first;
    return p;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    part p = part_of(c->n);
    for (size_t o = 0; o < p.outer; o++)
        for (size_t i = 0; i < p.width; i++) c->out[o * p.width + i] = c->in[0][o * p.whole + p.first + i];
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    part p = part_of(c->n);
    for (size_t o = 0; c->din[0] && o < p.outer; o++)
        for (size_t i = 0; i < p.whole; i++) {
            bool inside = i >= p.first && i < p.first + p.width;
            ref_store(&c->din[0][o * p.whole + i], inside ? c->dout[o * p.width + i - p.first] : 0,
                      c->add[0]);
        }
    return OK;
}

const kernel ref_slice = {.forward = forward, .backward = backward};
