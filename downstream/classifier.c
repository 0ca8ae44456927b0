/* Training and using the classifier. */
#include "downstream/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const classifier_opts classifier_defaults = {
    .model = "densenet_small",
    .resolution = 32,
    .channels = 1,
    .growth = 8,
    .layers_per_block = 3,
    .batch = 32,
    .steps = 300,
    .learning_rate = 4e-3F,
    .weight_decay = 1e-4F,
    .augment = false,
    .synthetic_share = 0.0F,
};

struct classifier {
    classifier_opts o;
    net *n;
    nn_t images, targets; /* inputs (B,C,R,R), (B,K) */
    nn_t loss, logits;    /* (1), (B,K), kept by `training` and by `evaluation` */
    step *evaluation;
    step *training;  /* NULL until the first update, */
    optimizer *adam; /* and so is its optimizer: predicting needs the memory of neither */
    bool profile;
    float *raw, *host_images, *host_targets; /* a batch on the host */
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
    TRY(check_range("n_classes", o->n_classes, 2, 1024));
    TRY(check_range("growth", o->growth, 1, 256));
    TRY(check_range("layers_per_block", o->layers_per_block, 1, 64));
    TRY(check_range("batch", o->batch, 2, 4096));
    TRY(check_range("steps", o->steps, 1, 1e8));
    TRY(check_range("learning_rate", (double)o->learning_rate, 1e-10, 10));
    TRY(check_range("weight_decay", (double)o->weight_decay, 0, 1));
    TRY(check_range("synthetic_share", (double)o->synthetic_share, 0, 1));
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
    c->loss = nn_softmax_cross_entropy(n, network(n, o, c->images, true), c->targets);
    c->logits = network(n, o, c->images, false);
    return net_compile(n, &c->logits, 1, NULL, &c->evaluation);
}

static size_t pixels_of(const classifier *c)
{
    return (size_t)c->o.resolution * (size_t)c->o.resolution;
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
    return record(c);
}

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
    free(c);
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

/* Cosine decay from the full rate to 0 (Loshchilov & Hutter, "SGDR", ICLR 2017, without restarts). */
static float rate_at(const classifier_opts *o, uint64_t t)
{
    const double pi = 3.14159265358979323846;
    return (float)(0.5 * (double)o->learning_rate * (1.0 + cos(pi * (double)t / o->steps)));
}

err classifier_set_batch(classifier *c, const float *images, const float *targets)
{
    TRY(nn_set(c->n, c->images, images));
    return nn_set(c->n, c->targets, targets);
}

err classifier_update(classifier *c, uint64_t t, float *loss)
{
    TRY(ready_to_train(c));
    optimizer_set_rate(c->adam, rate_at(&c->o, t));
    TRY(step_run(c->training, t));
    TRY(optimizer_apply(c->adam));
    return step_loss(c->training, loss);
}

static err train(classifier *c, const source *real, const source *synthetic, int n_real,
                 classifier_progress progress, void *context)
{
    for (int t = 0; t < c->o.steps; t++) {
        float loss;
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
    if (error == OK) error = train(c, &a, &b, n_real, progress, context);
    source_close(&a);
    source_close(&b);
    return error;
}

/* Turns k logits into probabilities in place. */
static void softmax(float *x, int k)
{
    float most = x[0];
    double sum = 0;
    for (int i = 1; i < k; i++) most = fmaxf(most, x[i]);
    for (int i = 0; i < k; i++) sum += exp((double)(x[i] - most));
    for (int i = 0; i < k; i++) x[i] = (float)(exp((double)(x[i] - most)) / sum);
}

/* Samples first..first+count of `which`, count <= batch; the rest of the batch is whatever was there. */
static err predict_batch(classifier *c, const dataset *set, const samples *which, int first, int count,
                         float *probabilities)
{
    size_t pixels = pixels_of(c), k = (size_t)c->o.n_classes;
    for (int i = 0; i < count; i++) {
        float *image = c->host_images + (size_t)i * pixels * (size_t)c->o.channels;
        dataset_pixels(set, which->index[first + i], image);
        source_channels(image, &c->o, image);
    }
    TRY(nn_set(c->n, c->images, c->host_images));
    TRY(step_run(c->evaluation, 0));
    TRY(nn_get(c->evaluation, c->logits, c->host_targets));
    for (size_t i = 0; i < (size_t)count; i++) softmax(c->host_targets + i * k, c->o.n_classes);
    memcpy(probabilities + (size_t)first * k, c->host_targets, (size_t)count * k * sizeof *probabilities);
    return OK;
}

err classifier_predict(classifier *c, const dataset *set, const samples *which, float *probabilities)
{
    if (set->height != c->o.resolution || set->width != c->o.resolution)
        return err_set(ERR_DATA, "the classifier wants images of %d x %d, and the set has %d x %d",
                       c->o.resolution, c->o.resolution, set->height, set->width);
    for (int first = 0; first < which->n; first += c->o.batch) {
        int left = which->n - first;
        TRY(predict_batch(c, set, which, first, left < c->o.batch ? left : c->o.batch, probabilities));
    }
    return OK;
}

err classifier_save(classifier *c, const char *path)
{
    return net_save(c->n, path, NULL, 0, NULL);
}

err classifier_load(classifier *c, const char *path)
{
    return net_load(c->n, path, NULL, 0);
}

err classifier_infer(classifier *c)
{
    return step_run(c->evaluation, 0);
}

double classifier_step_flops(const classifier *c)
{
    return c->training ? step_flops(c->training) : 0;
}

double classifier_infer_flops(const classifier *c)
{
    return step_flops(c->evaluation);
}

size_t classifier_bytes(const classifier *c)
{
    size_t most = step_bytes(c->evaluation), other = c->training ? step_bytes(c->training) : 0;
    return most > other ? most : other;
}

void classifier_profile(classifier *c, bool on)
{
    c->profile = on;
    step_profile(c->evaluation, on);
    if (c->training) step_profile(c->training, on);
}

void classifier_convolutions(const classifier *c, convolution_visitor visit, void *context)
{
    if (c->training) step_convolutions(c->training, visit, context);
}

void classifier_infer_convolutions(const classifier *c, convolution_visitor visit, void *context)
{
    step_convolutions(c->evaluation, visit, context);
}

void classifier_times(const classifier *c, op_time *out)
{
    const op_time *e = step_times(c->evaluation), *t = c->training ? step_times(c->training) : NULL;
    for (int op = 0; op < OP_COUNT; op++) {
        out[op] = e[op];
        if (!t) continue;
        out[op].forward_s += t[op].forward_s;
        out[op].backward_s += t[op].backward_s;
    }
}
