/* Optimizers against torch.optim (tests/golden/nn_make.py) and closed forms. */
#include "nn/backend.h"
#include "nn/safetensors.h"
#include "tests/nn/devices.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIRST = 7, SECOND = 13, STEPS = 6 };

/* Two parameters whose gradients are the inputs: L = a . x + b . y. */
typedef struct toy {
    net *n;
    nn_t x, y;
    step *s;
    optimizer *o;
} toy;

static toy toy_open(nn_device device, optimizer_opts options)
{
    toy t = {0};
    cr_assert_eq(net_open(device, 1, &t.n), OK, "%s", err_message());
    nn_t a = nn_parameter(t.n, "S/a", nn_shape(2, 1, FIRST), (init_opts){0});
    nn_t b = nn_parameter(t.n, "S/b", nn_shape(2, 1, SECOND), (init_opts){0});
    t.x = nn_input(t.n, "x", nn_shape(2, 1, FIRST));
    t.y = nn_input(t.n, "y", nn_shape(2, 1, SECOND));
    nn_t loss = nn_add(t.n, nn_row_dot(t.n, a, t.x), nn_row_dot(t.n, b, t.y));
    cr_assert_eq(net_compile(t.n, &loss, 1, "S/", &t.s), OK, "%s", err_message());
    cr_assert_eq(optimizer_open(t.n, "S/", options, &t.o), OK, "%s", err_message());
    return t;
}

static void toy_close(toy *t)
{
    optimizer_close(t->o);
    net_close(t->n);
}

static err toy_step(toy *t, const float *x, const float *y)
{
    cr_assert_eq(nn_set(t->n, t->x, x), OK);
    cr_assert_eq(nn_set(t->n, t->y, y), OK);
    cr_assert_eq(step_run(t->s, 0), OK, "%s", err_message());
    return optimizer_apply(t->o);
}

/* ---- against PyTorch ---- */

static const float *golden(const safetensors *f, const char *run, const char *what, int columns)
{
    char name[NN_NAME_BYTES];
    nn_shape_t shape;
    const float *data;
    (void)snprintf(name, sizeof name, "%s/%s", run, what);
    cr_assert_eq(safetensors_read(f, name, &shape, &data), OK, "%s", err_message());
    cr_assert_eq(shape.d[shape.rank - 1], columns, "%s", name);
    cr_assert(shape.rank == 1 || shape.d[0] == STEPS, "%s", name);
    return data;
}

static void expect_near(toy *t, const char *run, const char *parameter, int update, const float *expected,
                        int n)
{
    float value[SECOND];
    double largest = 0;
    cr_assert_eq(net_get_parameter(t->n, parameter, value), OK, "%s", err_message());
    for (int i = 0; i < n; i++) largest = fmax(largest, fabs(expected[i]));
    for (int i = 0; i < n; i++)
        cr_expect_float_eq(value[i], expected[i], 1e-5 * largest, "%s, %s: %g, not %g, after update %d", run,
                           parameter, value[i], expected[i], update + 1);
}

static void expect_both(toy *t, const safetensors *f, const char *run, const char *what, int update)
{
    char names[2][16];
    for (int k = 0; k < 2; k++) (void)snprintf(names[k], sizeof names[k], "%s%d", what, k);
    expect_near(t, run, "S/a", update, golden(f, run, names[0], FIRST) + update * FIRST, FIRST);
    expect_near(t, run, "S/b", update, golden(f, run, names[1], SECOND) + update * SECOND, SECOND);
}

static void compare_run(nn_device device, const safetensors *f, const char *run, optimizer_opts o)
{
    toy t = toy_open(device, (optimizer_opts){.kind = OPTIMIZER_SGD});
    cr_assert_eq(net_set_parameter(t.n, "S/a", golden(f, run, "start0", FIRST)), OK);
    cr_assert_eq(net_set_parameter(t.n, "S/b", golden(f, run, "start1", SECOND)), OK);
    optimizer_close(t.o); /* an average starts at the values that the parameters have when it is opened */
    cr_assert_eq(optimizer_open(t.n, "S/", o, &t.o), OK, "%s", err_message());
    for (int update = 0; update < STEPS; update++) {
        const float *x = golden(f, run, "gradient0", FIRST) + update * FIRST;
        const float *y = golden(f, run, "gradient1", SECOND) + update * SECOND;
        cr_assert_eq(toy_step(&t, x, y), OK, "%s", err_message());
        expect_both(&t, f, run, "value", update);
        if (o.ema_decay <= 0) continue;
        cr_assert_eq(optimizer_swap_ema(t.o), OK);
        expect_both(&t, f, run, "average", update);
        cr_assert_eq(optimizer_swap_ema(t.o), OK);
    }
    toy_close(&t);
}

