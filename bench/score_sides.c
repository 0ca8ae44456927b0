/* The two sides of `bench score`: sets, the classifier, features. */
#include "bench/device.h"
#include "bench/score.h"

#include "base/rng.h"
#include "data/npy.h"
#include "downstream/classifier.h"
#include "downstream/neighbours.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static err allocated(const void *memory, size_t count)
{
    return memory ? OK : err_set(ERR_SYSTEM, "out of memory for %zu numbers", count);
}

static void side_close(side *x)
{
    samples_close(&x->list);
    free(x->features);
    free(x->probabilities);
    free(x->truth);
}

void sides_close(sides *s)
{
    side_close(&s->synthetic);
    side_close(&s->held_out);
    side_close(&s->training);
    dataset_close(s->synthetic_set);
    dataset_close(s->real_set);
    *s = (sides){0};
}

/* Copies `list` (NULL: 0..n-1) in random order: groups of KID and splits of the Inception score must not
 * follow the order of files. */
static err shuffled(const int *list, int n, int seed, const char *purpose, samples *out)
{
    out->index = malloc(((size_t)n + 1) * sizeof *out->index);
    TRY(allocated(out->index, (size_t)n));
    out->n = n;
    for (int i = 0; i < n; i++) out->index[i] = list ? list[i] : i;
    rng r = rng_open((uint64_t)seed, purpose, 0);
    rng_shuffle(&r, out->index, n);
    return OK;
}

/* ---- features from files ---- */

static bool is_npy(const char *source)
{
    size_t length = strlen(source);
    return length > 4 && strcmp(source + length - 4, ".npy") == 0;
}

/* *d is 0 for the first file, then what all must have. */
static err check_features(const npy *array, const char *path, int *d)
{
    if (array->type != 'f' || array->rank != 2 || array->shape[0] > INT32_MAX / 2 || array->shape[1] < 1 ||
        array->shape[1] > 1 << 20)
        return err_set(ERR_DATA, "%s: must be features, float32 of shape (N,D)", path);
    if (array->shape[0] < 2) return err_set(ERR_DATA, "%s: has fewer than two rows", path);
    if (*d == 0) *d = (int)array->shape[1];
    if (array->shape[1] != *d)
        return err_set(ERR_DATA, "%s: has %lld features where the other file has %d", path,
                       (long long)array->shape[1], *d);
    if (!all_finite(array->data, (int)array->shape[0], *d))
        return err_set(ERR_DATA, "%s: has a NaN or an infinite feature", path);
    return OK;
}

static err take_features(const npy *array, int seed, const char *purpose, side *x)
{
    size_t n = (size_t)array->shape[0], d = (size_t)array->shape[1];
    const float *rows = array->data;
    TRY(shuffled(NULL, (int)n, seed, purpose, &x->list));
    x->features = malloc((n * d + 1) * sizeof *x->features);
    TRY(allocated(x->features, n * d));
    for (size_t i = 0; i < n; i++)
        memcpy(x->features + i * d, rows + (size_t)x->list.index[i] * d, d * sizeof *rows);
    return OK;
}

static err read_features(const char *path, int seed, const char *purpose, int *d, side *x, hash *content)
{
    npy array = {0};
    TRY(npy_open(path, &array));
    err error = check_features(&array, path, d);
    if (error == OK) error = take_features(&array, seed, purpose, x);
    if (error == OK && content)
        *content = hash_bytes(array.data, (size_t)x->list.n * (size_t)*d * sizeof(float));
    npy_close(&array);
    return error;
}

static err open_features(const score_request *r, sides *s)
{
    if (!is_npy(r->synthetic) || !is_npy(r->real))
        return err_set(ERR_USAGE, "%.60s and %.60s: both must be sets, or both features (.npy)", r->synthetic,
                       r->real);
    if (r->classifier) return err_set(ERR_USAGE, "--classifier: features have no use for one");
    TRY(read_features(r->synthetic, r->seed, "score/synthetic", &s->d, &s->synthetic, &s->synthetic_hash));
    TRY(read_features(r->real, r->seed, "score/held-out", &s->d, &s->held_out, &s->real_hash));
    return r->training ? read_features(r->training, r->seed, "score/training", &s->d, &s->training, NULL)
                       : OK;
}

/* ---- sets ---- */

static err open_sets(const score_request *r, sides *s)
{
    const settings *o = &r->s;
    uint64_t seed = (uint64_t)o->data_seed;
    TRY(dataset_open_uncertain(r->real, o->size, o->count, seed, settings_uncertain(o), &s->real_set));
    TRY(dataset_open(r->synthetic, o->size, o->count, seed + 1, &s->synthetic_set));
    s->synthetic_hash = s->synthetic_set->content;
    s->real_hash = s->real_set->content;
    s->labels = s->real_set->n_labels;
    if (s->synthetic_set->n < 2)
        return err_set(ERR_DATA, "%s: has %d image; two are needed", r->synthetic, s->synthetic_set->n);
    for (int k = 0; k < s->synthetic_set->n_labels; k++)
        if (dataset_label(s->real_set, s->synthetic_set->label_names[k]) < 0)
            return err_set(ERR_DATA, "%s: its label \"%.80s\" is not one of %s", r->synthetic,
                           s->synthetic_set->label_names[k], r->real);
    return OK;
}

