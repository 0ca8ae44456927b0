#include "bench/lessons.h"

#include "bench/device.h"
#include "data/openi.h"
#include "data/report_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err out_of_memory(int n)
{
    return err_set(ERR_SYSTEM, "out of memory for %d reports", n);
}

/* ---- reports with images ---- */

/* The reports of the labelled samples; all others are not to be looked at. */
static err take_reports(const settings *s, const dataset *set, const samples *labelled, lesson *l)
{
    l->reports = calloc(1, sizeof *l->reports);
    unsigned char *known = calloc((size_t)set->n, 1);
    err error = l->reports && known ? report_texts_open(set, settings_report_rules(s), l->reports)
                                    : out_of_memory(set->n);
    for (int i = 0; i < labelled->n && error == OK; i++) known[labelled->index[i]] = 1;
    for (int i = 0; i < set->n && error == OK; i++)
        if (!known[i]) l->reports->cleaned[i] = NULL;
    free(known);
    if (error == OK) l->data.reports = l->reports->cleaned;
    return error;
}

/* ---- reports without images ---- */

/* The findings, as R2Gen has them; the impression where there are none. */
static err clean_openi(const openi *published, report_rules rules, report_texts *out)
{
    out->cleaned = calloc((size_t)published->n, sizeof *out->cleaned);
    if (!out->cleaned) return out_of_memory(published->n);
    for (out->n = 0; out->n < published->n; out->n++) {
        const openi_report *r = &published->reports[out->n];
        const char *words = r->findings[0] ? r->findings : r->impression;
        text t = {0};
        if (!words[0]) continue;
        err error = report_clean(words, rules, &t);
        if (error == OK && !(out->cleaned[out->n] = string_keep(&out->strings, t.data, t.length)))
            error = out_of_memory(published->n);
        text_close(&t);
        if (error != OK) return err_context(error, "%s", r->file);
    }
    return OK;
}

/* Another seed than that of the data, and of the images that `bench score` draws. */
static err open_texts(const settings *s, report_texts *out)
{
    if (strncmp(s->texts, "openi:", 6) == 0) {
        openi *published;
        TRY(openi_open(s->texts + 6, &published));
        err error = clean_openi(published, settings_report_rules(s), out);
        openi_close(published);
        return error;
    }
    dataset *set;
    TRY(dataset_open(s->texts, s->size, s->count, (uint64_t)s->data_seed + 2, &set));
    err error = report_texts_open(set, settings_report_rules(s), out);
    dataset_close(set);
    return error;
}

err lesson_texts(const settings *s, const dataset *set, report_texts *own, report_texts *others)
{
    TRY(report_texts_open(set, settings_report_rules(s), own));
    return open_texts(s, others);
}

static err check_texts(const settings *s)
{
    char place[PATH_BYTES + 160];
    settings_place(s, OPTION_OF_texts, place, sizeof place);
    bool drawn = strncmp(s->texts, "phantom", 7) == 0;
    if (!drawn && strcmp(s->texts, s->source) == 0)
        return err_set(ERR_CONFIG, "%s: are the data themselves, reports of the test images included", place);
    return OK;
}

static err take_texts(const settings *s, lesson *l)
{
    if (!s->texts[0]) return OK;
    TRY(check_texts(s));
    report_texts *found = l->other_texts = calloc(1, sizeof *l->other_texts);
    if (!found) return out_of_memory(1);
    TRY(open_texts(s, found));
    l->unpaired = calloc((size_t)found->n + 1, sizeof *l->unpaired);
    if (!l->unpaired) return out_of_memory(found->n);
    int n = 0;
    for (int i = 0; i < found->n; i++)
        if (found->cleaned[i]) l->unpaired[n++] = found->cleaned[i];
    if (n == 0) return err_set(ERR_DATA, "data.texts = %.200s: has no report", s->texts);
    l->data.unpaired = l->unpaired;
    l->data.n_unpaired = n;
    return OK;
}

/* ---- words ---- */

