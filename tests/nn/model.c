#include "tests/nn/model.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LATENT = 6, WIDTH = 12, KEPT = 512 };

/* (B,LATENT), (B,CLASSES) -> (B,1,8,8) */
static nn_t generator(net *n, nn_t z, nn_t y)
{
    nn_enter(n, "G");
    nn_t h = nn_linear(n, nn_concat(n, (nn_t[]){z, y}, 2, 1),
                       (linear_opts){.name = "in", .out = WIDTH * 4, .bias = true, .spectral_norm = true});
    h = nn_reshape(n, h, nn_shape(4, MODEL_BATCH, WIDTH, 2, 2));
    nn_t gain = nn_linear(
        n, y, (linear_opts){.name = "gain", .out = WIDTH, .bias = true, .bias_init = {.kind = INIT_ONES}});
    nn_t shift = nn_linear(n, y, (linear_opts){.name = "shift", .out = WIDTH});
    h = nn_conditional_batch_norm(n, h, gain, shift,
                                  (batch_norm_opts){.name = "norm1", .training = true, .act = ACT_RELU});
    h = nn_conv(n, nn_upsample(n, h), (conv_opts){.name = "conv", .out = WIDTH, .k = 3});
    h = nn_batch_norm(n, h, (batch_norm_opts){.name = "norm2", .training = true, .act = ACT_RELU});
    h = nn_conv(n, nn_upsample(n, h),
                (conv_opts){.name = "out", .out = 1, .k = 3, .bias = true, .act = ACT_TANH});
    nn_leave(n);
    return h;
}

/* (B',1,8,8) -> features (B',2 WIDTH) */
static nn_t features(net *n, nn_t x)
{
    conv_opts down = {.name = "down",
                      .out = WIDTH,
                      .k = 4,
                      .stride = 2,
                      .pad = 1,
                      .bias = true,
                      .act = ACT_LEAKY_RELU,
                      .spectral_norm = true};
    nn_t h = nn_conv(n, x, down);
    nn_t skip = nn_conv(n, nn_pool(n, x, POOL_AVERAGE, 2, 2, 0),
                        (conv_opts){.name = "skip", .out = WIDTH, .k = 1, .spectral_norm = true});
    h = nn_add(n, h, skip);
    h = nn_concat(n, (nn_t[]){h, nn_activation(n, skip, ACT_RELU)}, 2, 1);
    h = nn_pool(n, h, POOL_MAX, 3, 2, 1);
    return nn_global_pool(n, h, GLOBAL_SUM);
}

/* -> logits (B',1) by projection of the classes */
static nn_t critic(net *n, nn_t h, nn_t y)
{
    nn_t score =
        nn_linear(n, h, (linear_opts){.name = "score", .out = 1, .bias = true, .spectral_norm = true});
    nn_t embedded = nn_linear(n, y, (linear_opts){.name = "embed", .out = 2 * WIDTH, .spectral_norm = true});
    return nn_add(n, score, nn_row_dot(n, h, embedded));
}

static nn_t augmented(net *n, nn_t x, const char *purpose)
{
    nn_t draws = nn_random(n, purpose, nn_shape(2, nn_shape_of(n, x).d[0], 6), DISTRIBUTION_UNIFORM);
    return nn_diff_augment(n, x, draws, (diff_augment_opts){true, true, true, true});
}

static void record_losses(model *m)
{
    net *n = m->n;
    nn_enter(n, "D");
    nn_t both = nn_concat(n, (nn_t[]){augmented(n, m->images, "real"), augmented(n, m->fakes, "fake")}, 2, 0);
    nn_t classes = nn_concat(n, (nn_t[]){m->classes, m->classes}, 2, 0);
    nn_t h = features(n, both), logits = critic(n, h, classes);
    nn_t real = nn_slice(n, logits, 0, MODEL_BATCH), fake = nn_slice(n, logits, MODEL_BATCH, MODEL_BATCH);
    nn_t real_h = nn_slice(n, h, 0, MODEL_BATCH), turned_h = features(n, nn_rotate(n, m->images));
    nn_t turns = nn_linear(n, turned_h, (linear_opts){.name = "turns", .out = MODEL_CLASSES, .bias = true});
    nn_t found = nn_linear(n, real_h, (linear_opts){.name = "findings", .out = MODEL_FINDINGS});
    nn_t terms[] = {nn_hinge(n, real, HINGE_REAL), nn_hinge(n, fake, HINGE_FAKE),
                    nn_softmax_cross_entropy(n, turns, m->classes),
                    nn_binary_cross_entropy(n, found, m->findings)};
    m->loss_d = nn_weighted_sum(n, terms, (float[]){1, 1, 0.5F, 0.25F}, 4);
    m->loss_g = nn_hinge(n, fake, HINGE_GENERATOR);
    nn_leave(n);
}

