/* Convolutions and pools that normalise their input themselves: every value must be what it is where the
 * batch norm runs by itself, and where it has to, it does. */
#include "base/rng.h"
#include "nn/step.h"
#include "tests/nn/devices.h"
#include "tests/nn/harness.h"
#include "tests/nn/replicas.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 2, IMAGE_CHANNELS = 3 };

/* What is special about the batch norm or the convolution that reads it. */
typedef enum use {
    USE_PLAIN,
    USE_BIASED,       /* the convolution has a bias */
    USE_FOLDED,       /* and a batch norm folded into it, whose nodes lie between */
    USE_LINEAR,       /* no activation at all */
    USE_LEAKY,        /* the convolution's is leaky */
    USE_TANH,         /* or one that oneDNN is not asked to fuse */
    USE_PITCHED,      /* it reads the first channels of a longer concat */
    USE_LAST,         /* it reads the longest of the concats that lie in one */
    USE_LATE,         /* others need memory before the convolution runs */
    USE_KEPT,         /* its value is kept */
    USE_TWO_READERS,  /* another convolution reads it */
    USE_READ_TWICE,   /* the result is added to it */
    USE_TRAINING,     /* it normalises with the batch's statistics */
    USE_CONDITIONAL,  /* each sample has gains of its own */
    USE_MOVED,        /* another one with its statistics moves them before the convolution runs */
    USE_MOVED_AFTER,  /* or after it */
    USE_TRAINED,      /* the convolution is trained */
    USE_WIDE,         /* 3x3 */
    USE_STRIDED,      /* every other pixel */
    USE_PADDED,       /* a border of zeros, which are not normalised */
    USE_POOLED,       /* a pool of averages reads it */
    USE_MAX_POOLED,   /* one of maxima, whose windows overlap and hang over the edge */
    USE_POOL_PITCHED, /* a pool, of the first channels of a longer concat */
    USE_POOL_TRAINED  /* a pool that runs backward */
} use;

typedef struct chain {
    const char *name;
    int batch, channels, out, height, width;
    use use;
    bool absorbed; /* on the CPU, with THREADS threads; by convolutions in fp32 only */
} chain;

static const chain chains[] = {
    {"whole blocks", 4, 32, 16, 8, 8, USE_PLAIN, true},
    {"odd blocks", 4, 24, 40, 7, 5, USE_PLAIN, true},
    {"prime numbers", 4, 17, 11, 5, 3, USE_PLAIN, true},
    {"many channels", 4, 200, 128, 7, 7, USE_PLAIN, true},
    {"more channels than one pass sums up", 2, 1024, 512, 2, 3, USE_PLAIN, true},
    {"many pixels", 2, 64, 128, 56, 56, USE_PLAIN, true},
    {"one pixel", 2, 16, 8, 1, 1, USE_PLAIN, true},
    {"as few channels as have blocks", 2, 8, 8, 4, 4, USE_PLAIN, true},
    {"channels without blocks in", 4, 7, 16, 4, 4, USE_PLAIN, false},
    {"channels without blocks out", 4, 16, 7, 4, 4, USE_PLAIN, false},
    {"one sample", 1, 24, 40, 7, 5, USE_PLAIN, false},
    {"a sample too many", 3, 24, 40, 7, 5, USE_PLAIN, false},
    {"a sample more than many", 17, 24, 40, 7, 5, USE_PLAIN, true},
    {"bias", 4, 24, 40, 7, 5, USE_BIASED, true},
    {"folded norm", 4, 24, 40, 7, 5, USE_FOLDED, true},
    {"no activation", 4, 24, 40, 7, 5, USE_LINEAR, true},
    {"leaky relu", 4, 24, 40, 7, 5, USE_LEAKY, true},
    {"tanh", 4, 24, 40, 7, 5, USE_TANH, false},
    {"first channels of whole blocks", 4, 32, 16, 6, 6, USE_PITCHED, true},
    {"first channels of odd blocks", 4, 24, 40, 7, 5, USE_PITCHED, true},
    {"last concat", 4, 24, 40, 7, 5, USE_LAST, true},
    {"others in between", 4, 24, 40, 7, 5, USE_LATE, true},
    {"kept", 4, 24, 40, 7, 5, USE_KEPT, false},
    {"two readers", 4, 24, 40, 7, 5, USE_TWO_READERS, false},
    {"read twice", 4, 24, 24, 7, 5, USE_READ_TWICE, false},
    {"training", 4, 24, 40, 7, 5, USE_TRAINING, false},
    {"conditional", 4, 24, 40, 7, 5, USE_CONDITIONAL, false},
    {"statistics moved", 4, 24, 40, 7, 5, USE_MOVED, false},
    {"statistics moved afterwards", 4, 24, 40, 7, 5, USE_MOVED_AFTER, true},
    {"trained", 4, 24, 40, 7, 5, USE_TRAINED, false},
    {"3x3", 4, 24, 40, 7, 5, USE_WIDE, false},
    {"stride", 4, 24, 40, 7, 5, USE_STRIDED, false},
    {"padding", 4, 24, 40, 7, 5, USE_PADDED, false},
    {"average pool", 3, 24, 40, 8, 6, USE_POOLED, true},
    {"average pool of odd sides", 4, 17, 40, 7, 5, USE_POOLED, true},
    {"average pool without blocks", 4, 5, 40, 8, 6, USE_POOLED, true},
    {"max pool", 4, 24, 40, 7, 5, USE_MAX_POOLED, true},
    {"max pool of many pixels", 2, 16, 40, 40, 30, USE_MAX_POOLED, true},
    {"max pool of one pixel", 1, 24, 40, 1, 1, USE_MAX_POOLED, true},
    {"pool of first channels", 4, 24, 40, 8, 6, USE_POOL_PITCHED, true},
    {"pool, trained", 4, 24, 40, 8, 6, USE_POOL_TRAINED, false},
};
enum { CHAINS = sizeof chains / sizeof chains[0] };