/* The split of a run's trials of this seed. */
static err split_real(const score_request *r, sides *s)
{
    splits split;
    TRY(splits_open(s->real_set, r->s.validation, r->s.test, (uint64_t)r->seed, &split));
    err error = shuffled(split.test.index, split.test.n, r->seed, "score/held-out", &s->held_out.list);
    if (error == OK)
        error = shuffled(split.train.index, split.train.n, r->seed, "score/training", &s->training.list);
    if (error == OK && split.test.n < 2)
        error =
            err_set(ERR_DATA, "%s: %d image is held out; two are needed (data.test)", r->real, split.test.n);
    s->one_hot = true;
    for (int i = 0; i < split.train.n; i++)
        s->one_hot &= dataset_class(s->real_set, split.train.index[i]) >= 0;
    splits_close(&split);
    return error;
}

/* ---- the classifier ---- */

static err on_step(void *context, int t, float loss)
{
    const score_request *r = context;
    enum { EVERY = 10 };
    (void)loss;
    if (isatty(STDERR_FILENO) && (t % EVERY == 0 || t == r->s.classifier_steps))
        (void)fprintf(stderr, "\rtraining the classifier: update %d of %d%s", t, r->s.classifier_steps,
                      t == r->s.classifier_steps ? "\n" : "");
    return OK;
}

static err prepare(const score_request *r, const sides *s, classifier *c)
{
    char path[PATH_BYTES];
    if (r->classifier) return classifier_load(c, r->classifier, false);
    if (r->s.weights[0]) TRY(classifier_load(c, r->s.weights, r->s.fresh_head));
    TRY(classifier_train(c, s->real_set, &s->training.list, NULL, on_step, (void *)r));
    if (!r->out) return OK;
    TRY(path_join(path, r->out, "classifier.safetensors"));
    return classifier_save(c, path);
}

static void take_truth(const side *x, const dataset *real, float *truth)
{
    size_t labels = (size_t)real->n_labels, own = (size_t)x->set->n_labels;
    for (size_t k = 0; k < labels; k++) {
        int column = dataset_label(x->set, real->label_names[k]);
        for (int i = 0; i < x->list.n; i++)
            truth[(size_t)i * labels + k] =
                column < 0 ? NAN : x->set->labels[(size_t)x->list.index[i] * own + (size_t)column];
    }
}

/* What the classifier makes of a side. */
static err look(classifier *c, const sides *s, const dataset *set, side *x)
{
    size_t n = (size_t)x->list.n, labels = (size_t)s->labels;
    x->set = set;
    x->features = malloc((n * (size_t)s->d + 1) * sizeof *x->features);
    TRY(allocated(x->features, n * (size_t)s->d));
    x->probabilities = malloc((n * labels + 1) * sizeof *x->probabilities);
    TRY(allocated(x->probabilities, n * labels));
    x->truth = malloc((n * labels + 1) * sizeof *x->truth);
    TRY(allocated(x->truth, n * labels));
    take_truth(x, s->real_set, x->truth);
    TRY(classifier_features(c, set, &x->list, x->features));
    return classifier_predict(c, set, &x->list, x->probabilities);
}

static err look_at_all(const score_request *r, classifier *c, sides *s)
{
    s->d = classifier_feature_count(c);
    TRY(classifier_hash(c, &s->classifier_hash));
    if (r->classifier)
        (void)snprintf(s->classifier, sizeof s->classifier, "%.40s, loaded", r->s.model.values[0]);
    else
        (void)snprintf(s->classifier, sizeof s->classifier, "%.40s, trained in %d updates",
                       r->s.model.values[0], r->s.classifier_steps);
    TRY(look(c, s, s->synthetic_set, &s->synthetic));
    TRY(look(c, s, s->real_set, &s->held_out));
    TRY(look(c, s, s->real_set, &s->training));
    if (all_finite(s->synthetic.features, s->synthetic.list.n, s->d) &&
        all_finite(s->held_out.features, s->held_out.list.n, s->d) &&
        all_finite(s->training.features, s->training.list.n, s->d))
        return OK;
    return err_set(ERR_DIVERGED, "the classifier's features are not finite; train it at a lower rate");
}

static err use_classifier(const score_request *r, sides *s)
{
    nn_device device;
    classifier *c;
    classifier_opts o = settings_classifier(&r->s, s->labels);
    o.multi_label = !s->one_hot;
    o.seed = (uint64_t)r->seed;
    TRY(device_named(r->s.device, r->s.classifier_precision, &device));
    TRY(classifier_open(device, &o, &c));
    err error = prepare(r, s, c);
    if (error == OK) error = look_at_all(r, c, s);
    classifier_close(c);
    return error;
}

err sides_open(const score_request *r, sides *out)
{
    *out = (sides){0};
    if (is_npy(r->synthetic) || is_npy(r->real)) return open_features(r, out);
    if (r->training) return err_set(ERR_USAGE, "--training: is for features; a set is split instead");
    TRY(open_sets(r, out));
    TRY(split_real(r, out));
    TRY(shuffled(NULL, out->synthetic_set->n, r->seed, "score/synthetic", &out->synthetic.list));
    return use_classifier(r, out);
}
