/* Steps of whole nets: what accumulates, what is shared, what a scope means. */
#include "base/rng.h"
#include "nn/internal.h"
#include "tests/nn/devices.h"
#include "tests/nn/model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { D = 10 };

static net *open_net(nn_device device)
{
    net *n;
    cr_assert_eq(net_open(device, 5, &n), OK, "%s", err_message());
    return n;
}

static step *compile(net *n, nn_t loss, const char *scope)
{
    step *s;
    cr_assert_eq(net_compile(n, &loss, 1, scope, &s), OK, "%s", err_message());
    return s;
}

/* L = 2 w.w + 3 a.w + sum(w slice) . b twice: dL/dw = 4 w + 3 a, and b more on both halves. */
TEST_ON_DEVICES(net, gradients_of_several_uses_are_summed)
{
    net *n = open_net(device);
    nn_t w = nn_parameter(n, "S/w", nn_shape(2, 2, D), (init_opts){.kind = INIT_NORMAL});
    nn_t a = nn_input(n, "a", nn_shape(2, 2, D)), b = nn_input(n, "b", nn_shape(2, 1, D));
    nn_t first = nn_slice(n, w, 0, 1), second = nn_slice(n, w, 1, 1);
    nn_t rows[] = {nn_row_dot(n, w, w), nn_row_dot(n, a, w)};
    nn_t row = nn_weighted_sum(n, rows, (float[]){2, 3}, 2);
    nn_t terms[] = {nn_slice(n, row, 0, 1), nn_slice(n, row, 1, 1), nn_row_dot(n, first, b),
                    nn_row_dot(n, b, second)};
    nn_t loss = nn_weighted_sum(n, terms, (float[]){1, 1, 1, 1}, 4);
    step *s = compile(n, loss, "S/");
    float av[2 * D], bv[D], wv[2 * D], gradient[2 * D], value;
    rng_fill_normal(1, 0, av, 2 * D);
    rng_fill_normal(1, 1, bv, D);
    cr_assert_eq(nn_set(n, a, av), OK);
    cr_assert_eq(nn_set(n, b, bv), OK);
    cr_assert_eq(net_get_parameter(n, "S/w", wv), OK);
    double expected = 0;
    for (int i = 0; i < 2 * D; i++) expected += 2.0 * wv[i] * wv[i] + 3.0 * av[i] * wv[i] + bv[i % D] * wv[i];
    for (uint64_t t = 0; t < 2; t++) { /* the second run must not add to the first one's gradient */
        cr_assert_eq(step_run(s, t), OK, "%s", err_message());
        cr_assert_eq(step_loss(s, &value), OK);
        cr_expect_float_eq(value, expected, 1e-5 * fabs(expected));
        cr_assert_eq(net_get_gradient(n, "S/w", gradient), OK);
        for (int i = 0; i < 2 * D; i++)
            cr_expect_float_eq(gradient[i], 4 * wv[i] + 3 * av[i] + bv[i % D], 1e-5, "%s: element %d",
                               device_text(device), i);
    }
    net_close(n);
}

/* L = w . detach(w): what is constant passes no gradient, so that dL/dw = w, where w . w has 2 w. */
TEST_ON_DEVICES(net, no_gradient_goes_through_a_constant)
{
    net *n = open_net(device);
    nn_t w = nn_parameter(n, "S/w", nn_shape(2, 1, D), (init_opts){.kind = INIT_NORMAL});
    step *s = compile(n, nn_row_dot(n, w, nn_detach(n, w)), "S/");
    float wv[D], gradient[D], value;
    double square = 0;
    cr_assert_eq(net_get_parameter(n, "S/w", wv), OK);
    cr_assert_eq(step_run(s, 0), OK, "%s", err_message());
    cr_assert_eq(step_loss(s, &value), OK);
    cr_assert_eq(net_get_gradient(n, "S/w", gradient), OK);
    for (int i = 0; i < D; i++) square += (double)wv[i] * (double)wv[i];
    cr_expect_float_eq(value, square, 1e-5 * square);
    for (int i = 0; i < D; i++) cr_expect_float_eq(gradient[i], wv[i], 1e-6, "element %d", i);
    net_close(n);
}