/* Of the labelled samples' reports and of those without images. */
static err take_words(const settings *s, const samples *labelled, lesson *l)
{
    size_t n = (size_t)labelled->n + (size_t)l->data.n_unpaired;
    const char **all = calloc(n, sizeof *all);
    samples which = {.index = calloc(n, sizeof *which.index)};
    err error = all && which.index ? OK : out_of_memory((int)n);
    for (int i = 0; i < labelled->n && error == OK; i++) all[which.n++] = l->data.reports[labelled->index[i]];
    for (int i = 0; i < l->data.n_unpaired && error == OK; i++) all[which.n++] = l->unpaired[i];
    for (int i = 0; i < which.n; i++) which.index[i] = i;
    if (error == OK) error = vocabulary_build(all, &which, s->minimum_count, &l->words);
    free(all);
    samples_close(&which);
    l->data.words = l->words;
    return error == ERR_DATA ? err_context(error, "%.200s, emixer.pairs = %d", s->source, s->emixer_pairs)
                             : error;
}

err lesson_open(const settings *s, const dataset *set, const draw *d, lesson *out)
{
    *out = (lesson){.data = {.set = set, .labelled = &d->labelled}};
    if (strcmp(s->unlabelled, "hidden") == 0) out->data.unlabelled = &d->hidden;
    if (s->emixer_pairs == 0) return OK;
    TRY(take_reports(s, set, &d->labelled, out));
    TRY(take_texts(s, out));
    return take_words(s, &d->labelled, out);
}

void lesson_close(lesson *l)
{
    if (l->reports) report_texts_close(l->reports);
    if (l->other_texts) report_texts_close(l->other_texts);
    free(l->reports);
    free(l->other_texts);
    free(l->unpaired);
    vocabulary_close(l->words);
    *l = (lesson){0};
}

/* ---- the model ---- */

emixer_opts lesson_options(const settings *s, const lesson *l, int seed)
{
    emixer_opts o = emixer_defaults;
    o.resolution = s->size;
    o.n_labels = l->data.set->n_labels;
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
    o.balanced = s->emixer_balanced;
    o.unlabelled_share = (float)s->unlabelled_share;
    o.lecam_weight = (float)s->lecam_weight;
    o.attention = s->emixer_attention;
    o.choose_every = s->choose_every;
    o.pairs = s->emixer_pairs;
    if (l->words) o.vocabulary = vocabulary_size(l->words);
    o.sentences = s->emixer_sentences;
    o.words = s->emixer_words;
    o.embedding = s->emixer_embedding;
    o.writer_steps = s->writer_steps;
    o.writer_rate = (float)s->writer_rate;
    o.writer_decay = s->writer_decay;
    o.label_weight = (float)s->label_weight;
    o.report_weight = (float)s->report_weight;
    o.joint_weight = (float)s->joint_weight;
    o.joint_shared = s->joint_shared;
    o.joint_words = s->joint_words;
    o.joint_real_reports = s->joint_real_reports;
    o.judgement_weight = (float)s->judgement_weight;
    o.matching_weight = (float)s->matching_weight;
    o.reading_weight = (float)s->reading_weight;
    o.denoising_weight = (float)s->denoising_weight;
    o.seed = (uint64_t)seed;
    return o;
}

err lesson_model(const settings *s, const emixer_opts *o, emixer **out)
{
    nn_device device;
    TRY(device_named(s->device, s->emixer_precision, &device));
    return emixer_open(device, o, out);
}

/* The N of "STEM:N", `usual` if the name is the stem alone; false if it is neither. */
static bool numbered(const char *name, const char *stem, int usual, int *out)
{
    size_t n = strlen(stem);
    *out = usual;
    if (strncmp(name, stem, n) != 0) return false;
    if (!name[n]) return true;
    char *end;
    long number = strtol(name + n + 1, &end, 10);
    *out = number >= 1 && number <= 4096 ? (int)number : 0;
    return name[n] == ':' && end != name + n + 1 && !*end && *out;
}

err writing_named(const char *place, const char *name, emixer_writing *out)
{
    enum { USUAL_BEAMS = 4 };
    if (strcmp(name, "greedy") == 0)
        out->kind = WRITING_GREEDY;
    else if (numbered(name, "sample", 1, &out->candidates))
        out->kind = WRITING_SAMPLE;
    else if (numbered(name, "beam", USUAL_BEAMS, &out->beams))
        out->kind = WRITING_BEAM;
    else
        return err_set(ERR_USAGE, "%s %.40s: must be greedy, sample, sample:N or beam:N, N 1 to 4096", place,
                       name);
    if (out->kind != WRITING_SAMPLE) out->candidates = 0;
    return OK;
}
