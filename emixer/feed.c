/* Batches: which samples and reports go into the inputs of an update. Every draw is keyed by (seed, purpose,
 * index). */
#include "emixer/feed.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- opening ---- */

static err check_images(const emixer_opts *o, const emixer_data *data)
{
    const dataset *set = data->set;
    int side = o->resolution;
    if (set->height != side || set->width != side)
        return err_set(ERR_DATA, "the generator makes %d x %d images, and those of the data are %d x %d",
                       side, side, set->height, set->width);
    if (set->n_labels != o->n_labels)
        return err_set(ERR_DATA, "the generator has %d labels, and the data %d", o->n_labels, set->n_labels);
    if (data->labelled->n < 1) return err_set(ERR_DATA, "a generator needs at least one labelled image");
    return OK;
}

static err check_reports(const emixer_opts *o, const emixer_data *data)
{
    if (o->pairs == 0) return OK;
    if (!data->words || !data->reports)
        return err_set(ERR_DATA, "a model with reports needs reports to learn from; or set pairs = 0");
    if (vocabulary_size(data->words) != o->vocabulary)
        return err_set(ERR_DATA, "the model has %d words, and the vocabulary %d", o->vocabulary,
                       vocabulary_size(data->words));
    return OK;
}

/* The labelled samples that have a report; there may be none. */
static err find_paired(const emixer_data *data, samples *out)
{
    *out = (samples){.index = calloc((size_t)data->labelled->n, sizeof *out->index)};
    if (!out->index) return err_set(ERR_SYSTEM, "out of memory for %d samples", data->labelled->n);
    for (int i = 0; i < data->labelled->n; i++)
        if (data->reports[data->labelled->index[i]]) out->index[out->n++] = data->labelled->index[i];
    return OK;
}

/* Without pairs, what would learn from them must be off. */
static err check_unpaired(const emixer_opts *o, const emixer_data *data)
{
    if (data->n_unpaired == 0)
        return err_set(ERR_DATA, "none of the %d labelled images has a report; set pairs = 0 to do without",
                       data->labelled->n);
    if (o->joint_weight > 0 || fits_reports(o))
        return err_set(ERR_DATA, "no image has a report, only texts without images: set joint_weight, "
                                 "matching_weight and reading_weight to 0");
    return OK;
}

static err open_draws(const emixer *e, const emixer_data *data, feed *f)
{
    bool balanced = e->o.balanced;
    TRY(balance_open(data->set, data->labelled, balanced, &f->draws));
    if (e->o.pairs == 0) return OK;
    samples paired;
    TRY(find_paired(data, &paired));
    err error =
        paired.n > 0 ? balance_open(data->set, &paired, balanced, &f->paired) : check_unpaired(&e->o, data);
    samples_close(&paired);
    return error;
}

static err allocate(const emixer_opts *o, feed *f)
{
    size_t pixels = (size_t)o->resolution * (size_t)o->resolution, batch = (size_t)o->batch;
    size_t rows = batch > LABEL_POOL ? batch : LABEL_POOL, p = (size_t)o->pairs;
    size_t tokens = (size_t)o->sentences * (size_t)o->words;
    f->images = malloc(batch * pixels * sizeof *f->images);
    f->labels = malloc(rows * (size_t)o->n_labels * sizeof *f->labels);
    f->chosen = malloc(batch * sizeof *f->chosen);
    f->column = malloc(batch * sizeof *f->column);
    bool enough = f->images && f->labels && f->chosen && f->column;
    if (p > 0) {
        f->ids = malloc(p * tokens * sizeof *f->ids);
        f->previous = malloc(p * tokens * sizeof *f->previous);
        f->bags = malloc(p * (size_t)o->sentences * (size_t)o->vocabulary * sizeof *f->bags);
        f->stops = malloc(p * (size_t)o->sentences * sizeof *f->stops);
        f->kept = malloc(p * (size_t)o->embedding * sizeof *f->kept);
        enough = enough && f->ids && f->previous && f->bags && f->stops && f->kept;
    }
    return enough ? OK : err_set(ERR_SYSTEM, "out of memory for a batch");
}

err feed_open(const emixer *e, const emixer_data *data, feed *f)
{
    *f = (feed){.data = data};
    TRY(check_images(&e->o, data));
    TRY(check_reports(&e->o, data));
    err error = allocate(&e->o, f);
    if (error == OK) error = open_draws(e, data, f);
    if (error != OK) feed_close(f);
    return error;
}

void feed_close(feed *f)
{
    balance_close(&f->draws);
    balance_close(&f->paired);
    free(f->images);
    free(f->labels);
    free(f->chosen);
    free(f->column);
    free(f->ids);
    free(f->previous);
    free(f->bags);
    free(f->stops);
    free(f->kept);
    *f = (feed){0};
}