typedef struct recorded {
    net *n;
    nn_t norm, out, loss;
    step *s;
} recorded;

static bool is_pitched(const chain *k)
{
    return k->use == USE_PITCHED || k->use == USE_POOL_PITCHED;
}

static nn_t normed(net *n, const chain *k, nn_t x, nn_t images)
{
    batch_norm_opts o = {.name = "norm",
                         .training = k->use == USE_TRAINING,
                         .act = k->use == USE_LINEAR ? ACT_NONE : ACT_RELU};
    if (k->use != USE_CONDITIONAL) return nn_batch_norm(n, x, o);
    nn_t rows = nn_global_pool(n, images, GLOBAL_AVERAGE);
    nn_t gain = nn_linear(n, rows, (linear_opts){.name = "gain", .out = k->channels});
    return nn_conditional_batch_norm(n, x, gain, gain, o);
}

static bool pools(const chain *k)
{
    return k->use >= USE_POOLED;
}

static bool trains(const chain *k)
{
    return k->use == USE_TRAINED || k->use == USE_POOL_TRAINED;
}

static nn_t convolved(net *n, const chain *k, nn_t x)
{
    conv_opts o = {.name = "conv", .out = k->out, .k = 1, .bias = k->use == USE_BIASED, .act = ACT_RELU};
    if (k->use == USE_LINEAR || k->use == USE_FOLDED) o.act = ACT_NONE;
    if (k->use == USE_LEAKY) o.act = ACT_LEAKY_RELU;
    if (k->use == USE_TANH) o.act = ACT_TANH;
    if (k->use == USE_WIDE) o.k = 3;
    if (k->use == USE_STRIDED) o.stride = 2;
    if (k->use == USE_PADDED) o.pad = 1;
    if (k->use == USE_MAX_POOLED) return nn_pool(n, x, POOL_MAX, 3, 2, 1);
    if (pools(k)) return nn_pool(n, x, POOL_AVERAGE, 2, 2, 0);
    if (k->use == USE_FOLDED)
        return nn_conv_norm(n, x, o, (batch_norm_opts){.name = "after", .act = ACT_RELU});
    return nn_conv(n, x, o);
}

/* A scalar that depends on all of `out`. */
static nn_t loss_of(net *n, const chain *k, nn_t out)
{
    nn_t logit =
        nn_linear(n, nn_global_pool(n, out, GLOBAL_AVERAGE), (linear_opts){.name = "logit", .out = 1});
    nn_t other = nn_input(n, "other", nn_shape(2, k->batch, 1));
    return nn_binary_cross_entropy(n, logit, other);
}

static nn_t convolved3(net *n, nn_t x, const char *name, int out)
{
    return nn_conv(n, x, (conv_opts){.name = name, .out = out, .k = 3});
}

