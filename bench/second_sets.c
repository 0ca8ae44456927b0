#include "bench/second_sets.h"

#include "base/order.h"
#include "base/rng.h"
#include "bench/teacher.h"
#include "downstream/neighbours.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static err out_of_memory(int n)
{
    return err_set(ERR_SYSTEM, "out of memory for a second set of %d images", n);
}

/* ---- real images ---- */

err second_duplicate(const dataset *set, const draw *d, dataset **out)
{
    return dataset_select(set, &d->labelled, NULL, out);
}

/* Image i gets the labels and the report of image order[i]. */
static err rearrange(const dataset *made, const int *order, float *labels, const char **reports,
                     dataset **out)
{
    size_t k = (size_t)made->n_labels;
    dataset *relabelled;
    for (int i = 0; i < made->n; i++) {
        memcpy(labels + (size_t)i * k, made->labels + (size_t)order[i] * k, k * sizeof *labels);
        reports[i] = made->samples[order[i]].report;
    }
    TRY(dataset_select(made, NULL, labels, &relabelled));
    err error = dataset_with_reports(relabelled, reports, out);
    dataset_close(relabelled);
    return error;
}

err second_shuffled(const dataset *made, uint64_t seed, dataset **out)
{
    int *order = malloc((size_t)made->n * sizeof *order);
    float *labels = malloc((size_t)made->n * (size_t)made->n_labels * sizeof *labels);
    const char **reports = malloc((size_t)made->n * sizeof *reports);
    err error = out_of_memory(made->n);
    if (order && labels && reports) {
        rng r = rng_open(seed, "shuffled labels", 0);
        for (int i = 0; i < made->n; i++) order[i] = i;
        rng_shuffle(&r, order, made->n);
        error = rearrange(made, order, labels, reports, out);
    }
    free(order);
    free(labels);
    free(reports);
    return error;
}

/* A choice of samples of a set, and their labels. */
typedef struct choice {
    samples which;
    float *labels; /* (which.n,K) */
} choice;

static err choice_open(const dataset *set, choice *out)
{
    size_t n = (size_t)set->n;
    *out = (choice){.which = {.index = malloc(n * sizeof(int))},
                    .labels = malloc(n * (size_t)set->n_labels * sizeof(float))};
    return out->which.index && out->labels ? OK : out_of_memory(set->n);
}

static void choice_close(choice *c)
{
    samples_close(&c->which);
    free(c->labels);
}

static void choose(choice *c, const dataset *set, int sample, const float *labels)
{
    size_t k = (size_t)set->n_labels;
    memcpy(c->labels + (size_t)c->which.n * k, labels, k * sizeof *labels);
    c->which.index[c->which.n++] = sample;
}

static const float *labels_of(const dataset *set, int sample)
{
    return set->labels + (size_t)sample * (size_t)set->n_labels;
}

/* The labelled images of the classes that nothing chosen has. */
static void fill_classes(choice *c, const dataset *set, const samples *labelled)
{
    int chosen = c->which.n, k = set->n_labels;
    for (int label = 0; label < k; label++) {
        bool has = false;
        for (int i = 0; i < chosen; i++) has = has || c->labels[(size_t)i * (size_t)k + (size_t)label] > 0;
        for (int i = 0; i < labelled->n && !has; i++)
            if (dataset_class(set, labelled->index[i]) == label)
                choose(c, set, labelled->index[i], labels_of(set, labelled->index[i]));
    }
}

static err check_pool(const draw *d, const char *part)
{
    if (d->hidden.n > 0) return OK;
    return err_set(ERR_CONFIG,
                   "an arm with `%s` needs training images whose labels are hidden, and there are none: give "
                   "data.others or data.labelled",
                   part);
}

err second_oracle(const dataset *set, const draw *d, bool several, dataset **out)
{
    choice c;
    TRY(check_pool(d, "oracle"));
    err error = choice_open(set, &c);
    if (error == OK) {
        for (int i = 0; i < d->hidden.n; i++)
            choose(&c, set, d->hidden.index[i], labels_of(set, d->hidden.index[i]));
        if (!several) fill_classes(&c, set, &d->labelled);
        error = dataset_select(set, &c.which, c.labels, out);
    }
    choice_close(&c);
    return error;
}

/* ---- pseudo-labels ---- */

