/* (B,C,H,W) to (B,H*W,C), or back. A pixel's channels lie together in each block, so this is a copy of short
 * runs; rows are floats, whatever the grid is made of. */
#include "nn/cpu/cells.h"

/* One block of one sample, and its columns of the rows of `width` floats. */
typedef struct block {
    size_t area, width;
    int lanes, used;
    bool half;
} block;

CPU_INLINE void rows_loop(float *rows, const void *slab, block k, int lanes, int used, bool half, bool add)
{
    for (size_t i = 0; i < k.area; i++)
        for (int j = 0; j < used; j++) {
            float *to = rows + i * k.width + j, x = cell_load(slab, i * (size_t)lanes + (size_t)j, half);
            *to = add ? *to + x : x;
        }
}

CPU_KERNEL static void to_rows(float *rows, const void *slab, block k, bool add)
{
    if (k.half)
        rows_loop(rows, slab, k, k.lanes, k.used, true, add);
    else if (k.lanes == 16 && k.used == 16)
        rows_loop(rows, slab, k, 16, 16, false, add);
    else if (k.lanes == 8 && k.used == 8)
        rows_loop(rows, slab, k, 8, 8, false, add);
    else
        rows_loop(rows, slab, k, k.lanes, k.used, false, add);
}

/* Lanes without a channel become zero. */
CPU_INLINE void slab_loop(void *slab, const float *rows, block k, int lanes, int used, bool half, bool add)
{
    for (size_t i = 0; i < k.area; i++)
        for (int j = 0; j < lanes; j++) {
            size_t at = i * (size_t)lanes + (size_t)j;
            float x = j < used ? rows[i * k.width + (size_t)j] : 0;
            cell_store(slab, at, add ? cell_load(slab, at, half) + x : x, half);
        }
}

CPU_KERNEL static void to_slab(void *slab, const float *rows, block k, bool add)
{
    if (k.half)
        slab_loop(slab, rows, k, k.lanes, k.used, true, add);
    else if (k.lanes == 16 && k.used == 16)
        slab_loop(slab, rows, k, 16, 16, false, add);
    else if (k.lanes == 8 && k.used == 8)
        slab_loop(slab, rows, k, 8, 8, false, add);
    else
        slab_loop(slab, rows, k, k.lanes, k.used, false, add);
}

/* Slab s of the grid. */
static block block_of(const view *grid, int s)
{
    return (block){grid->area, (size_t)grid->channels, grid->lanes, view_used(grid, s % grid->blocks),
                   grid->half};
}

/* Where the columns of slab s start in the rows. */
static size_t columns_of(const view *grid, int s)
{
    size_t n = (size_t)(s / grid->blocks), k = (size_t)(s % grid->blocks);
    return n * grid->area * (size_t)grid->channels + k * (size_t)grid->lanes;
}

static void grid_to_rows(const view *grid, const void *x, float *rows, bool add)
{
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(grid); s++)
        to_rows(rows + columns_of(grid, s), view_at(grid, x, (size_t)s * view_slab(grid)), block_of(grid, s),
                add);
}

static void rows_to_grid(const view *grid, const float *rows, void *x, bool add)
{
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(grid); s++)
        to_slab(view_at(grid, x, (size_t)s * view_slab(grid)), rows + columns_of(grid, s), block_of(grid, s),
                add);
}

static err forward(backend *b, const call *c)
{
    view grid = cpu_view_of(b, c->n->shape.rank == 4 ? c->n : c->n->in[0]);
    if (c->n->shape.rank == 4)
        rows_to_grid(&grid, c->in[0], c->out, false);
    else
        grid_to_rows(&grid, c->in[0], c->out, false);
    return OK;
}

static err backward(backend *b, const call *c)
{
    view grid = cpu_view_of(b, c->n->shape.rank == 4 ? c->n : c->n->in[0]);
    if (c->din[0] && c->n->shape.rank == 4)
        grid_to_rows(&grid, c->dout, c->din[0], c->add[0]);
    else if (c->din[0])
        rows_to_grid(&grid, c->dout, c->din[0], c->add[0]);
    return OK;
}

const kernel cpu_grid_rows = {.forward = forward, .backward = backward};
