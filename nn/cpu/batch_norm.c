/* Batch norm over (B,H,W), with one gain and bias per channel or per sample and channel, and relu.
 *
 * Work is by slab (a block of a sample), which stays in the cache: forward reads x once for the statistics
 * and once to normalise; backward reads x and dout twice. The statistics of slabs are joined in double in the
 * order of samples (Chan, Golub & LeVeque 1979), so that they neither cancel nor depend on the number of
 * threads. relu's mask is found from x again rather than read from the output. */
#include "nn/cpu/batch_norm.h"

#include <math.h>

/* Where the tables lie. Those of a channel have `padded` floats, those of a slab samples * padded, those of
 * gain and bias rows * padded (rows = n if conditional). saved: mean, inverse deviation. first, second: means
 * and squares of slabs; in backward the sums of g and g (x - mean) of this replica's slabs. */
typedef struct tables {
    view v, x, dx;                /* of the output; of the input and its gradient, which may have a pitch */
    size_t padded, rows, samples; /* samples: v.n of all replicas */
    float *mean, *inverse;        /* padded */
    float *scale, *shift;         /* rows * padded: out = x * scale + shift */
    float *first, *second;        /* samples * padded: said above */
    float *slope, *constant;      /* padded: what backward subtracts is -(x - mean) * slope - constant */
} tables;

static view view_for(const backend *b, const node *n, int pitch)
{
    view v = cpu_view_pitched(b, n->in[0], pitch);
    if (n->shape.rank == 2 && n->in[1]->shape.rank == 1) { /* rows are the pixels of one sample */
        v.area = (size_t)v.n;
        v.height = v.n;
        v.n = 1;
    }
    return v;
}

static size_t samples_of(const call *c, const view *v)
{
    bool shared = c->n->a.training && c->replicas > 1;
    return (size_t)v->n * (size_t)(shared ? c->replicas : 1);
}

static tables tables_of(const backend *b, const call *c)
{
    tables t = {.v = view_for(b, c->n, 0),
                .x = view_for(b, c->n, c->pitch.in),
                .dx = view_for(b, c->n, c->pitch.din)};
    t.samples = samples_of(c, &t.v);
    t.padded = view_padded(&t.v);
    t.rows = c->n->in[1]->shape.rank == 2 ? (size_t)t.v.n : 1;
    size_t slabs = t.samples * t.padded;
    float *scratch = c->scratch;
    t.mean = c->backward ? c->saved : scratch;
    if (!c->backward) scratch += 2 * t.padded;
    t.inverse = t.mean + t.padded;
    t.scale = scratch;
    t.shift = t.scale + t.rows * t.padded;
    t.first = t.shift + t.rows * t.padded;
    t.second = t.first + slabs;
    t.slope = t.second + slabs;
    t.constant = t.slope + t.padded;
    return t;
}

static err plan(backend *b, call *c)
{
    view v = view_for(b, c->n, 0);
    size_t padded = view_padded(&v), rows = c->n->in[1]->shape.rank == 2 ? (size_t)v.n : 1;
    size_t floats = (2 * rows + 2 * samples_of(c, &v) + 2) * padded;
    if (c->backward)
        c->saved_bytes = 2 * padded * sizeof(float);
    else
        floats += 2 * padded;
    c->scratch_bytes = floats * sizeof(float);
    return OK;
}

/* The moments of channel p from those of its slabs. */
static channel_moments join_slabs(const tables *t, size_t p)
{
    double mean = 0, squares = 0, area = (double)t->v.area;
    for (size_t n = 0; n < t->samples; n++) mean += (double)t->first[n * t->padded + p];
    mean /= (double)t->samples;
    for (size_t n = 0; n < t->samples; n++) {
        double away = (double)t->first[n * t->padded + p] - mean;
        squares += (double)t->second[n * t->padded + p] + area * away * away;
    }
    return (channel_moments){mean, squares};
}

/* Channels whose moments an earlier call has left: whole groups of 8, since norm_slab_statistics adds up what
 * is past the last one in another order. */
static size_t known_channels(const call *c)
{
    enum { GROUP = 8 };
    return c->moments ? (size_t)c->known / GROUP * GROUP : 0;
}

/* Mean and inverse deviation of channel p; moves the running ones. */
static void join_channel(const call *c, const tables *t, size_t p)
{
    channel_moments m = p < known_channels(c) ? c->moments[p] : join_slabs(t, p);
    if (c->moments) c->moments[p] = m;
    double count = (double)t->v.area * (double)t->samples, variance = m.squares / count;
    double unbiased = count > 1 ? m.squares / (count - 1) : variance, momentum = (double)c->n->a.momentum;
    t->mean[p] = (float)m.mean;
    t->inverse[p] = (float)(1 / sqrt(variance + (double)c->n->a.epsilon));
    c->state[3][p] = (float)((1 - momentum) * (double)c->in[3][p] + momentum * m.mean);
    c->state[4][p] = (float)((1 - momentum) * (double)c->in[4][p] + momentum * unbiased);
}

