/* Opening and closing report generators, and what they are made of. */
#include "downstream/report_generator.h"
#include "downstream/internal.h"
#include "downstream/report_internal.h"
#include "nn/decoding.h"

#include <stdlib.h>
#include <string.h>

const report_generator_opts report_generator_defaults = {
    .model = "cnn_lstm",
    .encoder = "densenet_small",
    .resolution = 32,
    .growth = 8,
    .layers_per_block = 3,
    .width = 128,
    .layers = 3, /* as R2Gen has them */
    .heads = 8,
    .length = 60,   /* R2Gen for IU X-ray */
    .sentences = 6, /* the common hierarchical generator for IU X-ray; and the next */
    .words = 30,
    .dropout = 0.1F,
    .batch = 16,
    .steps = 600,
    .learning_rate = 1e-3F,
    .weight_decay = 5e-5F,
    .clip_norm = 1,
    .augment = false,
    .synthetic_share = 0,
    .beams = 3, /* as R2Gen */
    .length_penalty = 0,
    .block_trigrams = false,
};

static const report_model *const models[] = {&cnn_lstm, &cnn_lstm_att, &hierarchical, &report_transformer,
                                             NULL};

const report_model *report_model_find(const char *name)
{
    for (int i = 0; models[i]; i++)
        if (strcmp(models[i]->name, name) == 0) return models[i];
    return NULL;
}

/* ---- options ---- */

static err check_range(const char *name, double value, double low, double high)
{
    if (value >= low && value <= high) return OK;
    return err_set(ERR_CONFIG, "report generator option %s must be from %g to %g, not %g", name, low, high,
                   value);
}

static err check_encoder(const report_generator_opts *o)
{
    const architecture *a = architecture_find(o->encoder);
    if (!a) return err_set(ERR_CONFIG, "report generator option encoder: there is no %.60s", o->encoder);
    TRY(check_range("resolution", o->resolution, a->least, 1024));
    if (o->resolution % a->multiple)
        return err_set(ERR_CONFIG, "report generator option resolution must be a multiple of %d, not %d",
                       a->multiple, o->resolution);
    TRY(check_range("growth", o->growth, 1, 256));
    return check_range("layers_per_block", o->layers_per_block, 1, 64);
}

static err check_model(const report_generator_opts *o)
{
    const report_model *m = report_model_find(o->model);
    if (!m) return err_set(ERR_CONFIG, "report generator option model: there is no %.60s", o->model);
    TRY(check_range("width", o->width, 1, 4096));
    TRY(check_range("length", o->length, 3, MOST_TIMES));
    if (m == &report_transformer) {
        TRY(check_range("layers", o->layers, 1, 48));
        TRY(check_range("heads", o->heads, 1, o->width));
        if (o->width % o->heads)
            return err_set(ERR_CONFIG, "report generator option heads: %d do not divide the width, %d",
                           o->heads, o->width);
    }
    TRY(check_range("n_findings", o->n_findings, m->by_sentence, 1024));
    if (!m->by_sentence) return OK;
    TRY(check_range("sentences", o->sentences, 1, 64));
    return check_range("words", o->words, 1, MOST_TIMES - 2);
}

err report_generator_check(const report_generator_opts *o)
{
    TRY(check_model(o));
    TRY(check_encoder(o));
    TRY(check_range("dropout", (double)o->dropout, 0, 0.9));
    TRY(check_range("batch", o->batch, 2, 4096));
    TRY(check_range("steps", o->steps, 1, 1e8));
    TRY(check_range("learning_rate", (double)o->learning_rate, 1e-10, 10));
    TRY(check_range("weight_decay", (double)o->weight_decay, 0, 1));
    TRY(check_range("clip_norm", (double)o->clip_norm, 0, 1e6));
    TRY(check_range("synthetic_share", (double)o->synthetic_share, 0, 1));
    TRY(check_range("beams", o->beams, 1, 64));
    return check_range("length_penalty", (double)o->length_penalty, 0, 10);
}

int report_generator_tokens(const report_generator_opts *o)
{
    return report_model_find(o->model)->by_sentence ? o->words + 1 : o->length - 1;
}

/* ---- recording ---- */

static recording record_with(const report_generator *g, bool training)
{
    return (recording){g->n, &g->o, g->vocabulary, training};
}