/* ---- what players have in common ---- */

static float *image_row(const emixer_opts *o, const feed *f, int row)
{
    return f->images + (size_t)row * (size_t)o->resolution * (size_t)o->resolution;
}

static float *label_row(const emixer_opts *o, const feed *f, int row)
{
    return f->labels + (size_t)row * (size_t)o->n_labels;
}

static bool has_pairs(const feed *f)
{
    return f->paired.n > 0;
}

/* Rows first .. first+n of images, labels and chosen. */
static void draw_rows(const emixer_opts *o, feed *f, const balance *from, const char *purpose, uint64_t index,
                      int first, int n)
{
    if (n == 0) return;
    balance_draw(from, o->seed, purpose, index, n, image_row(o, f, first), label_row(o, f, first),
                 f->chosen + first);
}

err feed_labels(emixer *e, feed *f, const char *purpose, uint64_t t, int rows, nn_t input)
{
    balance_draw(&f->draws, e->o.seed, purpose, t, rows, NULL, f->labels, NULL);
    return nn_set(e->n, input, f->labels);
}

/* Ids alone of the reports of chosen[0..P); without pairs, of any texts. */
static err set_ids(emixer *e, feed *f, uint64_t t, nn_t input)
{
    const emixer_opts *o = &e->o;
    const emixer_data *d = f->data;
    size_t tokens = (size_t)o->sentences * (size_t)o->words;
    rng draw = rng_open(o->seed, "emixer/texts", t);
    for (int i = 0; i < o->pairs; i++) {
        const char *report =
            has_pairs(f) ? d->reports[f->chosen[i]] : d->unpaired[rng_below(&draw, d->n_unpaired)];
        report_encode_target(o, d->words, report, f->ids + (size_t)i * tokens, f->previous, f->bags,
                             f->stops);
    }
    return nn_set(e->n, input, f->ids);
}

/* Puts the labels of samples with a report into the first P rows of f->labels, and sets these reports. There
 * are pairs, or joint_weight was refused. */
static err set_label_reports(emixer *e, feed *f, const char *purpose, uint64_t t, nn_t reports)
{
    char of_pairs[64];
    (void)snprintf(of_pairs, sizeof of_pairs, "%s/pairs", purpose);
    balance_draw(&f->paired, e->o.seed, of_pairs, t, e->o.pairs, NULL, f->labels, f->chosen);
    return set_ids(e, f, t, reports);
}

/* The labels of fakes, and those that they are judged under. reports: of label_reports. */
static err set_fake_labels(emixer *e, feed *f, const char *purpose, uint64_t t, nn_t labels, nn_t judged,
                           nn_t reports)
{
    const emixer_opts *o = &e->o;
    int hidden = unlabelled_rows(o);
    balance_draw(&f->draws, o->seed, purpose, t, o->batch, NULL, f->labels, NULL);
    if (has_label_reports(o)) TRY(set_label_reports(e, f, purpose, t, reports));
    TRY(nn_set(e->n, labels, f->labels));
    if (hidden == 0) return OK;
    memset(label_row(o, f, o->batch - hidden), 0, (size_t)hidden * (size_t)o->n_labels * sizeof *f->labels);
    return nn_set(e->n, judged, f->labels);
}

/* ---- D ---- */

/* The last rows: images of no label, if there are any; else labelled ones as if they had none. */
static void draw_unlabelled(const emixer_opts *o, feed *f, uint64_t t)
{
    const emixer_data *d = f->data;
    const samples *from = d->unlabelled && d->unlabelled->n > 0 ? d->unlabelled : d->labelled;
    int hidden = unlabelled_rows(o), first = o->batch - hidden;
    rng draw = rng_open(o->seed, "emixer/unlabelled", t);
    for (int i = 0; i < hidden; i++) {
        dataset_pixels(d->set, from->index[rng_below(&draw, from->n)], image_row(o, f, first + i));
        memset(label_row(o, f, first + i), 0, (size_t)o->n_labels * sizeof *f->labels);
    }
}

/* P images: those of pairs, or any. */
static void draw_paired(const emixer_opts *o, feed *f, const char *purpose, uint64_t t)
{
    draw_rows(o, f, has_pairs(f) ? &f->paired : &f->draws, purpose, t, 0, o->pairs);
}

static err set_averages(emixer *e, feed *f)
{
    for (int i = 0; i < 2; i++) {
        nn_t input = i == 0 ? e->in.discriminator.real_average : e->in.discriminator.fake_average;
        for (int b = 0; b < e->o.batch; b++) f->column[b] = e->averages[i];
        TRY(nn_set(e->n, input, f->column));
    }
    return OK;
}

