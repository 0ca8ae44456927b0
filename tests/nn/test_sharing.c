/* Concats that begin with concats share memory, and batch norms of them are computed twice: every step must
 * be what it is where nothing is shared. */
#include "base/rng.h"
#include "nn/step.h"
#include "tests/nn/devices.h"
#include "tests/nn/replicas.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 4, SIDE = 6, CLASSES = 3, NODES = 256 };

/* What else happens to the features in the middle of the block. */
typedef enum use {
    USE_PLAIN,
    USE_KEPT,           /* net_compile keeps them */
    USE_LAST_KEPT,      /* and this: those at the end */
    USE_TWO_NORMS,      /* a second batch norm reads them, at once */
    USE_LATE_NORM,      /* one reads them after the block: its gradient comes before the longer concat's */
    USE_TWO_CONCATS,    /* a second concat begins with them, too */
    USE_TWO_CHAINS,     /* and a third with the second: another block */
    USE_CONVOLVED,      /* a convolution reads them as they are */
    USE_TWICE,          /* a concat of them and them */
    USE_SECOND,         /* they are the second of a concat */
    USE_LAST_SUM,       /* the last ones are an addend beside an early one */
    USE_RUNNING,        /* all batch norms use their running statistics */
    USE_LOGITS_TRAINED, /* no gradient passes through them */
    USE_LAYER_TRAINED   /* gradients of the second layer alone */
} use;

typedef struct block {
    const char *name;
    int channels, growth, layers;
    use use;
} block;

static const block blocks[] = {
    {"whole blocks of channels", 16, 16, 4, USE_PLAIN},
    {"half blocks", 16, 8, 5, USE_PLAIN},
    {"a half block first", 8, 16, 3, USE_PLAIN},
    {"odd numbers", 12, 12, 5, USE_PLAIN},
    {"prime numbers", 17, 3, 4, USE_PLAIN},
    {"few channels", 3, 1, 3, USE_PLAIN},
    {"few to many channels", 3, 3, 4, USE_PLAIN},
    {"one layer", 16, 8, 1, USE_PLAIN},
    {"two layers", 16, 8, 2, USE_PLAIN},
    {"kept", 16, 8, 4, USE_KEPT},
    {"the last one kept", 16, 12, 4, USE_LAST_KEPT},
    {"two norms", 16, 16, 4, USE_TWO_NORMS},
    {"two norms, half blocks", 8, 8, 5, USE_TWO_NORMS},
    {"a late norm", 16, 8, 4, USE_LATE_NORM},
    {"two concats", 16, 8, 4, USE_TWO_CONCATS},
    {"two chains", 16, 16, 4, USE_TWO_CHAINS},
    {"two chains, half blocks", 8, 8, 4, USE_TWO_CHAINS},
    {"convolved", 16, 8, 4, USE_CONVOLVED},
    {"twice", 16, 8, 4, USE_TWICE},
    {"the second", 16, 8, 4, USE_SECOND},
    {"a sum", 16, 16, 4, USE_LAST_SUM},
    {"running statistics", 16, 12, 4, USE_RUNNING},
    {"only what follows trained", 16, 8, 4, USE_LOGITS_TRAINED},
    {"one layer trained", 16, 8, 4, USE_LAYER_TRAINED},
};
enum { BLOCKS = sizeof blocks / sizeof blocks[0] };

typedef struct dense {
    net *n;
    nn_t images, classes, middle, last, loss;
    step *s;
} dense;

static nn_t normed(net *n, nn_t x, const char *name, bool training)
{
    return nn_batch_norm(n, x, (batch_norm_opts){.name = name, .training = training, .act = ACT_RELU});
}

static nn_t pooled_logits(net *n, nn_t x, const char *name)
{
    nn_enter(n, "logits");
    nn_t logits =
        nn_linear(n, nn_global_pool(n, x, GLOBAL_AVERAGE), (linear_opts){.name = name, .out = CLASSES});
    nn_leave(n);
    return logits;
}

/* BN-ReLU-conv adds channels to x. */
static nn_t dense_layer(net *n, nn_t x, int growth, bool training)
{
    nn_t h = nn_conv(n, normed(n, x, "norm", training), (conv_opts){.name = "conv", .out = growth, .k = 3});
    return nn_concat(n, (nn_t[]){x, h}, 2, 1);
}

