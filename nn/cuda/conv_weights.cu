/* The weights of a convolution between their own order, (O,I,k,k) in fp32, and cuDNN's, channels last and of
 * the activations' type.
 *
 * A 3x3 convolution of an image that was upsampled twice is the transpose of a 4x4 convolution of stride 2,
 * from the O channels of its output to the I of its input. The weights w4 (I,O,4,4) of that one are sums of w
 * (O,I,3,3): in either axis, output row 2h + u - k + 1 sees row h through tap k for u = 0 and 1, and w4's tap
 * t lies at row 2h + t - 1, so t = u - k + 2. */
#include "nn/cuda/launch.cuh"

/* O outer and I inner channels, as in w. */
template <class T>
static __global__ void widen_taps(T *w4, const float *w, uint32_t outer, uint32_t inner, uint32_t n)
{
    FOR_EACH(i, n) /* w4 [inner][4][4][outer] */
    {
        uint32_t o = i % outer, tap = i / outer % 16, c = i / outer / 16;
        int y0, y1, x0, x1;
        small_taps((int)tap / 4, &y0, &y1);
        small_taps((int)tap % 4, &x0, &x1);
        float sum = 0;
        for (int y = y0; y < y1; y++)
            for (int x = x0; x < x1; x++) sum += w[(o * inner + c) * 9 + (uint32_t)(3 * y + x)];
        set(w4 + i, sum);
    }
}

/* The gradient: w's tap k has gone into the taps 2 - k and 3 - k. */
template <class T>
static __global__ void narrow_taps(float *dw, const T *dw4, uint32_t outer, uint32_t inner, uint32_t n,
                                   bool add)
{
    FOR_EACH(i, n) /* dw [outer][inner][3][3] */
    {
        uint32_t tap = i % 9, c = i / 9 % inner, o = i / 9 / inner;
        uint32_t y = 2 - tap / 3, x = 2 - tap % 3;
        float sum = 0;
        for (uint32_t k = 0; k < 4; k++)
            sum += to_float(dw4[((c * 4 + y + k / 2) * 4 + x + k % 2) * outer + o]);
        put(dw + i, sum, add);
    }
}

/* The plain weights, and the same in cuDNN's order. */
static cuda_tensor plain_weights(const nn_shape_t *shape, const float *w)
{
    return cuda_tensor{const_cast<float *>(w), cuda_view_of(shape, true), ELEMENT_FLOAT};
}

static cuda_tensor laid_weights(const nn_shape_t *shape, element e, const void *w)
{
    return cuda_tensor{const_cast<void *>(w), cuda_view_of(shape, false), e};
}

size_t cuda_weights_count(const nn_shape_t *shape, bool upsample)
{
    return upsample ? (size_t)shape->d[0] * (size_t)shape->d[1] * 16 : nn_count(shape);
}

err cuda_lay_weights(backend *b, const nn_shape_t *shape, bool upsample, const float *w, element e,
                     void *laid)
{
    if (!upsample) return cuda_relayout(b, plain_weights(shape, w), laid_weights(shape, e, laid), false);
    size_t n = cuda_weights_count(shape, true);
    return by_element(e, [&]<class T>() -> err {
        LAUNCH_EACH(b, widen_taps<T>, n, (T *)laid, w, (uint32_t)shape->d[0], (uint32_t)shape->d[1],
                    (uint32_t)n);
        return OK;
    });
}

err cuda_take_weights(backend *b, const nn_shape_t *shape, bool upsample, element e, const void *laid,
                      float *dw, bool add)
{
    if (!upsample) return cuda_relayout(b, laid_weights(shape, e, laid), plain_weights(shape, dw), add);
    size_t n = nn_count(shape);
    return by_element(e, [&]<class T>() -> err {
        LAUNCH_EACH(b, narrow_taps<T>, n, dw, (const T *)laid, (uint32_t)shape->d[0], (uint32_t)shape->d[1],
                    (uint32_t)n, add);
        return OK;
    });
}
