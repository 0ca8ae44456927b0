/* Convolution as the field means it: cross-correlation, zeros around the image.
 *
 * z[b,o,y,x] = bias[o] + sum_{c,i,j} in[b,c,y*stride+i-pad,x*stride+j-pad] w[o,c,i,j],   out = act(z)
 *
 * Every result and every gradient gathers its own terms, so that each has one accumulator. */
#include "nn/ref/ref.h"

typedef struct geometry {
    int batch, in, out; /* channels */
    int h, w, oh, ow;   /* of what is convolved and of the output */
    int k, stride, pad;
    int up; /* 1: what is convolved is the input, upsampled twice: (y, x) shows input (y/2, x/2) */
} geometry;

static geometry geometry_of(const node *n)
{
    const int *x = n->in[0]->shape.d, *y = n->shape.d;
    int up = n->a.upsample;
    return (geometry){x[0], x[1],   y[1],        x[2] << up, x[3] << up, y[2],
                      y[3], n->a.k, n->a.stride, n->a.pad,   up};
}

static size_t in_at(const geometry *g, int b, int c, int y, int x)
{
    size_t row = ((size_t)b * (size_t)g->in + (size_t)c) * (size_t)(g->h >> g->up) + (size_t)(y >> g->up);
    return row * (size_t)(g->w >> g->up) + (size_t)(x >> g->up);
}

static size_t out_at(const geometry *g, int b, int o, int y, int x)
{
    return (((size_t)b * (size_t)g->out + (size_t)o) * (size_t)g->oh + (size_t)y) * (size_t)g->ow + (size_t)x;
}

static size_t weight_at(const geometry *g, int o, int c, int i, int j)
{
    return (((size_t)o * (size_t)g->in + (size_t)c) * (size_t)g->k + (size_t)i) * (size_t)g->k + (size_t)j;
}

static err plan(backend *b, call *c)
{
    (void)b;
    geometry g = geometry_of(c->n);
    double once = 2.0 * g.batch * g.out * g.oh * g.ow * g.in * g.k * g.k;
    c->flops = once * (1 + c->wants[0] + c->wants[1]);
    return OK;
}

static double value_of_z(const call *c, const geometry *g, int b, int o, int y, int x)
{
    double sum = c->n->n_in == 3 ? c->in[2][o] : 0;
    for (int channel = 0; channel < g->in; channel++)
        for (int i = 0; i < g->k; i++)
            for (int j = 0; j < g->k; j++) {
                int h = y * g->stride + i - g->pad, w = x * g->stride + j - g->pad;
                if (h < 0 || h >= g->h || w < 0 || w >= g->w) continue;
                sum +=
                    (double)c->in[0][in_at(g, b, channel, h, w)] * c->in[1][weight_at(g, o, channel, i, j)];
            }
    return sum;
}

static err forward(backend *context, const call *c)
{
    (void)context;
    geometry g = geometry_of(c->n);
#pragma omp parallel for collapse(2)
    for (int b = 0; b < g.batch; b++)
        for (int o = 0; o < g.out; o++)
            for (int y = 0; y < g.oh; y++)
                for (int x = 0; x < g.ow; x++)
                    c->out[out_at(&g, b, o, y, x)] =
                        (float)ref_activate(c->n->a.act, value_of_z(c, &g, b, o, y, x));
    return OK;
}

/* dx[b,c,h,w] = sum over the (o,i,j) whose output (y,x) reads this pixel: y*stride = h+pad-i. */
static double gradient_of_pixel(const call *c, const geometry *g, int b, int channel, int h, int w)
{
    double sum = 0;
    for (int o = 0; o < g->out; o++)
        for (int i = 0; i < g->k; i++)
            for (int j = 0; j < g->k; j++) {
                int down = h + g->pad - i, right = w + g->pad - j;
                if (down < 0 || right < 0 || down % g->stride || right % g->stride) continue;
                int y = down / g->stride, x = right / g->stride;
                if (y >= g->oh || x >= g->ow) continue;
                sum += ref_before_activation(c, out_at(g, b, o, y, x)) *
                       c->in[1][weight_at(g, o, channel, i, j)];
            }
    return sum;
}

/* An upsampled input gathers the gradients of the four pixels that show it. */
static double gradient_of_input(const call *c, const geometry *g, int b, int channel, int h, int w)
{
    double sum = 0;
    for (int y = h; y <= h + g->up; y++)
        for (int x = w; x <= w + g->up; x++) sum += gradient_of_pixel(c, g, b, channel, y, x);
    return sum;
}

/* dw[o,c,i,j] = sum_{b,y,x} dz[b,o,y,x] in[b,c,y*stride+i-pad,x*stride+j-pad] */
static double gradient_of_weight(const call *c, const geometry *g, int o, int channel, int i, int j)
{
    double sum = 0;
    for (int b = 0; b < g->batch; b++)
        for (int y = 0; y < g->oh; y++)
            for (int x = 0; x < g->ow; x++) {
                int h = y * g->stride + i - g->pad, w = x * g->stride + j - g->pad;
                if (h < 0 || h >= g->h || w < 0 || w >= g->w) continue;
                sum += ref_before_activation(c, out_at(g, b, o, y, x)) * c->in[0][in_at(g, b, channel, h, w)];
            }
    return sum;
}

/* db[o] = sum_{b,y,x} dz[b,o,y,x] */
static double gradient_of_bias(const call *c, const geometry *g, int o)
{
    double sum = 0;
    for (int b = 0; b < g->batch; b++)
        for (int y = 0; y < g->oh; y++)
            for (int x = 0; x < g->ow; x++) sum += ref_before_activation(c, out_at(g, b, o, y, x));
    return sum;
}

static void backward_input(const call *c, const geometry *g)
{
#pragma omp parallel for collapse(2)
    for (int b = 0; b < g->batch; b++)
        for (int channel = 0; channel < g->in; channel++)
            for (int h = 0; h < g->h; h += 1 << g->up)
                for (int w = 0; w < g->w; w += 1 << g->up)
                    ref_store(&c->din[0][in_at(g, b, channel, h, w)],
                              gradient_of_input(c, g, b, channel, h, w), c->add[0]);
}

static void backward_weight(const call *c, const geometry *g)
{
#pragma omp parallel for collapse(2)
    for (int o = 0; o < g->out; o++)
        for (int channel = 0; channel < g->in; channel++)
            for (int i = 0; i < g->k; i++)
                for (int j = 0; j < g->k; j++)
                    ref_store(&c->din[1][weight_at(g, o, channel, i, j)],
                              gradient_of_weight(c, g, o, channel, i, j), c->add[1]);
}

static err backward(backend *context, const call *c)
{
    (void)context;
    geometry g = geometry_of(c->n);
    if (c->din[0]) backward_input(c, &g);
    if (c->din[1]) backward_weight(c, &g);
    if (c->din[2])
        for (int o = 0; o < g.out; o++) ref_store(&c->din[2][o], gradient_of_bias(c, &g, o), c->add[2]);
    return OK;
}

const kernel ref_conv = {.plan = plan, .forward = forward, .backward = backward};