/* What the middle is used for at once; logits to add. */
static nn_t use_middle(net *n, const block *k, nn_t x, nn_t logits)
{
    nn_t other = x;
    switch (k->use) {
    case USE_TWO_NORMS:
        other = nn_batch_norm(n, x, (batch_norm_opts){.name = "other", .training = true, .epsilon = 0.1F});
        break;
    case USE_TWO_CONCATS:
    case USE_TWO_CHAINS:
        other = dense_layer(n, x, k->growth, true);
        nn_enter(n, "branch");
        if (k->use == USE_TWO_CHAINS) other = dense_layer(n, other, k->growth, true);
        nn_leave(n);
        break;
    case USE_CONVOLVED:
        other = nn_conv(n, x, (conv_opts){.name = "other", .out = 8, .k = 1});
        break;
    case USE_TWICE:
        other = nn_concat(n, (nn_t[]){x, x}, 2, 1);
        break;
    case USE_SECOND:
        other = nn_concat(n, (nn_t[]){normed(n, x, "other", true), x}, 2, 1);
        break;
    default:
        return logits;
    }
    return nn_add(n, logits, pooled_logits(n, other, "middle"));
}

/* `early` is what the sum's other addend has been made of before. */
static nn_t use_last(net *n, const block *k, nn_t middle, nn_t early, nn_t x, nn_t logits)
{
    if (k->use == USE_LATE_NORM)
        logits = nn_add(n, logits, pooled_logits(n, normed(n, middle, "late", true), "late"));
    if (k->use == USE_LAST_SUM) x = nn_activation(n, nn_add(n, x, early), ACT_RELU);
    return nn_add(n, logits, pooled_logits(n, normed(n, x, "last", k->use != USE_RUNNING), "last"));
}

static void record(dense *d, const block *k)
{
    net *n = d->n;
    bool training = k->use != USE_RUNNING;
    d->images = nn_input(n, "images", nn_shape(4, BATCH, 2, SIDE, SIDE));
    d->classes = nn_input(n, "classes", nn_shape(2, BATCH, CLASSES));
    nn_t x = nn_conv(n, d->images, (conv_opts){.name = "stem", .out = k->channels, .k = 3});
    nn_t logits = pooled_logits(n, x, "first");
    nn_t early = nn_conv(n, d->images,
                         (conv_opts){.name = "early", .out = k->channels + k->layers * k->growth, .k = 1});
    for (int layer = 0; layer < k->layers; layer++) {
        nn_enter(n, "layer%d", layer);
        x = dense_layer(n, x, k->growth, training);
        nn_leave(n);
        if (layer != (k->layers - 1) / 2) continue;
        d->middle = x;
        logits = use_middle(n, k, x, logits);
    }
    d->last = x;
    logits = use_last(n, k, d->middle, early, x, logits);
    d->loss = nn_softmax_cross_entropy(n, logits, d->classes);
}

/* keep_all: no value shares memory. */
static dense dense_open(nn_device device, const block *k, bool keep_all)
{
    dense d;
    ASSERT_OK(net_open(device, 3, &d.n));
    record(&d, k);
    nn_t keep[NODES] = {d.loss};
    int count = 1;
    if (k->use == USE_KEPT) keep[count++] = d.middle;
    if (k->use == USE_LAST_KEPT) keep[count++] = d.last;
    cr_assert_lt(d.loss.id, NODES - 3);
    for (int id = 0; keep_all && id < d.loss.id; id++) keep[count++] = (nn_t){id};
    const char *scope = k->use == USE_LOGITS_TRAINED  ? "logits/"
                        : k->use == USE_LAYER_TRAINED ? "layer1/"
                                                      : "";
    ASSERT_OK(net_compile(d.n, keep, count, scope, &d.s));
    float images[BATCH * 2 * SIDE * SIDE], classes[BATCH * CLASSES] = {0};
    rng_fill_normal(1, 0, images, BATCH * 2 * SIDE * SIDE);
    for (int b = 0; b < BATCH; b++) classes[b * CLASSES + b % CLASSES] = 1;
    ASSERT_OK(nn_set(d.n, d.images, images));
    ASSERT_OK(nn_set(d.n, d.classes, classes));
    return d;
}

/* The gradients of all parameters that have one, and the states, end to end; the caller frees. */
static float *results(const dense *d, size_t *floats)
{
    *floats = 0;
    for (int i = 0; i < net_parameter_count(d->n); i++) {
        nn_shape_t shape = net_parameter_shape(d->n, i);
        *floats += nn_count(&shape);
    }
    float *all = calloc(*floats, sizeof *all), *at = all;
    cr_assert(all);
    for (int i = 0; i < net_parameter_count(d->n); i++) {
        const char *name = net_parameter_name(d->n, i);
        nn_shape_t shape = net_parameter_shape(d->n, i);
        if (strstr(name, ".running_"))
            ASSERT_OK(net_get_parameter(d->n, name, at));
        else if (net_get_gradient(d->n, name, at) != OK)
            memset(at, 0, nn_count(&shape) * sizeof *at);
        at += nn_count(&shape);
    }
    return all;
}

