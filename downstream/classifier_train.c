/* Training the classifier. */
#include "downstream/internal.h"

#include <math.h>

/* Compiles the update, once. */
static err ready_to_train(classifier *c)
{
    if (c->adam) return OK;
    if (!c->training) TRY(net_compile(c->n, &c->loss, 1, "C/", &c->training));
    step_profile(c->training, c->profile);
    return optimizer_open(c->n, "C/",
                          (optimizer_opts){.kind = OPTIMIZER_ADAM,
                                           .learning_rate = c->o.learning_rate,
                                           .beta1 = 0.9F,
                                           .beta2 = 0.999F,
                                           .epsilon = 1e-8F,
                                           .weight_decay = c->o.weight_decay},
                          &c->adam);
}

/* The images of update t: the real ones first, then the synthetic ones. */
static err set_batch(classifier *c, const source *real, const source *synthetic, int n_real, uint64_t t)
{
    size_t image = (size_t)n_real * pixels_of(c) * (size_t)c->o.channels;
    size_t target = (size_t)n_real * (size_t)c->o.n_classes;
    if (n_real > 0)
        source_draw(real, &c->o, "classifier/real", t, n_real, c->raw, c->host_images, c->host_targets);
    if (n_real < c->o.batch)
        source_draw(synthetic, &c->o, "classifier/synthetic", t, c->o.batch - n_real, c->raw,
                    c->host_images + image, c->host_targets + target);
    return classifier_set_batch(c, c->host_images, c->host_targets);
}

err classifier_set_batch(classifier *c, const float *images, const float *targets)
{
    TRY(nn_set(c->n, c->images, images));
    return nn_set(c->n, c->targets, targets);
}

err classifier_update(classifier *c, uint64_t t, float *loss)
{
    TRY(ready_to_train(c));
    optimizer_set_rate(c->adam, cosine_decay(c->o.learning_rate, t, (uint64_t)c->o.steps));
    TRY(step_run(c->training, t));
    TRY(optimizer_apply(c->adam));
    return step_loss(c->training, loss);
}

static err train(classifier *c, const source *real, const source *synthetic, int n_real,
                 classifier_progress progress, void *context)
{
    for (int t = 0; t < c->o.steps; t++) {
        float loss = 0;
        TRY(set_batch(c, real, synthetic, n_real, (uint64_t)t));
        err error = classifier_update(c, (uint64_t)t, &loss);
        if (error != OK)
            return err_context(error, "classifier update %d, seed %llu", t + 1,
                               (unsigned long long)c->o.seed);
        if (progress) TRY(progress(context, t + 1, loss));
    }
    return OK;
}

err classifier_train(classifier *c, const dataset *real_set, const samples *real, const dataset *synthetic,
                     classifier_progress progress, void *context)
{
    int n_real = (int)lroundf((float)c->o.batch * (1.0F - c->o.synthetic_share));
    source a = {0}, b = {0};
    if (n_real < c->o.batch && !synthetic)
        return err_set(ERR_CONFIG, "classifier option synthetic_share is %g, and there is no synthetic set",
                       (double)c->o.synthetic_share);
    err error = n_real > 0 ? source_open(real_set, real, &c->o, &a) : OK;
    if (error == OK && n_real < c->o.batch) error = source_open(synthetic, NULL, &c->o, &b);
    bool trains = !c->o.head_only || !c->o.prototypes; /* the means of frozen features need no updates */
    if (error == OK && trains) error = train(c, &a, &b, n_real, progress, context);
    if (error == OK && c->o.prototypes) error = imprint(c, &a, &b, n_real);
    source_close(&a);
    source_close(&b);
    return error;
}