/* A concat of k->channels if something is special about that, and what is added to it to make a longer one.
 */
static nn_t features(net *n, const chain *k, nn_t images, nn_t *more)
{
    enum { MORE = 12, LEAST = 3 };
    if (!is_pitched(k) && k->use != USE_LAST) return *more = convolved3(n, images, "stem", k->channels);
    *more = convolved3(n, images, "more", MORE);
    nn_t parts[] = {convolved3(n, images, "first", k->channels - MORE - LEAST), images, *more};
    nn_t part = nn_concat(n, parts, k->use == USE_LAST ? 2 : 3, 1);
    return k->use == USE_LAST ? nn_concat(n, (nn_t[]){part, *more}, 2, 1) : part;
}

static void record(recorded *r, const chain *k, nn_t images)
{
    net *n = r->n;
    nn_t more, x = features(n, k, images, &more), moved = x;
    const batch_norm_opts moving = {.name = "norm", .training = true};
    r->norm = normed(n, k, x, images);
    if (k->use == USE_MOVED) moved = nn_batch_norm(n, moved, moving);
    if (k->use == USE_LATE) more = convolved3(n, images, "between", k->channels);
    r->out = convolved(n, k, r->norm);
    if (k->use == USE_LATE) r->out = nn_concat(n, (nn_t[]){r->out, more}, 2, 1);
    if (is_pitched(k)) {
        nn_t longer = nn_concat(n, (nn_t[]){x, more}, 2, 1);
        if (k->use == USE_POOL_PITCHED) longer = nn_pool(n, longer, POOL_AVERAGE, 2, 2, 0);
        r->out = nn_concat(n, (nn_t[]){r->out, longer}, 2, 1);
    }
    if (k->use == USE_MOVED_AFTER) moved = nn_batch_norm(n, moved, moving);
    if (k->use == USE_MOVED || k->use == USE_MOVED_AFTER)
        r->out = nn_concat(n, (nn_t[]){r->out, moved}, 2, 1);
    if (k->use == USE_TWO_READERS) {
        nn_t other = nn_conv(n, r->norm, (conv_opts){.name = "other", .out = 8, .k = 1});
        r->out = nn_concat(n, (nn_t[]){r->out, other}, 2, 1);
    }
    if (k->use == USE_READ_TWICE) r->out = nn_add(n, r->out, r->norm);
    r->loss = loss_of(n, k, r->out);
}

/* Statistics and gains that are not what they are at first: variances around `spread`, the rest around zero.
 */
static void set_parameters(net *n, float spread)
{
    for (int i = 0; i < net_parameter_count(n); i++) {
        const char *name = net_parameter_name(n, i);
        nn_shape_t shape = net_parameter_shape(n, i);
        if (shape.rank != 1) continue;
        float values[1024];
        size_t count = nn_count(&shape);
        cr_assert_leq(count, sizeof values / sizeof values[0]);
        rng_fill_normal(rng_key(7, name), 0, values, count);
        if (strstr(name, "running_var"))
            for (size_t j = 0; j < count; j++) values[j] = spread * (0.2F + values[j] * values[j]);
        ASSERT_OK(net_set_parameter(n, name, values));
    }
}

static void set_input(net *n, nn_t x)
{
    nn_shape_t shape = nn_shape_of(n, x);
    float *values = calloc(nn_count(&shape), sizeof *values);
    cr_assert(values);
    rng_fill_normal(1, (uint64_t)x.id, values, nn_count(&shape));
    ASSERT_OK(nn_set(n, x, values));
    free(values);
}

/* keep_norm: it runs by itself. */
static recorded open_chain(nn_device device, const chain *k, bool keep_norm)
{
    recorded r;
    ASSERT_OK(net_open(device, 3, &r.n));
    nn_t images = nn_input(r.n, "images", nn_shape(4, k->batch, IMAGE_CHANNELS, k->height, k->width));
    record(&r, k, images);
    nn_t keep[] = {trains(k) ? r.loss : r.out, r.out, r.norm};
    bool kept = keep_norm || k->use == USE_KEPT;
    ASSERT_OK(net_compile(r.n, keep, kept ? 3 : 2, trains(k) ? "" : NULL, &r.s));
    set_input(r.n, images);
    for (int id = 0; id < r.n->n_nodes; id++)
        if (r.n->nodes[id]->op == OP_INPUT && id != images.id && trains(k)) set_input(r.n, (nn_t){id});
    return r;
}

