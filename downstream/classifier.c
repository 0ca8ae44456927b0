/* Opening and closing the classifier. */
#include "downstream/internal.h"

#include <stdlib.h>

const classifier_opts classifier_defaults = {
    .model = "densenet_small",
    .resolution = 32,
    .channels = 1,
    .input_scale = 1,
    .input_shift = 0,
    .growth = 8,
    .layers_per_block = 3,
    .batch = 32,
    .steps = 300,
    .learning_rate = 4e-3F,
    .weight_decay = 1e-4F,
    .multi_label = false,
    .head_only = false,
    .prototypes = false,
    .augment = false,
    .synthetic_share = 0.0F,
};

static err check_range(const char *name, double value, double low, double high)
{
    if (value >= low && value <= high) return OK;
    return err_set(ERR_CONFIG, "classifier option %s must be from %g to %g, not %g", name, low, high, value);
}

err classifier_check(const classifier_opts *o)
{
    const architecture *a = architecture_find(o->model);
    if (!a) return err_set(ERR_CONFIG, "classifier option model: there is no %.60s", o->model);
    TRY(check_range("resolution", o->resolution, a->least, 1024));
    TRY(check_range("input_scale", (double)o->input_scale, 1e-6, 1e6));
    TRY(check_range("input_shift", (double)o->input_shift, -1e6, 1e6));
    TRY(check_range("n_classes", o->n_classes, o->multi_label ? 1 : 2, 1024));
    TRY(check_range("growth", o->growth, 1, 256));
    TRY(check_range("layers_per_block", o->layers_per_block, 1, 64));
    TRY(check_range("batch", o->batch, 2, 4096));
    TRY(check_range("steps", o->steps, 1, 1e8));
    TRY(check_range("learning_rate", (double)o->learning_rate, 1e-10, 10));
    TRY(check_range("weight_decay", (double)o->weight_decay, 0, 1));
    TRY(check_range("synthetic_share", (double)o->synthetic_share, 0, 1));
    if (o->prototypes && o->multi_label)
        return err_set(ERR_CONFIG, "classifier option prototypes: there are none of labels (multi_label)");
    if (o->channels != 1 && o->channels != 3)
        return err_set(ERR_CONFIG, "classifier option channels must be 1 or 3, not %d", o->channels);
    if (o->resolution % a->multiple)
        return err_set(ERR_CONFIG, "classifier option resolution must be a multiple of %d, not %d",
                       a->multiple, o->resolution);
    return OK;
}

static err record(classifier *c)
{
    const classifier_opts *o = &c->o;
    net *n = c->n;
    c->images = nn_input(n, "images", nn_shape(4, o->batch, o->channels, o->resolution, o->resolution));
    c->targets = nn_input(n, "targets", nn_shape(2, o->batch, o->n_classes));
    nn_t scores = network(n, o, c->images, true, NULL);
    c->loss = o->multi_label ? nn_binary_cross_entropy(n, scores, c->targets)
                             : nn_softmax_cross_entropy(n, scores, c->targets);
    c->logits = network(n, o, c->images, false, &c->features);
    return net_compile(n, (nn_t[]){c->logits, c->features}, 2, NULL, &c->evaluation);
}

static err open_model(nn_device device, classifier *c)
{
    size_t batch = (size_t)c->o.batch;
    c->raw = malloc(batch * pixels_of(c) * sizeof *c->raw);
    c->host_images = calloc(batch * pixels_of(c) * (size_t)c->o.channels, sizeof *c->host_images);
    c->host_targets = malloc(batch * (size_t)c->o.n_classes * sizeof *c->host_targets);
    if (!c->raw || !c->host_images || !c->host_targets)
        return err_set(ERR_SYSTEM, "out of memory for a batch");
    TRY(net_open(device, c->o.seed, &c->n));
    TRY(record(c));
    c->host_features = malloc(batch * (size_t)classifier_feature_count(c) * sizeof *c->host_features);
    return c->host_features ? OK : err_set(ERR_SYSTEM, "out of memory for a batch");
}

err classifier_open(nn_device device, const classifier_opts *o, classifier **out)
{
    *out = NULL;
    TRY(classifier_check(o));
    classifier *c = calloc(1, sizeof *c);
    if (!c) return err_set(ERR_SYSTEM, "out of memory for a classifier");
    c->o = *o;
    err error = open_model(device, c);
    if (error != OK) {
        classifier_close(c);
        return error;
    }
    *out = c;
    return OK;
}

void classifier_close(classifier *c)
{
    if (!c) return;
    optimizer_close(c->adam);
    net_close(c->n);
    free(c->raw);
    free(c->host_images);
    free(c->host_targets);
    free(c->host_features);
    free(c);
}
