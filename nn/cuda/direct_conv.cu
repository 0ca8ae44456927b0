/* Convolutions as their definition says, with channels last: for what cuDNN has no algorithm for. */
#include "nn/cuda/columns.cuh"
#include "nn/cuda/convolution.h"

/* Where things lie. */
static __device__ inline uint32_t x_at(const conv_shape &s, uint32_t n, int y, int x)
{
    return ((n * (uint32_t)s.h + (uint32_t)y) * (uint32_t)s.w + (uint32_t)x) * (uint32_t)s.c;
}

static __device__ inline uint32_t y_at(const conv_shape &s, uint32_t n, int y, int x)
{
    return ((n * (uint32_t)s.oh + (uint32_t)y) * (uint32_t)s.ow + (uint32_t)x) * (uint32_t)s.k;
}

static __device__ inline uint32_t w_at(const conv_shape &s, uint32_t k, int ky, int kx)
{
    return ((k * (uint32_t)s.size + (uint32_t)ky) * (uint32_t)s.size + (uint32_t)kx) * (uint32_t)s.c;
}

/* A pixel of an image and a channel. */
typedef struct place {
    uint32_t n, channel;
    int y, x;
} place;

static __device__ inline place place_of(uint32_t i, int channels, int height, int width)
{
    uint32_t c = (uint32_t)channels, h = (uint32_t)height, w = (uint32_t)width, pixel = i / c;
    return place{pixel / (h * w), i % c, (int)(pixel / w % h), (int)(pixel % w)};
}

/* y[k] = sum over taps and c of x[c] w[k][tap][c], W channels at a time. */
template <class T, int W>
static __global__ void direct_y(T *y, const T *x, const T *w, conv_shape s, uint32_t n, bool add)
{
    FOR_EACH(i, n)
    {
        place p = place_of(i, s.k, s.oh, s.ow);
        int top = p.y * s.stride - s.pad, left = p.x * s.stride - s.pad;
        int y0, y1, x0, x1;
        taps_inside(s.size, s.stride, s.pad, s.h, p.y, &y0, &y1);
        taps_inside(s.size, s.stride, s.pad, s.w, p.x, &x0, &x1);
        float sum = 0;
        for (int ky = y0; ky < y1; ky++)
            for (int kx = x0; kx < x1; kx++) {
                uint32_t from = x_at(s, p.n, top + ky, left + kx) / W, by = w_at(s, p.channel, ky, kx) / W;
                for (uint32_t c = 0; c < (uint32_t)s.c / W; c++) {
                    floats<W> a = load<W>(x, from + c), f = load<W>(w, by + c);
                    for (int k = 0; k < W; k++) sum += a.v[k] * f.v[k];
                }
            }
        put(y + i, sum, add);
    }
}

/* x[c] = sum over the outputs that look at the pixel, and over k, of y[k] w[k][tap][c]. */
template <class T>
static __global__ void direct_x(T *x, const T *y, const T *w, conv_shape s, uint32_t n, bool add)
{
    FOR_EACH(i, n)
    {
        place p = place_of(i, s.c, s.h, s.w);
        int oy0, oy1, ox0, ox1;
        outputs_over(s.size, s.stride, s.pad, s.oh, p.y, &oy0, &oy1);
        outputs_over(s.size, s.stride, s.pad, s.ow, p.x, &ox0, &ox1);
        float sum = 0;
        for (int oy = oy0; oy < oy1; oy++)
            for (int ox = ox0; ox < ox1; ox++) {
                const T *from = y + y_at(s, p.n, oy, ox);
                const T *by =
                    w + w_at(s, 0, p.y - oy * s.stride + s.pad, p.x - ox * s.stride + s.pad) + p.channel;
                for (uint32_t k = 0; k < (uint32_t)s.k; k++)
                    sum += to_float(from[k]) * to_float(by[k * (uint32_t)(s.size * s.size * s.c)]);
            }
        put(x + i, sum, add);
    }
}

