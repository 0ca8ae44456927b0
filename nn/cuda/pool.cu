/* Max and average pooling over k x k windows. Backward gathers: each input pixel looks at the windows that
 * hold it, so no two threads write one place. */
#include "nn/cuda/launch.cuh"

typedef struct pool_sizes {
    pool_window w;
    uint32_t groups; /* packs of a pixel */
    bool max;
} pool_sizes;

/* Of pack i of an image of that size. */
typedef struct place {
    uint32_t sample, group;
    int y, x;
} place;

static __device__ inline place place_of(uint32_t i, uint32_t groups, int height, int width)
{
    uint32_t pixel = i / groups, h = (uint32_t)height, w = (uint32_t)width;
    return place{pixel / (h * w), i % groups, (int)(pixel / w % h), (int)(pixel % w)};
}

static __device__ inline uint32_t pack_at(const pool_sizes &s, uint32_t sample, int height, int width, int y,
                                          int x, uint32_t group)
{
    return ((sample * (uint32_t)height + (uint32_t)y) * (uint32_t)width + (uint32_t)x) * s.groups + group;
}

/* taps (or NULL): of each output the tap y * k + x that won. */
template <class T, int W>
static __global__ void pool(T *out, int32_t *taps, const T *x, pool_sizes s, uint32_t packs)
{
    const pool_window w = s.w;
    FOR_EACH(i, packs)
    {
        place p = place_of(i, s.groups, w.out_height, w.out_width);
        int y0, y1, x0, x1;
        taps_inside(w.k, w.stride, w.pad, w.height, p.y, &y0, &y1);
        taps_inside(w.k, w.stride, w.pad, w.width, p.x, &x0, &x1);
        floats<W> value = {};
        pack<int32_t, W> best = {};
        for (int ky = y0; ky < y1; ky++)
            for (int kx = x0; kx < x1; kx++) {
                int y = p.y * w.stride - w.pad + ky, at_x = p.x * w.stride - w.pad + kx;
                floats<W> next = load<W>(x, pack_at(s, p.sample, w.height, w.width, y, at_x, p.group));
                bool first = ky == y0 && kx == x0;
                for (int k = 0; k < W; k++) {
                    if (!s.max) {
                        value.v[k] += next.v[k];
                    } else if (first || next.v[k] > value.v[k] || isnan(next.v[k])) {
                        value.v[k] = next.v[k];
                        best.element[k] = ky * w.k + kx;
                    }
                }
            }
        float divisor = s.max ? 1 : (float)((y1 - y0) * (x1 - x0));
        for (int k = 0; k < W; k++) value.v[k] /= divisor;
        put(out, i, value, false);
        if (taps) reinterpret_cast<pack<int32_t, W> *>(taps)[i] = best;
    }
}

template <class T, int W>
static __global__ void unpool(T *dx, const T *dout, const int32_t *taps, pool_sizes s, uint32_t packs,
                              bool add)
{
    const pool_window w = s.w;
    FOR_EACH(i, packs)
    {
        place p = place_of(i, s.groups, w.height, w.width);
        int oy0, oy1, ox0, ox1;
        outputs_over(w.k, w.stride, w.pad, w.out_height, p.y, &oy0, &oy1);
        outputs_over(w.k, w.stride, w.pad, w.out_width, p.x, &ox0, &ox1);
        floats<W> sum = {};
        for (int oy = oy0; oy < oy1; oy++)
            for (int ox = ox0; ox < ox1; ox++) {
                uint32_t o = pack_at(s, p.sample, w.out_height, w.out_width, oy, ox, p.group);
                int y0, y1, x0, x1;
                taps_inside(w.k, w.stride, w.pad, w.height, oy, &y0, &y1);
                taps_inside(w.k, w.stride, w.pad, w.width, ox, &x0, &x1);
                int tap = (p.y - (oy * w.stride - w.pad)) * w.k + p.x - (ox * w.stride - w.pad);
                float divisor = s.max ? 1 : (float)((y1 - y0) * (x1 - x0));
                floats<W> d = load<W>(dout, o);
                pack<int32_t, W> won = {};
                if (s.max) won = reinterpret_cast<const pack<int32_t, W> *>(taps)[o];
                for (int k = 0; k < W; k++) sum.v[k] += s.max && won.element[k] != tap ? 0 : d.v[k] / divisor;
            }
        put(dx, i, sum, add);
    }
}

static pool_sizes sizes_of(const node *n, uint32_t width)
{
    const int *in = n->in[0]->shape.d, *out = n->shape.d;
    pool_window w = {n->a.k, n->a.stride, n->a.pad, in[2], in[3], out[2], out[3]};
    return pool_sizes{w, (uint32_t)in[1] / width, n->a.kind == POOL_MAX};
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->n->a.kind == POOL_MAX && c->backward) c->saved_bytes = nn_count(&c->n->shape) * sizeof(int32_t);
    return OK;
}

static err forward(backend *b, const call *c)
{
    size_t n = nn_count(&c->n->shape);
    int32_t *taps = c->n->a.kind == POOL_MAX && c->backward ? (int32_t *)c->saved : NULL;
    TRY(cuda_check_count(nn_count(&c->n->in[0]->shape)));
    return by_type(cuda_element(b, c->n), (size_t)c->n->shape.d[1], [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (pool<T, W>), n / W, (T *)c->out, taps, (const T *)c->in[0], sizes_of(c->n, W),
                    (uint32_t)(n / W));
        return OK;
    });
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    size_t n = nn_count(&c->n->in[0]->shape);
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    return by_type(cuda_element(b, c->n), (size_t)c->n->shape.d[1], [&]<class T, int W>() -> err {
        LAUNCH_EACH(b, (unpool<T, W>), n / W, (T *)c->din[0], (const T *)c->dout, (const int32_t *)c->saved,
                    sizes_of(c->n, W), (uint32_t)(n / W), c->add[0]);
        return OK;
    });
}

const kernel cuda_pool = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
