#include "bench/builder.h"

#include "base/clock.h"
#include "base/text.h"
#include "bench/device.h"
#include "bench/interrupt.h"
#include "emixer/emixer.h"

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

static err check_classes(const settings *s, const dataset *set)
{
    if (set->n_labels < 2)
        return err_set(ERR_CONFIG, "data.source = %.200s: has %d class; a classifier needs two", s->source,
                       set->n_labels);
    for (int i = 0; i < set->n; i++)
        if (dataset_class(set, i) < 0)
            return err_set(ERR_CONFIG,
                           "data.source = %.200s: sample %.200s has not exactly one label; trials need "
                           "one class an image",
                           s->source, set->samples[i].id);
    return OK;
}

static err find_class(const settings *s, const dataset *set, int *few)
{
    *few = dataset_label(set, s->few_shot_class);
    if (*few >= 0) return OK;
    char place[PATH_BYTES + 160];
    settings_place(s, OPTION_OF_few_shot_class, place, sizeof place);
    text names = {0};
    for (int i = 0; i < set->n_labels; i++) text_printf(&names, "%s%s", i ? ", " : "", set->label_names[i]);
    err error = err_set(ERR_CONFIG, "%s = %.80s: the data have no such class; they have %s", place,
                        s->few_shot_class, names.data ? names.data : "none");
    text_close(&names);
    return error;
}

err draw_open(const settings *s, const dataset *set, int seed, int shots, draw *out)
{
    *out = (draw){0};
    TRY(check_classes(s, set));
    TRY(find_class(s, set, &out->few));
    TRY(splits_open(set, s->validation, s->test, (uint64_t)seed, &out->split));
    err error = few_shot_open(set, &out->split.train, out->few, shots, s->others, (uint64_t)seed,
                              &out->labelled, &out->hidden);
    if (error != OK) splits_close(&out->split);
    return error;
}

void draw_close(draw *d)
{
    samples_close(&d->labelled);
    samples_close(&d->hidden);
    splits_close(&d->split);
    *d = (draw){0};
}

static emixer_opts generator_options(const settings *s, int n_labels, int seed)
{
    emixer_opts o = emixer_defaults;
    o.resolution = s->size;
    o.n_labels = n_labels;
    o.width = s->emixer_width;
    o.latent = s->emixer_latent;
    o.batch = s->emixer_batch;
    o.steps = s->emixer_steps;
    o.discriminator_steps = s->discriminator_steps;
    o.generator_rate = (float)s->generator_rate;
    o.discriminator_rate = (float)s->discriminator_rate;
    o.beta1 = (float)s->beta1;
    o.beta2 = (float)s->beta2;
    o.ema_decay = (float)s->ema_decay;
    o.rotation_weight = (float)s->rotation_weight;
    o.augment = s->emixer_augment;
    o.seed = (uint64_t)seed;
    return o;
}

static err open_generator(const settings *s, const emixer_opts *o, emixer **out)
{
    nn_device device;
    TRY(device_named(s->device, s->emixer_precision, &device));
    return emixer_open(device, o, out);
}

static err on_generator_step(void *context, int t, const emixer_losses *losses)
{
    (void)losses;
    builder *b = context;
    return builder_progress(b, (double)t / b->study->s.emixer_steps);
}

static err train_generator(builder *b, const artifact *a, const dataset *set, const draw *d, const char *work)
{
    const settings *s = &b->study->s;
    char checkpoint[PATH_BYTES], weights[PATH_BYTES];
    TRY(path_join(checkpoint, work, "checkpoint.safetensors"));
    TRY(path_join(weights, work, "generator.safetensors"));
    emixer_opts o = generator_options(s, set->n_labels, a->seed);
    emixer *e;
    TRY(open_generator(s, &o, &e));
    emixer_data data = {.set = set, .labelled = &d->labelled};
    if (strcmp(s->unlabelled, "hidden") == 0) data.unlabelled = &d->hidden;
    err error = emixer_train(e, &data, checkpoint, s->checkpoint_seconds, on_generator_step, b);
    if (error == OK) error = emixer_save(e, weights);
    emixer_close(e);
    return error;
}

