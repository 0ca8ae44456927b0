/* Winograd's convolutions as a whole. Threads share nothing: each has tiles and channels of its own, works on
 * as many tiles at a time as stay in its cache with their points, and makes the matrices of weights that it
 * needs itself, which costs less than fetching them from another core. */
#include "nn/cpu/winograd_parts.h"

#include <omp.h>
#include <string.h>

#if WINOGRAD_AVAILABLE

enum { EIGHT = 8, LEAST_TILES = 16, CACHED = 256 << 10 /* bytes, of a core's cache */ };

/* One direction: of each point matrices of tiles (chunk, depth), weights (depth, columns) and sums (chunk,
 * columns), or, for weights, of the tiles of dy. Channels are those of the columns, for weights of the depth.
 */
typedef struct pass {
    winograd_kind kind;
    int direction, points;
    int depth, columns;              /* of one thread */
    int tiles, chunk;                /* all of them; at a time */
    int across, down;                /* tiles of a row, rows of tiles of an image */
    int tile_groups, channel_groups; /* one of each for every thread */
} pass;

static winograd_kind kind_of(const conv_shape *s)
{
    return s->k == 3 ? (winograd_kind){3, 1} : (winograd_kind){2, 2};
}

/* Of groups of channels each takes all the tiles that it has again, and of groups of tiles each makes all the
 * matrices of weights that it has again: 2 g groups of channels cost less than g where 2 g^2 tiles <
 * channels * threads (both cost about the same for a tile as for a channel). */
static int channel_groups(int tiles, int channels, int threads)
{
    int g = 1;
    while (threads % (2 * g) == 0 && channels % (2 * g * WINOGRAD_PANEL) == 0 &&
           2LL * g * g * tiles < (long long)channels * threads)
        g *= 2;
    return g;
}

static pass pass_of(const conv_shape *s, int direction, int threads)
{
    winograd_kind k = kind_of(s);
    int points = (k.taps + WINOGRAD_SIDE - 1) * (k.taps + WINOGRAD_SIDE - 1), inputs = k.phases * k.phases;
    int c = winograd_padded(s->c), o = winograd_padded(s->o);
    pass p = {.kind = k, .direction = direction, .points = points, .depth = inputs * c, .columns = o};
    p.across = (s->ow + WINOGRAD_SIDE - 1) / WINOGRAD_SIDE;
    p.down = (s->oh + WINOGRAD_SIDE - 1) / WINOGRAD_SIDE;
    p.tiles = s->n * p.across * p.down;
    p.channel_groups = channel_groups(p.tiles, direction == CONV_FORWARD ? o : c, threads);
    p.tile_groups = threads / p.channel_groups;
    if (direction == CONV_BACKWARD_DATA) {
        p.points *= inputs;
        p.depth = o;
        p.columns = c;
    }
    *(direction == CONV_BACKWARD_WEIGHTS ? &p.depth : &p.columns) /= p.channel_groups;
    int cached = CACHED / (p.points * (p.depth + p.columns) * (int)sizeof(float));
    int own = (p.tiles + p.tile_groups - 1) / p.tile_groups;
    if (cached < LEAST_TILES) cached = LEAST_TILES;
    p.chunk = ((cached < own ? cached : own) + EIGHT - 1) / EIGHT * EIGHT;
    return p;
}

/* Measured with AVX-512 (and AVX512_BF16), against oneDNN, which has Winograd's 3x3, too, in fp32, at half to
 * nine tenths of the speed. Few tiles are not worth making matrices of weights for. The transpose of 4x4
 * takes its inputs and outputs apart four times, which few products do not pay for. In bf16 oneDNN does twice
 * as many products, but not for the gradient of weights, and few for 3x3. */
bool winograd_suits(const backend *b, const conv_shape *s, int direction)
{
    enum { FEW_TILES = 32, FEW_CHANNELS = 32 /* in and out */ };
    bool halving = s->k == 4 && s->stride == 2 && s->h == 2 * s->oh && s->w == 2 * s->ow;
    bool same = s->k == 3 && s->stride == 1, few = s->c + s->o <= FEW_CHANNELS;
    if (b->width != WINOGRAD_LANES || b->interleaved || !(halving || same) || s->pad != 1) return false;
    if (s->c < CPU_MIN_BLOCKED || s->o < CPU_MIN_BLOCKED) return false;
    if (pass_of(s, direction, 1).tiles < FEW_TILES) return false;
    if (b->half && direction == CONV_BACKWARD_WEIGHTS) return same || !few;
    if (b->half) return same && s->c >= FEW_CHANNELS && s->o >= FEW_CHANNELS;
    return same || direction != CONV_BACKWARD_DATA || !few;
}

