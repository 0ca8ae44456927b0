/* Convolutions that store the sum of what they make and of what went round them: values and gradients must be
 * what the reference has, which adds by itself, and where a sum is not theirs to make, they do not. */
#include "base/rng.h"
#include "nn/step.h"
#include "tests/nn/devices.h"
#include "tests/nn/harness.h"
#include "tests/nn/replicas.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { BATCH = 8, CHANNELS = 32, SIDE = 16 };

typedef enum kind {
    USE_PLAIN,
    USE_OTHER_FIRST, /* the sum names the convolution second */
    USE_DOWN,        /* 4x4, stride 2, beside a pool */
    USE_UP,          /* upsampled, with a bias */
    USE_TWO,         /* the sum of two convolutions: the second one can */
    USE_CHAIN,       /* of a sum and a convolution of it */
    USE_KEPT_SUM,    /* whose value is wanted */
    USE_ACTIVATED,   /* the convolution's activation needs its own output */
    USE_LATE,        /* what is added comes after the convolution */
    USE_KEPT,        /* the convolution's value is wanted, too */
    USE_TWO_READERS, /* or read by another */
    USE_TWICE,       /* the sum of it and itself */
    USE_WEIGHTED,    /* twice the other */
    USE_SMALL        /* too few channels for Winograd's way */
} kind;

typedef struct block {
    const char *name;
    kind use;
    bool stored; /* on the CPU in fp32, where its vectors have 16 lanes */
} block;

static const block blocks[] = {
    {"plain", USE_PLAIN, true},
    {"other first", USE_OTHER_FIRST, true},
    {"down", USE_DOWN, true},
    {"up", USE_UP, true},
    {"two convolutions", USE_TWO, true},
    {"chain", USE_CHAIN, true},
    {"kept sum", USE_KEPT_SUM, true},
    {"activated", USE_ACTIVATED, false},
    {"late", USE_LATE, false},
    {"kept", USE_KEPT, false},
    {"two readers", USE_TWO_READERS, false},
    {"twice", USE_TWICE, false},
    {"weighted", USE_WEIGHTED, false},
    {"small", USE_SMALL, false},
};
enum { BLOCKS = sizeof blocks / sizeof blocks[0] };

typedef struct recorded {
    net *n;
    nn_t x, made, sum, loss;
    step *s;
} recorded;

static nn_t conv(net *n, nn_t x, const char *name, int k)
{
    return nn_conv(n, x, (conv_opts){.name = name, .out = nn_shape_of(n, x).d[1], .k = k});
}

/* x, what a convolution makes of it, and their sum, which is returned. */
static nn_t residual(recorded *r, kind use, nn_t x)
{
    net *n = r->n;
    conv_opts o = {.name = "made", .out = nn_shape_of(n, x).d[1], .k = 3};
    nn_t other = x;
    if (use == USE_ACTIVATED) o.act = ACT_RELU;
    if (use == USE_DOWN) {
        o = (conv_opts){.name = "made", .out = CHANNELS, .k = 4, .stride = 2, .pad = 1, .bias = true};
        other = nn_pool(n, x, POOL_AVERAGE, 2, 2, 0);
    }
    if (use == USE_UP) {
        o.upsample = o.bias = true;
        other = nn_upsample(n, conv(n, x, "skip", 1));
    }
    if (use == USE_TWO) other = conv(n, x, "other", 3);
    r->made = nn_conv(n, x, o);
    if (use == USE_LATE) other = conv(n, x, "other", 1);
    if (use == USE_TWICE) other = r->made;
    if (use == USE_OTHER_FIRST) return nn_add(n, other, r->made);
    if (use == USE_WEIGHTED) return nn_weighted_sum(n, (nn_t[]){r->made, other}, (const float[]){1, 2}, 2);
    nn_t sum = nn_add(n, r->made, other);
    if (use == USE_TWO_READERS) sum = nn_concat(n, (nn_t[]){sum, r->made}, 2, 1);
    return use == USE_CHAIN ? nn_add(n, conv(n, nn_activation(n, sum, ACT_RELU), "next", 3), sum) : sum;
}

