#include "bench/workloads.h"

#include "base/clock.h"

#include "data/phantom/phantom.h"
#include "downstream/classifier.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_UP = 3, STEPS_MAX = 4096, CLASSES = 3 };

/* ---- timing steps ---- */

typedef struct stopwatch {
    double start, last, seconds;
    int seen, n;
    double steps[STEPS_MAX];
} stopwatch;

/* Notes the end of a step; false when enough were seen. The first steps only warm up. */
static bool lap(stopwatch *w)
{
    double end = clock_seconds();
    if (w->seen++ < WARM_UP)
        w->start = end;
    else
        w->steps[w->n++] = end - w->last;
    w->last = end;
    return w->n < STEPS_MAX && (w->n < 3 || end - w->start < w->seconds);
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(stopwatch *w, measurement *out)
{
    qsort(w->steps, (size_t)w->n, sizeof w->steps[0], rising);
    out->steps = w->n;
    out->least_s = w->steps[0];
    out->median_s = w->n % 2 ? w->steps[w->n / 2] : (w->steps[w->n / 2 - 1] + w->steps[w->n / 2]) / 2;
    out->most_s = w->steps[w->n - 1];
}

static void collect(void *context, convolution c)
{
    measurement *m = context;
    if (m->n_convolutions < WORKLOAD_CONVOLUTIONS) m->convolutions[m->n_convolutions++] = c;
}

/* ---- EMIXER: one update of both players ---- */

static err run_emixer(emixer *e, bool profile, stopwatch *w)
{
    float discriminator_loss, generator_loss;
    bool more = true;
    for (uint64_t t = 0; more; t++) {
        if (w->seen == WARM_UP) emixer_profile(e, profile);
        TRY(emixer_update(e, t, &discriminator_loss, &generator_loss));
        more = lap(w);
    }
    return OK;
}

static err measure_emixer(const workload *w, double seconds, bool profile, measurement *out)
{
    emixer_opts o = emixer_defaults;
    o.resolution = w->resolution;
    o.width = w->width;
    o.batch = w->batch;
    o.n_labels = CLASSES;
    emixer *e;
    TRY(emixer_open(nn_on(&be_cpu), &o, &e));
    stopwatch *watch = calloc(1, sizeof *watch);
    err error = watch ? OK : err_set(ERR_SYSTEM, "out of memory");
    if (error == OK) {
        watch->seconds = seconds;
        error = run_emixer(e, profile, watch);
    }
    if (error == OK) {
        summarise(watch, out);
        out->samples = o.batch;
        out->flops = emixer_step_flops(e);
        out->bytes = emixer_bytes(e);
        emixer_convolutions(e, collect, out);
        if (profile) emixer_times(e, out->times);
    }
    free(watch);
    emixer_close(e);
    return error;
}

/* ---- classifier: one update, drawing and augmenting the batch included ---- */

static err classifier_lap(void *context, int updates, float loss)
{
    (void)updates;
    (void)loss;
    return lap(context) ? OK : ERR_INTERRUPTED; /* ends the training: enough was timed */
}

/* A set of random images; how fast training is does not depend on what they show. */
static err random_set(int size, int n, dataset **out)
{
    static const char *const names[CLASSES] = {"a", "b", "c"};
    size_t pixels = (size_t)n * (size_t)size * (size_t)size;
    uint8_t *images = malloc(pixels);
    float *labels = calloc((size_t)n * CLASSES, sizeof *labels);
    err error = images && labels ? OK : err_set(ERR_SYSTEM, "out of memory");
    for (size_t i = 0; error == OK && i < pixels; i++) images[i] = (uint8_t)(i * 2654435761U >> 24);
    for (int i = 0; error == OK && i < n; i++) labels[i * CLASSES + i % CLASSES] = 1;
    if (error == OK) error = dataset_from_arrays(images, labels, n, size, CLASSES, names, "random", out);
    free(images);
    free(labels);
    return error;
}

static err run_classifier(classifier *c, const dataset *set, stopwatch *w)
{
    enum { MOST = 128 };
    int index[MOST];
    samples all = {.index = index, .n = set->n < MOST ? set->n : MOST};
    for (int i = 0; i < all.n; i++) index[i] = i;
    err error = classifier_train(c, set, &all, NULL, classifier_lap, w);
    return error == ERR_INTERRUPTED && w->n > 0 ? OK : error;
}

static err measure_classifier(const workload *w, double seconds, bool profile, measurement *out)
{
    (void)profile; /* the classifier keeps no times of its operators */
    classifier_opts o = classifier_defaults;
    o.resolution = w->resolution;
    o.n_classes = CLASSES;
    o.augment = true;
    o.steps = STEPS_MAX + WARM_UP;
    dataset *set = NULL;
    classifier *c = NULL;
    stopwatch *watch = calloc(1, sizeof *watch);
    err error = watch ? random_set(w->resolution, 96, &set) : err_set(ERR_SYSTEM, "out of memory");
    if (error == OK) error = classifier_open(nn_on(&be_cpu), &o, &c);
    if (error == OK) {
        watch->seconds = seconds;
        error = run_classifier(c, set, watch);
    }
    if (error == OK) {
        summarise(watch, out);
        out->samples = o.batch;
        out->flops = classifier_step_flops(c);
    }
    free(watch);
    classifier_close(c);
    dataset_close(set);
    return error;
}

/* ---- phantom: rendering on one core ---- */

static err measure_phantom(const workload *w, double seconds, bool profile, measurement *out)
{
    (void)profile;
    enum { PER_STEP = 16 };
    uint8_t *pixels = malloc((size_t)w->resolution * (size_t)w->resolution);
    stopwatch *watch = calloc(1, sizeof *watch);
    err error = pixels && watch ? OK : err_set(ERR_SYSTEM, "out of memory");
    if (error == OK) watch->seconds = seconds;
    bool more = true;
    for (uint32_t index = 0; error == OK && more;) {
        for (int i = 0; error == OK && i < PER_STEP; i++)
            error = phantom_make(PHANTOM_CHEXPERT, 1, index++, w->resolution, pixels, NULL);
        more = lap(watch);
    }
    if (error == OK) {
        summarise(watch, out);
        out->samples = PER_STEP;
    }
    free(watch);
    free(pixels);
    return error;
}

const workload workloads[] = {
    {"emixer-32", "EMIXER, one update of both players, 32x32, 8 channels, batch 16 (the demo)",
     measure_emixer, 32, 8, 16},
    {"emixer-64", "the same at 64x64, 16 channels, batch 32 (the full study)", measure_emixer, 64, 16, 32},
    {"emixer-128", "the same at 128x128", measure_emixer, 128, 16, 32},
    {"densenet_small-32", "classifier, one update with augmentation, 32x32", measure_classifier, 32, 0, 0},
    {"densenet_small-64", "the same at 64x64", measure_classifier, 64, 0, 0},
    {"phantom-128", "rendering 16 studies at 128x128 on one core", measure_phantom, 128, 0, 0},
};
const int workload_count = sizeof workloads / sizeof workloads[0];