/* keep[0] is the loss. */
static step *compile(model *m, nn_t loss, const char *scope, bool keep_all)
{
    nn_t keep[KEPT] = {loss, m->fakes};
    int count = 2;
    for (int id = 0; keep_all && id < loss.id && count < KEPT; id++) keep[count++] = (nn_t){id};
    step *s;
    cr_assert_eq(net_compile(m->n, keep, count, scope, &s), OK, "%s", err_message());
    return s;
}

model model_open_on(nn_device device, uint64_t seed, bool keep_all)
{
    model m = {0};
    cr_assert_eq(net_open(device, seed, &m.n), OK, "%s", err_message());
    m.images = nn_input(m.n, "images", nn_shape(4, MODEL_BATCH, 1, MODEL_SIZE, MODEL_SIZE));
    m.classes = nn_input(m.n, "classes", nn_shape(2, MODEL_BATCH, MODEL_CLASSES));
    m.findings = nn_input(m.n, "findings", nn_shape(2, MODEL_BATCH, MODEL_FINDINGS));
    nn_t z = nn_random(m.n, "z", nn_shape(2, MODEL_BATCH, LATENT), DISTRIBUTION_NORMAL);
    m.fakes = generator(m.n, z, m.classes);
    record_losses(&m);
    m.d = compile(&m, m.loss_d, "D/", keep_all);
    m.g = compile(&m, m.loss_g, "G/", keep_all);
    optimizer_opts adam = {.kind = OPTIMIZER_ADAM,
                           .learning_rate = 0.01F,
                           .beta1 = 0.5F,
                           .beta2 = 0.99F,
                           .epsilon = 1e-6F,
                           .clip_norm = 1,
                           .ema_decay = 0.5F};
    optimizer_opts sgd = {.kind = OPTIMIZER_SGD, .learning_rate = 0.01F, .momentum = 0.9F};
    cr_assert_eq(optimizer_open(m.n, "D/", adam, &m.optimizers[0]), OK, "%s", err_message());
    cr_assert_eq(optimizer_open(m.n, "G/", sgd, &m.optimizers[1]), OK, "%s", err_message());
    return m;
}

model model_open(const backend_i *interface, uint64_t seed, bool keep_all)
{
    return model_open_on(nn_on(interface), seed, keep_all);
}

void model_close(model *m)
{
    optimizer_close(m->optimizers[0]);
    optimizer_close(m->optimizers[1]);
    net_close(m->n);
    *m = (model){0};
}

void model_feed(model *m, uint64_t t)
{
    float images[MODEL_BATCH * MODEL_SIZE * MODEL_SIZE],
        classes[MODEL_BATCH * MODEL_CLASSES] = {0}, findings[MODEL_BATCH * MODEL_FINDINGS];
    rng_fill_uniform(1, t, images, MODEL_BATCH * MODEL_SIZE * MODEL_SIZE);
    rng_fill_uniform(2, t, findings, MODEL_BATCH * MODEL_FINDINGS);
    for (uint64_t b = 0; b < MODEL_BATCH; b++) classes[b * MODEL_CLASSES + (b + t) % MODEL_CLASSES] = 1;
    for (int i = 0; i < MODEL_BATCH * MODEL_FINDINGS; i += 3) findings[i] = NAN;
    cr_assert_eq(nn_set(m->n, m->images, images), OK);
    cr_assert_eq(nn_set(m->n, m->classes, classes), OK);
    cr_assert_eq(nn_set(m->n, m->findings, findings), OK);
}

void model_train(model *m, uint64_t first, int count)
{
    for (uint64_t t = first; t < first + (uint64_t)count; t++) {
        model_feed(m, t);
        cr_assert_eq(step_run(m->d, t), OK, "%s", err_message());
        cr_assert_eq(optimizer_apply(m->optimizers[0]), OK, "%s", err_message());
        cr_assert_eq(step_run(m->g, t), OK, "%s", err_message());
        cr_assert_eq(optimizer_apply(m->optimizers[1]), OK, "%s", err_message());
    }
}

typedef err (*getter)(net *n, const char *name, float *host);

/* Those whose names start with scope and are trainable or not as wanted; others stay zero. */
static float *collect(const model *m, const char *scope, getter get, size_t *floats)
{
    *floats = 0;
    for (int i = 0; i < net_parameter_count(m->n); i++) {
        nn_shape_t shape = net_parameter_shape(m->n, i);
        *floats += nn_count(&shape);
    }
    float *all = calloc(*floats, sizeof *all), *at = all;
    cr_assert(all);
    for (int i = 0; i < net_parameter_count(m->n); i++) {
        nn_shape_t shape = net_parameter_shape(m->n, i);
        const char *name = net_parameter_name(m->n, i);
        if (strncmp(name, scope, strlen(scope)) == 0) {
            err error = get(m->n, name, at);
            cr_assert(error == OK || (error == ERR_USAGE && get == net_get_gradient), "%s", err_message());
        }
        at += nn_count(&shape);
    }
    return all;
}

float *model_parameters(const model *m, size_t *floats)
{
    return collect(m, "", net_get_parameter, floats);
}

float *model_gradients(const model *m, const char *scope, size_t *floats)
{
    return collect(m, scope, net_get_gradient, floats);
}
