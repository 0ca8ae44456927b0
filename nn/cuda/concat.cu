/* Along axis 0 inputs follow each other. Along another each row of the output (a pixel of an activation, a row
 * of a plain tensor) is made of the inputs' rows. */
#include "nn/cuda/launch.cuh"

static __global__ void put_band(float *whole, const float *x, cuda_band s, uint32_t n, bool add)
{
    FOR_EACH(i, n) put(whole + band_offset(s, i), x[i], add);
}

static __global__ void take_band(float *dx, const float *whole, cuda_band s, uint32_t n, bool add)
{
    FOR_EACH(i, n) put(dx + i, whole[band_offset(s, i)], add);
}

err cuda_put_band(backend *b, float *whole, const float *x, cuda_band s, bool add)
{
    size_t n = (size_t)s.rows * s.width;
    TRY(cuda_check_count((size_t)s.rows * s.whole));
    LAUNCH_EACH(b, put_band, n, whole, x, s, (uint32_t)n, add);
    return OK;
}

err cuda_take_band(backend *b, float *x, const float *whole, cuda_band s, bool add)
{
    size_t n = (size_t)s.rows * s.width;
    TRY(cuda_check_count((size_t)s.rows * s.whole));
    LAUNCH_EACH(b, take_band, n, x, whole, s, (uint32_t)n, add);
    return OK;
}

/* Of input i. An activation's rows are pixels; a plain tensor's row is all of the axis and those after it. */
static cuda_band band_of(const node *n, int i)
{
    const nn_shape_t *whole = &n->shape;
    bool pixels = whole->rank == 4 && !n->plain;
    size_t rows = (size_t)whole->d[0] * (pixels ? (size_t)whole->d[2] * (size_t)whole->d[3] : 1);
    if (n->a.axis == 2) rows *= (size_t)whole->d[1];
    cuda_band s = {(uint32_t)rows, 0, (uint32_t)(nn_count(whole) / rows), 0};
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
            TRY(cuda_put_band(b, c->out, c->in[i], band_of(c->n, i), false));
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
        if (c->n->a.axis > 0 && c->din[i])
            TRY(cuda_take_band(b, c->din[i], c->dout, band_of(c->n, i), c->add[i]));
        if (c->n->a.axis == 0 && c->din[i]) TRY(cuda_store(b, c->din[i], from, n, c->add[i]));
        from += n;
    }
    return OK;
}

const kernel cuda_concat = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
