/* (B,C,H,W) to (B,H*W,C), or back. Rows of pixels are what channels-last activations are made of. */
#include "nn/cuda/internal.h"

/* Rows of floats, as they lie: an interleaved view of the grid's shape, whatever the number of channels. */
static cuda_tensor rows_of(const nn_shape_t *grid, const void *data)
{
    cuda_tensor rows = {.data = (void *)data, .view = cuda_view_of(grid, false), .element = ELEMENT_FLOAT};
    rows.view.interleaved = true;
    return rows;
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->n->shape.rank == 4 || !c->n->in[0]->plain) return OK;
    return err_set(ERR_INTERNAL, "%s: a parameter is no grid", c->n->name);
}

static err forward(backend *b, const call *c)
{
    const node *to = c->n, *from = c->n->in[0];
    if (to->shape.rank == 4)
        return cuda_relayout(b, rows_of(&to->shape, c->in[0]), cuda_tensor_of(b, to, c->out), false);
    return cuda_relayout(b, cuda_tensor_of(b, from, c->in[0]), rows_of(&from->shape, c->out), false);
}

static err backward(backend *b, const call *c)
{
    const node *to = c->n, *from = c->n->in[0];
    if (!c->din[0]) return OK;
    if (to->shape.rank == 4)
        return cuda_relayout(b, cuda_tensor_of(b, to, c->dout), rows_of(&to->shape, c->din[0]), c->add[0]);
    return cuda_relayout(b, rows_of(&from->shape, c->dout), cuda_tensor_of(b, from, c->din[0]), c->add[0]);
}

const kernel cuda_grid_rows = {.plan = plan, .forward = forward, .backward = backward};
