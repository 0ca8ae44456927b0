/* Batches: balanced over the classes, or over the images. */
#include "downstream/internal.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What keys the draws of one batch. */
typedef struct draws {
    const char *purpose;
    uint64_t t, augment_seed;
} draws;

static err collect_classes(source *s, const samples *which, int total, const classifier_opts *o)
{
    int used = 0;
    for (int label = 0; label < o->n_classes; label++) {
        for (int i = 0; i < total; i++) {
            int sample = which ? which->index[i] : i;
            int found = dataset_class(s->set, sample);
            if (found < 0)
                return err_set(ERR_DATA, "sample %s has not exactly one label, which a classifier needs",
                               s->set->samples[sample].id);
            if (found == label) s->members[used++] = sample;
        }
        if (used == s->first[s->classes]) continue;
        s->label[s->classes++] = label;
        s->first[s->classes] = used;
    }
    return OK;
}

static const float *labels_of(const dataset *set, int sample)
{
    return set->labels + (size_t)sample * (size_t)set->n_labels;
}

static void collect_labelled(source *s, const samples *which, int total)
{
    int used = 0;
    for (int i = 0; i < total; i++) {
        int sample = which ? which->index[i] : i, known = 0;
        for (int k = 0; k < s->set->n_labels; k++) known += !isnan(labels_of(s->set, sample)[k]);
        if (known) s->members[used++] = sample;
    }
    s->classes = used > 0;
    s->first[s->classes] = used;
}

static err collect(source *s, const samples *which, const classifier_opts *o)
{
    int total = which ? which->n : s->set->n;
    if (!o->multi_label) return collect_classes(s, which, total, o);
    collect_labelled(s, which, total);
    return OK;
}

err source_open(const dataset *set, const samples *which, const classifier_opts *o, source *out)
{
    *out = (source){.set = set};
    size_t total = (size_t)(which ? which->n : set->n), classes = (size_t)o->n_classes;
    if (set->height != o->resolution || set->width != o->resolution)
        return err_set(ERR_DATA, "the classifier wants images of %d x %d, and the set has %d x %d",
                       o->resolution, o->resolution, set->height, set->width);
    if (set->n_labels != o->n_classes)
        return err_set(ERR_DATA, "the classifier has %d classes, and the set %d labels", o->n_classes,
                       set->n_labels);
    out->members = calloc(total + 1, sizeof *out->members);
    out->first = calloc(classes + 1, sizeof *out->first);
    out->label = calloc(classes, sizeof *out->label);
    err error = out->members && out->first && out->label
                    ? collect(out, which, o)
                    : err_set(ERR_SYSTEM, "out of memory for %zu samples", total);
    if (error == OK && out->classes == 0) error = err_set(ERR_DATA, "there is no image to train on");
    if (error != OK) source_close(out);
    return error;
}

void source_close(source *s)
{
    free(s->members);
    free(s->first);
    free(s->label);
    *s = (source){0};
}

void source_channels(const float *image, const classifier_opts *o, float *channels)
{
    size_t pixels = (size_t)o->resolution * (size_t)o->resolution;
    for (size_t i = 0; i < pixels; i++) {
        float value = o->input_scale * image[i] + o->input_shift;
        for (int c = 0; c < o->channels; c++) channels[(size_t)c * pixels + i] = value;
    }
}

static void draw_one(const source *s, const classifier_opts *o, const draws *d, int j, float *raw,
                     float *image, float *target)
{
    uint64_t index = d->t << 16 | (uint64_t)j; /* a batch is smaller than 2^16 */
    rng draw = rng_open(o->seed, d->purpose, index);
    int c = (int)((d->t + (uint64_t)j) % (uint64_t)s->classes);
    int sample = s->members[s->first[c] + rng_below(&draw, s->first[c + 1] - s->first[c])];
    dataset_pixels(s->set, sample, o->augment ? raw : image);
    if (o->augment) augment_image(raw, image, o->resolution, &augment_classic, d->augment_seed, index);
    source_channels(image, o, image);
    if (o->multi_label) {
        memcpy(target, labels_of(s->set, sample), (size_t)o->n_classes * sizeof *target);
        return;
    }
    memset(target, 0, (size_t)o->n_classes * sizeof *target);
    target[s->label[c]] = 1.0F;
}

void source_draw(const source *s, const classifier_opts *o, const char *purpose, uint64_t t, int count,
                 float *raw, float *images, float *targets)
{
    size_t pixels = (size_t)o->resolution * (size_t)o->resolution;
    draws d = {.purpose = purpose, .t = t, .augment_seed = rng_key(o->seed, purpose)};
#pragma omp parallel for schedule(static)
    for (int j = 0; j < count; j++)
        draw_one(s, o, &d, j, raw + (size_t)j * pixels, images + (size_t)j * pixels * (size_t)o->channels,
                 targets + (size_t)j * (size_t)o->n_classes);
}
