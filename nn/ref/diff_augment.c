/* Zhao et al., "Differentiable augmentation for data-efficient GAN training", NeurIPS 2020; nn/backend.h
 * gives the formula of each part. Per sample: brightness and contrast are one affine map of the sample,
 * translation and cutout say which of its pixels reaches an output pixel. */
#include "nn/ref/ref.h"

#include <math.h>

typedef struct drawn {
    double brightness, contrast; /* x + brightness; then m + (x - m) contrast */
    int right, down;             /* translation */
    int row, column, side;       /* the square that cutout clears; side 0: none */
} drawn;

static drawn draws_of(const node *n, const float *t)
{
    int h = n->shape.d[2], w = n->shape.d[3], most = (int)lround(h / 8.0);
    drawn d = {.contrast = 1};
    if (n->a.augment.brightness) d.brightness = t[0] - 0.5;
    if (n->a.augment.contrast) d.contrast = t[1] + 0.5;
    if (n->a.augment.translation) {
        d.right = (int)floor((double)t[2] * (2 * most + 1)) - most;
        d.down = (int)floor((double)t[3] * (2 * most + 1)) - most;
    }
    if (n->a.augment.cutout) {
        d.side = h / 2;
        d.row = (int)floor((double)t[4] * (h + 1)) - h / 4;
        d.column = (int)floor((double)t[5] * (w + 1)) - w / 4;
    }
    return d;
}

/* The pixel of the input plane that output pixel (y,x) shows, or -1: it is zero. */
static int source_of(const node *n, drawn d, int y, int x)
{
    int h = n->shape.d[2], w = n->shape.d[3], from_y = y - d.down, from_x = x - d.right;
    if (from_y < 0 || from_y >= h || from_x < 0 || from_x >= w) return -1;
    if (y >= d.row && y < d.row + d.side && x >= d.column && x < d.column + d.side) return -1;
    return from_y * w + from_x;
}

static void forward_sample(const node *n, drawn d, const float *from, float *to)
{
    int channels = n->shape.d[1], h = n->shape.d[2], w = n->shape.d[3];
    double mean = 0;
    for (int i = 0; i < channels * h * w; i++) mean += (from[i] + d.brightness) / (channels * h * w);
    for (int c = 0; c < channels; c++, from += h * w)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                int source = source_of(n, d, y, x);
                double value = source < 0 ? 0 : mean + (from[source] + d.brightness - mean) * d.contrast;
                *to++ = (float)value;
            }
}

static err forward(backend *b, const call *c)
{
    (void)b;
    size_t sample = nn_count(&c->n->shape) / (size_t)c->n->shape.d[0];
    for (int k = 0; k < c->n->shape.d[0]; k++)
        forward_sample(c->n, draws_of(c->n, c->in[1] + 6 * k), c->in[0] + (size_t)k * sample,
                       c->out + (size_t)k * sample);
    return OK;
}

/* Contrast's output is contrast x + (1 - contrast) mean(x), so dx = contrast d + (1 - contrast) mean(d), d
 * being the gradient that reaches the pixel through translation and cutout. */
static void backward_sample(const node *n, drawn d, const float *dout, double *moved)
{
    int channels = n->shape.d[1], h = n->shape.d[2], w = n->shape.d[3], count = channels * h * w;
    double sum = 0;
    for (int i = 0; i < count; i++) moved[i] = 0;
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++, dout++) {
                int source = source_of(n, d, y, x);
                if (source < 0) continue;
                moved[c * h * w + source] = *dout;
                sum += *dout;
            }
    for (int i = 0; i < count; i++) moved[i] = d.contrast * moved[i] + (1 - d.contrast) * sum / count;
}

static err plan(backend *b, call *c)
{
    (void)b;
    if (c->backward) c->scratch_bytes = nn_count(&c->n->shape) / (size_t)c->n->shape.d[0] * sizeof(double);
    return OK;
}

static err backward(backend *b, const call *c)
{
    (void)b;
    if (!c->din[0]) return OK;
    size_t sample = nn_count(&c->n->shape) / (size_t)c->n->shape.d[0];
    double *moved = c->scratch;
    for (int k = 0; k < c->n->shape.d[0]; k++) {
        size_t first = (size_t)k * sample;
        backward_sample(c->n, draws_of(c->n, c->in[1] + 6 * k), c->dout + first, moved);
        for (size_t i = 0; i < sample; i++) ref_store(&c->din[0][first + i], moved[i], c->add[0]);
    }
    return OK;
}

const kernel ref_diff_augment = {.plan = plan, .forward = forward, .backward = backward};