static const struct {
    const char *run;
    optimizer_opts o;
} runs[] = {
    {"adam",
     {.kind = OPTIMIZER_ADAM, .learning_rate = 0.02F, .beta1 = 0.5F, .beta2 = 0.999F, .epsilon = 1e-6F}},
    {"adamw",
     {.kind = OPTIMIZER_ADAM,
      .learning_rate = 0.01F,
      .beta1 = 0.9F,
      .beta2 = 0.99F,
      .epsilon = 1e-8F,
      .weight_decay = 0.1F}},
    {"adam_clip_ema",
     {.kind = OPTIMIZER_ADAM,
      .learning_rate = 0.02F,
      .beta1 = 0.9F,
      .beta2 = 0.999F,
      .epsilon = 1e-3F,
      .clip_norm = 2,
      .ema_decay = 0.75F}},
    {"sgd", {.kind = OPTIMIZER_SGD, .learning_rate = 0.1F, .momentum = 0.9F}},
    {"sgd_clip", {.kind = OPTIMIZER_SGD, .learning_rate = 0.1F, .clip_norm = 3}},
};

TEST_ON_DEVICES(optimizers, updates_are_those_of_pytorch)
{
    safetensors *f;
    cr_assert_eq(safetensors_open(TEST_GOLDEN "/nn_optimizers.safetensors", &f), OK, "%s", err_message());
    for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) compare_run(device, f, runs[k].run, runs[k].o);
    safetensors_close(f);
}

/* ---- closed forms ---- */

/* SGD without momentum and gradient: w shrinks by 1 - rate decay a step. */
TEST_ON_DEVICES(optimizers, weight_decay_is_decoupled)
{
    optimizer_opts o = {.kind = OPTIMIZER_SGD, .learning_rate = 0.5F, .weight_decay = 0.25F};
    toy t = toy_open(device, o);
    float zero[SECOND] = {0}, start[FIRST] = {1, -2, 3, -4, 5, -6, 7}, value[FIRST];
    cr_assert_eq(net_set_parameter(t.n, "S/a", start), OK);
    for (int update = 0; update < 3; update++) cr_assert_eq(toy_step(&t, zero, zero), OK);
    cr_assert_eq(net_get_parameter(t.n, "S/a", value), OK);
    for (int i = 0; i < FIRST; i++)
        cr_expect_float_eq(value[i], start[i] * 0.875 * 0.875 * 0.875, 1e-6 * fabsf(start[i]));
    toy_close(&t);
}

/* Adam's first update is rate * sign of the gradient, however large it is. */
TEST_ON_DEVICES(optimizers, the_rate_can_change)
{
    optimizer_opts o = {
        .kind = OPTIMIZER_ADAM, .learning_rate = 1, .beta1 = 0.9F, .beta2 = 0.99F, .epsilon = 1e-12F};
    toy t = toy_open(device, o);
    float x[FIRST] = {1, -2, 3e3F, -4e-3F, 5, -6, 7}, y[SECOND] = {0}, value[FIRST];
    optimizer_set_rate(t.o, 0.125F);
    cr_assert_eq(toy_step(&t, x, y), OK);
    cr_assert_eq(net_get_parameter(t.n, "S/a", value), OK);
    for (int i = 0; i < FIRST; i++) cr_expect_float_eq(value[i], -copysignf(0.125F, x[i]), 1e-6);
    toy_close(&t);
}

/* Where the cosine is known: of 0, 1/6, 1/4, 1/3, 1/2, 2/3, 3/4, 5/6 and 1 times pi. */
Test(optimizers, a_rate_decays_along_half_a_cosine)
{
    const double root2 = 1.4142135623730951, root3 = 1.7320508075688772;
    const double share[] = {1,    (2 + root3) / 4, (2 + root2) / 4, 0.75, 0.5,
                            0.25, (2 - root2) / 4, (2 - root3) / 4, 0};
    const uint64_t at[] = {0, 2, 3, 4, 6, 8, 9, 10, 12};
    const float full = 3e-4F;
    for (int i = 0; i < 9; i++)
        cr_expect_float_eq(cosine_decay(full, at[i], 12), (double)full * share[i], 1e-10, "at %d",
                           (int)at[i]);
    cr_expect_eq(cosine_decay(full, 0, 1), full);
    cr_expect_eq(cosine_decay(full, 12, 12), 0);
    cr_expect_eq(cosine_decay(full, 13, 12), 0, "it stays there");
    cr_expect_eq(cosine_decay(full, 24, 12), 0, "and does not rise again");
}

