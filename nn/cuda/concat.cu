/* Along axis 0 inputs follow each other. Along axis 1 each row of the output (a pixel of an activation, a row
 * of a plain tensor) is made of the inputs' rows. */
#include "nn/cuda/launch.cuh"

/* Rows of `width` floats between a dense array and part of a wider one. */
typedef struct band {
    uint32_t rows, width, whole, first; /* first: where the band starts in a row of `whole` floats */
} band;

static __global__ void put_band(float *whole, const float *x, band s, uint32_t n)
{
    FOR_EACH(i, n) whole[i / s.width * s.whole + s.first + i % s.width] = x[i];
}

static __global__ void take_band(float *dx, const float *whole, band s, uint32_t n, bool add)
{
    FOR_EACH(i, n) put(dx + i, whole[i / s.width * s.whole + s.first + i % s.width], add);
}

/* Of input i. An activation's rows are pixels; a plain tensor's row is all of axes 1.. */
static band band_of(const node *n, int i)
{
    const nn_shape_t *whole = &n->shape;
    bool pixels = whole->rank == 4 && !n->plain;
    size_t rows = (size_t)whole->d[0] * (pixels ? (size_t)whole->d[2] * (size_t)whole->d[3] : 1);
    band s = {(uint32_t)rows, 0, (uint32_t)(nn_count(whole) / rows), 0};
    for (int k = 0; k <= i; k++) {
        s.first += s.width;
        s.width = (uint32_t)(nn_count(&n->in[k]->shape) / rows);
    }
    return s;
}

static err plan(backend *b, call *c)
{
    (void)b;
    for (int i = 0; i < c->n->n_in; i++)
        if (c->n->in[i]->plain != c->n->plain)
            return err_set(ERR_INTERNAL, "%s: input %d is a parameter of rank 4; reshape it first",
                           c->n->name, i);
    return OK;
}

static err forward(backend *b, const call *c)
{
    float *to = c->out;
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    for (int i = 0; i < c->n->n_in; i++) {
        size_t n = nn_count(&c->n->in[i]->shape);
        if (c->n->a.axis == 0) {
            TRY(cuda_store(b, to, c->in[i], n, false));
            to += n;
        } else {
            LAUNCH_EACH(b, put_band, n, c->out, c->in[i], band_of(c->n, i), (uint32_t)n);
        }
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    const float *from = c->dout;
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    for (int i = 0; i < c->n->n_in; i++) {
        size_t n = nn_count(&c->n->in[i]->shape);
        if (c->n->a.axis == 1 && c->din[i])
            LAUNCH_EACH(b, take_band, n, c->din[i], c->dout, band_of(c->n, i), (uint32_t)n, c->add[i]);
        if (c->n->a.axis == 0 && c->din[i]) TRY(cuda_store(b, c->din[i], from, n, c->add[i]));
        from += n;
    }
    return OK;
}

const kernel cuda_concat = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
