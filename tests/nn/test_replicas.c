/* Nets with replicas against the same net on one device: every value, gradient and trained weight. */
#include "base/files.h"
#include "base/rng.h"
#include "nn/internal.h"
#include "tests/nn/model.h"
#include "tests/nn/replicas.h"

#ifdef HAVE_CUDA
#include "nn/cuda/cuda.h"
#endif

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a step of a net with every operator ---- */

/* The value of every node of the step that m.d or m.g is. */
static void compare_values(model *one, model *many, int which, double most, nn_device device)
{
    nn_t last = which ? one->loss_g : one->loss_d;
    expect_same_values(one->n, which ? one->g : one->d, many->n, which ? many->g : many->d, last, most,
                       device);
}

/* The gradients, or the values, of every parameter and state. */
static void compare_parameters(model *one, model *many, const char *scope, double most, nn_device device)
{
    size_t n, at = 0;
    float *expected = scope ? model_gradients(one, scope, &n) : model_parameters(one, &n);
    float *value = scope ? model_gradients(many, scope, &n) : model_parameters(many, &n);
    for (int i = 0; i < net_parameter_count(one->n); i++) {
        nn_shape_t shape = net_parameter_shape(one->n, i);
        expect_close(value + at, expected + at, nn_count(&shape), most, device,
                     net_parameter_name(one->n, i));
        at += nn_count(&shape);
    }
    free(expected);
    free(value);
}

static void compare_step(nn_device device, int which, double most)
{
    static const char *const scopes[] = {"D/", "G/"};
    model one = model_open_on(single(device), 7, true), many = model_open_on(device, 7, true);
    model_feed(&one, 3);
    model_feed(&many, 3);
    ASSERT_OK(step_run(which ? one.g : one.d, 3));
    ASSERT_OK(step_run(which ? many.g : many.d, 3));
    compare_values(&one, &many, which, most, device);
    compare_parameters(&one, &many, scopes[which], most, device);
    compare_parameters(&one, &many, NULL, most, device); /* the states have moved */
    cr_expect_eq(step_flops(which ? one.g : one.d), step_flops(which ? many.g : many.d));
    model_close(&one);
    model_close(&many);
}

Test(replicas, every_value_and_gradient_is_that_of_one_device)
{
    for (int k = 0; k < SEVERAL; k++) {
        compare_step(several[k], 0, 1e-5);
        compare_step(several[k], 1, 1e-5);
    }
}

/* Sums in another order, rounded to 8 bits: some results become their neighbours, and move what follows. */
static void compare_bf16(const backend_i *interface)
{
    nn_device device = {.backend = interface, .precision = NN_BF16, .replicas = 2};
    require(device);
    compare_step(device, 0, 8 / 512.0);
    compare_step(device, 1, 8 / 512.0);
}

Test(replicas, bf16_values_are_those_of_one_device)
{
    compare_bf16(&be_cpu);
}

static void compare_training(nn_device device, uint64_t updates)
{
    model one = model_open_on(nn_on(device.backend), 8, false), many = model_open_on(device, 8, false);
    for (uint64_t t = 0; t < updates; t++) {
        float expected[2], loss[2];
        model_train(&one, t, 1);
        model_train(&many, t, 1);
        ASSERT_OK(step_loss(one.d, &expected[0]));
        ASSERT_OK(step_loss(one.g, &expected[1]));
        ASSERT_OK(step_loss(many.d, &loss[0]));
        ASSERT_OK(step_loss(many.g, &loss[1]));
        expect_close(loss, expected, 2, 1e-5, device, "a loss");
    }
    compare_parameters(&one, &many, NULL, 1e-4, device);
    ASSERT_OK(optimizer_swap_ema(one.optimizers[0]));
    ASSERT_OK(optimizer_swap_ema(many.optimizers[0]));
    compare_parameters(&one, &many, NULL, 1e-4, device);
    model_close(&one);
    model_close(&many);
}

Test(replicas, training_is_that_of_one_device)
{
    for (int k = 0; k < SEVERAL; k++) compare_training(several[k], 6);
}

#ifdef HAVE_CUDA
static const nn_device two_gpus = {.backend = &be_cuda, .replicas = 2},
                       four_gpus = {.backend = &be_cuda, .replicas = 4};

Test(cuda_replicas, every_value_and_gradient_is_that_of_one_device)
{
    require(two_gpus);
    compare_step(two_gpus, 0, 1e-5);
    compare_step(two_gpus, 1, 1e-5);
    require(four_gpus);
    compare_step(four_gpus, 0, 1e-5);
    compare_step(four_gpus, 1, 1e-5);
}

Test(cuda_replicas, bf16_values_are_those_of_one_device)
{
    compare_bf16(&be_cuda);
}