err feed_discriminator(emixer *e, feed *f, uint64_t t)
{
    const emixer_opts *o = &e->o;
    int p = o->pairs;
    draw_paired(o, f, "emixer/pairs", t);
    draw_rows(o, f, &f->draws, "emixer/real", t, p, o->batch - p - unlabelled_rows(o));
    draw_unlabelled(o, f, t);
    TRY(nn_set(e->n, e->in.discriminator.real, f->images));
    TRY(nn_set(e->n, e->in.discriminator.real_labels, f->labels));
    if (players_read(o)) TRY(set_ids(e, f, t, e->in.discriminator.reports));
    TRY(set_fake_labels(e, f, "emixer/fake", t, e->in.discriminator.fake_labels, e->in.discriminator.judged,
                        e->in.discriminator.label_reports));
    if (o->lecam_weight > 0) TRY(set_averages(e, f));
    if (rotation_batch(o) == 0) return OK;
    rotation_draw(o, f->data, t, f->images);
    return nn_set(e->n, e->in.discriminator.rotation, f->images);
}

/* ---- G ---- */

err feed_generator(emixer *e, feed *f, uint64_t t)
{
    return set_fake_labels(e, f, "emixer/generator", t, e->in.generator.labels, e->in.generator.judged,
                           e->in.generator.label_reports);
}

/* ---- R ---- */

/* The report of row i of the batch as a target. */
static void encode_row(const emixer_opts *o, feed *f, int i, const char *cleaned)
{
    size_t tokens = (size_t)o->sentences * (size_t)o->words, s = (size_t)o->sentences, row = (size_t)i;
    report_encode_target(o, f->data->words, cleaned, f->ids + row * tokens, f->previous + row * tokens,
                         f->bags + row * s * (size_t)o->vocabulary, f->stops + row * s);
}

static err set_target(emixer *e, const feed *f, report_target t)
{
    TRY(nn_set(e->n, t.ids, f->ids));
    TRY(nn_set(e->n, t.previous, f->previous));
    TRY(nn_set(e->n, t.bags, f->bags));
    return nn_set(e->n, t.stops, f->stops);
}

/* Reports without images; if there are none, those of the pairs, without their images. One in ten is to be
 * written from nothing. */
static err set_denoising(emixer *e, feed *f, uint64_t t)
{
    const emixer_opts *o = &e->o;
    const emixer_data *d = f->data;
    const double hidden_share = 0.1;
    size_t tokens = (size_t)o->sentences * (size_t)o->words;
    rng draw = rng_open(o->seed, "emixer/denoising", t);
    for (int i = 0; i < o->pairs; i++) {
        const char *report = d->n_unpaired > 0 ? d->unpaired[rng_below(&draw, d->n_unpaired)]
                                               : d->reports[f->paired.members[rng_below(&draw, f->paired.n)]];
        float kept = rng_uniform(&draw) < hidden_share ? 0 : 1;
        for (int j = 0; j < o->embedding; j++) f->kept[i * o->embedding + j] = kept;
        encode_row(o, f, i, report);
    }
    TRY(nn_set(e->n, e->in.writer.kept, f->kept));
    TRY(set_target(e, f, e->in.writer.restored));
    for (int i = 0; i < o->pairs; i++) corrupt(o, t, i, f->ids + (size_t)i * tokens);
    return nn_set(e->n, e->in.writer.corrupted, f->ids);
}

/* The labels of chosen[0..B) with their unknown ones. */
static void own_labels(const emixer_opts *o, feed *f)
{
    size_t k = (size_t)o->n_labels;
    for (int i = 0; i < o->batch; i++)
        memcpy(label_row(o, f, i), f->data->set->labels + (size_t)f->chosen[i] * k, k * sizeof *f->labels);
}

err feed_writer(emixer *e, feed *f, uint64_t t)
{
    const emixer_opts *o = &e->o;
    int p = o->pairs;
    draw_paired(o, f, "emixer/written", t);
    draw_rows(o, f, &f->draws, "emixer/seen", t, p, o->batch - p);
    own_labels(o, f);
    TRY(nn_set(e->n, e->in.writer.images, f->images));
    TRY(nn_set(e->n, e->in.writer.labels, f->labels));
    if (p == 0) return OK;
    for (int i = 0; i < p; i++) encode_row(o, f, i, has_pairs(f) ? f->data->reports[f->chosen[i]] : "");
    TRY(set_target(e, f, e->in.writer.target));
    if (o->denoising_weight > 0) TRY(set_denoising(e, f, t));
    if (!is_judged(o)) return OK;
    return feed_labels(e, f, "emixer/writer", t, p, e->in.writer.fake_labels);
}
