/* Along an axis: `outer` groups, in each of which the inputs' parts follow one another. */
#include "nn/ref/ref.h"

static size_t outer_of(const call *c)
{
    size_t outer = 1;
    for (int k = 0; k < c->n->a.axis; k++) outer *= (size_t)c->n->shape.d[k];
    return outer;
}

/* Copies input i into its part of the output, or the gradient of that part back. */
static void copy_part(const call *c, int i, size_t offset, bool forward)
{
    size_t outer = outer_of(c), group = nn_count(&c->n->shape) / outer;
    size_t part = nn_count(&c->n->in[i]->shape) / outer;
    for (size_t o = 0; o < outer; o++)
        for (size_t k = 0; k < part; k++) {
            size_t out = o * group + offset + k, in = o * part + k;
            if (forward)
                c->out[out] = c->in[i][in];
            else
                ref_store(&c->din[i][in], c->dout[out], c->add[i]);
        }
}

static void copy_parts(const call *c, bool forward)
{
    size_t offset = 0;
    for (int i = 0; i < c->n->n_in; i++) {
        if (forward || c->din[i]) copy_part(c, i, offset, forward);
        offset += nn_count(&c->n->in[i]->shape) / outer_of(c);
    }
}

static err forward(backend *b, const call *c)
{
    (void)b;
    copy_parts(c, true);
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    copy_parts(c, false);
    return OK;
}

const kernel ref_concat = {.forward = forward, .backward = backward};
