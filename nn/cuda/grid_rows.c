/* (B,C,H,W) to (B,H*W,C), or back. Rows of pixels are what channels-last activations are made of. */
#include "nn/cuda/internal.h"

/* As the rows lie: an interleaved view, whatever the number of channels. */
static cuda_view rows_of(cuda_view grid)
{
    grid.interleaved = true;
    return grid;
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->n->shape.rank == 4 || !c->n->in[0]->plain) return OK;
    return err_set(ERR_INTERNAL, "%s: a parameter is no grid", c->n->name);
}

static err forward(backend *b, const call *c)
{
    if (c->n->shape.rank == 4) {
        cuda_view grid = cuda_view_of(&c->n->shape, false);
        return cuda_relayout(b, rows_of(grid), c->in[0], grid, c->out, false);
    }
    cuda_view grid = cuda_view_of(&c->n->in[0]->shape, false);
    return cuda_relayout(b, grid, c->in[0], rows_of(grid), c->out, false);
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    if (c->n->shape.rank == 4) {
        cuda_view grid = cuda_view_of(&c->n->shape, false);
        return cuda_relayout(b, grid, c->dout, rows_of(grid), c->din[0], c->add[0]);
    }
    cuda_view grid = cuda_view_of(&c->n->in[0]->shape, false);
    return cuda_relayout(b, rows_of(grid), c->dout, grid, c->din[0], c->add[0]);
}

const kernel cuda_grid_rows = {.plan = plan, .forward = forward, .backward = backward};