Test(cuda_replicas, training_is_that_of_one_device)
{
    require(two_gpus);
    compare_training(two_gpus, 2);
    require(four_gpus);
    compare_training(four_gpus, 2);
}
#endif

Test(replicas, runs_are_repeated_bit_for_bit)
{
    model a = model_open_on(several[3], 9, false), b = model_open_on(several[3], 9, false);
    size_t n;
    model_train(&a, 0, 4);
    model_train(&b, 0, 4);
    float *x = model_parameters(&a, &n), *y = model_parameters(&b, &n);
    cr_expect_arr_eq(x, y, n * sizeof *x);
    free(x);
    free(y);
    model_close(&a);
    model_close(&b);
}

/* A file holds one model, however many replicas it came from; whoever loads it goes on as they would. */
Test(replicas, files_do_not_depend_on_their_number)
{
    char path[] = "/tmp/test_replicas.XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    model four = model_open_on(several[3], 9, false), two = model_open_on(several[2], 9, false),
          one = model_open(&be_cpu, 9, false);
    model_train(&four, 0, 3);
    ASSERT_OK(net_save(four.n, path, four.optimizers, 2, NULL));
    ASSERT_OK(net_load(two.n, path, two.optimizers, 2));
    ASSERT_OK(net_load(one.n, path, one.optimizers, 2));
    compare_parameters(&four, &two, NULL, 0, several[2]);
    compare_parameters(&four, &one, NULL, 0, several[3]);
    model_train(&four, 3, 3);
    model_train(&two, 3, 3);
    model_train(&one, 3, 3);
    compare_parameters(&one, &two, NULL, 1e-4, several[2]);
    compare_parameters(&one, &four, NULL, 1e-4, several[3]);
    model_close(&four);
    model_close(&two);
    model_close(&one);
    (void)close(file);
    (void)remove(path);
}

/* ---- which rows lie where ---- */

static net *open_net(nn_device device)
{
    net *n;
    ASSERT_OK(net_open(device, 5, &n));
    return n;
}

static step *compile(net *n, const nn_t *keep, int count, const char *scope)
{
    step *s;
    ASSERT_OK(net_compile(n, keep, count, scope, &s));
    return s;
}

enum { ROWS = 8, COLUMNS = 6, KEPT = 8 };

/* Copies of an input and of noise: rows taken out, put together, and split into two rows per sample. */
static int record_copies(net *n, nn_t keep[KEPT])
{
    nn_t x = nn_input(n, "x", nn_shape(2, ROWS, COLUMNS));
    nn_t noise = nn_random(n, "noise", nn_shape(2, ROWS, COLUMNS), DISTRIBUTION_NORMAL);
    nn_t both = nn_concat(n, (nn_t[]){x, noise}, 2, 0);
    nn_t middle = nn_slice(n, both, 4, ROWS);
    nn_t halves = nn_reshape(n, middle, nn_shape(2, 2 * ROWS, COLUMNS / 2));
    nn_t some = nn_slice(n, halves, ROWS, ROWS);
    nn_t images = nn_reshape(n, x, nn_shape(4, ROWS, COLUMNS, 1, 1));
    const nn_t all[KEPT] = {x,      noise,
                            both,   some,
                            middle, nn_reshape(n, some, nn_shape(2, ROWS / 2, COLUMNS)),
                            halves, nn_concat(n, (nn_t[]){images, images}, 2, 1)};
    memcpy(keep, all, sizeof all);
    return KEPT;
}

Test(replicas, rows_are_where_one_device_has_them)
{
    float x[ROWS * COLUMNS], expected[4 * ROWS * COLUMNS], value[4 * ROWS * COLUMNS];
    rng_fill_uniform(1, 1, x, ROWS * COLUMNS);
    for (int k = 0; k < SEVERAL; k++) {
        nn_t keep[KEPT];
        net *one = open_net(nn_on(several[k].backend)), *many = open_net(several[k]);
        step *a = compile(one, keep, record_copies(one, keep), NULL);
        step *b = compile(many, keep, record_copies(many, keep), NULL);
        ASSERT_OK(nn_set(one, keep[0], x));
        ASSERT_OK(nn_set(many, keep[0], x));
        ASSERT_OK(step_run(a, 2));
        ASSERT_OK(step_run(b, 2));
        for (int i = 0; i < KEPT; i++) {
            nn_shape_t shape = nn_shape_of(one, keep[i]), whole = nn_shape_of(many, keep[i]);
            cr_assert_arr_eq(&shape, &whole, sizeof shape);
            ASSERT_OK(nn_get(a, keep[i], expected));
            ASSERT_OK(nn_get(b, keep[i], value));
            cr_expect_arr_eq(value, expected, nn_count(&shape) * sizeof *value, "value %d", i);
        }
        net_close(one);
        net_close(many);
    }
}

