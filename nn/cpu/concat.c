/* Along axis 0 samples follow each other. Along axis 1 an input may start in the middle of a block (a
 * DenseNet of growth 12), so its lanes are moved in runs that end where a block of either side ends. */
#include "nn/cpu/cpu.h"

#include <string.h>

/* A run of `count` channels between a block of the whole and a block of one input. */
typedef struct run {
    float *to;
    const float *from;
    int to_lanes, from_lanes, count;
    bool add;
} run;

CPU_INLINE void move_loop(const run *r, size_t area, int to_lanes, int from_lanes, int count, bool add)
{
    for (size_t i = 0; i < area; i++) {
        float *to = r->to + i * (size_t)to_lanes;
        const float *from = r->from + i * (size_t)from_lanes;
        for (int j = 0; j < count; j++) to[j] = add ? to[j] + from[j] : from[j];
    }
}

CPU_INLINE void move_lanes(const run *r, size_t area, int lanes, bool add)
{
    switch (r->count) {
    case 4:
        move_loop(r, area, lanes, lanes, 4, add);
        break;
    case 8:
        move_loop(r, area, lanes, lanes, 8, add);
        break;
    case 12:
        move_loop(r, area, lanes, lanes, 12, add);
        break;
    case 16:
        move_loop(r, area, lanes, lanes, 16, add);
        break;
    default:
        move_loop(r, area, lanes, lanes, r->count, add);
        break;
    }
}

CPU_KERNEL static void move_run(const run *r, size_t area)
{
    if (r->to_lanes == 8 && r->from_lanes == 8) {
        if (r->add)
            move_lanes(r, area, 8, true);
        else
            move_lanes(r, area, 8, false);
    } else if (r->to_lanes == 16 && r->from_lanes == 16) {
        if (r->add)
            move_lanes(r, area, 16, true);
        else
            move_lanes(r, area, 16, false);
    } else {
        move_loop(r, area, r->to_lanes, r->from_lanes, r->count, r->add);
    }
}

static void clear_lanes(float *to, size_t area, int lanes, int used)
{
    for (size_t i = 0; i < area; i++)
        for (int j = used; j < lanes; j++) to[i * (size_t)lanes + (size_t)j] = 0;
}

/* Copies `channels` channels of one sample, starting at channel from_first of x and to_first of y. */
static void move_channels(const view *to, float *y, int to_first, const view *from, const float *x,
                          int from_first, int channels, bool add)
{
    for (int done = 0, count; done < channels; done += count) {
        int p = to_first + done, q = from_first + done;
        int to_lane = p % to->lanes, from_lane = q % from->lanes;
        count = channels - done;
        if (count > to->lanes - to_lane) count = to->lanes - to_lane;
        if (count > from->lanes - from_lane) count = from->lanes - from_lane;
        run r = {.to = y + (size_t)(p / to->lanes) * view_slab(to) + to_lane,
                 .from = x + (size_t)(q / from->lanes) * view_slab(from) + from_lane,
                 .to_lanes = to->lanes,
                 .from_lanes = from->lanes,
                 .count = count,
                 .add = add};
        move_run(&r, to->area);
    }
}

static err plan(backend *b, call *c)
{
    (void)b;
    for (int i = 0; i < c->n->n_in; i++)
        if (c->n->in[i]->plain != c->n->plain)
            return err_set(ERR_INTERNAL, "%s: input %d is a parameter of rank 4; reshape it first",
                           c->n->name, i);
    return OK;
}

static err forward(backend *b, const call *c)
{
    view out = cpu_view_of(b, c->n);
    if (c->n->a.axis == 0) {
        float *to = c->out;
        for (int i = 0; i < c->n->n_in; i++) {
            view v = cpu_view_of(b, c->n->in[i]);
            cpu_copy(to, c->in[i], view_floats(&v));
            to += view_floats(&v);
        }
        return OK;
    }
#pragma omp parallel for schedule(static)
    for (int n = 0; n < out.n; n++) {
        float *y = c->out + (size_t)n * view_sample(&out);
        int first = 0;
        for (int i = 0; i < c->n->n_in; i++) {
            view v = cpu_view_of(b, c->n->in[i]);
            move_channels(&out, y, first, &v, c->in[i] + (size_t)n * view_sample(&v), 0, v.channels, false);
            first += v.channels;
        }
        int last = out.blocks - 1;
        clear_lanes(y + (size_t)last * view_slab(&out), out.area, out.lanes, view_used(&out, last));
    }
    return OK;
}

static void split_channels(backend *b, const call *c, const view *whole)
{
#pragma omp parallel for schedule(static)
    for (int n = 0; n < whole->n; n++) {
        const float *d = c->dout + (size_t)n * view_sample(whole);
        int first = 0;
        for (int i = 0; i < c->n->n_in; i++) {
            view v = cpu_view_of(b, c->n->in[i]);
            if (c->din[i]) {
                float *dx = c->din[i] + (size_t)n * view_sample(&v);
                move_channels(&v, dx, 0, whole, d, first, v.channels, c->add[i]);
                clear_lanes(dx + (size_t)(v.blocks - 1) * view_slab(&v), v.area, v.lanes,
                            view_used(&v, v.blocks - 1));
            }
            first += v.channels;
        }
    }
}

static err backward(backend *b, const call *c)
{
    view whole = cpu_view_of(b, c->n);
    if (c->n->a.axis == 1) {
        split_channels(b, c, &whole);
        return OK;
    }
    const float *from = c->dout;
    for (int i = 0; i < c->n->n_in; i++) {
        view v = cpu_view_of(b, c->n->in[i]);
        if (c->din[i]) cpu_store(c->din[i], from, view_floats(&v), c->add[i]);
        from += view_floats(&v);
    }
    return OK;
}

const kernel cpu_concat = {.plan = plan, .forward = forward, .backward = backward};