static double apart(const float *a, const float *b, size_t n)
{
    double difference = 0, length = 0;
    for (size_t i = 0; i < n; i++) {
        difference += pow((double)a[i] - (double)b[i], 2);
        length += pow((double)b[i], 2);
    }
    return sqrt(difference / length);
}

/* Runs both twice, since a step must not depend on what the last one left; how far the results are apart. */
static double runs_apart(const dense *a, const dense *b, bool *same)
{
    size_t n;
    for (uint64_t t = 0; t < 2; t++) {
        ASSERT_OK(step_run(a->s, t));
        ASSERT_OK(step_run(b->s, t));
    }
    float *x = results(a, &n), *y = results(b, &n);
    double distance = apart(x, y, n);
    *same = memcmp(x, y, n * sizeof *x) == 0;
    free(x);
    free(y);
    return distance;
}

TEST_ON_DEVICES(sharing, changes_no_digit)
{
    for (int k = 0; k < BLOCKS; k++) {
        bool same;
        dense shared = dense_open(device, &blocks[k], false), kept = dense_open(device, &blocks[k], true);
        double distance = runs_apart(&shared, &kept, &same);
        cr_expect(same, "%s on %s: off by %g", blocks[k].name, device_text(device), distance);
        net_close(shared.n);
        net_close(kept.n);
    }
}

/* As step_tolerance in test_net.c. */
static double tolerance(nn_precision p)
{
    return p == NN_FP32 ? 1e-4 : sqrt(8 * (p == NN_TF32 ? 0x1p-11 : 0x1p-9));
}

TEST_ON_DEVICES(sharing, gives_what_the_reference_gives)
{
    for (int k = 0; k < BLOCKS; k++) {
        bool same;
        dense shared = dense_open(device, &blocks[k], false),
              reference = dense_open(nn_on(&be_ref), &blocks[k], true);
        double distance = runs_apart(&shared, &reference, &same);
        cr_expect_leq(distance, tolerance(device.precision), "%s on %s: off by %g", blocks[k].name,
                      device_text(device), distance);
        net_close(shared.n);
        net_close(reference.n);
    }
}

/* Values that are kept can be read, though what they are part of is shared. */
TEST_ON_DEVICES(sharing, leaves_what_is_kept)
{
    for (int k = 0; k < BLOCKS; k++) {
        if (blocks[k].use != USE_KEPT && blocks[k].use != USE_LAST_KEPT) continue;
        static float value[BATCH * 128 * SIDE * SIDE], expected[BATCH * 128 * SIDE * SIDE];
        bool same;
        dense shared = dense_open(device, &blocks[k], false), kept = dense_open(device, &blocks[k], true);
        (void)runs_apart(&shared, &kept, &same);
        nn_t x = blocks[k].use == USE_KEPT ? shared.middle : shared.last;
        nn_shape_t shape = nn_shape_of(shared.n, x);
        cr_assert_leq(nn_count(&shape), sizeof value / sizeof value[0]);
        ASSERT_OK(nn_get(shared.s, x, value));
        ASSERT_OK(nn_get(kept.s, x, expected));
        cr_expect_arr_eq(value, expected, nn_count(&shape) * sizeof *value, "%s", blocks[k].name);
        net_close(shared.n);
        net_close(kept.n);
    }
}

/* Replicas add up in another order: fp32 as between two backends. */
Test(sharing, works_with_replicas)
{
    for (int r = 0; r < SEVERAL; r++)
        for (int k = 0; k < BLOCKS; k++) {
            bool same;
            dense many = dense_open(several[r], &blocks[k], false),
                  one = dense_open(single(several[r]), &blocks[k], false);
            double distance = runs_apart(&many, &one, &same);
            cr_expect_leq(distance, 1e-5, "%s on %d of %s: off by %g", blocks[k].name, several[r].replicas,
                          several[r].backend->name, distance);
            net_close(many.n);
            net_close(one.n);
        }
}

/* A long block: less than all its concats have together. Without sharing their normalised copies come to the
 * same again. */
Test(sharing, takes_memory_in_proportion_to_the_layers)
{
    const block k = {"long", 16, 16, 16, USE_PLAIN};
    dense d = dense_open(nn_on(&be_cpu), &k, false);
    size_t channels = 0, pixels = (size_t)BATCH * SIDE * SIDE;
    for (int layer = 1; layer <= k.layers; layer++) channels += (size_t)(k.channels + layer * k.growth);
    cr_expect_lt(step_bytes(d.s), channels * pixels * sizeof(float));
    net_close(d.n);
}