/* Below the norm, clipping changes nothing; above it, the update has exactly that length. */
TEST_ON_DEVICES(optimizers, clipping_limits_the_norm_of_the_whole_scope)
{
    toy t = toy_open(device, (optimizer_opts){.kind = OPTIMIZER_SGD, .learning_rate = 1, .clip_norm = 5});
    float x[FIRST] = {3}, y[SECOND] = {-3}, a[FIRST], c[SECOND];
    cr_assert_eq(toy_step(&t, x, y), OK);
    cr_assert_eq(net_get_parameter(t.n, "S/a", a), OK);
    cr_assert_eq(net_get_parameter(t.n, "S/b", c), OK);
    cr_expect(a[0] == -3 && c[0] == 3);
    x[0] = 30;
    y[0] = -40;
    cr_assert_eq(toy_step(&t, x, y), OK);
    cr_assert_eq(net_get_parameter(t.n, "S/a", a), OK);
    cr_assert_eq(net_get_parameter(t.n, "S/b", c), OK);
    cr_expect_float_eq(a[0], -6, 1e-5);
    cr_expect_float_eq(c[0], 7, 1e-5);
    toy_close(&t);
}

TEST_ON_DEVICES(optimizers, a_gradient_that_is_not_finite_is_told_and_changes_nothing)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int k = 0; k < 3; k++) {
        toy t = toy_open(device, (optimizer_opts){.kind = OPTIMIZER_SGD, .learning_rate = 1});
        float x[FIRST] = {1}, y[SECOND] = {0}, value[FIRST];
        y[SECOND - 1] = bad[k];
        cr_expect_eq(toy_step(&t, x, y), ERR_DIVERGED);
        cr_expect(strstr(err_message(), "S/"), "%s", err_message());
        cr_assert_eq(net_get_parameter(t.n, "S/a", value), OK);
        cr_expect_eq(value[0], 0);
        toy_close(&t);
    }
}

TEST_ON_DEVICES(optimizers, swapping_the_average_twice_restores_both)
{
    optimizer_opts o = {.kind = OPTIMIZER_SGD, .learning_rate = 1, .ema_decay = 0.5F};
    toy t = toy_open(device, o);
    float x[FIRST] = {1, 2, 3, 4, 5, 6, 7}, y[SECOND] = {0}, value[FIRST], average[FIRST], again[FIRST];
    cr_assert_eq(toy_step(&t, x, y), OK);
    cr_assert_eq(net_get_parameter(t.n, "S/a", value), OK);
    cr_assert_eq(optimizer_swap_ema(t.o), OK);
    cr_assert_eq(net_get_parameter(t.n, "S/a", average), OK);
    for (int i = 0; i < FIRST; i++) cr_expect_eq(average[i], 0.5F * value[i]);
    cr_assert_eq(optimizer_swap_ema(t.o), OK);
    cr_assert_eq(net_get_parameter(t.n, "S/a", again), OK);
    cr_expect_arr_eq(again, value, sizeof value);
    toy_close(&t);
}

Test(optimizers, mistakes)
{
    toy t = toy_open(nn_on(&be_ref), (optimizer_opts){.kind = OPTIMIZER_SGD});
    optimizer *o;
    cr_expect_eq(optimizer_swap_ema(t.o), ERR_INTERNAL);
    cr_expect_eq(optimizer_open(t.n, "T/", (optimizer_opts){0}, &o), ERR_INTERNAL);
    cr_expect_null(o);
    cr_expect(strstr(err_message(), "T/"), "%s", err_message());
    toy_close(&t);
}

/* sum_squares is what clipping and divergence rest on. */
TEST_ON_DEVICES(optimizers, sums_of_squares_are_exact_enough)
{
    enum { COUNT = 100003 };
    static float x[COUNT];
    backend *b;
    void *memory;
    double sum;
    nn_shape_t shape = nn_shape(1, COUNT);
    for (int i = 0; i < COUNT; i++) x[i] = 0.1F;
    cr_assert_eq(device.backend->open(&device, &b), OK);
    cr_assert_eq(device.backend->allocate(b, sizeof x, &memory), OK);
    cr_assert_eq(device.backend->upload(b, &shape, true, x, memory), OK);
    cr_assert_eq(device.backend->sum_squares(b, memory, COUNT, &sum), OK);
    cr_expect_float_eq(sum, COUNT * (double)0.1F * 0.1F, 1e-6, "%s: %.9g", device_text(device), sum);
    device.backend->release(b, memory);
    device.backend->close(b);
}
