/* The two players' graphs, one update of each, and what is measured of them. */
#include "emixer/internal.h"
#include "nn/backend.h" /* OP_COUNT */

#include <stdlib.h>

/* The generator sees the rotation loss at a fifth of the discriminator's weight, as in SS-GAN (0.2 and 1). */
static const float generator_rotation_share = 0.2F;

static nn_t noise(net *n, const emixer_opts *o, const char *purpose)
{
    return nn_random(n, purpose, nn_shape(2, o->batch, o->latent), DISTRIBUTION_NORMAL);
}

static nn_t augmented(net *n, const emixer_opts *o, nn_t images, const char *purpose)
{
    if (!o->augment) return images;
    nn_t draws = nn_random(n, purpose, nn_shape(2, nn_shape_of(n, images).d[0], 6), DISTRIBUTION_UNIFORM);
    return nn_diff_augment(n, images, draws, (diff_augment_opts){true, true, true, true});
}

static nn_t label_input(const emixer *e, const char *name)
{
    return nn_input(e->n, name, nn_shape(2, e->o.batch, e->o.n_labels));
}

/* One pass judges real images, fakes, and (if on) turned real images: rows 0..B, B..2B, 2B.. of one batch. */
static err record_discriminator(emixer *e)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    int b = o->batch, r = rotation_batch(o), side = o->resolution;
    e->in.real = nn_input(n, "real", nn_shape(4, b, 1, side, side));
    e->in.real_labels = label_input(e, "real labels");
    e->in.fake_labels = label_input(e, "fake labels");
    nn_t fake = generator(n, o, noise(n, o, "discriminator/z"), e->in.fake_labels, GENERATOR_TRAINING);
    nn_t x = nn_concat(n, (nn_t[]){e->in.real, fake}, 2, 0);
    nn_t y = nn_concat(n, (nn_t[]){e->in.real_labels, e->in.fake_labels}, 2, 0);
    x = augmented(n, o, x, "discriminator/augment");
    if (r > 0) {
        e->in.rotation = nn_input(n, "rotation", nn_shape(4, r, 1, side, side));
        x = nn_concat(n, (nn_t[]){x, nn_rotate(n, e->in.rotation)}, 2, 0);
    }
    nn_t h = discriminator_features(n, o, x);
    nn_t logits = discriminator_logits(n, r > 0 ? nn_slice(n, h, 0, 2 * b) : h, y);
    nn_t terms[3] = {nn_hinge(n, nn_slice(n, logits, 0, b), HINGE_REAL),
                     nn_hinge(n, nn_slice(n, logits, b, b), HINGE_FAKE)};
    if (r > 0) terms[2] = rotation_loss(n, o, nn_slice(n, h, 2 * b, r));
    nn_t loss = nn_weighted_sum(n, terms, (float[]){1, 1, o->rotation_weight}, r > 0 ? 3 : 2);
    return net_compile(n, &loss, 1, "D/", &e->discriminating);
}

static err record_generator(emixer *e)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    int b = o->batch, r = rotation_batch(o);
    e->in.generator_labels = label_input(e, "generator labels");
    nn_t fake = generator(n, o, noise(n, o, "generator/z"), e->in.generator_labels, GENERATOR_TRAINING);
    nn_t x = augmented(n, o, fake, "generator/augment");
    if (r > 0) x = nn_concat(n, (nn_t[]){x, nn_rotate(n, nn_slice(n, fake, 0, r))}, 2, 0);
    nn_t h = discriminator_features(n, o, x);
    nn_t logits = discriminator_logits(n, r > 0 ? nn_slice(n, h, 0, b) : h, e->in.generator_labels);
    nn_t terms[2] = {nn_hinge(n, logits, HINGE_GENERATOR)};
    if (r > 0) terms[1] = rotation_loss(n, o, nn_slice(n, h, b, r));
    nn_t loss =
        nn_weighted_sum(n, terms, (float[]){1, generator_rotation_share * o->rotation_weight}, r > 0 ? 2 : 1);
    return net_compile(n, &loss, 1, "G/", &e->generating);
}

/* Two forward passes of the generator alone: one renews the running statistics, one makes images. */
static err record_sampling(emixer *e)
{
    const emixer_opts *o = &e->o;
    e->in.statistics_labels = label_input(e, "statistics labels");
    e->in.labels = label_input(e, "labels");
    e->in.z = nn_input(e->n, "z", nn_shape(2, o->batch, o->latent));
    nn_t any =
        generator(e->n, o, noise(e->n, o, "statistics/z"), e->in.statistics_labels, GENERATOR_STATISTICS);
    e->images = generator(e->n, o, e->in.z, e->in.labels, GENERATOR_SAMPLING);
    TRY(net_compile(e->n, &any, 1, NULL, &e->statistics));
    return net_compile(e->n, &e->images, 1, NULL, &e->sampling);
}