/* w[k][tap][c] = sum over the outputs' pixels of y[k] x[c]: sums of columns, which are the channels of the
 * side with more of them, for each tap and channel of the thin side. */
typedef struct weight_sums {
    conv_shape s;
    bool wide_x; /* the columns are the channels of x */
} weight_sums;

static __host__ __device__ inline uint32_t thin_channels(const weight_sums &g)
{
    return (uint32_t)(g.wide_x ? g.s.k : g.s.c);
}

template <class T> struct tap_products {
    enum { width = 1 };
    weight_sums g;
    const T *x, *y;
    __device__ void operator()(float *sums, uint32_t segment, uint32_t row, uint32_t column) const
    {
        const conv_shape &s = g.s;
        place p = place_of(row, 1, s.oh, s.ow);
        uint32_t tap = segment / thin_channels(g), thin = segment % thin_channels(g);
        int from_y = p.y * s.stride - s.pad + (int)tap / s.size,
            from_x = p.x * s.stride - s.pad + (int)tap % s.size;
        if (from_y < 0 || from_y >= s.h || from_x < 0 || from_x >= s.w) return;
        uint32_t c = g.wide_x ? column : thin, k = g.wide_x ? thin : column;
        sums[0] += to_float(x[x_at(s, p.n, from_y, from_x) + c]) * to_float(y[y_at(s, p.n, p.y, p.x) + k]);
    }
};

template <class T> struct store_weight {
    weight_sums g;
    T *w;
    bool add;
    __device__ void operator()(uint32_t segment, uint32_t column, const double *sums) const
    {
        uint32_t tap = segment / thin_channels(g), thin = segment % thin_channels(g);
        uint32_t c = g.wide_x ? column : thin, k = g.wide_x ? thin : column;
        put(w + w_at(g.s, k, (int)tap / g.s.size, (int)tap % g.s.size) + c, (float)sums[0], add);
    }
};

static weight_sums weight_sums_of(const conv_shape *s)
{
    return weight_sums{*s, s->c >= s->k};
}

static column_plan weight_columns(const conv_shape *s)
{
    weight_sums g = weight_sums_of(s);
    size_t segments = (size_t)(s->size * s->size) * thin_channels(g);
    return plan_columns(segments, (size_t)s->n * (size_t)s->oh * (size_t)s->ow,
                        (size_t)(g.wide_x ? s->c : s->k));
}

size_t cuda_direct_workspace(const conv_shape *s, conv_product which)
{
    return which == PRODUCT_W ? column_bytes(weight_columns(s), 1) : 0;
}

err cuda_direct_run(backend *b, const conv_shape *s, conv_product which, conv_operands o, void *out, bool add,
                    void *workspace)
{
    size_t of_x = (size_t)s->n * (size_t)s->h * (size_t)s->w * (size_t)s->c;
    size_t of_y = (size_t)s->n * (size_t)s->oh * (size_t)s->ow * (size_t)s->k;
    if (which == PRODUCT_Y)
        return by_type(s->element, (size_t)s->c, [&]<class T, int W>() -> err {
            LAUNCH_EACH(b, (direct_y<T, W>), of_y, (T *)out, (const T *)o.x, (const T *)o.w, *s,
                        (uint32_t)of_y, add);
            return OK;
        });
    return by_element(s->element, [&]<class T>() -> err {
        tap_products<T> term = {weight_sums_of(s), (const T *)o.x, (const T *)o.y};
        store_weight<T> finish = {weight_sums_of(s), (T *)out, add};
        if (which == PRODUCT_W) return reduce_columns<1>(b, weight_columns(s), term, finish, workspace);
        LAUNCH_EACH(b, direct_x<T>, of_x, (T *)out, (const T *)o.y, (const T *)o.w, *s, (uint32_t)of_x, add);
        return OK;
    });
}
