#include "bench/builder.h"

#include "base/clock.h"
#include "base/file_writer.h"
#include "bench/guards.h"
#include "bench/interrupt.h"
#include "bench/judge.h"
#include "bench/lessons.h"
#include "bench/losses.h"
#include "bench/provenance.h"
#include "bench/second_sets.h"
#include "bench/subgroups.h"
#include "bench/synthetic.h"
#include "bench/teacher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void builder_close(builder *b)
{
    dataset_close(b->set);
    b->set = NULL;
}

err builder_progress(builder *b, double fraction)
{
    atomic_store(&b->slot->millionths, (int)(fraction * 1e6));
    if (interrupt_count() > 0 || (b->parent && getppid() != b->parent))
        return err_set(ERR_INTERRUPTED, "interrupted; the same command continues where this one stopped");
    return OK;
}

err builder_path(const builder *b, int index, const char *file, char out[PATH_BYTES])
{
    const artifact *a = &b->plan->items[index];
    return store_path(b->store, artifact_kind_names[a->kind], &a->key, file, out);
}

bool builder_several(const builder *b)
{
    return b->study->task != TASK_CLASSES;
}

err builder_dataset(builder *b, const dataset **out)
{
    if (!b->set) {
        char path[PATH_BYTES], source[PATH_BYTES + 16];
        TRY(builder_path(b, 0, NULL, path));
        (void)snprintf(source, sizeof source, "packed:%s", path);
        TRY(dataset_open(source, b->study->s.size, 0, 0, &b->set));
    }
    *out = b->set;
    return OK;
}

static err dataset_build(builder *b, const artifact *a, const char *work)
{
    (void)a;
    const settings *s = &b->study->s;
    dataset *set;
    TRY(dataset_open_uncertain(s->source, s->size, s->count, (uint64_t)s->data_seed, settings_uncertain(s),
                               &set));
    err error = dataset_save(set, work);
    dataset_close(set);
    return error;
}

err builder_draw(builder *b, const artifact *a, const dataset **set, draw *d)
{
    const settings *s = &b->study->s;
    TRY(builder_dataset(b, set));
    if (b->study->task == TASK_CLASSES && (*set)->n_labels < 2)
        return err_set(ERR_CONFIG, "data.source = %.200s: has %d class; a classifier needs two", s->source,
                       (*set)->n_labels);
    TRY(subgroups_check(s, *set));
    TRY(draw_open(s, *set, a->seed, (label_budget){a->shots, a->labelled}, d));
    if (b->study->task != TASK_CLASSES || draw_one_hot(*set)) return OK;
    draw_close(d);
    return err_set(
        ERR_CONFIG,
        "data.source = %.200s: a sample has not exactly one label; experiment.task = classes needs one class "
        "an image: set experiment.task = labels, or make such a set by `bench data import --classes`",
        s->source);
}

typedef struct generator_watch {
    builder *b;
    losses log;
} generator_watch;

static err on_generator_step(void *context, int t, const emixer_losses *values)
{
    generator_watch *w = context;
    int steps = w->b->study->s.emixer_steps;
    if (t % LOSSES_EVERY == 0 || t == steps) TRY(losses_add(&w->log, t, values));
    return builder_progress(w->b, (double)t / steps);
}

static err train_generator(builder *b, const artifact *a, lesson *l, const char *work)
{
    const settings *s = &b->study->s;
    char checkpoint[PATH_BYTES], weights[PATH_BYTES], log[PATH_BYTES];
    generator_watch watch = {.b = b};
    TRY(path_join(checkpoint, work, "checkpoint.safetensors"));
    TRY(path_join(weights, work, "generator.safetensors"));
    TRY(path_join(log, work, LOSSES_FILE));
    TRY(losses_open(log, !path_exists(checkpoint), &watch.log));
    emixer_opts o = lesson_options(s, l, a->seed);
    emixer *e = NULL;
    judge *j = NULL;
    err error = judge_open(s, l, a->seed, &j);
    if (error == OK) error = lesson_model(s, &o, &e);
    if (error == OK)
        error = emixer_train(e, &l->data, checkpoint, s->checkpoint_seconds, on_generator_step, &watch);
    judge_close(j);
    err closed = losses_close(&watch.log);
    if (error == OK) error = closed;
    if (error == OK) error = emixer_save(e, weights);
    emixer_close(e);
    return error;
}

static err generator_build(builder *b, const artifact *a, const char *work)
{
    const dataset *set;
    draw d;
    lesson l;
    char checkpoint[PATH_BYTES], seen[PATH_BYTES];
    TRY(path_join(seen, work, "generator.training.csv"));
    TRY(builder_draw(b, a, &set, &d));
    err error = lesson_open(&b->study->s, set, &d, &l);
    bool opened = error == OK;
    if (error == OK) error = provenance_write(set, l.data.labelled, l.data.unlabelled, seen);
    if (error == OK) error = train_generator(b, a, &l, work);
    if (opened && error == ERR_DATA && path_join(checkpoint, work, "checkpoint.safetensors") == OK &&
        path_exists(checkpoint)) {
        (void)fprintf(stderr, "bench: %s: training starts again\n", err_message()); /* a damaged checkpoint */
        error = folder_remove(checkpoint);
        if (error == OK) error = train_generator(b, a, &l, work);
    }
    lesson_close(&l);
    draw_close(&d);
    return error;
}