static err open_optimizers(emixer *e)
{
    optimizer_opts o = {.kind = OPTIMIZER_ADAM,
                        .learning_rate = e->o.generator_rate,
                        .beta1 = e->o.beta1,
                        .beta2 = e->o.beta2,
                        .epsilon = 1e-6F, /* StudioGAN's */
                        .ema_decay = e->o.ema_decay};
    TRY(optimizer_open(e->n, "G/", o, &e->optimizers[0]));
    o.learning_rate = e->o.discriminator_rate;
    o.ema_decay = 0;
    return optimizer_open(e->n, "D/", o, &e->optimizers[1]);
}

static err open_model(nn_device device, emixer *e)
{
    TRY(net_open(device, e->o.seed, &e->n));
    (void)nn_state(e->n, LABEL_POOL_NAME, nn_shape(2, (int)LABEL_POOL, e->o.n_labels), (init_opts){0});
    TRY(record_discriminator(e));
    TRY(record_generator(e));
    TRY(record_sampling(e));
    if (rotation_batch(&e->o) > 0) TRY(rotation_set_targets(e->n, &e->o));
    return open_optimizers(e);
}

err emixer_open(nn_device device, const emixer_opts *o, emixer **out)
{
    *out = NULL;
    TRY(options_check(o));
    emixer *e = calloc(1, sizeof *e);
    if (!e) return err_set(ERR_SYSTEM, "out of memory for a generator");
    e->o = *o;
    err error = open_model(device, e);
    if (error != OK) {
        emixer_close(e);
        return error;
    }
    *out = e;
    return OK;
}

void emixer_close(emixer *e)
{
    if (!e) return;
    for (int i = 0; i < 2; i++) optimizer_close(e->optimizers[i]);
    net_close(e->n);
    free(e);
}

err emixer_save(emixer *e, const char *path)
{
    options_metadata metadata;
    options_write(&e->o, e->updates, &metadata);
    return net_save(e->n, path, e->optimizers, 2, metadata.pairs);
}

err emixer_load(emixer *e, const char *path)
{
    int done;
    TRY(options_compare(&e->o, path, &done));
    TRY(net_load(e->n, path, e->optimizers, 2));
    e->updates = done;
    return OK;
}

err update_discriminator(emixer *e, uint64_t t, float *loss)
{
    TRY(step_run(e->discriminating, t));
    TRY(optimizer_apply(e->optimizers[1]));
    return step_loss(e->discriminating, loss);
}

err update_generator(emixer *e, uint64_t t, float *loss)
{
    TRY(step_run(e->generating, t));
    TRY(optimizer_apply(e->optimizers[0]));
    return step_loss(e->generating, loss);
}

err emixer_update(emixer *e, uint64_t t, float *discriminator_loss, float *generator_loss)
{
    uint64_t times = (uint64_t)e->o.discriminator_steps;
    for (uint64_t i = 0; i < times; i++) TRY(update_discriminator(e, t * times + i, discriminator_loss));
    return update_generator(e, t, generator_loss);
}

double emixer_step_flops(const emixer *e)
{
    return e->o.discriminator_steps * step_flops(e->discriminating) + step_flops(e->generating);
}

size_t emixer_bytes(const emixer *e)
{
    size_t most = step_bytes(e->discriminating), other = step_bytes(e->generating);
    return most > other ? most : other;
}

size_t emixer_trained_count(const emixer *e)
{
    return net_trained_count(e->n);
}

void emixer_profile(emixer *e, bool on)
{
    step_profile(e->discriminating, on);
    step_profile(e->generating, on);
}

void emixer_convolutions(const emixer *e, convolution_visitor visit, void *context)
{
    for (int i = 0; i < e->o.discriminator_steps; i++) step_convolutions(e->discriminating, visit, context);
    step_convolutions(e->generating, visit, context);
}

void emixer_times(const emixer *e, op_time *out)
{
    const op_time *d = step_times(e->discriminating), *g = step_times(e->generating);
    for (int op = 0; op < OP_COUNT; op++)
        out[op] = (op_time){d[op].forward_s + g[op].forward_s, d[op].backward_s + g[op].backward_s};
}
