/* (B,C,H,W) to (B,H*W,C), or back: a transposition of every sample. */
#include "nn/ref/ref.h"

/* Copies (B,C,area) into (B,area,C), or with `back` the other way. */
static void turn(const nn_shape_t *grid, const float *from, float *to, bool back, bool add)
{
    size_t channels = (size_t)grid->d[1], area = (size_t)grid->d[2] * (size_t)grid->d[3];
    for (size_t i = 0; i < nn_count(grid); i++) {
        size_t b = i / area / channels, c = i / area % channels, row = (b * area + i % area) * channels + c;
        ref_store(&to[back ? i : row], from[back ? row : i], add);
    }
}

static err forward(backend *b, const call *c)
{
    (void)b;
    bool back = c->n->shape.rank == 4;
    turn(back ? &c->n->shape : &c->n->in[0]->shape, c->in[0], c->out, back, false);
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    bool back = c->n->shape.rank == 4;
    if (c->din[0]) turn(back ? &c->n->shape : &c->n->in[0]->shape, c->dout, c->din[0], !back, c->add[0]);
    return OK;
}

const kernel ref_grid_rows = {.forward = forward, .backward = backward};