static void record_training(report_generator *g)
{
    const report_generator_opts *o = &g->o;
    int batch = o->batch, all = g->texts * g->tokens;
    recording r = record_with(g, true);
    g->batch.images = nn_input(g->n, "images", nn_shape(4, batch, 1, o->resolution, o->resolution));
    g->batch.words = nn_input(g->n, "words", nn_shape(2, batch, all));
    g->batch.targets = nn_input(g->n, "targets", nn_shape(2, batch, all));
    if (g->model->by_sentence) {
        g->batch.findings = nn_input(g->n, "findings", nn_shape(2, batch, o->n_findings));
        g->batch.stops = nn_input(g->n, "stops", nn_shape(2, batch, o->sentences));
    }
    nn_enter(g->n, "R");
    g->loss = g->model->loss(&r, &g->batch, &g->logits);
    nn_leave(g->n);
}

/* An input of the same shape as x, but with as many rows as hypotheses. */
static nn_t read_again(net *n, nn_t x, const char *name, int rows)
{
    nn_shape_t s = nn_shape_of(n, x);
    s.d[0] = rows;
    return nn_input(n, name, s);
}

static void record_decoding(report_generator *g)
{
    int rows = g->o.batch * g->texts * g->o.beams;
    recording r = record_with(g, false);
    nn_enter(g->n, "R");
    g->model->start(&r, g->batch.images, &g->start);
    g->next = g->start;
    if (g->start.recurrent) g->next.state = read_again(g->n, g->start.state, "state", rows);
    for (int i = 0; i < g->start.n_contexts; i++)
        g->next.contexts[i] = read_again(g->n, g->start.contexts[i], name_of("context%d", i).text, rows);
    g->tokens_in =
        nn_input(g->n, "tokens", g->model->prefix ? nn_shape(2, rows, g->tokens) : nn_shape(1, rows));
    g->at = nn_input(g->n, "at", nn_shape(1, rows));
    text_state s = g->next;
    nn_t logits = g->model->next(&r, g->tokens_in, g->at, &s);
    nn_leave(g->n);
    g->next_state = s.state;
    g->log_probabilities = nn_softmax(g->n, logits, SOFTMAX_LOG, 1);
}

/* ---- opening ---- */

static err allocate_batch(report_generator *g)
{
    size_t batch = (size_t)g->o.batch, pixels = (size_t)g->o.resolution * (size_t)g->o.resolution;
    size_t all = batch * (size_t)(g->texts * g->tokens);
    g->raw = calloc(batch * pixels, sizeof *g->raw);
    g->images = calloc(batch * pixels, sizeof *g->images);
    g->words = calloc(all, sizeof *g->words);
    g->targets = calloc(all, sizeof *g->targets);
    g->findings = calloc(batch * (size_t)(g->o.n_findings + 1), sizeof *g->findings);
    g->stops = calloc(batch * (size_t)g->texts, sizeof *g->stops);
    bool all_there = g->raw && g->images && g->words && g->targets && g->findings && g->stops;
    return all_there ? OK : err_set(ERR_SYSTEM, "out of memory for a batch");
}

static err open_model(nn_device device, report_generator *g)
{
    TRY(allocate_batch(g));
    TRY(net_open(device, g->o.seed, &g->n));
    record_training(g);
    record_decoding(g);
    recording r = record_with(g, true);
    nn_t kept[2 + MOST_CONTEXTS];
    int n_kept = 0;
    if (g->start.recurrent) kept[n_kept++] = g->start.state;
    if (g->model->by_sentence) kept[n_kept++] = g->start.stops;
    for (int i = 0; i < g->start.n_contexts; i++) kept[n_kept++] = g->start.contexts[i];
    TRY(net_compile(g->n, kept, n_kept, NULL, &g->encoding));
    return g->model->prepare ? g->model->prepare(&r) : OK;
}

err report_generator_open(nn_device device, const report_generator_opts *o, const vocabulary *v,
                          report_generator **out)
{
    *out = NULL;
    TRY(report_generator_check(o));
    report_generator *g = calloc(1, sizeof *g);
    if (!g) return err_set(ERR_SYSTEM, "out of memory for a report generator");
    g->o = *o;
    g->v = v;
    g->vocabulary = vocabulary_size(v);
    g->model = report_model_find(o->model);
    g->texts = g->model->by_sentence ? o->sentences : 1;
    g->tokens = report_generator_tokens(o);
    err error = open_model(device, g);
    if (error != OK) {
        report_generator_close(g);
        return err_context(error, "report generator %s", o->model);
    }
    *out = g;
    return OK;
}

void report_generator_close(report_generator *g)
{
    if (!g) return;
    optimizer_close(g->adam);
    net_close(g->n);
    free(g->raw);
    free(g->images);
    free(g->words);
    free(g->targets);
    free(g->findings);
    free(g->stops);
    free(g);
}
