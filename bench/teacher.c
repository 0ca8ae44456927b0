#include "bench/teacher.h"

#include "bench/device.h"

static const char FILE_NAME[] = "teacher.safetensors";

static err open_model(const builder *b, int n_labels, bool several, int seed, classifier **out)
{
    const settings *s = &b->study->s;
    nn_device device;
    classifier_opts o = settings_classifier(s, n_labels);
    o.multi_label = several;
    o.seed = (uint64_t)seed;
    TRY(device_named(s->device, s->classifier_precision, &device));
    return classifier_open(device, &o, out);
}

static err on_step(void *context, int t, float loss)
{
    (void)loss;
    builder *b = context;
    return builder_progress(b, (double)t / b->study->s.classifier_steps);
}

static err train(builder *b, const artifact *a, const dataset *set, const draw *d, const char *path)
{
    const settings *s = &b->study->s;
    classifier *c = NULL;
    err error = open_model(b, set->n_labels, builder_several(b), a->seed, &c);
    if (error == OK && s->weights[0]) error = classifier_load(c, s->weights, s->fresh_head);
    if (error == OK) error = classifier_train(c, set, &d->labelled, NULL, on_step, b);
    if (error == OK) error = classifier_save(c, path);
    classifier_close(c);
    return error;
}

err teacher_build(builder *b, const artifact *a, const char *work)
{
    const dataset *set;
    draw d;
    char path[PATH_BYTES];
    TRY(path_join(path, work, FILE_NAME));
    TRY(builder_draw(b, a, &set, &d));
    err error = train(b, a, set, &d, path);
    draw_close(&d);
    return error;
}

err teacher_open(builder *b, int index, classifier **out)
{
    const dataset *set;
    char path[PATH_BYTES];
    TRY(builder_dataset(b, &set));
    TRY(builder_path(b, index, FILE_NAME, path));
    TRY(open_model(b, set->n_labels, builder_several(b), b->plan->items[index].seed, out));
    err error = classifier_load(*out, path, false);
    if (error != OK) classifier_close(*out);
    return error;
}