/* concat(w,w) and w+w: one operator that reads one node twice. */
TEST_ON_DEVICES(net, an_operator_may_read_one_node_twice)
{
    net *n = open_net(device);
    nn_t w = nn_parameter(n, "w", nn_shape(2, 1, D), (init_opts){.kind = INIT_NORMAL});
    nn_t a = nn_input(n, "a", nn_shape(2, 1, 2 * D));
    nn_t twice = nn_concat(n, (nn_t[]){w, w}, 2, 1), sum = nn_add(n, twice, twice);
    step *s = compile(n, nn_row_dot(n, sum, a), "");
    float av[2 * D], gradient[D];
    rng_fill_normal(1, 0, av, 2 * D);
    cr_assert_eq(nn_set(n, a, av), OK);
    cr_assert_eq(step_run(s, 0), OK, "%s", err_message());
    cr_assert_eq(net_get_gradient(n, "w", gradient), OK);
    for (int i = 0; i < D; i++) cr_expect_float_eq(gradient[i], 2 * (av[i] + av[D + i]), 1e-5);
    net_close(n);
}

/* A parameter of the scope that one loss reaches and another does not: its gradient becomes zero. */
Test(net, unreached_parameters_have_no_gradient)
{
    net *n = open_net(nn_on(&be_cpu));
    nn_t w = nn_parameter(n, "S/w", nn_shape(2, 1, D), (init_opts){.kind = INIT_NORMAL});
    nn_t v = nn_parameter(n, "S/v", nn_shape(2, 1, D), (init_opts){.kind = INIT_NORMAL});
    step *both = compile(n, nn_row_dot(n, w, v), "S/"), *one = compile(n, nn_row_dot(n, w, w), "S/");
    float value[D], gradient[D], zero[D] = {0};
    cr_assert_eq(step_run(both, 0), OK);
    cr_assert_eq(net_get_parameter(n, "S/w", value), OK);
    cr_assert_eq(net_get_gradient(n, "S/v", gradient), OK);
    cr_expect_arr_eq(gradient, value, sizeof gradient);
    cr_assert_eq(step_run(one, 0), OK);
    cr_assert_eq(net_get_gradient(n, "S/v", gradient), OK);
    cr_expect_arr_eq(gradient, zero, sizeof gradient);
    net_close(n);
}

/* ---- scopes ---- */

