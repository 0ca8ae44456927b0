/* Per sample: brightness, contrast, translation, cutout (nn/backend.h has the formulas). Together they are
 * out = k (x - mean) + mean + brightness at the pixels shown, 0 elsewhere. */
#include "nn/cpu/cells.h"

#include <math.h>

enum { DRAWS = 6 };

/* What one sample's draws mean. */
typedef struct draw {
    float brightness, contrast;
    int down, right;                              /* translation in pixels */
    int cut_top, cut_left, cut_bottom, cut_right; /* bottom and right not included; empty without cutout */
} draw;

static draw draw_of(const float *t, const diff_augment_opts *o, int height, int width)
{
    draw d = {.brightness = o->brightness ? t[0] - 0.5F : 0, .contrast = o->contrast ? t[1] + 0.5F : 1};
    if (o->translation) {
        int most = (height + 4) / 8;
        d.right = (int)floor((double)t[2] * (2 * most + 1)) - most;
        d.down = (int)floor((double)t[3] * (2 * most + 1)) - most;
    }
    if (o->cutout) {
        d.cut_top = (int)floor((double)t[4] * (height + 1)) - height / 4;
        d.cut_left = (int)floor((double)t[5] * (width + 1)) - width / 4;
        d.cut_bottom = d.cut_top + height / 2;
        d.cut_right = d.cut_left + height / 2;
    }
    return d;
}

/* The runs of columns of output row y that show the input: up to two, left and right of the cut. */
typedef struct shown {
    int count, start[2], end[2];
} shown;

static shown shown_in(const draw *d, const view *v, int y)
{
    shown s = {0};
    int from = y - d->down, left = d->right > 0 ? d->right : 0;
    int right = d->right < 0 ? v->width + d->right : v->width;
    if (from < 0 || from >= v->height) return s;
    bool cut = y >= d->cut_top && y < d->cut_bottom && d->cut_left < right && d->cut_right > left;
    int edges[2][2] = {{left, cut ? d->cut_left : right}, {cut ? d->cut_right : right, right}};
    for (int k = 0; k < 2; k++) {
        if (edges[k][0] >= edges[k][1]) continue;
        s.start[s.count] = edges[k][0];
        s.end[s.count++] = edges[k][1];
    }
    return s;
}

CPU_INLINE double sum_loop(const void *x, size_t n, bool half)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += (double)cell_load(x, i, half);
    return sum;
}

CPU_KERNEL static double sum_of(const view *v, const void *x, size_t n)
{
    return v->half ? sum_loop(x, n, true) : sum_loop(x, n, false);
}

/* y = a x + b (or y += a x + b) in the first `used` lanes of `pixels` pixels. */
CPU_INLINE void affine_loop(void *restrict y, const void *restrict x, float a, float b, size_t pixels,
                            int used, int lanes, bool add, bool half)
{
    for (size_t i = 0; i < pixels; i++)
        for (int j = 0; j < used; j++) {
            size_t at = i * (size_t)lanes + (size_t)j;
            cell_store(y, at, (add ? cell_load(y, at, half) : 0) + a * cell_load(x, at, half) + b, half);
        }
}

CPU_KERNEL static void affine(const view *v, void *y, const void *x, float a, float b, size_t pixels,
                              int used, bool add)
{
    if (v->half)
        affine_loop(y, x, a, b, pixels, used, v->lanes, add, true);
    else if (used == v->lanes)
        affine_loop(y, x, a, b, pixels * (size_t)used, 1, 1, add, false);
    else
        affine_loop(y, x, a, b, pixels, used, v->lanes, add, false);
}

static void augment_sample(const view *v, const draw *d, const void *x, void *out)
{
    double elements = (double)v->channels * (double)v->area;
    float mean = d->contrast == 1.0F ? 0 : (float)(sum_of(v, x, view_sample(v)) / elements);
    float constant = mean + d->brightness - d->contrast * mean;
    memset(out, 0, view_bytes(v) / (size_t)v->n);
    for (int k = 0; k < v->blocks; k++)
        for (int y = 0; y < v->height; y++) {
            shown s = shown_in(d, v, y);
            for (int r = 0; r < s.count; r++) {
                ptrdiff_t to = ((ptrdiff_t)y * v->width + s.start[r]) * v->lanes;
                ptrdiff_t from = to - ((ptrdiff_t)d->down * v->width + d->right) * v->lanes;
                size_t block = (size_t)k * view_slab(v);
                affine(v, view_at(v, out, block + (size_t)to), view_at(v, x, block + (size_t)from),
                       d->contrast, constant, (size_t)(s.end[r] - s.start[r]), view_used(v, k), false);
            }
        }
}

static double sum_shown(const view *v, const draw *d, const void *g)
{
    double sum = 0;
    for (int k = 0; k < v->blocks; k++)
        for (int y = 0; y < v->height; y++) {
            shown s = shown_in(d, v, y);
            for (int r = 0; r < s.count; r++)
                sum += sum_of(v,
                              view_at(v, g,
                                      (size_t)k * view_slab(v) +
                                          (size_t)(y * v->width + s.start[r]) * (size_t)v->lanes),
                              (size_t)(s.end[r] - s.start[r]) * (size_t)v->lanes);
        }
    return sum;
}

/* With g the gradient at the pixels shown, moved back: dx = k g + (1 - k) mean(g). */
static void gradient_sample(const view *v, const draw *d, const void *g, void *dx, bool add)
{
    float k = d->contrast;
    double elements = (double)v->channels * (double)v->area;
    float constant = k == 1.0F ? 0 : (float)((1 - (double)k) * sum_shown(v, d, g) / elements);
    if (!add) memset(dx, 0, view_bytes(v) / (size_t)v->n);
    for (int b = 0; b < v->blocks; b++) {
        void *block = view_at(v, dx, (size_t)b * view_slab(v));
        const void *from = view_at(v, g, (size_t)b * view_slab(v));
        if (constant != 0) affine(v, block, from, 0, constant, v->area, view_used(v, b), true);
        for (int y = 0; y < v->height; y++) {
            shown s = shown_in(d, v, y);
            for (int r = 0; r < s.count; r++) {
                ptrdiff_t at = ((ptrdiff_t)y * v->width + s.start[r]) * v->lanes;
                ptrdiff_t to = at - ((ptrdiff_t)d->down * v->width + d->right) * v->lanes;
                affine(v, view_at(v, block, (size_t)to), view_at(v, from, (size_t)at), k, 0,
                       (size_t)(s.end[r] - s.start[r]), view_used(v, b), true);
            }
        }
    }
}

static err forward(backend *b, const call *c)
{
    view v = cpu_view_of(b, c->n);
#pragma omp parallel for schedule(static)
    for (int n = 0; n < v.n; n++) {
        draw d = draw_of(c->in[1] + (size_t)n * DRAWS, &c->n->a.augment, v.height, v.width);
        size_t sample = (size_t)n * view_sample(&v);
        augment_sample(&v, &d, view_at(&v, c->in[0], sample), view_at(&v, c->out, sample));
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (!c->din[0]) return OK;
    view v = cpu_view_of(b, c->n);
#pragma omp parallel for schedule(static)
    for (int n = 0; n < v.n; n++) {
        draw d = draw_of(c->in[1] + (size_t)n * DRAWS, &c->n->a.augment, v.height, v.width);
        size_t sample = (size_t)n * view_sample(&v);
        gradient_sample(&v, &d, view_at(&v, c->dout, sample), view_at(&v, c->din[0], sample), c->add[0]);
    }
    return OK;
}

const kernel cpu_diff_augment = {.forward = forward, .backward = backward};
