/* The workloads that train or use a network, on data that are not looked at. */
#include "bench/workloads.h"

#include "base/clock.h"
#include "base/files.h"
#include "base/rng.h"
#include "bench/process.h"
#include "downstream/classifier.h"
#include "emixer/emixer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLASSES = 3, WORDS = 180 /* of the phantom's reports, nearly */, EMBEDDING = 64, WRITER_STEPS = 5 };

/* A network under measurement. */
typedef struct subject {
    emixer *generative;
    classifier *c;
    bool profile;
} subject;

/* ---- EMIXER: one update of both players ---- */

static err step_emixer(void *context, uint64_t t, double *seconds)
{
    (void)seconds;
    const subject *x = context;
    emixer_losses losses;
    if (t == WORKLOAD_WARM_UP) emixer_profile(x->generative, x->profile);
    return emixer_update(x->generative, t, &losses);
}

/* As the preset all_labels of experiments/ablation.ini. */
static void add_reports(emixer_opts *o, int pairs)
{
    o->pairs = pairs;
    o->vocabulary = WORDS;
    o->embedding = EMBEDDING;
    o->writer_steps = WRITER_STEPS;
    o->label_weight = 0.1F;
    o->reading_weight = 0.5F;
}

err measure_emixer(const workload *w, const perf_setting *s, measurement *out)
{
    emixer_opts o = emixer_defaults;
    o.resolution = w->resolution;
    o.width = w->width;
    o.batch = w->batch;
    o.n_labels = CLASSES;
    if (w->pairs > 0) add_reports(&o, w->pairs);
    subject x = {.profile = s->profile};
    TRY(emixer_open(s->device, &o, &x.generative));
    err error = workload_run(step_emixer, &x, s, out);
    if (error == OK) {
        out->samples = o.batch;
        out->flops = emixer_step_flops(x.generative);
        out->parameters = emixer_trained_count(x.generative);
        out->arena_bytes = emixer_bytes(x.generative);
        emixer_convolutions(x.generative, workload_collect, out);
        if (s->profile) emixer_times(x.generative, out->times);
    }
    emixer_close(x.generative);
    return error;
}

/* ---- classifiers: one update, or one forward pass ---- */

static err step_training(void *context, uint64_t t, double *seconds)
{
    (void)seconds;
    const subject *x = context;
    float loss;
    if (t == WORKLOAD_WARM_UP) classifier_profile(x->c, x->profile);
    return classifier_update(x->c, t, &loss);
}

static err step_inference(void *context, uint64_t t, double *seconds)
{
    (void)seconds;
    const subject *x = context;
    if (t == WORKLOAD_WARM_UP) classifier_profile(x->c, x->profile);
    return classifier_infer(x->c);
}

/* Noise, each image of another class than the one before. */
static err set_noise(classifier *c, const classifier_opts *o)
{
    size_t batch = (size_t)o->batch, classes = (size_t)o->n_classes;
    size_t n = batch * (size_t)o->channels * (size_t)o->resolution * (size_t)o->resolution;
    float *images = calloc(n + batch * classes, sizeof *images);
    if (!images) return err_set(ERR_SYSTEM, "out of memory for a batch");
    float *targets = images + n;
    rng_fill_normal(rng_key(0, "perf/noise"), 0, images, n);
    for (size_t i = 0; i < batch; i++) targets[i * classes + i % classes] = 1;
    err error = classifier_set_batch(c, images, targets);
    free(images);
    return error;
}

static err measure_classifier(const workload *w, const perf_setting *s, bool training, measurement *out)
{
    classifier_opts o = classifier_defaults;
    o.model = w->model;
    o.resolution = w->resolution;
    o.batch = w->batch;
    o.n_classes = CLASSES;
    o.steps = 1 << 20; /* more than are made: the rate never gets to 0 */
    subject x = {.profile = s->profile};
    TRY(classifier_open(s->device, &o, &x.c));
    err error = set_noise(x.c, &o);
    if (error == OK) error = workload_run(training ? step_training : step_inference, &x, s, out);
    if (error == OK) {
        out->samples = o.batch;
        out->flops = training ? classifier_step_flops(x.c) : classifier_infer_flops(x.c);
        out->parameters = classifier_trained_count(x.c);
        out->arena_bytes = classifier_bytes(x.c);
        (training ? classifier_convolutions : classifier_infer_convolutions)(x.c, workload_collect, out);
        if (s->profile) classifier_times(x.c, out->times);
    }
    classifier_close(x.c);
    return error;
}

err measure_training(const workload *w, const perf_setting *s, measurement *out)
{
    return measure_classifier(w, s, true, out);
}

err measure_inference(const workload *w, const perf_setting *s, measurement *out)
{
    return measure_classifier(w, s, false, out);
}

/* ---- start: a new process of this program, to its first finished update ---- */

static _Noreturn void be_first_step(const char *path, const perf_setting *s, int out)
{
    /* execv takes its arguments as not const. */
    char device[64], precision[64], program[] = "bench", command[] = "perf", name[] = "emixer-64",
                                    once[] = "--once", d[] = "--device", p[] = "--precision";
    (void)snprintf(device, sizeof device, "%s", s->device_name);
    (void)snprintf(precision, sizeof precision, "%s", s->precision_name);
    char *const argv[] = {program, command, name, once, d, device, p, precision, NULL};
    if (dup2(out, STDOUT_FILENO) >= 0) (void)execv(path, argv);
    _exit(ERR_SYSTEM);
}

static err step_start(void *context, uint64_t t, double *seconds)
{
    (void)t;
    int ends[2], status = 0;
    char first, path[PATH_BYTES];
    TRY(process_own_path(path, sizeof path));
    double start = clock_seconds();
    if (pipe(ends) != 0) return err_set_errno(ERR_SYSTEM, "no pipe for a new process");
    pid_t child = fork();
    if (child == 0) be_first_step(path, context, ends[1]);
    (void)close(ends[1]);
    bool done = child > 0 && read(ends[0], &first, 1) == 1;
    *seconds = clock_seconds() - start;
    (void)close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child) return err_set_errno(ERR_SYSTEM, "no new process");
    if (done) return OK;
    err error = WIFEXITED(status) ? (err)WEXITSTATUS(status) : ERR_INTERNAL;
    return err_set(error, "a new process made no first step");
}

err measure_start(const workload *w, const perf_setting *s, measurement *out)
{
    (void)w;
    perf_setting copy = *s;
    return workload_run(step_start, &copy, s, out);
}