/* Returns whether the labels are anything to learn from. */
static bool pseudo_labels(const float *p, int k, bool several, double confidence, float *labels)
{
    int best = 0, known = 0;
    for (int j = 1; j < k; j++)
        if (p[j] > p[best]) best = j;
    for (int j = 0; j < k; j++) {
        if (!several)
            labels[j] = j == best ? 1.0F : 0.0F;
        else
            labels[j] = p[j] >= 0.5F && (double)p[j] >= confidence      ? 1.0F
                        : p[j] < 0.5F && 1 - (double)p[j] >= confidence ? 0.0F
                                                                        : NAN;
        known += !isnan(labels[j]);
    }
    return several ? known > 0 : (double)p[best] >= confidence;
}

err second_pseudo(const dataset *set, const draw *d, bool several, const float *probabilities,
                  double confidence, dataset **out)
{
    choice c = {0};
    size_t k = (size_t)set->n_labels;
    TRY(check_pool(d, "pseudo"));
    float *labels = malloc(k * sizeof *labels);
    err error = labels ? choice_open(set, &c) : out_of_memory(set->n);
    if (error == OK && labels) {
        for (int i = 0; i < d->hidden.n; i++)
            if (pseudo_labels(probabilities + (size_t)i * k, (int)k, several, confidence, labels))
                choose(&c, set, d->hidden.index[i], labels);
        if (!several) fill_classes(&c, set, &d->labelled);
        error = c.which.n > 0 ? dataset_select(set, &c.which, c.labels, out)
                              : err_set(ERR_DIVERGED,
                                        "no label of a hidden image has the probability %g: lower "
                                        "controls.pseudo_confidence",
                                        confidence);
    }
    free(labels);
    choice_close(&c);
    return error;
}

/* ---- the filter ---- */

double second_confidence(const float *labels, const float *probabilities, int k, bool several)
{
    double sum[2] = {0, 0}, sides = 0, all = 0;
    int count[2] = {0, 0};
    for (int j = 0; j < k; j++) {
        if (isnan(labels[j])) continue;
        bool there = labels[j] > 0;
        sum[there] += there ? (double)probabilities[j] : 1 - (double)probabilities[j];
        count[there]++;
    }
    if (!several) return count[1] == 1 ? sum[1] : NAN;
    for (int side = 0; side < 2; side++) {
        if (!count[side]) continue;
        all += sum[side] / count[side];
        sides++;
    }
    return sides > 0 ? all / sides : NAN;
}

err second_filtered(const dataset *made, bool several, const float *probabilities, double confidence,
                    const double *distance, double farthest, dataset **out)
{
    size_t k = (size_t)made->n_labels;
    samples left = {.index = malloc((size_t)made->n * sizeof(int))};
    if (!left.index) return out_of_memory(made->n);
    for (int i = 0; i < made->n; i++)
        if (second_confidence(labels_of(made, i), probabilities + (size_t)i * k, (int)k, several) >=
                confidence &&
            distance[i] <= farthest)
            left.index[left.n++] = i;
    err error = left.n > 0 ? dataset_select(made, &left, NULL, out)
                           : err_set(ERR_DIVERGED,
                                     "none of %d synthetic images passes the filter: lower "
                                     "controls.filter_confidence, or raise controls.filter_distance",
                                     made->n);
    samples_close(&left);
    return error;
}

/* The distance that `share` of the real images do not exceed, each from its nearest other one. */
static err real_distance(const float *features, int n, int width, double share, double *out)
{
    *out = INFINITY;
    if (n < 2) return OK;
    double *squared = malloc((size_t)n * sizeof *squared);
    if (!squared) return out_of_memory(n);
    err error = nearest_neighbours(features, n, features, n, width, 1, true, NULL, squared);
    if (error == OK) {
        qsort(squared, (size_t)n, sizeof *squared, order_doubles);
        int rank = (int)ceil(share * n) - 1;
        *out = sqrt(squared[rank < 0 ? 0 : rank]);
    }
    free(squared);
    return error;
}

/* What the teacher says of the images of a set. */
typedef struct opinion {
    float *probabilities, *features, *real_features; /* (n,K), (n,F), (labelled.n,F) */
    double *distances;                               /* (n) to the nearest labelled image */
    double farthest;
} opinion;

static void opinion_close(opinion *o)
{
    free(o->probabilities);
    free(o->features);
    free(o->real_features);
    free(o->distances);
}