/* The statistics of this replica's slabs, but for channels that are known; and of those of the others: each
 * fills in its part of zeros. */
static err slab_statistics(backend *b, const call *c, const tables *t)
{
    enum { GROUP = 16 }; /* of norm_slab_statistics */
    const view *v = &t->x;
    size_t own = (size_t)v->n * t->padded, all = t->samples * t->padded, before = own * (size_t)c->rank;
    int known = (int)known_channels(c), known_blocks = known / v->lanes;
    if (all > own) cpu_zero(t->first, 2 * all * sizeof(float));
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(v); s++) {
        int block = s % v->blocks;
        size_t p = before + (size_t)s * (size_t)v->lanes;
        if (block < known_blocks) continue;
        norm_slab_statistics(view_at(v, c->in[0], view_slab_at(v, s)), v->area,
                             block == known_blocks ? known % v->lanes / GROUP * GROUP : 0, v->lanes,
                             v->pixel_pitch, v->half, t->first + p, t->second + p);
    }
    return all > own ? cpu_all_reduce(b, t->first, 2 * all) : OK;
}

/* The running mean and inverse deviation of channel p. */
static void take_channel(const call *c, const tables *t, size_t p)
{
    bool real = p < (size_t)t->v.channels;
    t->mean[p] = real ? c->in[3][p] : 0;
    t->inverse[p] = real ? 1 / sqrtf(c->in[4][p] + c->n->a.epsilon) : 0;
}

static err find_statistics(backend *b, const call *c, const tables *t)
{
    if (c->n->a.training) TRY(slab_statistics(b, c, t));
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < t->padded; p++)
        if (p < (size_t)t->v.channels && c->n->a.training)
            join_channel(c, t, p);
        else
            take_channel(c, t, p);
    return OK;
}

/* scale = gain * inverse, shift = bias - mean * scale; zero in the padding, which so stays zero. */
static void find_scales(const call *c, const tables *t)
{
    size_t channels = (size_t)t->v.channels;
#pragma omp parallel for schedule(static) if (t->rows > 1)
    for (size_t r = 0; r < t->rows; r++)
        for (size_t p = 0; p < t->padded; p++) {
            bool real = p < channels;
            float scale = real ? c->in[1][r * channels + p] * t->inverse[p] : 0;
            t->scale[r * t->padded + p] = scale;
            t->shift[r * t->padded + p] = real ? c->in[2][r * channels + p] - t->mean[p] * scale : 0;
        }
}

/* The position of slab s in tables of channels and of gains. */
typedef struct place {
    size_t channel, gain, slab;
    size_t pixels, x, dx; /* of the output; of the input and its gradient */
} place;

static place place_of(const tables *t, int s)
{
    size_t lanes = (size_t)t->v.lanes, block = (size_t)(s % t->v.blocks), n = (size_t)(s / t->v.blocks);
    place p = {.channel = block * lanes,
               .slab = (size_t)s * lanes,
               .pixels = view_slab_at(&t->v, s),
               .x = view_slab_at(&t->x, s),
               .dx = view_slab_at(&t->dx, s)};
    p.gain = p.channel + (t->rows > 1 ? n * t->padded : 0);
    return p;
}

static norm_slab slab_of(const call *c, const tables *t, const place *p)
{
    return (norm_slab){.x = view_at(&t->x, c->in[0], p->x),
                       .dout = c->dout ? view_at(&t->v, c->dout, p->pixels) : NULL,
                       .area = t->v.area,
                       .lanes = t->v.lanes,
                       .x_pitch = t->x.pixel_pitch,
                       .half = t->v.half,
                       .mean = t->mean + p->channel,
                       .scale = t->scale + p->gain,
                       .shift = t->shift + p->gain,
                       .relu = c->n->a.act == ACT_RELU};
}

static void apply(const call *c, const tables *t)
{
    find_scales(c, t);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&t->v); s++) {
        place p = place_of(t, s);
        norm_slab slab = slab_of(c, t, &p);
        norm_slab_apply(&slab, view_at(&t->v, c->out, p.pixels));
    }
}

static err forward(backend *b, const call *c)
{
    tables t = tables_of(b, c);
    TRY(find_statistics(b, c, &t));
    apply(c, &t);
    return OK;
}

/* From the saved statistics. */
static err again(backend *b, const call *c)
{
    tables t = tables_of(b, c);
    apply(c, &t);
    return OK;
}

