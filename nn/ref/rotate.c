/* Sample b is turned anticlockwise by (b mod 4) quarter turns. */
#include "nn/ref/ref.h"

/* The pixel of the input plane that output pixel (y,x) shows. */
static size_t source_of(int turns, int size, int y, int x)
{
    for (int i = 0; i < turns; i++) {
        int row = x; /* one turn: out[y][x] = in[x][size-1-y] */
        x = size - 1 - y;
        y = row;
    }
    return (size_t)y * (size_t)size + (size_t)x;
}

static void turn(const call *c, bool forward)
{
    ref_planes p = ref_planes_of(&c->n->shape);
    int size = c->n->shape.d[2];
    for (size_t plane = 0; plane < p.batch * p.channels; plane++)
        for (int y = 0; y < size; y++)
            for (int x = 0; x < size; x++) {
                int turns = (int)(call_row(c, plane / p.channels) % 4);
                size_t to = plane * p.area + (size_t)y * (size_t)size + (size_t)x;
                size_t from = plane * p.area + source_of(turns, size, y, x);
                if (forward)
                    c->out[to] = c->in[0][from];
                else
                    ref_store(&c->din[0][from], c->dout[to], c->add[0]);
            }
}

static err forward(backend *b, const call *c)
{
    (void)b;
    turn(c, true);
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    if (c->din[0]) turn(c, false);
    return OK;
}

const kernel ref_rotate = {.forward = forward, .backward = backward};
