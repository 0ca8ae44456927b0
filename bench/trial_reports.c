/* Trials of experiment.task = reports: a report generator learns from the pairs of image and report that the
 * arm has, and says a report of every test image that has one. */
#include "bench/device.h"
#include "bench/scores_reports.h"
#include "bench/trial.h"
#include "bench/trial_images.h"
#include "downstream/report_generator.h"

#include <stdlib.h>

/* What a trial works with, and what it made. */
typedef struct report_trial {
    const trial *t;
    const settings *s;
    trial_images images;
    report_texts texts, synthetic; /* of images.set and of images.synthetic */
    vocabulary *words;
    samples test;            /* test images with a report */
    const char **references; /* (test.n) owned by texts */
    report_texts said;       /* of the test images */
} report_trial;

static void report_trial_close(report_trial *r)
{
    report_texts_close(&r->said);
    free(r->references);
    samples_close(&r->test);
    vocabulary_close(r->words);
    report_texts_close(&r->synthetic);
    report_texts_close(&r->texts);
    trial_images_close(&r->images);
}

static err no_reports(const report_trial *r, const char *which)
{
    return err_set(ERR_DATA,
                   "data.source = %.200s: no %s has a report; experiment.task = reports needs data whose "
                   "samples.csv has them",
                   r->s->source, which);
}

static int count_reports(const report_texts *all, const samples *which)
{
    int n = 0;
    for (int i = 0; i < which->n; i++) n += all->cleaned[which->index[i]] != NULL;
    return n;
}

/* ---- what is there to learn, and to say ---- */

static err take_test(report_trial *r)
{
    const samples *test = &r->t->draw->split.test;
    r->test.index = calloc((size_t)test->n + 1, sizeof *r->test.index);
    r->references = calloc((size_t)test->n + 1, sizeof *r->references);
    if (!r->test.index || !r->references)
        return err_set(ERR_SYSTEM, "out of memory for %d test images", test->n);
    for (int i = 0; i < test->n; i++) {
        int sample = test->index[i];
        if (!r->texts.cleaned[sample]) continue;
        r->references[r->test.n] = r->texts.cleaned[sample];
        r->test.index[r->test.n++] = sample;
    }
    return r->test.n > 0 ? OK : no_reports(r, "test image");
}

/* A generator that never learned to write is a training that failed, and no fault of the data. */
static err take_synthetic(report_trial *r)
{
    if (!r->images.synthetic) return OK;
    TRY(report_texts_open(r->images.synthetic, settings_report_rules(r->s), &r->synthetic));
    for (int i = 0; i < r->synthetic.n; i++)
        if (r->synthetic.cleaned[i]) return OK;
    return err_set(ERR_DIVERGED, "seed %d: its generator wrote no report; train it longer (emixer.steps)",
                   r->t->artifact->seed);
}

/* The words are those of the labelled images, whatever the arm: all arms of a seed start from the same
 * weights. */
static err take_words(report_trial *r)
{
    const samples *labelled = &r->t->draw->labelled;
    if (count_reports(&r->texts, labelled) == 0) return no_reports(r, "labelled training image");
    err error = vocabulary_build(r->texts.cleaned, labelled, r->s->minimum_count, &r->words);
    return error == ERR_DATA ? err_context(error, "data.minimum_count = %d", r->s->minimum_count) : error;
}

static err report_trial_open(const trial *t, report_trial *out)
{
    const builder *b = t->builder;
    *out = (report_trial){.t = t, .s = &b->study->s};
    TRY(trial_images_open(b, t->artifact, t->set, t->draw, &out->images));
    TRY(report_texts_open(t->set, settings_report_rules(out->s), &out->texts));
    TRY(take_words(out));
    TRY(take_synthetic(out));
    return take_test(out);
}

/* ---- learning and saying ---- */

static report_generator_opts options_of(const report_trial *r)
{
    report_generator_opts o = settings_report_generator(r->s, r->t->set->n_labels);
    o.model = study_models(r->t->builder->study)->values[r->t->artifact->model];
    o.augment = r->images.augment;
    o.synthetic_share = (float)r->images.synthetic_share;
    o.seed = (uint64_t)r->t->artifact->seed;
    return o;
}

static err on_step(void *context, int t, float loss)
{
    (void)loss;
    builder *b = context;
    return builder_progress(b, (double)t / b->study->s.report_steps);
}

static err keep_weights(const report_trial *r, report_generator *g)
{
    char path[PATH_BYTES];
    TRY(path_join(path, r->t->work, "report_generator.safetensors"));
    TRY(report_generator_save(g, path));
    TRY(path_join(path, r->t->work, "vocabulary.csv"));
    return vocabulary_save(r->words, path);
}

static err learn_and_say(report_trial *r, report_generator *g)
{
    const trial_images *images = &r->images;
    const report_pairs real = {images->set, images->real, &r->texts};
    const report_pairs synthetic = {images->synthetic, NULL, &r->synthetic};
    TRY(report_generator_train(g, &real, images->synthetic ? &synthetic : NULL, on_step, r->t->builder));
    TRY(report_generator_predict(g, images->set, &r->test, &r->said));
    return r->s->report_keep_weights ? keep_weights(r, g) : OK;
}

static err generate(report_trial *r)
{
    nn_device device;
    report_generator *g;
    report_generator_opts o = options_of(r);
    TRY(device_named(r->s->device, r->s->report_precision, &device));
    TRY(report_generator_open(device, &o, r->words, &g));
    err error = learn_and_say(r, g);
    report_generator_close(g);
    return error;
}

/* ---- what came out ---- */

static err save_reports(const report_trial *r)
{
    char path[PATH_BYTES];
    TRY(path_join(path, r->t->work, "reports.csv"));
    text csv = {0};
    text_printf(&csv, "id,reference,report\n");
    for (int i = 0; i < r->test.n; i++) {
        text_csv_cell(&csv, r->t->set->samples[r->test.index[i]].id);
        text_printf(&csv, ",");
        text_csv_cell(&csv, r->references[i]);
        text_printf(&csv, ",");
        text_csv_cell(&csv, r->said.cleaned[i]);
        text_printf(&csv, "\n");
    }
    err error = text_save(&csv, path);
    text_close(&csv);
    return error;
}

static err conclude(const report_trial *r, trial_scores *out)
{
    const report_comparison compared = {r->said.cleaned, r->references, r->test.n, r->t->set};
    out->words = vocabulary_hash(r->words);
    TRY(scores_of_reports(&compared, &out->values, out->labels));
    return save_reports(r);
}

err trial_reports(const trial *t, trial_scores *out)
{
    report_trial r;
    err error = report_trial_open(t, &r);
    if (error == OK) error = generate(&r);
    if (error == OK) error = conclude(&r, out);
    report_trial_close(&r);
    return error;
}
