/* Along axis 0 inputs follow each other. Along another each row of the output (a pixel of an activation, a
 * row of a plain tensor) is made of the inputs' rows. */
#include "nn/cuda/launch.cuh"

template <class T, int W>
static __global__ void put_band(T *whole, const T *x, cuda_band s, uint32_t n, bool add)
{
    FOR_EACH(i, n) put(whole, band_offset(s, i), load<W>(x, i), add);
}

template <class T, int W>
static __global__ void take_band(T *dx, const T *whole, cuda_band s, uint32_t n, bool add)
{
    FOR_EACH(i, n) put(dx, i, load<W>(whole, band_offset(s, i)), add);
}

err cuda_put_band(backend *b, float *whole, const float *x, cuda_band s, bool add)
{
    size_t n = (size_t)s.rows * s.width;
    TRY(cuda_check_count((size_t)s.rows * s.whole));
    LAUNCH_EACH(b, (put_band<float, 1>), n, whole, x, s, (uint32_t)n, add);
    return OK;
}

err cuda_take_band(backend *b, float *x, const float *whole, cuda_band s, bool add)
{
    size_t n = (size_t)s.rows * s.width;
    TRY(cuda_check_count((size_t)s.rows * s.whole));
    LAUNCH_EACH(b, (take_band<float, 1>), n, x, whole, s, (uint32_t)n, add);
    return OK;
}

/* Of input i, in elements. An activation's rows are pixels; a plain tensor's row is all of the axis and those
 * after it. */
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

/* Packs start on their boundaries if all three sizes are multiples of their width, a power of two. */
static size_t common_run(cuda_band s)
{
    return s.width | s.whole | s.first;
}

static cuda_band in_packs(cuda_band s, uint32_t width)
{
    return cuda_band{s.rows, s.width / width, s.whole / width, s.first / width};
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

/* Bytes of the inputs before input i: where it lies along axis 0. */
static size_t start_of(const node *n, int i, element e)
{
    size_t elements = 0;
    for (int k = 0; k < i; k++) elements += nn_count(&n->in[k]->shape);
    return elements * element_bytes(e);
}

static err put_input(backend *b, const call *c, int i)
{
    element e = cuda_element(b, c->n);
    size_t n = nn_count(&c->n->in[i]->shape);
    cuda_band s = band_of(c->n, i);
    if (c->n->a.axis == 0) return cuda_store(b, e, (char *)c->out + start_of(c->n, i, e), c->in[i], n, false);
    return by_type(e, common_run(s), [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (put_band<T, W>), n / W, (T *)c->out, (const T *)c->in[i], in_packs(s, W),
                    (uint32_t)(n / W), false);
        return OK;
    });
}

static err take_gradient(backend *b, const call *c, int i)
{
    element e = cuda_element(b, c->n);
    size_t n = nn_count(&c->n->in[i]->shape);
    cuda_band s = band_of(c->n, i);
    if (c->n->a.axis == 0)
        return cuda_store(b, e, c->din[i], (const char *)c->dout + start_of(c->n, i, e), n, c->add[i]);
    return by_type(e, common_run(s), [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (take_band<T, W>), n / W, (T *)c->din[i], (const T *)c->dout, in_packs(s, W),
                    (uint32_t)(n / W), c->add[i]);
        return OK;
    });
}

static err forward(backend *b, const call *c)
{
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    for (int i = 0; i < c->n->n_in; i++) TRY(put_input(b, c, i));
    return OK;
}

static err backward(backend *b, const call *c)
{
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    for (int i = 0; i < c->n->n_in; i++)
        if (c->din[i]) TRY(take_gradient(b, c, i));
    return OK;
}

const kernel cuda_concat = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