/* The classes in turn; of other tasks, label vectors as the generator met them. */
static err choose_labels(const study *experiment, emixer *e, const dataset *set, int n, int seed,
                         float *labels)
{
    if (experiment->task != TASK_CLASSES) return emixer_draw_labels(e, n, (uint64_t)seed, labels);
    synthetic_classes(n, set->n_labels, labels);
    return OK;
}

static err synthesize(builder *b, const artifact *a, emixer *e, const emixer_opts *o, const char *work)
{
    const settings *s = &b->study->s;
    int k = o->n_labels, n = k * s->per_class;
    const dataset *set;
    dataset *made = NULL;
    emixer_writing how = {
        .temperature = (float)s->temperature, .top_p = (float)s->top_p, .seed = (uint64_t)a->seed};
    TRY(builder_dataset(b, &set));
    TRY(writing_named("synthetic.writing", s->writing, &how));
    float *labels = malloc((size_t)n * (size_t)k * sizeof *labels);
    err error = labels ? choose_labels(b->study, e, set, n, a->seed, labels)
                       : err_set(ERR_SYSTEM, "out of memory for %d synthetic images", n);
    if (error == OK)
        error = synthetic_open(e, o, set->label_names, labels, n, (uint64_t)a->seed, &how, &made);
    if (error == OK) error = dataset_save(made, work);
    dataset_close(made);
    free(labels);
    return error;
}

static err synthetic_build(builder *b, const artifact *a, const char *work)
{
    char weights[PATH_BYTES];
    emixer_opts o;
    emixer *e;
    TRY(builder_path(b, a->inputs[1], "generator.safetensors", weights));
    TRY(emixer_read_options(weights, &o));
    TRY(lesson_model(&b->study->s, &o, &e));
    err error = emixer_load(e, weights);
    if (error == OK) error = synthesize(b, a, e, &o, work);
    if (error == OK) error = provenance_hand_on(weights, work);
    emixer_close(e);
    return error;
}

static err second_build(builder *b, const artifact *a, const char *work)
{
    bool generated = a->images == IMAGES_EMIXER && !a->filtered;
    return (generated ? synthetic_build : second_set_build)(b, a, work);
}

typedef struct recipe {
    err (*build)(builder *b, const artifact *a, const char *work); /* leaves the artifact's files in `work` */
    bool resumes; /* it can go on from what an interrupted attempt left there */
} recipe;

static const recipe recipes[KIND_COUNT] = {
    [KIND_DATASET] = {dataset_build, false}, [KIND_GENERATOR] = {generator_build, true},
    [KIND_TWINS] = {twins_build, false},     [KIND_GUARD] = {guard_build, false},
    [KIND_TEACHER] = {teacher_build, false}, [KIND_SYNTHETIC] = {second_build, false},
    [KIND_TRIAL] = {trial_build, false},
};

/* If an input failed, so does what needs it. */
static err inherit_failure(const builder *b, const artifact *a, manifest *m)
{
    for (int i = 0; i < ARTIFACT_INPUTS && !m->failed; i++) {
        if (a->inputs[i] < 0) continue;
        const artifact *input = &b->plan->items[a->inputs[i]];
        TRY(store_manifest(b->store, artifact_kind_names[input->kind], &input->key, m));
    }
    return OK;
}

/* Waiting for the disk takes ten times as long as everything else that is done to keep a small artifact, so
 * it is done only where much would be lost. After a power failure, an artifact that never reached the disk is
 * empty, torn, without a manifest, or not there: in each case its manifest's hashes do not fit, the next
 * run's check finds that before anything reads it, and makes it again (work_check). The system writes what is
 * left to it within half a minute or so, and therefore no more than that much work is lost, and no more than
 * LASTING_SECONDS of it in one artifact. What is resumed is another matter: a checkpoint has nobody who would
 * notice. */
static void choose_waiting(const recipe *r, double seconds)
{
    enum { LASTING_SECONDS = 10 };
    file_writers_wait(r->resumes || seconds >= LASTING_SECONDS);
}

static err make(builder *b, int index)
{
    const artifact *a = &b->plan->items[index];
    const char *kind = artifact_kind_names[a->kind];
    const recipe *r = &recipes[a->kind];
    char work[PATH_BYTES];
    double start = clock_seconds();
    manifest m = {0};
    atomic_store(&b->slot->millionths, 0);
    atomic_store(&b->slot->artifact, index);
    TRY(builder_progress(b, 0));
    TRY(inherit_failure(b, a, &m));
    choose_waiting(r, 0);
    TRY(store_begin(b->store, kind, &a->key, r->resumes, work));
    if (!m.failed) {
        err error = r->build(b, a, work);
        if (error == ERR_DIVERGED) {
            bool own = a->kind == KIND_TRIAL; /* whose row names it already */
            m.failed = true;
            (void)snprintf(m.message, sizeof m.message, "%s%s%.400s", own ? "" : a->label, own ? "" : ": ",
                           err_message());
        } else if (error != OK) {
            return err_context(error, "%s", a->label);
        }
    }
    if (m.failed) TRY(store_begin(b->store, kind, &a->key, false, work));
    m.seconds = clock_seconds() - start;
    choose_waiting(r, m.seconds);
    TRY(store_finish(b->store, kind, &a->key, &m));
    atomic_store(&b->slot->artifact, -1);
    return OK;
}

err builder_make(builder *b, int index)
{
    err error = make(b, index);
    file_writers_wait(true);
    return error;
}