static bool same(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

static bool trains(const char *name, const char *scope)
{
    bool state = strstr(name, ".running_") || strstr(name, "weight.u") || strstr(name, "weight.v");
    return !state && strncmp(name, scope, strlen(scope)) == 0;
}

/* After one update of `scope`, its trainable parameters moved, and no other trainable ones. */
static void expect_only_moved(model *m, const char *scope, const float *before, const float *after)
{
    size_t at = 0;
    for (int i = 0; i < net_parameter_count(m->n); i++) {
        const char *name = net_parameter_name(m->n, i);
        nn_shape_t shape = net_parameter_shape(m->n, i);
        bool moved = !same(before + at, after + at, nn_count(&shape));
        if (trains(name, "D/") || trains(name, "G/"))
            cr_expect_eq(moved, trains(name, scope), "%s %s when %s was updated", name,
                         moved ? "moved" : "stayed", scope);
        at += nn_count(&shape);
    }
}

static void update_one_scope(nn_device device, int which)
{
    static const char *const scopes[] = {"D/", "G/"};
    model m = model_open_on(device, 3, false);
    size_t n;
    model_train(&m, 0, 1);
    float *before = model_parameters(&m, &n), *other = model_gradients(&m, scopes[!which], &n);
    model_feed(&m, 1);
    cr_assert_eq(step_run(which ? m.g : m.d, 1), OK, "%s", err_message());
    cr_assert_eq(optimizer_apply(m.optimizers[which]), OK, "%s", err_message());
    float *after = model_parameters(&m, &n), *other_after = model_gradients(&m, scopes[!which], &n);
    expect_only_moved(&m, scopes[which], before, after);
    cr_expect(same(other, other_after, n), "the step of %s wrote other gradients", scopes[which]);
    free(before);
    free(after);
    free(other);
    free(other_after);
    model_close(&m);
}

TEST_ON_DEVICES(net, a_step_trains_its_scope_only)
{
    update_one_scope(device, 0);
    update_one_scope(device, 1);
}

/* A smooth G behind a smooth D: along the gradient of G's weight the loss must rise by the gradient's length.
 */
Test(net, the_gradient_passes_through_d_to_g)
{
    enum { B = 3, Z = 4, HIDDEN = 16 };
    static const double h = 0.02;
    net *n = open_net(nn_on(&be_ref));
    nn_t z = nn_random(n, "z", nn_shape(2, B, Z), DISTRIBUTION_NORMAL);
    nn_t x = nn_linear(n, z, (linear_opts){.name = "G/in", .out = HIDDEN, .act = ACT_TANH});
    x = nn_reshape(n, x, nn_shape(4, B, 1, 4, 4));
    nn_t f = nn_conv(n, x,
                     (conv_opts){.name = "D/conv",
                                 .out = 9,
                                 .k = 3,
                                 .bias = true,
                                 .act = ACT_TANH,
                                 .spectral_norm = true,
                                 .frozen_spectral = true});
    f = nn_global_pool(n, f, GLOBAL_AVERAGE);
    nn_t logits = nn_linear(n, f, (linear_opts){.name = "D/out", .out = 1});
    step *s = compile(n, nn_hinge(n, logits, HINGE_GENERATOR), "G/");
    float w[HIDDEN * Z], moved[HIDDEN * Z], gradient[HIDDEN * Z], ends[4];
    cr_assert_eq(net_get_parameter(n, "G/in.weight", w), OK);
    cr_assert_eq(step_run(s, 9), OK);
    cr_assert_eq(net_get_gradient(n, "G/in.weight", gradient), OK);
    double length = 0;
    for (int i = 0; i < HIDDEN * Z; i++) length += (double)gradient[i] * gradient[i];
    length = sqrt(length);
    for (int p = 0; p < 4; p++) {
        double at = h * (double[]){1, -1, 2, -2}[p] / length;
        for (int i = 0; i < HIDDEN * Z; i++) moved[i] = (float)(w[i] + at * gradient[i]);
        cr_assert_eq(net_set_parameter(n, "G/in.weight", moved), OK);
        cr_assert_eq(step_run(s, 9), OK);
        cr_assert_eq(step_loss(s, &ends[p]), OK);
    }
    double slope = (8.0 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12 * h);
    cr_expect_gt(length, 0.01);
    cr_expect_float_eq(slope, length, 1e-3 * length, "the slope along the gradient is %g, not %g", slope,
                       length);
    net_close(n);
}

/* ---- memory ---- */

/* Three pairs of steps without updates between G's and D's: same gradients whether memory is shared or not.
 */
TEST_ON_DEVICES(net, sharing_memory_changes_nothing)
{
    model shared = model_open_on(device, 11, false), kept = model_open_on(device, 11, true);
    for (uint64_t t = 0; t < 3; t++) {
        size_t n;
        float loss[2];
        model_train(&shared, t, 1);
        model_train(&kept, t, 1);
        cr_assert_eq(step_loss(shared.d, &loss[0]), OK);
        cr_assert_eq(step_loss(kept.d, &loss[1]), OK);
        cr_expect_eq(loss[0], loss[1]);
        float *a = model_gradients(&shared, "", &n), *b = model_gradients(&kept, "", &n);
        cr_expect(same(a, b, n), "%s: gradients at step %d depend on the arena", device_text(device), (int)t);
        free(a);
        free(b);
        a = model_parameters(&shared, &n);
        b = model_parameters(&kept, &n);
        cr_expect(same(a, b, n), "%s: parameters at step %d depend on the arena", device_text(device),
                  (int)t);
        free(a);
        free(b);
    }
    model_close(&shared);
    model_close(&kept);
}

/* How far a gradient may be from the reference's, as a share of its length. fp32: sums of a few thousand
 * terms. Where values are rounded by a share e, what enters a relu or a maximum is off by a few e of its
 * spread, and for about twice that share of the elements another side wins: their gradients differ
 * altogether, so the whole one does by the root of the share, taken to be 8 e. */
static double step_tolerance(nn_precision p)
{
    return p == NN_FP32 ? 1e-4 : sqrt(8 * (p == NN_TF32 ? 0x1p-11 : 0x1p-9));
}

/* |a - b| beside |b|, within what the precision loses. */
static void expect_near(nn_device device, const float *a, const float *b, size_t n, const char *what)
{
    double apart = 0, length = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = (double)a[i] - b[i];
        apart += difference * difference;
        length += (double)b[i] * b[i];
    }
    cr_expect_gt(length, 0, "%s is nothing", what);
    cr_expect_leq(sqrt(apart), step_tolerance(device.precision) * sqrt(length), "%s on %s: %g", what,
                  device_text(device), sqrt(apart / length));
}

