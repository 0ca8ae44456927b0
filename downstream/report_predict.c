/* Reports of images: encoded once, then said token by token. */
#include "downstream/report_internal.h"
#include "nn/decoding.h"

#include <stdlib.h>
#include <string.h>

/* What hypotheses go on from, on the host. */
typedef struct speaker {
    report_generator *g;
    int rows;
    size_t width;        /* floats of a row: of its state, or of its tokens so far */
    float *now, *before; /* (rows,width) */
    float *single;       /* (rows): the last tokens, or where they are */
} speaker;

static err speaker_open(report_generator *g, speaker *out)
{
    int rows = g->o.batch * g->texts * g->o.beams;
    size_t width = g->model->prefix ? (size_t)g->tokens : 2 * (size_t)g->o.width;
    *out = (speaker){.g = g, .rows = rows, .width = width};
    out->now = calloc((size_t)rows * width, sizeof *out->now);
    out->before = calloc((size_t)rows * width, sizeof *out->before);
    out->single = calloc((size_t)rows, sizeof *out->single);
    return out->now && out->before && out->single ? OK : err_set(ERR_SYSTEM, "out of memory for decoding");
}

static void speaker_close(speaker *s)
{
    free(s->now);
    free(s->before);
    free(s->single);
}

/* ---- encoding ---- */

/* Row i of `to` is row i / beams of `from`; rows of n floats. */
static void repeat_rows(const float *from, float *to, int rows, int beams, size_t n)
{
    for (int i = 0; i < rows; i++) memcpy(to + (size_t)i * n, from + (size_t)(i / beams) * n, n * sizeof *to);
}

static err fill_context(report_generator *g, int i, int rows, float *texts, float *all, size_t row)
{
    TRY(nn_get(g->encoding, g->start.contexts[i], texts));
    repeat_rows(texts, all, rows, g->o.beams, row);
    return nn_set(g->n, g->next.contexts[i], all);
}

static err set_context(report_generator *g, int i, int rows)
{
    nn_shape_t shape = nn_shape_of(g->n, g->start.contexts[i]);
    size_t count = nn_count(&shape), row = count / (size_t)shape.d[0];
    float *texts = malloc(count * sizeof *texts), *all = malloc((size_t)rows * row * sizeof *all);
    err error = ERR_SYSTEM;
    if (texts && all)
        error = fill_context(g, i, rows, texts, all, row);
    else
        (void)err_set(ERR_SYSTEM, "out of memory for decoding");
    free(texts);
    free(all);
    return error;
}

/* Encodes the batch; the state of every hypothesis is its text's. */
static err encode(speaker *s)
{
    report_generator *g = s->g;
    TRY(step_run(g->encoding, 0));
    for (int i = 0; i < g->start.n_contexts; i++) TRY(set_context(g, i, s->rows));
    if (!g->start.recurrent) return OK;
    TRY(nn_get(g->encoding, g->start.state, s->before));
    repeat_rows(s->before, s->now, s->rows, g->o.beams, s->width);
    return OK;
}

/* ---- saying ---- */

static void follow(speaker *s, const int *parents)
{
    float *swapped = s->before;
    s->before = s->now;
    s->now = swapped;
    for (int i = 0; i < s->rows; i++)
        memcpy(s->now + (size_t)i * s->width, s->before + (size_t)parents[i] * s->width,
               s->width * sizeof *s->now);
}

static err set_prefix(speaker *s, int time, const int *tokens)
{
    for (int i = 0; i < s->rows; i++) {
        float *row = s->now + (size_t)i * s->width;
        for (int t = time; t < (int)s->width; t++) row[t] = t == time ? (float)tokens[i] : -1;
        s->single[i] = (float)time;
    }
    TRY(nn_set(s->g->n, s->g->tokens_in, s->now));
    return nn_set(s->g->n, s->g->at, s->single);
}

static err set_state(speaker *s, const int *tokens)
{
    for (int i = 0; i < s->rows; i++) s->single[i] = (float)tokens[i];
    TRY(nn_set(s->g->n, s->g->tokens_in, s->single));
    return nn_set(s->g->n, s->g->next.state, s->now);
}

/* A decoding_next. */
static err say(void *context, int time, const int *parents, const int *tokens, float *log_probabilities)
{
    speaker *s = context;
    report_generator *g = s->g;
    follow(s, parents);
    TRY(g->model->prefix ? set_prefix(s, time, tokens) : set_state(s, tokens));
    TRY(step_run(g->saying, (uint64_t)time));
    if (g->start.recurrent) TRY(nn_get(g->saying, g->next_state, s->now));
    return nn_get(g->saying, g->log_probabilities, log_probabilities);
}

static err decode_batch(speaker *s, int *ids, int *counts)
{
    static const int banned[] = {TOKEN_PAD, TOKEN_BEGIN, TOKEN_UNKNOWN};
    const report_generator *g = s->g;
    decoding_opts o = {.kind = g->o.beams > 1 ? DECODING_BEAM : DECODING_GREEDY,
                       .beams = g->o.beams,
                       .length_penalty = g->o.length_penalty,
                       .block_trigrams = g->o.block_trigrams,
                       .begin = TOKEN_BEGIN,
                       .end = TOKEN_END,
                       .banned = banned,
                       .n_banned = sizeof banned / sizeof *banned,
                       .length = g->tokens};
    TRY(encode(s));
    return decode(&o, g->o.batch * g->texts, g->vocabulary, say, s, ids, counts, NULL);
}