/* Gradients of gain and bias, and what the gradient of x needs of the sums over this replica's samples. */
static void join_gradients(const call *c, const tables *t)
{
    size_t channels = (size_t)t->v.channels, samples = (size_t)t->v.n;
    double count = (double)t->v.area * (double)t->samples;
    bool conditional = c->n->in[1]->shape.rank == 2;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < channels; p++) {
        double dbias = 0, dgain = 0, first = 0, second = 0;
        for (size_t n = 0; n < samples; n++) {
            double g = (double)t->first[n * t->padded + p];
            double h = (double)t->second[n * t->padded + p] * (double)t->inverse[p];
            size_t at = conditional ? n * channels + p : p;
            double gain = (double)c->in[1][at];
            dbias += g;
            dgain += h;
            first += gain * g;
            second += gain * h;
            if (!conditional) continue;
            if (c->din[1]) c->din[1][at] = (c->add[1] ? c->din[1][at] : 0) + (float)h;
            if (c->din[2]) c->din[2][at] = (c->add[2] ? c->din[2][at] : 0) + (float)g;
        }
        if (!conditional && c->din[1]) c->din[1][p] = (c->add[1] ? c->din[1][p] : 0) + (float)dgain;
        if (!conditional && c->din[2]) c->din[2][p] = (c->add[2] ? c->din[2][p] : 0) + (float)dbias;
        double inverse = c->n->a.training ? (double)t->inverse[p] : 0;
        t->constant[p] = (float)(-inverse * first / count);
        t->slope[p] = (float)(-inverse * (double)t->inverse[p] * second / count);
    }
    for (size_t p = channels; p < t->padded; p++) t->constant[p] = t->slope[p] = 0;
}

/* With g = dout where the output is positive (or no relu), xhat = (x - mean) inverse, and means over (B,H,W):
 * dx = inverse (gain g - mean(gain g) - xhat mean(gain g xhat)). */
static err backward(backend *b, const call *c)
{
    tables t = tables_of(b, c);
    find_scales(c, &t);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&t.v); s++) {
        place p = place_of(&t, s);
        norm_slab slab = slab_of(c, &t, &p);
        norm_slab_sums(&slab, t.first + p.slab, t.second + p.slab);
    }
    join_gradients(c, &t);
    if (!c->din[0]) return OK;
    if (c->n->a.training && c->replicas > 1) TRY(cpu_all_reduce(b, t.slope, 2 * t.padded));
#pragma omp parallel for schedule(static)
    for (int s = 0; s < view_slabs(&t.v); s++) {
        place p = place_of(&t, s);
        norm_slab slab = slab_of(c, &t, &p);
        norm_slab_gradient(&slab, t.slope + p.channel, t.constant + p.channel,
                           view_at(&t.dx, c->din[0], p.dx), t.dx.pixel_pitch, c->add[0]);
    }
    return OK;
}

/* ---- absorbed by another call ---- */

size_t known_norm_floats(const backend *b, const call *norm)
{
    enum { TABLES = 4 }; /* mean, inverse, scale, shift */
    view v = view_for(b, norm->n, 0);
    return TABLES * view_padded(&v);
}

known_norm known_norm_of(const backend *b, const call *norm, float *scratch)
{
    tables t = {.v = view_for(b, norm->n, 0), .x = view_for(b, norm->n, norm->pitch.in), .rows = 1};
    t.padded = view_padded(&t.v);
    t.mean = scratch;
    t.inverse = t.mean + t.padded;
    t.scale = t.inverse + t.padded;
    t.shift = t.scale + t.padded;
    for (size_t p = 0; p < t.padded; p++) take_channel(norm, &t, p);
    find_scales(norm, &t);
    return (known_norm){
        .x = t.x, .in = norm->in[0], .scale = t.scale, .shift = t.shift, .relu = norm->n->a.act == ACT_RELU};
}

void known_norm_slab(const known_norm *k, int slab, void *out)
{
    const view *v = &k->x;
    size_t channel = (size_t)(slab % v->blocks) * (size_t)v->lanes;
    norm_slab s = {.x = view_at(v, k->in, view_slab_at(v, slab)),
                   .area = v->area,
                   .lanes = v->lanes,
                   .x_pitch = v->pixel_pitch,
                   .half = v->half,
                   .scale = k->scale + channel,
                   .shift = k->shift + channel,
                   .relu = k->relu};
    norm_slab_apply(&s, out);
}

void known_norm_sample(const known_norm *k, int sample, void *out)
{
    const view *v = &k->x;
    for (int block = 0; block < v->blocks; block++)
        known_norm_slab(k, sample * v->blocks + block, view_at(v, out, (size_t)block * view_slab(v)));
}

const kernel cpu_batch_norm = {
    .plan = plan, .forward = forward, .backward = backward, .again = again, .pitched = true};