static bool is_absorbed(const recorded *r)
{
    return r->s->nodes[r->norm.id].absorber != NULL;
}

/* The output of a second run, which must not depend on what the first one left but for statistics that move;
 * the caller frees. */
static float *output(const recorded *r, float spread, size_t *floats)
{
    nn_shape_t shape = nn_shape_of(r->n, r->out);
    *floats = nn_count(&shape);
    float *out = calloc(*floats, sizeof *out);
    cr_assert(out);
    set_parameters(r->n, spread);
    for (uint64_t t = 0; t < 2; t++) ASSERT_OK(step_run(r->s, t));
    ASSERT_OK(nn_get(r->s, r->out, out));
    return out;
}

typedef struct comparison {
    bool same;
    double error;
} comparison;

static comparison compare(const recorded *a, const recorded *b)
{
    size_t n;
    float *x = output(a, 1, &n), *y = output(b, 1, &n);
    comparison c = {memcmp(x, y, n * sizeof *x) == 0, relative_error(x, y, n)};
    free(x);
    free(y);
    return c;
}

static bool absorbs(nn_device device, const chain *k)
{
    return k->absorbed && device.backend == &be_cpu && (device.precision == NN_FP32 || pools(k));
}

/* Which ones are absorbed, and that it changes no digit. */
TEST_ON_DEVICES(absorbing, changes_no_digit)
{
    omp_set_num_threads(THREADS);
    for (int k = 0; k < CHAINS; k++) {
        recorded own = open_chain(device, &chains[k], true), r = open_chain(device, &chains[k], false);
        comparison c = compare(&r, &own);
        cr_expect_not(is_absorbed(&own));
        cr_expect_eq(is_absorbed(&r), absorbs(device, &chains[k]), "%s on %s", chains[k].name,
                     device_text(device));
        cr_expect_eq(r.s->nodes[r.norm.id].c.pitch.in > 0,
                     is_pitched(&chains[k]) && device.backend == &be_cpu, "%s on %s", chains[k].name,
                     device_text(device));
        cr_expect(c.same, "%s on %s: off by %g", chains[k].name, device_text(device), c.error);
        net_close(own.n);
        net_close(r.n);
    }
}

Test(absorbing, gives_what_the_reference_gives)
{
    omp_set_num_threads(THREADS);
    for (int k = 0; k < CHAINS; k++) {
        recorded r = open_chain(nn_on(&be_cpu), &chains[k], false),
                 reference = open_chain(nn_on(&be_ref), &chains[k], true);
        comparison c = compare(&r, &reference);
        cr_expect_leq(c.error, 1e-5, "%s: off by %g", chains[k].name, c.error);
        net_close(r.n);
        net_close(reference.n);
    }
}

/* Some numbers of threads divide the batch, others do not: there the whole batch is convolved at once. */
Test(absorbing, does_not_depend_on_threads)
{
    enum { MOST = 4 };
    for (int k = 0; k < CHAINS; k++) {
        omp_set_num_threads(1);
        recorded one = open_chain(nn_on(&be_cpu), &chains[k], false);
        for (int threads = 2; threads <= MOST; threads++) {
            omp_set_num_threads(threads);
            recorded many = open_chain(nn_on(&be_cpu), &chains[k], false);
            comparison c = compare(&many, &one);
            cr_expect(c.same, "%s with %d threads: off by %g", chains[k].name, threads, c.error);
            net_close(many.n);
        }
        net_close(one.n);
    }
}

/* A value that is kept is there, whoever else could have done without it. */
TEST_ON_DEVICES(absorbing, leaves_what_is_kept)
{
    for (int k = 0; k < CHAINS; k++) {
        if (chains[k].use != USE_KEPT) continue;
        recorded r = open_chain(device, &chains[k], false),
                 reference = open_chain(nn_on(&be_ref), &chains[k], false);
        nn_shape_t shape = nn_shape_of(r.n, r.norm);
        size_t n = nn_count(&shape), floats;
        float *value = calloc(n, sizeof *value), *expected = calloc(n, sizeof *expected);
        cr_assert(value && expected);
        free(output(&r, 1, &floats));
        free(output(&reference, 1, &floats));
        ASSERT_OK(nn_get(r.s, r.norm, value));
        ASSERT_OK(nn_get(reference.s, reference.norm, expected));
        cr_expect_leq(relative_error(value, expected, n), device.precision == NN_FP32 ? 1e-5 : 0.05, "%s",
                      device_text(device));
        free(value);
        free(expected);
        net_close(r.n);
        net_close(reference.n);
    }
}