TEST_ON_DEVICES(net, a_whole_step_is_that_of_the_reference)
{
    static const char *const scopes[] = {"D/", "G/"};
    model a = model_open(&be_ref, 4, false), b = model_open_on(device, 4, false);
    for (int k = 0; k < 2; k++) {
        size_t n;
        model_feed(&a, 0);
        model_feed(&b, 0);
        cr_assert_eq(step_run(k ? a.g : a.d, 0), OK, "%s", err_message());
        cr_assert_eq(step_run(k ? b.g : b.d, 0), OK, "%s", err_message());
        float *x = model_gradients(&a, scopes[k], &n), *y = model_gradients(&b, scopes[k], &n);
        expect_near(device, y, x, n, scopes[k]);
        free(x);
        free(y);
    }
    model_close(&a);
    model_close(&b);
}

Test(net, the_reference_does_not_depend_on_threads)
{
    model a = model_open(&be_ref, 4, false), b = model_open(&be_ref, 4, false);
    size_t n;
    omp_set_num_threads(1);
    model_train(&a, 0, 2);
    omp_set_num_threads(3);
    model_train(&b, 0, 2);
    float *x = model_parameters(&a, &n), *y = model_parameters(&b, &n);
    cr_expect(same(x, y, n));
    free(x);
    free(y);
    model_close(&a);
    model_close(&b);
}

/* ---- values ---- */

TEST_ON_DEVICES(net, random_numbers_are_keyed_by_seed_purpose_and_step)
{
    enum { COUNT = 7 };
    net *n = open_net(device);
    nn_t z = nn_random(n, "z", nn_shape(1, COUNT), DISTRIBUTION_NORMAL);
    nn_t u = nn_random(n, "u", nn_shape(1, COUNT), DISTRIBUTION_UNIFORM);
    step *s;
    cr_assert_eq(net_compile(n, (nn_t[]){z, u}, 2, NULL, &s), OK, "%s", err_message());
    for (uint64_t t = 0; t < 5; t++) {
        float drawn[COUNT], expected[COUNT];
        cr_assert_eq(step_run(s, t), OK);
        cr_assert_eq(nn_get(s, z, drawn), OK);
        rng_fill_normal(rng_key(5, "z"), t, expected, COUNT);
        cr_expect_arr_eq(drawn, expected, sizeof drawn);
        cr_assert_eq(nn_get(s, u, drawn), OK);
        rng_fill_uniform(rng_key(5, "u"), t, expected, COUNT);
        cr_expect_arr_eq(drawn, expected, sizeof drawn);
    }
    net_close(n);
}

TEST_ON_DEVICES(net, an_input_comes_back_as_it_was_set)
{
    net *n = open_net(device);
    nn_t x = nn_input(n, "x", nn_shape(4, 2, 12, 3, 5));
    float set[2 * 12 * 15], got[2 * 12 * 15];
    for (int i = 0; i < 2 * 12 * 15; i++)
        set[i] = 0.25F * (float)(i % 251 - 125); /* every precision holds them */
    step *s = compile(n, x, NULL);
    cr_assert_eq(nn_set(n, x, set), OK);
    cr_assert_eq(step_run(s, 0), OK);
    cr_assert_eq(nn_get(s, x, got), OK);
    cr_expect_arr_eq(set, got, sizeof set);
    net_close(n);
}

