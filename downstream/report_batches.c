/* Batches of images and their reports. */
#include "base/rng.h"
#include "data/augment.h"
#include "downstream/report_internal.h"

#include <math.h>
#include <stdlib.h>

static err check_pairs(const report_pairs *from, const report_generator_opts *o)
{
    const dataset *set = from->set;
    if (from->texts->n != set->n)
        return err_set(ERR_USAGE, "there are reports of %d samples, and the set has %d", from->texts->n,
                       set->n);
    if (set->height != o->resolution || set->width != o->resolution)
        return err_set(ERR_DATA, "the report generator wants images of %d x %d, and the set has %d x %d",
                       o->resolution, o->resolution, set->height, set->width);
    if (report_model_find(o->model)->by_sentence && set->n_labels != o->n_findings)
        return err_set(ERR_DATA, "the report generator has %d findings, and the set %d labels", o->n_findings,
                       set->n_labels);
    return OK;
}

err report_source_open(const report_pairs *from, const report_generator_opts *o, report_source *out)
{
    *out = (report_source){.from = *from};
    TRY(check_pairs(from, o));
    int total = from->which ? from->which->n : from->set->n;
    out->members = calloc((size_t)total + 1, sizeof *out->members);
    if (!out->members) return err_set(ERR_SYSTEM, "out of memory for %d samples", total);
    for (int i = 0; i < total; i++) {
        int sample = from->which ? from->which->index[i] : i;
        if (from->texts->cleaned[sample]) out->members[out->n++] = sample;
    }
    if (out->n > 0) return OK;
    report_source_close(out);
    return err_set(ERR_DATA, "there is no image with a report to train on");
}

void report_source_close(report_source *s)
{
    free(s->members);
    *s = (report_source){0};
}

/* ---- reports as rows of the batch ---- */

/* Words and targets (tokens) from the ids of a text (n <= tokens), which begin and end are not among; with
 * `ends` its end is a target too. */
static void set_text(const int *ids, int n, bool ends, int tokens, float *words, float *targets)
{
    for (int t = 0; t < tokens; t++) {
        words[t] = t == 0 ? TOKEN_BEGIN : t <= n ? (float)ids[t - 1] : -1;
        targets[t] = t < n ? (float)ids[t] : t == n && ends ? TOKEN_END : -1;
    }
    if (!ends && n < tokens) words[n] = -1; /* an absent text; nothing follows its last word */
}

static void set_report(const report_generator *g, int i, const char *cleaned)
{
    int ids[MOST_TIMES], n = report_encode(g->v, cleaned, g->o.length, ids);
    bool ends = ids[n - 1] == TOKEN_END;
    size_t at = (size_t)i * (size_t)g->tokens;
    set_text(ids + 1, n - 1 - ends, ends, g->tokens, g->words + at, g->targets + at);
}

static void set_sentences(const report_generator *g, int i, const char *cleaned)
{
    enum { MOST = 64 };
    int words = g->o.words, counts[MOST];
    int ids[MOST * MOST_TIMES];
    int n = report_encode_sentences(g->v, cleaned, g->texts, words, ids, counts);
    for (int s = 0; s < g->texts; s++) {
        size_t at = (size_t)(i * g->texts + s) * (size_t)g->tokens;
        set_text(ids + s * words, counts[s], s < n, g->tokens, g->words + at, g->targets + at);
        g->stops[i * g->texts + s] = s < n ? 0 : s == n ? 1 : -1;
    }
}

void report_batch_set(report_generator *g, int i, const float *findings, const char *cleaned)
{
    int k = g->o.n_findings;
    if (!g->model->by_sentence) {
        set_report(g, i, cleaned);
        return;
    }
    set_sentences(g, i, cleaned);
    for (int j = 0; j < k; j++) g->findings[i * k + j] = findings ? findings[j] : NAN;
}

err report_batch_upload(report_generator *g)
{
    TRY(nn_set(g->n, g->batch.images, g->images));
    TRY(nn_set(g->n, g->batch.words, g->words));
    TRY(nn_set(g->n, g->batch.targets, g->targets));
    if (!g->model->by_sentence) return OK;
    TRY(nn_set(g->n, g->batch.findings, g->findings));
    return nn_set(g->n, g->batch.stops, g->stops);
}

err report_generator_set_batch(report_generator *g, const float *images, const float *findings,
                               const char *const *cleaned)
{
    size_t pixels = (size_t)g->o.resolution * (size_t)g->o.resolution;
    for (size_t p = 0; p < (size_t)g->o.batch * pixels; p++) g->images[p] = images[p];
    for (int i = 0; i < g->o.batch; i++)
        report_batch_set(g, i, findings ? findings + (size_t)i * (size_t)g->o.n_findings : NULL, cleaned[i]);
    return report_batch_upload(g);
}

/* ---- drawing ---- */

void report_source_draw(const report_source *s, report_generator *g, const char *purpose, uint64_t t,
                        int first, int count)
{
    const dataset *set = s->from.set;
    size_t pixels = (size_t)g->o.resolution * (size_t)g->o.resolution;
    uint64_t augment_seed = rng_key(g->o.seed, purpose);
#pragma omp parallel for schedule(static)
    for (int j = 0; j < count; j++) {
        uint64_t index = t << 16 | (uint64_t)j; /* a batch is smaller than 2^16 */
        rng draw = rng_open(g->o.seed, purpose, index);
        int sample = s->members[rng_below(&draw, s->n)];
        float *raw = g->raw + (size_t)(first + j) * pixels, *image = g->images + (size_t)(first + j) * pixels;
        dataset_pixels(set, sample, g->o.augment ? raw : image);
        if (g->o.augment) augment_image(raw, image, g->o.resolution, &augment_classic, augment_seed, index);
        report_batch_set(g, first + j, set->labels + (size_t)sample * (size_t)set->n_labels,
                         s->from.texts->cleaned[sample]);
    }
}
