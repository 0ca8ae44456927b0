/* Along axis 0 samples follow each other, and along axis 2 plain rows. Along axis 1 an input may start in the
 * middle of a block (a DenseNet of growth 12), so its lanes are moved in runs that end where a block of
 * either side ends. An input that begins the whole may be there already (nn/backend.h, pitch). */
#include "nn/cpu/cells.h"

/* A run of `count` channels between a block of the whole and a block of one input, and of `zeros` lanes of
 * padding that follow it. */
typedef struct run {
    void *to;
    const void *from;
    size_t to_lanes, from_lanes, count, zeros;
    bool add;
} run;

CPU_INLINE void move_loop(const run *r, size_t area, size_t count, size_t zeros, bool add, bool to_half,
                          bool from_half)
{
    void *restrict to = r->to;
    const void *restrict from = r->from;
    size_t to_lanes = r->to_lanes, from_lanes = r->from_lanes;
    for (size_t i = 0; i < area; i++) {
        for (size_t j = 0; j < count; j++) {
            float x = cell_load(from, i * from_lanes + j, from_half);
            size_t at = i * to_lanes + j;
            cell_store(to, at, add ? cell_load(to, at, to_half) + x : x, to_half);
        }
        for (size_t j = count; j < count + zeros; j++) cell_store(to, i * to_lanes + j, 0, to_half);
    }
}

/* With a constant number of zeros where it is a common one. */
CPU_INLINE void move_count(const run *r, size_t area, size_t count, bool half)
{
    if (r->zeros == 0)
        move_loop(r, area, count, 0, false, half, half);
    else if (r->zeros == 8)
        move_loop(r, area, count, 8, false, half, half);
    else
        move_loop(r, area, count, r->zeros, false, half, half);
}

/* With a constant count where it is a common one. */
CPU_INLINE void move_lanes(const run *r, size_t area, bool half)
{
    switch (r->add ? 0 : r->count) {
    case 4:
        move_count(r, area, 4, half);
        break;
    case 8:
        move_count(r, area, 8, half);
        break;
    case 12:
        move_count(r, area, 12, half);
        break;
    case 16:
        move_count(r, area, 16, half);
        break;
    case 32:
        move_count(r, area, 32, half);
        break;
    default:
        move_loop(r, area, r->count, r->zeros, r->add, half, half);
        break;
    }
}

CPU_KERNEL static void move_run(const run *r, size_t area, bool to_half, bool from_half)
{
    if (to_half != from_half)
        move_loop(r, area, r->count, r->zeros, r->add, to_half, from_half);
    else if (to_half)
        move_lanes(r, area, true);
    else
        move_lanes(r, area, false);
}

/* Copies `channels` channels of one sample, starting at channel from_first of x and to_first of y. Padding of
 * y that follows them becomes zero, unless adding: then it is already. */
static void move_channels(const view *to, void *y, int to_first, const view *from, const void *x,
                          int from_first, int channels, bool add)
{
    for (int done = 0, count; done < channels; done += count) {
        int p = to_first + done, q = from_first + done;
        int to_lane = p % to->lanes, from_lane = q % from->lanes;
        count = channels - done;
        if (count > to->lanes - to_lane) count = to->lanes - to_lane;
        if (count > from->lanes - from_lane) count = from->lanes - from_lane;
        run r = {.to = view_at(to, y, (size_t)(p / to->lanes) * view_slab(to) + (size_t)to_lane),
                 .from = view_at(from, x, (size_t)(q / from->lanes) * view_slab(from) + (size_t)from_lane),
                 .to_lanes = to->pixel_pitch,
                 .from_lanes = from->pixel_pitch,
                 .count = (size_t)count,
                 .zeros = !add && p + count == to->channels ? (size_t)(to->lanes - to_lane - count) : 0,
                 .add = add};
        move_run(&r, to->area, to->half, from->half);
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

/* Along axis 2 of (B,T,D), each row of the output is made of the inputs' rows. */
static void join_rows(const call *c)
{
    const int *d = c->n->shape.d;
    size_t rows = (size_t)d[0] * (size_t)d[1], first = 0;
    for (int i = 0; i < c->n->n_in; i++) {
        size_t width = (size_t)c->n->in[i]->shape.d[2];
        cpu_store_rows(c->out + first, (size_t)d[2], c->in[i], width, rows, width, false);
        first += width;
    }
}

static void split_rows(const call *c)
{
    const int *d = c->n->shape.d;
    size_t rows = (size_t)d[0] * (size_t)d[1], first = 0;
    for (int i = 0; i < c->n->n_in; i++) {
        size_t width = (size_t)c->n->in[i]->shape.d[2];
        if (c->din[i])
            cpu_store_rows(c->din[i], width, c->dout + first, (size_t)d[2], rows, width, c->add[i]);
        first += width;
    }
}

static view input_view(const backend *b, const call *c, int i, int pitch)
{
    return cpu_view_pitched(b, c->n->in[i], i == 0 ? pitch : 0);
}

static void join_channels(const backend *b, const call *c)
{
    view out = cpu_view_pitched(b, c->n, c->pitch.out);
#pragma omp parallel for schedule(static)
    for (int n = 0; n < out.n; n++) {
        void *y = view_at(&out, c->out, (size_t)n * out.sample_pitch);
        int first = 0;
        for (int i = 0; i < c->n->n_in; i++) {
            view v = input_view(b, c, i, c->pitch.in);
            const void *x = view_at(&v, c->in[i], (size_t)n * v.sample_pitch);
            if (x != y) move_channels(&out, y, first, &v, x, 0, v.channels, false);
            first += v.channels;
        }
    }
}

/* A gradient with a pitch is only added to: the longer concat has stored it. */
static void split_channels(const backend *b, const call *c)
{
    view whole = cpu_view_pitched(b, c->n, c->pitch.dout);
    int first = 0;
    for (int i = 0; i < c->n->n_in; i++) {
        view v = input_view(b, c, i, c->pitch.din);
        if (c->din[i]) {
#pragma omp parallel for schedule(static)
            for (int n = 0; n < whole.n; n++)
                move_channels(&v, view_at(&v, c->din[i], (size_t)n * v.sample_pitch), 0, &whole,
                              view_at(&whole, c->dout, (size_t)n * whole.sample_pitch), first, v.channels,
                              c->add[i]);
        }
        first += v.channels;
    }
}

static err forward(backend *b, const call *c)
{
    if (c->n->a.axis == 1) {
        join_channels(b, c);
        return OK;
    }
    if (c->n->a.axis == 2) {
        join_rows(c);
        return OK;
    }
    char *to = (char *)c->out;
    for (int i = 0; i < c->n->n_in; i++) {
        view v = cpu_view_of(b, c->n->in[i]);
        cpu_copy(to, c->in[i], view_bytes(&v));
        to += view_bytes(&v);
    }
    return OK;
}

static err backward(backend *b, const call *c)
{
    if (c->n->a.axis == 1) {
        split_channels(b, c);
        return OK;
    }
    if (c->n->a.axis == 2) {
        split_rows(c);
        return OK;
    }
    const char *from = (const char *)c->dout;
    for (int i = 0; i < c->n->n_in; i++) {
        view v = cpu_view_of(b, c->n->in[i]);
        if (c->din[i]) cpu_store(v.half, c->din[i], from, view_cells(&v), c->add[i]);
        from += view_bytes(&v);
    }
    return OK;
}

const kernel cpu_concat = {.plan = plan, .forward = forward, .backward = backward, .pitched = true};