/* The memory of one thread. */
typedef struct room {
    size_t weights, tiles, all; /* bytes of the first two of its matrices, and of all three */
} room;

static room room_of(const pass *p)
{
    room r = {.weights = stage_align(winograd_matrices_bytes(p->points, p->depth, p->columns)),
              .tiles = stage_align(winograd_matrices_bytes(p->points, p->chunk, p->depth))};
    r.all = r.weights + r.tiles + stage_align(winograd_matrices_bytes(p->points, p->chunk, p->columns));
    return r;
}

size_t winograd_bytes(const conv_shape *s, int direction, int threads)
{
    pass p = pass_of(s, direction, threads);
    return (size_t)threads * room_of(&p).all;
}

static winograd_tile tile_of(const pass *p, int index)
{
    int image = p->across * p->down, within = index % image;
    return (winograd_tile){index / image, within / p->across * WINOGRAD_SIDE,
                           within % p->across * WINOGRAD_SIDE};
}

static winograd_image image_of(const void *at, bool half, int channels, int height, int width)
{
    int blocks = winograd_padded(channels) / WINOGRAD_LANES;
    return (winograd_image){stage_readable(at), half, channels, blocks, height, width, 0, blocks};
}

/* What one thread does. */
typedef struct job {
    pass p;
    const conv_shape *s;
    const float *w;
    const winograd_finish *finish;
    winograd_image from, to; /* for weights: x and dy */
    int first, end;          /* tiles */
    int channel;             /* the first one of its group */
    winograd_matrices weights, tiles, sums;
} job;

/* The part of thread number `thread`. */
static job job_of(const job *whole, int thread, char *scratch)
{
    job j = *whole;
    const pass *p = &j.p;
    room r = room_of(p);
    bool weights = p->direction == CONV_BACKWARD_WEIGHTS;
    int group = thread % p->channel_groups, part = thread / p->channel_groups;
    winograd_image *image = weights ? &j.from : &j.to;
    char *own = scratch + (size_t)thread * r.all;
    image->count /= p->channel_groups;
    image->first = group * image->count;
    j.channel = image->first * WINOGRAD_LANES;
    j.first = (int)((long long)p->tiles * part / p->tile_groups);
    j.end = (int)((long long)p->tiles * (part + 1) / p->tile_groups);
    j.weights = winograd_matrices_at(own, p->depth, p->columns);
    j.tiles = winograd_matrices_at(own + r.weights, p->chunk, p->depth);
    j.sums = winograd_matrices_at(own + r.weights + r.tiles, p->chunk, p->columns);
    return j;
}

/* Sums of whole eights of rows are computed: those past the last tile are of zeros. */
static void clear_rows(int points, const winograd_matrices *m, int count)
{
    for (int row = count; row % EIGHT != 0; row++)
        for (int point = 0; point < points; point++)
            memset(winograd_row(m, row) + (size_t)point * m->apart, 0, m->columns * sizeof(float));
}

/* While a point is multiplied, what memory has to bring in comes: the pixels of the next chunk, and those
 * that this one will be written to; of each point a share of the tiles. */
static void fetch(const job *j, int point, int start, int count)
{
    const pass *p = &j->p;
    int in = p->kind.phases, out = 1;
    if (p->direction == CONV_BACKWARD_DATA) in = 1, out = p->kind.phases;
    for (int i = count * point / p->points; i < count * (point + 1) / p->points; i++) {
        winograd_tile own = tile_of(p, start + i);
        own.y *= out, own.x *= out;
        if (p->direction != CONV_BACKWARD_WEIGHTS) winograd_fetch(&j->to, own, out * WINOGRAD_SIDE, true);
        if (start + count + i >= j->end) continue;
        winograd_tile next = tile_of(p, start + count + i);
        next.y *= in, next.x *= in;
        winograd_fetch(&j->from, next, in * WINOGRAD_SIDE, false);
    }
}

static void convolve(const job *j)
{
    const pass *p = &j->p;
    bool transpose = p->direction == CONV_BACKWARD_DATA;
    (transpose ? winograd_weigh_data : winograd_weigh)(p->kind, j->s, j->w, j->channel, &j->weights);
    for (int start = j->first; start < j->end; start += p->chunk) {
        int count = j->end - start < p->chunk ? j->end - start : p->chunk;
        for (int i = 0; i < count; i++)
            (transpose ? winograd_take_data : winograd_take)(p->kind, &j->from, tile_of(p, start + i),
                                                             &j->tiles, i);
        clear_rows(p->points, &j->tiles, count);
        for (int point = 0; point < p->points; point++) {
            fetch(j, point, start, count);
            winograd_multiply(point, (count + EIGHT - 1) / EIGHT * EIGHT, &j->tiles, &j->weights, &j->sums);
        }
        for (int i = 0; i < count; i++)
            (transpose ? winograd_give_data : winograd_give)(p->kind, &j->to, tile_of(p, start + i), &j->sums,
                                                             i, j->finish);
    }
}

