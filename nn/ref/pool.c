/* Maximum or average of the part of each k x k window that lies inside the image. The gradient of a maximum
 * goes to the first one in row-major order; that of an average to all alike. */
#include "nn/ref/ref.h"

#include <math.h>

typedef struct window {
    int top, bottom, left, right; /* inside the image; bottom and right are excluded */
} window;

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static window window_of(const node *n, int y, int x)
{
    int k = n->a.k, top = y * n->a.stride - n->a.pad, left = x * n->a.stride - n->a.pad;
    return (window){larger(top, 0), smaller(top + k, n->in[0]->shape.d[2]), larger(left, 0),
                    smaller(left + k, n->in[0]->shape.d[3])};
}

static int first_maximum(const float *plane, int width, window w)
{
    int best = w.top * width + w.left;
    for (int y = w.top; y < w.bottom; y++)
        for (int x = w.left; x < w.right; x++) {
            float value = plane[y * width + x];
            if (value > plane[best] || isnan(value)) best = y * width + x;
        }
    return best;
}

static double average(const float *plane, int width, window w)
{
    double sum = 0;
    for (int y = w.top; y < w.bottom; y++)
        for (int x = w.left; x < w.right; x++) sum += plane[y * width + x];
    return sum / ((w.bottom - w.top) * (w.right - w.left));
}

/* One plane of gradients, so that windows that overlap are summed in double. */
static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward) c->scratch_bytes = ref_planes_of(&c->n->in[0]->shape).area * sizeof(double);
    return OK;
}

static err forward(backend *b, const call *c)
{
    (void)b;
    ref_planes in = ref_planes_of(&c->n->in[0]->shape), out = ref_planes_of(&c->n->shape);
    int width = c->n->in[0]->shape.d[3];
    for (size_t plane = 0; plane < out.batch * out.channels; plane++) {
        const float *from = c->in[0] + plane * in.area;
        float *to = c->out + plane * out.area;
        for (int y = 0; y < c->n->shape.d[2]; y++)
            for (int x = 0; x < c->n->shape.d[3]; x++) {
                window w = window_of(c->n, y, x);
                *to++ = c->n->a.kind == POOL_MAX ? from[first_maximum(from, width, w)]
                                                 : (float)average(from, width, w);
            }
    }
    return OK;
}

static void spread(double *gradient, int width, window w, double d)
{
    double share = d / ((w.bottom - w.top) * (w.right - w.left));
    for (int y = w.top; y < w.bottom; y++)
        for (int x = w.left; x < w.right; x++) gradient[y * width + x] += share;
}

static void backward_plane(const call *c, const float *from, const float *dout, double *gradient)
{
    int width = c->n->in[0]->shape.d[3];
    for (int y = 0; y < c->n->shape.d[2]; y++)
        for (int x = 0; x < c->n->shape.d[3]; x++) {
            window w = window_of(c->n, y, x);
            if (c->n->a.kind == POOL_MAX)
                gradient[first_maximum(from, width, w)] += *dout++;
            else
                spread(gradient, width, w, *dout++);
        }
}

static err backward(backend *b, const call *c)
{
    (void)b;
    if (!c->din[0]) return OK;
    ref_planes in = ref_planes_of(&c->n->in[0]->shape), out = ref_planes_of(&c->n->shape);
    double *gradient = c->scratch;
    for (size_t plane = 0; plane < in.batch * in.channels; plane++) {
        for (size_t i = 0; i < in.area; i++) gradient[i] = 0;
        backward_plane(c, c->in[0] + plane * in.area, c->dout + plane * out.area, gradient);
        for (size_t i = 0; i < in.area; i++)
            ref_store(&c->din[0][plane * in.area + i], gradient[i], c->add[0]);
    }
    return OK;
}

const kernel ref_pool = {.plan = plan, .forward = forward, .backward = backward};
