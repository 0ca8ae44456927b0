/* Sentences first, then their words (Jing et al., ACL 2018). The names are the paper's. */
#include "downstream/report_internal.h"

enum { MOST_SENTENCES = 64 };

/* What the sentence LSTM looks at: rows with their keys. */
typedef struct seen {
    nn_t keys, values;
} seen;

/* What the sentence level makes of an image. */
typedef struct plan {
    nn_t findings; /* (B,K), logits */
    nn_t topics;   /* (B,S,E) */
    nn_t stops;    /* (B,S,2), logits */
} plan;

/* (B,K) logits -> (B,K,E): every finding's embedding times its probability. */
static nn_t finding_rows(const recording *r, nn_t findings)
{
    int batch = nn_shape_of(r->n, findings).d[0], k = r->o->n_findings, width = r->o->width;
    nn_t table = nn_parameter(r->n, "finding.weight", nn_shape(2, k, width),
                              (init_opts){.kind = INIT_NORMAL}); /* as nn_embedding's */
    nn_t p = nn_activation(r->n, findings, ACT_SIGMOID);
    p = nn_repeat(r->n, nn_reshape(r->n, p, nn_shape(1, batch * k)), 1, width);
    return nn_multiply(r->n, nn_repeat(r->n, table, 0, batch),
                       nn_reshape(r->n, p, nn_shape(3, batch, k, width)));
}

/* Visual and semantic attention by the last state h (B,E), and the context made of both (B,E). */
static nn_t co_attention(const recording *r, nn_t h, const seen *grid, const seen *tags)
{
    int width = r->o->width;
    nn_t v = report_look(r, report_dense(r, h, "visual_query", width, ACT_NONE), grid->keys, grid->values);
    nn_t a = report_look(r, report_dense(r, h, "semantic_query", width, ACT_NONE), tags->keys, tags->values);
    return report_dense(r, nn_concat(r->n, (nn_t[]){v, a}, 2, 1), "context", width, ACT_NONE);
}

/* tanh(W h1 + V h2), both (B,E), as topics and stops have it. */
static nn_t both(const recording *r, nn_t a, const char *name_a, nn_t b, const char *name_b)
{
    nn_t sum = nn_add(r->n, report_dense(r, a, name_a, r->o->width, ACT_NONE),
                      report_dense(r, b, name_b, r->o->width, ACT_NONE));
    return nn_activation(r->n, sum, ACT_TANH);
}

/* The sentence LSTM: its state goes from sentence to sentence, in training as in decoding. */
static void plan_sentences(const recording *r, const seen *grid, const seen *tags, plan *out)
{
    int batch = nn_shape_of(r->n, grid->values).d[0], width = r->o->width, sentences = r->o->sentences;
    nn_t topics[MOST_SENTENCES], stops[MOST_SENTENCES];
    nn_t state = nn_input(r->n, "zeros", nn_shape(2, batch, 2 * width)); /* never set */
    for (int s = 0; s < sentences; s++) {
        nn_t before = report_hidden(r, state), context = co_attention(r, before, grid, tags);
        state = nn_lstm_cell(r->n, context, state, (lstm_opts){.name = "sentence", .hidden = width});
        nn_t h = report_hidden(r, state);
        topics[s] = both(r, h, "topic_h", context, "topic_context");
        stops[s] = report_dense(r, both(r, before, "stop_before", h, "stop_now"), "stop", 2, ACT_NONE);
    }
    out->topics = report_stack(r, topics, sentences);
    out->stops = report_stack(r, stops, sentences);
}

static plan plan_report(const recording *r, nn_t images)
{
    int width = r->o->width;
    plan p;
    nn_t maps = report_maps(r, images);
    p.findings =
        report_dense(r, nn_global_pool(r->n, maps, GLOBAL_AVERAGE), "findings", r->o->n_findings, ACT_NONE);
    nn_t rows = report_dense(r, nn_grid_rows(r->n, maps), "grid", width, ACT_NONE);
    seen grid = {.values = report_dropout(r, rows, "generator/grid")};
    seen tags = {.values = finding_rows(r, p.findings)};
    grid.keys = report_dense(r, grid.values, "visual_key", width, ACT_NONE);
    tags.keys = report_dense(r, tags.values, "semantic_key", width, ACT_NONE);
    plan_sentences(r, &grid, &tags, &p);
    return p;
}

static lstm_opts word_lstm(const recording *r)
{
    return (lstm_opts){.name = "word", .hidden = r->o->width};
}

/* The logits (B S,T,V) of all sentences' words: the topic is the word LSTM's first word. */
static nn_t say_all(const recording *r, const plan *p, nn_t words)
{
    nn_shape_t s = nn_shape_of(r->n, words);
    int rows = s.d[0] * r->o->sentences, tokens = s.d[1] / r->o->sentences, width = r->o->width;
    nn_t topics = nn_reshape(r->n, p->topics, nn_shape(3, rows, 1, width));
    nn_t ids = nn_reshape(r->n, words, nn_shape(2, rows, tokens));
    nn_t x = report_dropout(r, report_embed(r, ids, "words"), "generator/words");
    nn_t h = nn_lstm(r->n, nn_concat(r->n, (nn_t[]){topics, x}, 2, 1), word_lstm(r));
    h = report_dropout(r, nn_slice_axis(r->n, h, 1, 1, tokens), "generator/states");
    return report_dense(r, h, "logits", r->vocabulary, ACT_NONE);
}

static nn_t loss(const recording *r, const report_batch *b, nn_t *logits)
{
    plan p = plan_report(r, b->images);
    *logits = say_all(r, &p, b->words);
    nn_shape_t s = nn_shape_of(r->n, *logits);
    nn_t targets = nn_reshape(r->n, b->targets, nn_shape(2, s.d[0], s.d[1]));
    nn_t parts[] = {nn_token_cross_entropy(r->n, *logits, targets, NULL),
                    nn_token_cross_entropy(r->n, p.stops, b->stops, NULL),
                    nn_binary_cross_entropy(r->n, p.findings, b->findings)};
    return nn_weighted_sum(r->n, parts, (float[]){1, 1, 1}, 3);
}

static void start(const recording *r, nn_t images, text_state *out)
{
    int rows = nn_shape_of(r->n, images).d[0] * r->o->sentences, width = r->o->width;
    plan p = plan_report(r, images);
    /* Zeros for every sentence; (B,S 2E) first, so that a sample of the batch has all of its own. */
    nn_t zeros =
        nn_input(r->n, "sentence_zeros", nn_shape(2, rows / r->o->sentences, r->o->sentences * 2 * width));
    out->recurrent = true;
    out->state = nn_lstm_cell(r->n, nn_reshape(r->n, p.topics, nn_shape(2, rows, width)),
                              nn_reshape(r->n, zeros, nn_shape(2, rows, 2 * width)), word_lstm(r));
    out->stops = p.stops;
}

static nn_t next(const recording *r, nn_t tokens, nn_t at, text_state *s)
{
    (void)at;
    s->state = nn_lstm_cell(r->n, report_embed(r, tokens, "words"), s->state, word_lstm(r));
    return report_dense(r, report_hidden(r, s->state), "logits", r->vocabulary, ACT_NONE);
}

const report_model hierarchical = {"hierarchical", .by_sentence = true, .loss = loss, .start = start,
                                   .next = next};