/* The gradient of the matrices of weights from its tiles. */
static void correlate(const job *j)
{
    const pass *p = &j->p;
    if (j->first == j->end) memset(j->weights.at, 0, room_of(p).weights);
    for (int start = j->first; start < j->end; start += p->chunk) {
        int count = j->end - start < p->chunk ? j->end - start : p->chunk;
        for (int i = 0; i < count; i++) {
            winograd_tile t = tile_of(p, start + i);
            winograd_take(p->kind, &j->from, t, &j->tiles, i);
            winograd_take_outputs(p->kind, &j->to, t, &j->sums, i);
        }
        for (int point = 0; point < p->points; point++) {
            fetch(j, point, start, count);
            winograd_correlate(point, count, &j->tiles, &j->sums, &j->weights, start > j->first);
        }
    }
}

static void run(const job *whole, int threads, char *scratch)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int thread = 0; thread < threads; thread++) {
        job j = job_of(whole, thread, scratch);
        if (j.p.direction == CONV_BACKWARD_WEIGHTS)
            correlate(&j);
        else
            convolve(&j);
    }
}

void winograd_forward(const conv_shape *s, bool half, const void *x, const float *w, const winograd_finish *f,
                      void *y, int threads, void *scratch)
{
    job whole = {.p = pass_of(s, CONV_FORWARD, threads),
                 .s = s,
                 .w = w,
                 .finish = f,
                 .from = image_of(x, half, s->c, s->h, s->w),
                 .to = image_of(y, half, s->o, s->oh, s->ow)};
    run(&whole, threads, scratch);
}

void winograd_data(const conv_shape *s, bool half, const void *dy, const float *w, const winograd_finish *f,
                   void *dx, int threads, void *scratch)
{
    job whole = {.p = pass_of(s, CONV_BACKWARD_DATA, threads),
                 .s = s,
                 .w = w,
                 .finish = f,
                 .from = image_of(dy, half, s->o, s->oh, s->ow),
                 .to = image_of(dx, half, s->c, s->h, s->w)};
    run(&whole, threads, scratch);
}

void winograd_weights(const conv_shape *s, bool half, const void *x, const void *dy, float *dw, bool add,
                      int threads, void *scratch)
{
    job whole = {.p = pass_of(s, CONV_BACKWARD_WEIGHTS, threads),
                 .s = s,
                 .from = image_of(x, half, s->c, s->h, s->w),
                 .to = image_of(dy, half, s->o, s->oh, s->ow)};
    const pass *p = &whole.p;
    size_t all = room_of(p).all, copies_apart = (size_t)p->channel_groups * all / sizeof(float);
    run(&whole, threads, scratch);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int c = 0; c < s->c; c++) {
        int group = winograd_padded(s->c) / p->channel_groups;
        winograd_matrices first =
            winograd_matrices_at((char *)scratch + (size_t)(c / group) * all, p->depth, p->columns);
        winograd_unweigh(p->kind, s, c, &first, c % group, p->tile_groups, copies_apart, dw, add);
    }
}

#else

bool winograd_suits(const backend *b, const conv_shape *s, int direction)
{
    (void)b, (void)s, (void)direction;
    return false;
}

size_t winograd_bytes(const conv_shape *s, int direction, int threads)
{
    (void)s, (void)direction, (void)threads;
    return 0;
}

void winograd_forward(const conv_shape *s, bool half, const void *x, const float *w, const winograd_finish *f,
                      void *y, int threads, void *scratch)
{
    (void)s, (void)half, (void)x, (void)w, (void)f, (void)y, (void)threads, (void)scratch;
}

void winograd_data(const conv_shape *s, bool half, const void *dy, const float *w, const winograd_finish *f,
                   void *dx, int threads, void *scratch)
{
    (void)s, (void)half, (void)dy, (void)w, (void)f, (void)dx, (void)threads, (void)scratch;
}

void winograd_weights(const conv_shape *s, bool half, const void *x, const void *dy, float *dw, bool add,
                      int threads, void *scratch)
{
    (void)s, (void)half, (void)x, (void)dy, (void)dw, (void)add, (void)threads, (void)scratch;
}

#endif
