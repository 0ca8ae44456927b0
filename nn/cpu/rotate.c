/* Sample b is turned anticlockwise by (b mod 4) quarter turns. */
#include "nn/cpu/cells.h"

/* The pixel of the input that (y, x) of the output shows: start + y down + x right. */
typedef struct turn {
    ptrdiff_t start, down, right;
} turn;

static turn turn_of(int quarters, ptrdiff_t side)
{
    switch (quarters) {
    case 1:
        return (turn){side - 1, -1, side}; /* in[x][S-1-y] */
    case 2:
        return (turn){side * side - 1, -side, -1}; /* in[S-1-y][S-1-x] */
    case 3:
        return (turn){(side - 1) * side, 1, -side}; /* in[S-1-x][y] */
    default:
        return (turn){0, side, 1};
    }
}

/* One block of one sample; `back` writes the source from the destination instead (the gradient). */
CPU_INLINE void turn_loop(void *to, const void *from, const turn *t, int side, int lanes, bool back, bool add,
                          bool half)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            ptrdiff_t there = (t->start + y * t->down + x * t->right) * lanes;
            ptrdiff_t here = ((ptrdiff_t)y * side + x) * lanes;
            size_t d = (size_t)(back ? there : here), s = (size_t)(back ? here : there);
            for (int j = 0; j < lanes; j++, d++, s++)
                cell_store(to, d, (add ? cell_load(to, d, half) : 0) + cell_load(from, s, half), half);
        }
}

static void turn_slab(const view *v, void *to, const void *from, const turn *t, bool back, bool add)
{
    if (v->half)
        turn_loop(to, from, t, v->height, v->lanes, back, add, true);
    else if (v->lanes == 1)
        turn_loop(to, from, t, v->height, 1, back, add, false);
    else
        turn_loop(to, from, t, v->height, v->lanes, back, add, false);
}

static void rotate(const call *c, const view *v, void *to, const void *from, bool back, bool add)
{
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(v); s++) {
        turn t = turn_of((int)(call_row(c, (size_t)(s / v->blocks)) % 4), v->height);
        size_t slab = (size_t)s * view_slab(v);
        turn_slab(v, view_at(v, to, slab), view_at(v, from, slab), &t, back, add);
    }
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    rotate(c, &v, c->out, c->in[0], false, false);
    return OK;
}

static err backward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
    if (c->din[0]) rotate(c, &v, c->din[0], c->dout, true, c->add[0]);
    return OK;
}

const kernel cpu_rotate = {.forward = forward, .backward = backward};
