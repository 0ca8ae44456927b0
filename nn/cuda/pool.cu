/* Max and average pooling over k x k windows. Backward gathers: each input pixel looks at the windows that
 * hold it, so no two threads write one place. */
#include "nn/cuda/launch.cuh"

typedef struct pool_sizes {
    pool_window w;
    uint32_t channels;
    bool max;
} pool_sizes;

/* taps (or NULL): of each output the tap y * k + x that won. */
static __global__ void pool(float *out, int32_t *taps, const float *x, pool_sizes s, uint32_t n)
{
    const pool_window w = s.w;
    FOR_EACH(i, n)
    {
        uint32_t channel = i % s.channels, pixel = i / s.channels;
        int ox = (int)(pixel % (uint32_t)w.out_width),
            oy = (int)(pixel / (uint32_t)w.out_width) % w.out_height;
        uint32_t sample = pixel / (uint32_t)(w.out_width * w.out_height);
        const float *image = x + sample * (uint32_t)(w.height * w.width) * s.channels + channel;
        int y0, y1, x0, x1, best = -1;
        taps_inside(w.k, w.stride, w.pad, w.height, oy, &y0, &y1);
        taps_inside(w.k, w.stride, w.pad, w.width, ox, &x0, &x1);
        float value = 0;
        for (int ky = y0; ky < y1; ky++)
            for (int kx = x0; kx < x1; kx++) {
                int at = (oy * w.stride - w.pad + ky) * w.width + ox * w.stride - w.pad + kx;
                float next = image[(uint32_t)at * s.channels];
                if (!s.max) {
                    value += next;
                } else if (best < 0 || next > value || isnan(next)) {
                    value = next;
                    best = ky * w.k + kx;
                }
            }
        out[i] = s.max ? value : value / (float)((y1 - y0) * (x1 - x0));
        if (taps) taps[i] = best;
    }
}

static __global__ void unpool(float *dx, const float *dout, const int32_t *taps, pool_sizes s, uint32_t n,
                              bool add)
{
    const pool_window w = s.w;
    FOR_EACH(i, n)
    {
        uint32_t channel = i % s.channels, pixel = i / s.channels;
        int x = (int)(pixel % (uint32_t)w.width), y = (int)(pixel / (uint32_t)w.width) % w.height;
        uint32_t sample = pixel / (uint32_t)(w.width * w.height);
        uint32_t start = sample * (uint32_t)(w.out_height * w.out_width);
        int oy0, oy1, ox0, ox1;
        outputs_over(w.k, w.stride, w.pad, w.out_height, y, &oy0, &oy1);
        outputs_over(w.k, w.stride, w.pad, w.out_width, x, &ox0, &ox1);
        float sum = 0;
        for (int oy = oy0; oy < oy1; oy++)
            for (int ox = ox0; ox < ox1; ox++) {
                uint32_t o = (start + (uint32_t)(oy * w.out_width + ox)) * s.channels + channel;
                int y0, y1, x0, x1;
                taps_inside(w.k, w.stride, w.pad, w.height, oy, &y0, &y1);
                taps_inside(w.k, w.stride, w.pad, w.width, ox, &x0, &x1);
                int tap = (y - (oy * w.stride - w.pad)) * w.k + x - (ox * w.stride - w.pad);
                if (!s.max)
                    sum += dout[o] / (float)((y1 - y0) * (x1 - x0));
                else if (taps[o] == tap)
                    sum += dout[o];
            }
        put(dx + i, sum, add);
    }
}

static pool_sizes sizes_of(const node *n)
{
    const int *in = n->in[0]->shape.d, *out = n->shape.d;
    pool_window w = {n->a.k, n->a.stride, n->a.pad, in[2], in[3], out[2], out[3]};
    return pool_sizes{w, (uint32_t)in[1], n->a.kind == POOL_MAX};
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
    pool_sizes s = sizes_of(c->n);
    TRY(cuda_check_count(nn_count(&c->n->in[0]->shape)));
    LAUNCH_EACH(b, pool, n, c->out, s.max && c->backward ? (int32_t *)c->saved : NULL, c->in[0], s,
                (uint32_t)n);
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    size_t n = nn_count(&c->n->in[0]->shape);
    pool_sizes s = sizes_of(c->n);
    TRY(cuda_check_count(nn_count(&c->n->shape)));
    LAUNCH_EACH(b, unpool, n, c->din[0], c->dout, (const int32_t *)c->saved, s, (uint32_t)n, c->add[0]);
    return OK;
}

const kernel cuda_pool = {.plan = plan, .unplan = NULL, .forward = forward, .backward = backward};
