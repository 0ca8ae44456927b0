#include "nn/cuda/launch.cuh"

/* v is the input's view: its height and width, and as channels the packs of a pixel. */
template <class T, int W> static __global__ void widen(T *out, const T *x, cuda_view v, uint32_t packs)
{
    FOR_EACH(i, packs)
    {
        uint32_t channel = i % v.channels, pixel = i / v.channels;
        uint32_t column = pixel % (2 * v.width), row = pixel / (2 * v.width); /* row of all samples */
        put(out, i, load<W>(x, (row / 2 * v.width + column / 2) * v.channels + channel), false);
    }
}

template <class T, int W>
static __global__ void fold(T *dx, const T *dout, cuda_view v, uint32_t packs, bool add)
{
    FOR_EACH(i, packs)
    {
        uint32_t channel = i % v.channels, pixel = i / v.channels;
        uint32_t column = pixel % v.width, row = pixel / v.width, below = 2 * v.width * v.channels;
        uint32_t at = (4 * row * v.width + 2 * column) * v.channels + channel;
        floats<W> a = load<W>(dout, at), c = load<W>(dout, at + v.channels);
        floats<W> d = load<W>(dout, at + below), e = load<W>(dout, at + below + v.channels);
        for (int k = 0; k < W; k++) a.v[k] = (a.v[k] + c.v[k]) + (d.v[k] + e.v[k]);
        put(dx, i, a, add);
    }
}

static cuda_view view_in_packs(const node *x, uint32_t width)
{
    cuda_view v = cuda_view_of(&x->shape, false);
    v.channels /= width;
    return v;
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    return by_type(cuda_element(b, c->n), (size_t)c->n->shape.d[1], [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (widen<T, W>), n / W, (T *)c->out, (const T *)c->in[0], view_in_packs(c->n->in[0], W),
                    (uint32_t)(n / W));
        return OK;
    });
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    size_t n = nn_count(&c->n->in[0]->shape);
    TRY(cuda_check_count(4 * n));
    return by_type(cuda_element(b, c->n), (size_t)c->n->shape.d[1], [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (fold<T, W>), n / W, (T *)c->din[0], (const T *)c->dout, view_in_packs(c->n->in[0], W),
                    (uint32_t)(n / W), c->add[0]);
        return OK;
    });
}

const kernel cuda_upsample = {.plan = NULL, .unplan = NULL, .forward = forward, .backward = backward};