/* 1000 + noise: a batch whose variance would drown if sums of squares were added up. */
Test(replicas, batch_norm_does_not_cancel)
{
    enum { BATCH = 8, CHANNELS = 9, AREA = 12, ALL = BATCH * CHANNELS * AREA };
    float x[ALL], expected[ALL], value[ALL];
    rng_fill_normal(1, 1, x, ALL);
    for (int i = 0; i < ALL; i++) x[i] += 1000;
    for (int k = 0; k < SEVERAL; k++) {
        net *nets[2] = {open_net(nn_on(several[k].backend)), open_net(several[k])};
        for (int i = 0; i < 2; i++) {
            nn_t in = nn_input(nets[i], "x", nn_shape(4, BATCH, CHANNELS, 3, 4));
            nn_t y = nn_batch_norm(nets[i], in, (batch_norm_opts){.name = "S/n", .training = true});
            step *s = compile(nets[i], &y, 1, NULL);
            ASSERT_OK(nn_set(nets[i], in, x));
            ASSERT_OK(step_run(s, 0));
            ASSERT_OK(nn_get(s, y, i ? value : expected));
        }
        expect_close(value, expected, ALL, 1e-4, several[k], "batch norm"); /* x has 24 bits: 6e-5 of noise */
        net_close(nets[0]);
        net_close(nets[1]);
    }
}

/* ---- mistakes ---- */

static nn_t odd_batch(net *n)
{
    return nn_input(n, "photos", nn_shape(2, 6, 3));
}

static nn_t odd_noise(net *n)
{
    return nn_random(n, "z", nn_shape(2, 2, 3), DISTRIBUTION_NORMAL);
}

static nn_t batch(net *n)
{
    return nn_input(n, "x", nn_shape(2, 8, 3));
}

static nn_t odd_start(net *n)
{
    return nn_slice(n, batch(n), 2, 4);
}

static nn_t odd_count(net *n)
{
    return nn_slice(n, batch(n), 4, 3);
}

static nn_t mixed_samples(net *n)
{
    return nn_reshape(n, batch(n), nn_shape(2, 4, 6));
}

static nn_t unlike_rows(net *n)
{
    nn_t halves = nn_reshape(n, nn_input(n, "y", nn_shape(2, 4, 6)), nn_shape(2, 8, 3));
    return nn_add(n, batch(n), halves);
}

static nn_t batch_and_parameter(net *n)
{
    return nn_add(n, batch(n), nn_parameter(n, "w", nn_shape(2, 8, 3), (init_opts){0}));
}

static nn_t loss_of(net *n)
{
    return nn_hinge(n, batch(n), HINGE_REAL);
}

static nn_t bent_loss(net *n)
{
    return nn_activation(n, loss_of(n), ACT_TANH);
}

static nn_t rotated_parts(net *n)
{
    return nn_rotate(n, nn_reshape(n, nn_input(n, "y", nn_shape(2, 4, 8)), nn_shape(4, 8, 1, 2, 2)));
}

static nn_t weight_of_batch(net *n)
{
    return net_add_linear(n, batch(n), nn_slice(n, batch(n), 0, 4), NULL, ACT_NONE);
}

static nn_t normed_batch(net *n)
{
    return nn_spectral_norm(n, batch(n), "w", false);
}