static err measure(classifier *c, const settings *s, const dataset *set, const draw *d, const dataset *made,
                   const samples *all, opinion *o)
{
    int width = classifier_feature_count(c), m = d->labelled.n;
    size_t n = (size_t)made->n;
    o->probabilities = malloc(n * (size_t)made->n_labels * sizeof *o->probabilities);
    o->features = malloc(n * (size_t)width * sizeof *o->features);
    o->real_features = malloc((size_t)m * (size_t)width * sizeof *o->real_features);
    o->distances = calloc(n, sizeof *o->distances);
    if (!o->probabilities || !o->features || !o->real_features || !o->distances)
        return out_of_memory(made->n);
    TRY(classifier_predict(c, made, all, o->probabilities));
    TRY(classifier_features(c, made, all, o->features));
    TRY(classifier_features(c, set, &d->labelled, o->real_features));
    TRY(real_distance(o->real_features, m, width, s->filter_distance, &o->farthest));
    TRY(nearest_neighbours(o->features, made->n, o->real_features, m, width, 1, false, NULL, o->distances));
    for (size_t i = 0; i < n; i++) o->distances[i] = sqrt(o->distances[i]);
    return OK;
}

static err filter(const builder *b, classifier *c, const dataset *set, const draw *d, const dataset *made,
                  dataset **out)
{
    const settings *s = &b->study->s;
    opinion o = {0};
    samples all = {.index = malloc((size_t)made->n * sizeof(int)), .n = made->n};
    if (!all.index) return out_of_memory(made->n);
    for (int i = 0; i < made->n; i++) all.index[i] = i;
    err error = measure(c, s, set, d, made, &all, &o);
    if (error == OK)
        error = second_filtered(made, builder_several(b), o.probabilities, s->filter_confidence, o.distances,
                                o.farthest, out);
    opinion_close(&o);
    samples_close(&all);
    return error;
}

/* ---- artifacts ---- */

static err label_hidden(const builder *b, classifier *c, const dataset *set, const draw *d, dataset **out)
{
    size_t n = (size_t)d->hidden.n * (size_t)set->n_labels;
    float *probabilities = malloc((n ? n : 1) * sizeof *probabilities);
    if (!probabilities) return out_of_memory(d->hidden.n);
    err error = classifier_predict(c, set, &d->hidden, probabilities);
    if (error == OK)
        error = second_pseudo(set, d, builder_several(b), probabilities, b->study->s.pseudo_confidence, out);
    free(probabilities);
    return error;
}

static err open_source(const builder *b, const artifact *a, dataset **out)
{
    char path[PATH_BYTES];
    TRY(builder_path(b, a->inputs[1], NULL, path));
    return dataset_open_packed(path, out);
}

static err make_taught(builder *b, const artifact *a, const dataset *set, const draw *d, dataset **out)
{
    classifier *c;
    dataset *source = NULL;
    TRY(teacher_open(b, a->inputs[2], &c));
    err error = a->filtered ? open_source(b, a, &source) : OK;
    if (source)
        error = filter(b, c, set, d, source, out);
    else if (error == OK)
        error = label_hidden(b, c, set, d, out);
    dataset_close(source);
    classifier_close(c);
    return error;
}

static err make_shuffled(const builder *b, const artifact *a, dataset **out)
{
    dataset *source = NULL;
    err error = open_source(b, a, &source);
    if (source) error = second_shuffled(source, (uint64_t)a->seed, out);
    dataset_close(source);
    return error;
}

/* Labels that the folder does not have: of classes 0, of several labels unknown. */
static err make_folder(builder *b, const artifact *a, const dataset *set, dataset **out)
{
    const settings *s = &b->study->s;
    char source[ARM_SOURCE_BYTES];
    dataset *found = NULL;
    arm_source(&b->study->arms[a->arm], a->seed, a->shots, source);
    err error = dataset_open_uncertain(source, s->size, 0, 0, settings_uncertain(s), &found);
    if (found)
        error =
            dataset_with_labels(found, set->label_names, set->n_labels, builder_several(b) ? NAN : 0, out);
    dataset_close(found);
    return error == OK ? OK : err_context(error, "%.300s", source);
}

static err make_from_draw(builder *b, const artifact *a, dataset **out)
{
    const dataset *set;
    draw d;
    TRY(builder_draw(b, a, &set, &d));
    err error = a->inputs[2] >= 0               ? make_taught(b, a, set, &d, out)
                : a->images == IMAGES_DUPLICATE ? second_duplicate(set, &d, out)
                                                : second_oracle(set, &d, builder_several(b), out);
    draw_close(&d);
    return error;
}

err second_set_build(builder *b, const artifact *a, const char *work)
{
    const dataset *set;
    dataset *made = NULL;
    bool folder = a->images == IMAGES_FOLDER || a->images == IMAGES_PACKED;
    TRY(builder_dataset(b, &set));
    err error = folder && !a->filtered         ? make_folder(b, a, set, &made)
                : a->images == IMAGES_SHUFFLED ? make_shuffled(b, a, &made)
                                               : make_from_draw(b, a, &made);
    if (error == OK) error = dataset_save(made, work);
    dataset_close(made);
    return error;
}