/* Every element of the output is stored, and zero where it is padding. */
Test(absorbing, leaves_padding_zero)
{
    omp_set_num_threads(THREADS);
    for (int k = 0; k < CHAINS; k++) {
        size_t real, all, others = 0;
        recorded r = open_chain(nn_on(&be_cpu), &chains[k], false);
        nn_shape_t shape = nn_shape_of(r.n, r.out);
        float *memory = r.s->nodes[r.out.id].memory;
        all = r.n->i->value_bytes(r.n->b, &shape, false) / sizeof *memory;
        ASSERT_OK(r.n->i->fill(r.n->b, memory, all, NAN));
        free(output(&r, 1, &real));
        for (size_t i = 0; i < all; i++) others += memory[i] != 0;
        cr_expect_leq(others, real, "%s", chains[k].name);
        net_close(r.n);
    }
}

/* Fewer threads than were there when it was compiled do its work, too. */
Test(absorbing, runs_on_fewer_threads_than_planned)
{
    const chain *k = &chains[1];
    omp_set_num_threads(4);
    recorded r = open_chain(nn_on(&be_cpu), k, false), own = open_chain(nn_on(&be_cpu), k, true);
    cr_expect(is_absorbed(&r));
    omp_set_dynamic(1);
    comparison c = compare(&r, &own);
    cr_expect(c.same, "off by %g", c.error);
    net_close(r.n);
    net_close(own.n);
}

/* Parameters that change between two runs are read again. */
Test(absorbing, follows_the_parameters)
{
    omp_set_num_threads(THREADS);
    for (int k = 0; k < CHAINS; k++) {
        size_t n;
        recorded r = open_chain(nn_on(&be_cpu), &chains[k], false);
        if (!is_absorbed(&r)) {
            net_close(r.n);
            continue;
        }
        recorded reference = open_chain(nn_on(&be_ref), &chains[k], false);
        float *before = output(&r, 1, &n), *after = output(&r, 3, &n), *expected = output(&reference, 3, &n);
        cr_expect_leq(relative_error(after, expected, n), 1e-5, "%s", chains[k].name);
        cr_expect_gt(relative_error(before, expected, n), 1e-3, "%s", chains[k].name);
        free(before);
        free(after);
        free(expected);
        net_close(r.n);
        net_close(reference.n);
    }
}

/* Where the batch norm runs by itself there is a copy of the whole batch, here one of a sample. */
Test(absorbing, takes_no_memory_for_the_normalised)
{
    enum { SAMPLES = 16, CHANNELS = 64, SIDE = 16 };
    const chain absorbed = {"absorbed", SAMPLES, CHANNELS, 16, SIDE, SIDE, USE_PLAIN, true},
                alone = {"by itself", SAMPLES, CHANNELS, 16, SIDE, SIDE, USE_TANH, false};
    omp_set_num_threads(1);
    recorded a = open_chain(nn_on(&be_cpu), &absorbed, false), b = open_chain(nn_on(&be_cpu), &alone, false);
    size_t sample = (size_t)CHANNELS * SIDE * SIDE * sizeof(float);
    cr_expect(is_absorbed(&a));
    cr_expect_lt(step_bytes(a.s) + (SAMPLES - 2) * sample, step_bytes(b.s), "%zu %zu", step_bytes(a.s),
                 step_bytes(b.s));
    net_close(a.n);
    net_close(b.n);
}

/* Each replica has its share of the batch and one thread. */
Test(absorbing, works_with_replicas)
{
    for (int r = 0; r < SEVERAL; r++)
        for (int k = 0; k < CHAINS; k++) {
            if (chains[k].batch % several[r].replicas != 0) continue;
            recorded many = open_chain(several[r], &chains[k], false),
                     one = open_chain(single(several[r]), &chains[k], false);
            comparison c = compare(&many, &one);
            cr_expect_leq(c.error, 1e-5, "%s on %d of %s: off by %g", chains[k].name, several[r].replicas,
                          several[r].backend->name, c.error);
            net_close(many.n);
            net_close(one.n);
        }
}