/* The names of the classes, for `bench synth`. */
static err save_labels(const dataset *set, const char *work)
{
    char path[PATH_BYTES];
    TRY(path_join(path, work, "labels.csv"));
    text t = {0};
    text_printf(&t, "label\n");
    for (int i = 0; i < set->n_labels; i++) {
        text_csv_field(&t, set->label_names[i]);
        text_printf(&t, "\n");
    }
    err error = text_check(&t);
    if (error == OK) error = file_write(path, t.data, t.length);
    text_close(&t);
    return error;
}

static err generator_build(builder *b, const artifact *a, const char *work)
{
    const dataset *set;
    draw d;
    TRY(builder_dataset(b, &set));
    TRY(draw_open(&b->study->s, set, a->seed, a->shots, &d));
    err error = train_generator(b, a, set, &d, work);
    char checkpoint[PATH_BYTES];
    if (error == ERR_DATA && path_join(checkpoint, work, "checkpoint.safetensors") == OK &&
        path_exists(checkpoint)) {
        (void)fprintf(stderr, "bench: %s: training starts again\n", err_message()); /* a damaged checkpoint */
        error = folder_remove(checkpoint);
        if (error == OK) error = train_generator(b, a, set, &d, work);
    }
    if (error == OK) error = save_labels(set, work);
    draw_close(&d);
    return error;
}

/* n images, the classes in turn, so that fewer images are a prefix of more. */
static err synthesize(builder *b, const artifact *a, emixer *e, const dataset *set, const char *work)
{
    int k = set->n_labels, n = k * b->study->s.per_class, size = b->study->s.size;
    float *labels = calloc((size_t)n * (size_t)k, sizeof *labels);
    uint8_t *images = malloc((size_t)n * (size_t)size * (size_t)size);
    dataset *made = NULL;
    err error = OK;
    if (!labels || !images) {
        error = err_set(ERR_SYSTEM, "out of memory for %d synthetic images", n);
        goto done;
    }
    for (int i = 0; i < n; i++) labels[(size_t)i * (size_t)k + (size_t)(i % k)] = 1;
    TRY_GOTO(emixer_synthesize(e, labels, n, (uint64_t)a->seed, images), done);
    TRY_GOTO(dataset_from_arrays(images, labels, n, size, k, set->label_names, "emixer", &made), done);
    TRY_GOTO(dataset_save(made, work), done);
done:
    dataset_close(made);
    free(images);
    free(labels);
    return error;
}

static err synthetic_build(builder *b, const artifact *a, const char *work)
{
    const dataset *set;
    char weights[PATH_BYTES];
    TRY(builder_dataset(b, &set));
    TRY(builder_path(b, a->inputs[1], "generator.safetensors", weights));
    emixer_opts o = generator_options(&b->study->s, set->n_labels, a->seed);
    emixer *e;
    TRY(open_generator(&b->study->s, &o, &e));
    err error = emixer_load(e, weights);
    if (error == OK) error = synthesize(b, a, e, set, work);
    emixer_close(e);
    return error;
}

typedef struct recipe {
    err (*build)(builder *b, const artifact *a, const char *work); /* leaves the artifact's files in `work` */
    bool resumes; /* it can go on from what an interrupted attempt left there */
} recipe;

static const recipe recipes[KIND_COUNT] = {
    [KIND_DATASET] = {dataset_build, false},
    [KIND_GENERATOR] = {generator_build, true},
    [KIND_SYNTHETIC] = {synthetic_build, false},
    [KIND_TRIAL] = {trial_build, false},
};

/* If an input failed, so does what needs it. */
static err inherit_failure(const builder *b, const artifact *a, manifest *m)
{
    for (int i = 0; i < 2 && !m->failed; i++) {
        if (a->inputs[i] < 0) continue;
        const artifact *input = &b->plan->items[a->inputs[i]];
        TRY(store_manifest(b->store, artifact_kind_names[input->kind], &input->key, m));
    }
    return OK;
}

err builder_make(builder *b, int index)
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
    TRY(store_finish(b->store, kind, &a->key, &m));
    atomic_store(&b->slot->artifact, -1);
    return OK;
}