/* Within one step a weight is normalised once, however often it is used: one power iteration a run. */
Test(net, a_spectral_norm_is_shared_by_its_uses)
{
    net *n = open_net(nn_on(&be_ref));
    nn_t x = nn_input(n, "x", nn_shape(2, 3, D));
    linear_opts o = {.name = "S/l", .out = D, .spectral_norm = true};
    nn_t y = nn_linear(n, nn_linear(n, x, o), o);
    nn_t w = nn_parameter(n, "S/l.weight", nn_shape(2, D, D), (init_opts){.kind = INIT_HE});
    cr_expect_eq(nn_spectral_norm(n, w, "S/l.weight", false).id,
                 nn_spectral_norm(n, w, "S/l.weight", false).id);
    cr_expect_neq(nn_spectral_norm(n, w, "S/l.weight", false).id,
                  nn_spectral_norm(n, w, "S/l.weight", true).id);
    float u[D], v[D], wv[D * D], got[D];
    step *s = compile(n, y, NULL);
    cr_assert_eq(net_get_parameter(n, "S/l.weight.u", u), OK);
    cr_assert_eq(net_get_parameter(n, "S/l.weight", wv), OK);
    double squares = 0;
    for (int j = 0; j < D; j++) {
        double sum = 0;
        for (int i = 0; i < D; i++) sum += (double)u[i] * wv[i * D + j];
        v[j] = (float)sum;
        squares += sum * sum;
    }
    cr_assert_eq(step_run(s, 0), OK);
    cr_assert_eq(net_get_parameter(n, "S/l.weight.v", got), OK);
    for (int j = 0; j < D; j++) cr_expect_float_eq(got[j], v[j] / sqrt(squares), 1e-6);
    net_close(n);
}

/* ---- counting ---- */

static void count_convolution(void *context, convolution c)
{
    int *counts = context;
    counts[0]++;
    counts[1] += c.backward_data;
    counts[2] += c.backward_weights;
    cr_expect(c.batch == 2 && c.height == 8 && c.width == 6 && c.k == 3 && c.pad == 1 && c.stride == 1);
}

/* conv 3x3 3->8 at 8x6: 2*2*8*48*27 a pass; no gradient of the image. linear 8->1: three passes of 2*2*8. */
TEST_ON_DEVICES(net, flops_are_two_per_multiply_add)
{
    net *n = open_net(device);
    nn_t x = nn_input(n, "x", nn_shape(4, 2, 3, 8, 6));
    nn_t h = nn_conv(n, x, (conv_opts){.name = "S/c", .out = 8, .k = 3});
    nn_t y = nn_linear(n, nn_global_pool(n, h, GLOBAL_SUM), (linear_opts){.name = "S/l", .out = 1});
    nn_t loss = nn_hinge(n, y, HINGE_REAL);
    int counts[3] = {0};
    step *s = compile(n, loss, "S/"), *forward = compile(n, loss, NULL);
    cr_expect_eq(step_flops(s), 2.0 * (2 * 2 * 8 * 48 * 27) + 3.0 * (2 * 2 * 8), "%s", device_text(device));
    cr_expect_eq(step_flops(forward), 2.0 * 2 * 8 * 48 * 27 + 2.0 * 2 * 8);
    step_convolutions(s, count_convolution, counts);
    cr_expect(counts[0] == 1 && counts[1] == 0 && counts[2] == 1);
    net_close(n);
}

/* Sets a parameter or state of n numbers around `center`, at most half a unit away. */
static void set_around(net *n, const char *name, int count, float center)
{
    float values[64];
    cr_assert_leq(count, 64);
    rng_fill_uniform(rng_key(3, name), 0, values, (size_t)count);
    for (int i = 0; i < count; i++) values[i] += center - 0.5F;
    cr_assert_eq(net_set_parameter(n, name, values), OK, "%s", err_message());
}