Test(replicas, what_they_cannot_share_is_told)
{
    static const struct {
        nn_t (*record)(net *n);
        err code;
        const char *words;
    } cases[] = {
        {odd_batch, ERR_CONFIG, "photos: a batch whose number of rows is 6"},
        {odd_noise, ERR_CONFIG, "random: a batch whose number of rows is 2"},
        {odd_start, ERR_CONFIG, "slice: a slice that starts at row 2"},
        {odd_count, ERR_CONFIG, "slice: a slice whose number of rows is 3"},
        {mixed_samples, ERR_UNAVAILABLE, "reshape: on several devices, samples must stay apart"},
        {unlike_rows, ERR_UNAVAILABLE, "sum: on several devices, inputs must have the same number of rows"},
        {batch_and_parameter, ERR_UNAVAILABLE, "sum: on several devices, either all inputs"},
        {bent_loss, ERR_UNAVAILABLE, "activation: on several devices, losses can only be added up"},
        {weight_of_batch, ERR_UNAVAILABLE,
         "linear: on several devices, a parameter cannot depend on the batch"},
        {normed_batch, ERR_UNAVAILABLE,
         "spectral_norm: on several devices, the operator cannot share a batch"},
        {rotated_parts, ERR_UNAVAILABLE, "rotate: on several devices, a sample must be one image"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        step *s;
        net *n = open_net(several[1]), *single = open_net(nn_on(&be_ref));
        nn_t x = cases[k].record(n);
        cr_expect_eq(net_compile(n, &x, 1, NULL, &s), cases[k].code);
        cr_expect(strstr(err_message(), cases[k].words), "\"%s\" has no \"%s\"", err_message(),
                  cases[k].words);
        x = cases[k].record(single);
        cr_expect_eq(net_compile(single, &x, 1, NULL, &s), OK, "%s", err_message());
        net_close(n);
        net_close(single);
    }
}

/* Losses and what comes from parameters alone may be added up. */
Test(replicas, a_loss_may_have_a_term_of_parameters_alone)
{
    for (int k = 0; k < SEVERAL; k++) {
        float x[24], w[3], gradient[3], loss;
        net *n = open_net(several[k]);
        nn_t weight = nn_parameter(n, "w", nn_shape(2, 1, 3), (init_opts){.kind = INIT_NORMAL});
        nn_t y = nn_linear(n, batch(n), (linear_opts){.name = "l", .out = 1});
        nn_t terms[] = {nn_hinge(n, y, HINGE_GENERATOR),
                        nn_reshape(n, nn_row_dot(n, weight, weight), nn_shape(1, 1))};
        nn_t total = nn_weighted_sum(n, terms, (float[]){2, 3}, 2);
        step *s = compile(n, &total, 1, "");
        double expected = 0, mean[3] = {0};
        rng_fill_normal(1, 1, x, 24);
        ASSERT_OK(nn_set(n, batch(n), x));
        ASSERT_OK(step_run(s, 0));
        ASSERT_OK(step_loss(s, &loss));
        for (int i = 0; i < 24; i++) mean[i % 3] += x[i] / 8.0;
        ASSERT_OK(net_get_parameter(n, "l.weight", w));
        for (int i = 0; i < 3; i++) expected -= 2 * mean[i] * w[i];
        ASSERT_OK(net_get_gradient(n, "l.weight", gradient));
        for (int i = 0; i < 3; i++) cr_expect_float_eq(gradient[i], -2 * mean[i], 1e-6);
        ASSERT_OK(net_get_parameter(n, "w", w));
        for (int i = 0; i < 3; i++) expected += 3.0 * w[i] * w[i];
        ASSERT_OK(net_get_gradient(n, "w", gradient));
        for (int i = 0; i < 3; i++) cr_expect_float_eq(gradient[i], 6 * w[i], 1e-5);
        cr_expect_float_eq(loss, expected, 1e-5);
        net_close(n);
    }
}

Test(replicas, there_is_a_most)
{
    net *n;
    cr_expect_eq(net_open((nn_device){.backend = &be_ref, .replicas = NN_MAX_REPLICAS + 1}, 1, &n),
                 ERR_USAGE);
    ASSERT_OK(net_open((nn_device){.backend = &be_ref, .replicas = NN_MAX_REPLICAS}, 1, &n));
    net_close(n);
    cr_expect_eq(net_open((nn_device){.backend = &be_ref, .precision = NN_TF32, .replicas = 2}, 1, &n),
                 ERR_UNAVAILABLE);
    cr_expect(strstr(err_message(), "fp32"), "%s", err_message());
}

/* ---- a replica that fails ---- */

static err fail_on_one(backend *b, const call *c)
{
    if (c->rank == 1) return err_set(ERR_SYSTEM, "this device has failed");
    return be_ref.ops[OP_ACTIVATION]->forward(b, c);
}

/* A batch norm behind it: the others wait for the one that never comes. */
Test(replicas, none_waits_for_one_that_has_failed, .timeout = 60)
{
    const kernel activation = {.forward = fail_on_one, .backward = be_ref.ops[OP_ACTIVATION]->backward};
    const kernel *at = &activation;
    backend_i *faulty = malloc(sizeof *faulty);
    cr_assert(faulty);
    memcpy(faulty, &be_ref, sizeof *faulty);
    memcpy((void *)&faulty->ops[OP_ACTIVATION], &at, sizeof at);
    net *n = open_net((nn_device){.backend = faulty, .replicas = 4});
    nn_t x = nn_linear(n, batch(n), (linear_opts){.name = "S/l", .out = 4});
    nn_t h =
        nn_batch_norm(n, nn_activation(n, x, ACT_TANH), (batch_norm_opts){.name = "S/n", .training = true});
    nn_t loss = nn_hinge(n, h, HINGE_GENERATOR);
    step *s = compile(n, &loss, 1, "S/");
    for (int again = 0; again < 2; again++) {
        cr_expect_eq(step_run(s, 0), ERR_SYSTEM);
        cr_expect(strstr(err_message(), "activation: this device has failed"), "%s", err_message());
    }
    net_close(n);
    free(faulty);
}