static recorded open_block(nn_device device, const block *b)
{
    recorded r;
    ASSERT_OK(net_open(device, 3, &r.n));
    net *n = r.n;
    r.x = nn_input(n, "x", nn_shape(4, BATCH, 3, SIDE, SIDE));
    nn_t x = nn_conv(n, r.x, (conv_opts){.name = "stem", .out = b->use == USE_SMALL ? 6 : CHANNELS, .k = 3});
    r.sum = residual(&r, b->use, x);
    nn_t logit =
        nn_linear(n, nn_global_pool(n, r.sum, GLOBAL_AVERAGE), (linear_opts){.name = "logit", .out = 1});
    r.loss = nn_hinge(n, logit, HINGE_REAL);
    nn_t keep[] = {r.loss, b->use == USE_KEPT ? r.made : r.sum};
    bool kept = b->use == USE_KEPT || b->use == USE_KEPT_SUM;
    ASSERT_OK(net_compile(n, keep, kept ? 2 : 1, "", &r.s));
    static float values[BATCH * 3 * SIDE * SIDE];
    rng_fill_normal(1, 2, values, sizeof values / sizeof values[0]);
    ASSERT_OK(nn_set(n, r.x, values));
    for (uint64_t t = 0; t < 2; t++) ASSERT_OK(step_run(r.s, t));
    return r;
}

static void expect_near(const block *b, const char *what, const float *x, const float *y, size_t n)
{
    double error = relative_error(x, y, n);
    cr_expect_leq(error, 1e-5, "%s: %s is off by %g", b->name, what, error);
}

static void compare_values(const block *b, const recorded *x, const recorded *y)
{
    nn_t which = b->use == USE_KEPT ? x->made : x->sum;
    nn_shape_t shape = nn_shape_of(x->n, which);
    float *a = calloc(nn_count(&shape), sizeof *a), *c = calloc(nn_count(&shape), sizeof *c);
    cr_assert(a && c);
    ASSERT_OK(nn_get(x->s, which, a));
    ASSERT_OK(nn_get(y->s, which, c));
    expect_near(b, "the value", a, c, nn_count(&shape));
    free(a);
    free(c);
}

static void compare_gradients(const block *b, const recorded *x, const recorded *y)
{
    for (int i = 0; i < net_parameter_count(x->n); i++) {
        static float a[CHANNELS * CHANNELS * 16], c[CHANNELS * CHANNELS * 16];
        const char *name = net_parameter_name(x->n, i);
        nn_shape_t shape = net_parameter_shape(x->n, i);
        cr_assert_leq(nn_count(&shape), sizeof a / sizeof a[0]);
        ASSERT_OK(net_get_gradient(x->n, name, a));
        ASSERT_OK(net_get_gradient(y->n, name, c));
        expect_near(b, name, a, c, nn_count(&shape));
    }
}

static bool has_wide_vectors(const recorded *r)
{
    nn_shape_t shape = nn_shape(4, 1, 8, 1, 1); /* one vector */
    return r->n->i->value_bytes(r->n->b, &shape, false) == 16 * sizeof(float);
}

Test(residual, gives_what_the_reference_gives)
{
    for (int k = 0; k < BLOCKS; k++) {
        const block *b = &blocks[k];
        recorded fast = open_block(nn_on(&be_cpu), b), reference = open_block(nn_on(&be_ref), b);
        bool kept = b->use == USE_KEPT || b->use == USE_KEPT_SUM;
        if (kept) compare_values(b, &fast, &reference);
        compare_gradients(b, &fast, &reference);
        bool stored = false;
        for (int id = 0; id < fast.s->n_nodes; id++) stored = stored || fast.s->nodes[id].stored;
        cr_expect_eq(stored, b->stored && has_wide_vectors(&fast), "%s", b->name);
        net_close(fast.n);
        net_close(reference.n);
    }
}