/* Both ways to say it must give the same. */
static void compare_folded(nn_device device, conv_opts o, nn_act act)
{
    enum { B = 2, C = 3, SIDE = 6, OUT = 5, MOST = B * OUT * 4 * SIDE * SIDE };
    static float images[B * C * SIDE * SIDE], folded[MOST], apart[MOST];
    net *n = open_net(device);
    batch_norm_opts norm = {.name = "norm", .epsilon = 1e-3F, .act = act};
    o.name = "conv";
    o.out = OUT;
    o.k = 3;
    nn_t x = nn_input(n, "x", nn_shape(4, B, C, SIDE, SIDE));
    nn_t both[] = {nn_conv_norm(n, x, o, norm), nn_batch_norm(n, nn_conv(n, x, o), norm)};
    step *s;
    cr_assert_eq(net_compile(n, both, 2, NULL, &s), OK, "%s", err_message());
    cr_expect_eq(net_node(n, both[0])->op, OP_CONV);
    cr_expect_eq(net_node(n, both[1])->op, OP_BATCH_NORM);
    set_around(n, "norm.weight", OUT, 1);
    set_around(n, "norm.bias", OUT, 0);
    set_around(n, "norm.running_mean", OUT, 0);
    set_around(n, "norm.running_var", OUT, 1);
    if (o.bias) set_around(n, "conv.bias", OUT, 0);
    rng_fill_normal(2, 0, images, B * C * SIDE * SIDE);
    cr_assert_eq(nn_set(n, x, images), OK);
    cr_assert_eq(step_run(s, 0), OK, "%s", err_message());
    cr_assert_eq(nn_get(s, both[0], folded), OK);
    cr_assert_eq(nn_get(s, both[1], apart), OK);
    nn_shape_t shape = nn_shape_of(n, both[0]);
    expect_near(device, folded, apart, nn_count(&shape), "the folded norm");
    net_close(n);
}

TEST_ON_DEVICES(net, a_norm_with_known_statistics_is_folded_into_the_convolution)
{
    compare_folded(device, (conv_opts){0}, ACT_RELU);
    compare_folded(device, (conv_opts){.bias = true, .stride = 2}, ACT_NONE);
    compare_folded(device, (conv_opts){.bias = true, .upsample = true}, ACT_RELU);
}

/* What is trained through it still gets its gradients: those of the two norms are equal. */
TEST_ON_DEVICES(net, gradients_pass_through_a_folded_norm)
{
    enum { B = 2, C = 3, SIDE = 4, OUT = 4 };
    float images[B * C * SIDE * SIDE], gradients[2][OUT], weights[2][OUT * C * 9];
    for (int apart = 0; apart < 2; apart++) {
        net *n = open_net(device);
        nn_t x = nn_input(n, "x", nn_shape(4, B, C, SIDE, SIDE));
        conv_opts conv = {.name = "S/conv", .out = OUT, .k = 3};
        batch_norm_opts norm = {.name = "S/norm", .act = ACT_RELU};
        nn_t y = apart ? nn_batch_norm(n, nn_conv(n, x, conv), norm) : nn_conv_norm(n, x, conv, norm);
        nn_t pooled = nn_global_pool(n, y, GLOBAL_AVERAGE);
        step *s = compile(n, nn_hinge(n, pooled, HINGE_GENERATOR), "S/");
        set_around(n, "S/norm.running_mean", OUT, 0);
        set_around(n, "S/norm.running_var", OUT, 1);
        rng_fill_normal(2, 0, images, B * C * SIDE * SIDE);
        cr_assert_eq(nn_set(n, x, images), OK);
        cr_assert_eq(step_run(s, 0), OK, "%s", err_message());
        cr_assert_eq(net_get_gradient(n, "S/norm.weight", gradients[apart]), OK);
        cr_assert_eq(net_get_gradient(n, "S/conv.weight", weights[apart]), OK);
        net_close(n);
    }
    expect_near(device, gradients[0], gradients[1], OUT, "the gain's gradient");
    expect_near(device, weights[0], weights[1], sizeof weights[0] / sizeof **weights,
                "the weights' gradient");
}