/* ---- texts ---- */

/* How many sentences report i has: those before the first that is likelier stopped at than said. */
static int sentences_of(const report_generator *g, const float *stops, int i)
{
    int n = 0;
    for (const float *row = stops + (size_t)i * (size_t)g->texts * 2; n < g->texts; n++)
        if (row[2 * n + 1] > row[2 * n]) break;
    return n;
}

static err keep_text(const report_generator *g, const int *ids, const int *counts, int sentences,
                     report_texts *out, int at)
{
    text t = {0};
    err error = g->model->by_sentence ? report_decode_sentences(g->v, ids, counts, sentences, g->tokens, &t)
                                      : report_decode(g->v, ids, counts[0], &t);
    if (error == OK) error = text_check(&t);
    if (error == OK) out->cleaned[at] = string_keep(&out->strings, t.data ? t.data : "", t.length);
    if (error == OK && !out->cleaned[at]) error = err_set(ERR_SYSTEM, "out of memory for reports");
    text_close(&t);
    return error;
}

/* What decoding a batch fills on the host. */
typedef struct said {
    int *ids, *counts; /* (B texts,T), (B texts) */
    float *stops;      /* (B,S,2), by_sentence */
} said;

static err said_open(const report_generator *g, said *out)
{
    size_t texts = (size_t)g->o.batch * (size_t)g->texts;
    *out = (said){calloc(texts * (size_t)g->tokens, sizeof *out->ids), calloc(texts, sizeof *out->counts),
                  calloc(2 * texts, sizeof *out->stops)};
    return out->ids && out->counts && out->stops ? OK : err_set(ERR_SYSTEM, "out of memory for reports");
}

static void said_close(said *s)
{
    free(s->ids);
    free(s->counts);
    free(s->stops);
}

/* The reports of the first `count` of the batch that has been set. */
static err predict_batch(speaker *s, said *r, int count, report_texts *out, int first)
{
    report_generator *g = s->g;
    TRY(decode_batch(s, r->ids, r->counts));
    if (g->model->by_sentence) TRY(nn_get(g->encoding, g->start.stops, r->stops));
    for (int i = 0; i < count; i++) {
        int row = i * g->texts, sentences = g->model->by_sentence ? sentences_of(g, r->stops, i) : 1;
        TRY(keep_text(g, r->ids + (size_t)row * (size_t)g->tokens, r->counts + row, sentences, out,
                      first + i));
    }
    return OK;
}

static err ready_to_say(report_generator *g)
{
    if (g->saying) return OK;
    TRY(net_compile(g->n, (nn_t[]){g->log_probabilities, g->next_state}, 1 + g->start.recurrent, NULL,
                    &g->saying));
    step_profile(g->saying, g->profile);
    return OK;
}

static err predict_all(speaker *s, said *r, const dataset *set, const samples *which, report_texts *out)
{
    report_generator *g = s->g;
    size_t pixels = (size_t)g->o.resolution * (size_t)g->o.resolution;
    for (int first = 0; first < which->n; first += g->o.batch) {
        int left = which->n - first, count = left < g->o.batch ? left : g->o.batch;
        for (int i = 0; i < count; i++)
            dataset_pixels(set, which->index[first + i], g->images + (size_t)i * pixels);
        TRY(nn_set(g->n, g->batch.images, g->images));
        TRY(predict_batch(s, r, count, out, first));
    }
    return OK;
}

err report_generator_predict(report_generator *g, const dataset *set, const samples *which, report_texts *out)
{
    speaker s = {.g = g};
    said r = {0};
    *out = (report_texts){0};
    if (set->height != g->o.resolution || set->width != g->o.resolution)
        return err_set(ERR_DATA, "the report generator wants images of %d x %d, and the set has %d x %d",
                       g->o.resolution, g->o.resolution, set->height, set->width);
    TRY(ready_to_say(g));
    out->n = which->n;
    out->cleaned = calloc((size_t)which->n + 1, sizeof *out->cleaned);
    err error = out->cleaned ? speaker_open(g, &s) : err_set(ERR_SYSTEM, "out of memory for reports");
    if (error == OK) error = said_open(g, &r);
    if (error == OK) error = predict_all(&s, &r, set, which, out);
    said_close(&r);
    speaker_close(&s);
    if (error != OK) report_texts_close(out);
    return error;
}

err report_generator_infer(report_generator *g)
{
    speaker s = {.g = g};
    said r = {0};
    TRY(ready_to_say(g));
    err error = speaker_open(g, &s);
    if (error == OK) error = said_open(g, &r);
    if (error == OK) error = decode_batch(&s, r.ids, r.counts);
    said_close(&r);
    speaker_close(&s);
    return error;
}
