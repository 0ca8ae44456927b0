/* The report decoder: an image's code in, a report out. A sentence LSTM makes a topic of each sentence, a
 * word LSTM writes it, and both attend to the image's grid. The same weights are recorded over whole reports
 * that are known (decoder_teach), one time after another with drawn words (decoder_write), and one time alone
 * (decoder_sentence, decoder_word).
 *
 * Attention has no projection of its queries, nor of its values: a linear layer of the keys, and one of what
 * comes out, can do the same. */
#include "emixer/internal.h"
#include "nn/sequence.h"

#include <stdio.h>

enum { MOST_PARTS = 8 }; /* of nn_concat */

static void enter(net *n)
{
    nn_enter(n, "R");
    nn_enter(n, "decoder");
}

static void leave(net *n)
{
    nn_leave(n);
    nn_leave(n);
}

static linear_opts linear(const char *name, int out, nn_act act)
{
    return (linear_opts){.name = name, .out = out, .bias = true, .act = act, .init.kind = INIT_GLOROT};
}

static embedding_opts table_of(const emixer_opts *o)
{
    return (embedding_opts){.name = "words",
                            .count = o->vocabulary,
                            .width = o->embedding,
                            .init = {.kind = INIT_NORMAL, .scale = 0.1F}};
}

nn_t decoder_embed(net *n, const emixer_opts *o, nn_t ids)
{
    enter(n);
    nn_t h = nn_embedding(n, ids, table_of(o));
    leave(n);
    return h;
}

/* What an LSTM attends to: the places of the grid, found by their keys. */
typedef struct places {
    nn_t keys, grid; /* (B,P,E) */
} places;

/* who: "sentence" or "word". */
static places places_for(net *n, const emixer_opts *o, const char *who, nn_t grid)
{
    char name[NN_NAME_BYTES];
    (void)snprintf(name, sizeof name, "%s.keys", who);
    /* A bias would add the same to all products with a query. */
    linear_opts keys = {.name = name, .out = o->embedding, .init.kind = INIT_GLOROT};
    return (places){.keys = nn_linear(n, grid, keys), .grid = grid};
}

/* h (B,T,E) and beside it what it finds in the grid -> (B,T,2E). */
static nn_t attend(net *n, places p, nn_t h)
{
    nn_t found = nn_attention(n, h, p.keys, p.grid, (attention_opts){0});
    return nn_concat(n, (nn_t[]){h, found}, 2, 2);
}

/* The same of the h in a state (B,2E) -> (B,2E). */
static nn_t attend_once(net *n, const emixer_opts *o, places p, nn_t state)
{
    int batch = nn_shape_of(n, state).d[0], e = o->embedding;
    nn_t h = nn_reshape(n, nn_slice_axis(n, state, 1, 0, e), nn_shape(3, batch, 1, e));
    return nn_reshape(n, attend(n, p, h), nn_shape(2, batch, 2 * e));
}

/* ---- what the LSTMs read, and what is made of their states: (B,..) or (B,T,..) ---- */

/* The sentence before, as the words in it (..,V), -> (..,E). */
static nn_t sentence_before(net *n, const emixer_opts *o, nn_t bag)
{
    return nn_linear(n, nn_soft_embedding(n, bag, table_of(o)), linear("bag", o->embedding, ACT_TANH));
}

static nn_t topic_of(net *n, const emixer_opts *o, nn_t attended)
{
    return nn_linear(n, attended, linear("topic", o->embedding, ACT_TANH));
}

static nn_t stop_of(net *n, nn_t topic)
{
    return nn_linear(n, topic, linear("stop", 1, ACT_NONE));
}

static nn_t logits_of(net *n, const emixer_opts *o, nn_t attended)
{
    return nn_linear(n, attended, linear("next", o->vocabulary, ACT_NONE));
}

static lstm_opts lstm(const emixer_opts *o, const char *name)
{
    return (lstm_opts){.name = name, .hidden = o->embedding};
}

/* ---- whole reports that are known ---- */

/* Bags (B,S,V) -> topics (B,S,E). */
static nn_t teach_topics(net *n, const emixer_opts *o, image_code code, nn_t bags)
{
    nn_t image = nn_repeat(n, code.embedding, 1, o->sentences);
    nn_t x = nn_concat(n, (nn_t[]){image, sentence_before(n, o, bags)}, 2, 2);
    nn_t h = nn_lstm(n, x, lstm(o, "sentence"));
    return topic_of(n, o, attend(n, places_for(n, o, "sentence", code.grid), h));
}

/* Topics (B,S,E), the words before (B,S*W) -> logits (B,S*W,V). All sentences are written side by side. */
static nn_t teach_words(net *n, const emixer_opts *o, image_code code, nn_t topics, nn_t previous)
{
    int batch = nn_shape_of(n, topics).d[0], rows = batch * o->sentences, e = o->embedding;
    nn_t words = nn_embedding(n, previous, table_of(o));
    words = nn_reshape(n, words, nn_shape(3, rows, o->words, e));
    nn_t topic = nn_repeat(n, nn_reshape(n, topics, nn_shape(2, rows, e)), 1, o->words);
    nn_t h = nn_lstm(n, nn_concat(n, (nn_t[]){words, topic}, 2, 2), lstm(o, "word"));
    h = nn_reshape(n, h, nn_shape(3, batch, o->sentences * o->words, e));
    return logits_of(n, o, attend(n, places_for(n, o, "word", code.grid), h));
}

decoder_logits decoder_read(net *n, const emixer_opts *o, image_code code, report_target target)
{
    enter(n);
    nn_t topics = teach_topics(n, o, code, target.bags);
    nn_t stops = nn_reshape(n, stop_of(n, topics), nn_shape_of(n, target.stops));
    nn_t words = teach_words(n, o, code, topics, target.previous);
    leave(n);
    return (decoder_logits){.words = words, .stops = stops};
}

decoder_losses decoder_teach(net *n, const emixer_opts *o, image_code code, report_target target)
{
    decoder_logits logits = decoder_read(n, o, code, target);
    return (decoder_losses){.words = nn_token_cross_entropy(n, logits.words, target.ids, NULL),
                            .stops = nn_binary_cross_entropy(n, logits.stops, target.stops)};
}

/* ---- one time ---- */

static sentence_step next_sentence(net *n, const emixer_opts *o, places p, nn_t embedding, nn_t bag,
                                   nn_t state)
{
    nn_t x = nn_concat(n, (nn_t[]){embedding, sentence_before(n, o, bag)}, 2, 1);
    sentence_step next = {.state = nn_lstm_cell(n, x, state, lstm(o, "sentence"))};
    next.topic = topic_of(n, o, attend_once(n, o, p, next.state));
    next.stop = stop_of(n, next.topic);
    return next;
}

static word_step next_word(net *n, const emixer_opts *o, places p, nn_t topic, nn_t previous, nn_t state)
{
    nn_t x = nn_concat(n, (nn_t[]){previous, topic}, 2, 1);
    word_step next = {.state = nn_lstm_cell(n, x, state, lstm(o, "word"))};
    next.logits = logits_of(n, o, attend_once(n, o, p, next.state));
    return next;
}

sentence_step decoder_sentence(net *n, const emixer_opts *o, image_code code, nn_t bag, nn_t state)
{
    enter(n);
    places p = places_for(n, o, "sentence", code.grid);
    sentence_step next = next_sentence(n, o, p, code.embedding, bag, state);
    leave(n);
    return next;
}

word_step decoder_word(net *n, const emixer_opts *o, image_code code, nn_t topic, nn_t previous, nn_t state)
{
    enter(n);
    word_step next = next_word(n, o, places_for(n, o, "word", code.grid), topic, previous, state);
    leave(n);
    return next;
}

/* ---- free running ---- */

/* Tensors side by side along axis 1, as they come. */
typedef struct parts {
    nn_t parts[MOST_PARTS];
    int n;
} parts;

static nn_t joined(net *n, const parts *p)
{
    return p->n == 1 ? p->parts[0] : nn_concat(n, p->parts, p->n, 1);
}

static void append(net *n, parts *p, nn_t x)
{
    if (p->n == MOST_PARTS) *p = (parts){.parts = {joined(n, p)}, .n = 1};
    p->parts[p->n++] = x;
}

/* (rows,columns); inputs are zeros until they are set, and nobody sets these. */
static nn_t zeros(net *n, int rows, int columns)
{
    char name[NN_NAME_BYTES];
    (void)snprintf(name, sizeof name, "decoder/zeros %d x %d", rows, columns);
    return nn_input(n, name, nn_shape(2, rows, columns));
}

/* (rows,columns): each is the softmax of one number. */
static nn_t ones(net *n, int rows, int columns)
{
    nn_t x = nn_reshape(n, zeros(n, rows, columns), nn_shape(3, rows, columns, 1));
    return nn_reshape(n, nn_softmax(n, x, SOFTMAX_PLAIN, 1), nn_shape(2, rows, columns));
}

static nn_t minus(net *n, nn_t a, nn_t b)
{
    return nn_weighted_sum(n, (nn_t[]){a, b}, (float[]){1, -1}, 2);
}

/* x (B,T) -> its products x_0, x_0 x_1, x_0 x_1 x_2, ...: every round multiplies runs of twice the length. */
static nn_t running_products(net *n, nn_t x)
{
    nn_shape_t s = nn_shape_of(n, x);
    nn_t none = ones(n, s.d[0], s.d[1]);
    for (int k = 1; k < s.d[1]; k *= 2) {
        nn_t before[] = {nn_slice_axis(n, none, 1, 0, k), nn_slice_axis(n, x, 1, 0, s.d[1] - k)};
        x = nn_multiply(n, x, nn_concat(n, before, 2, 1));
    }
    return x;
}

/* Drops from drawn words (B,W,V) those after the first TOKEN_END; and all, where `there` (B,1) is 0. */
static nn_t until_end(net *n, const emixer_opts *o, nn_t words, nn_t there)
{
    int batch = nn_shape_of(n, there).d[0], w = o->words, v = o->vocabulary;
    nn_t ends = nn_reshape(n, nn_slice_axis(n, words, 2, TOKEN_END, 1), nn_shape(2, batch, w));
    nn_t goes_on = nn_slice_axis(n, minus(n, ones(n, batch, w), ends), 1, 0, w - 1);
    nn_t kept = running_products(n, nn_concat(n, (nn_t[]){there, goes_on}, 2, 1));
    kept = nn_repeat(n, nn_reshape(n, kept, nn_shape(1, batch * w)), 1, v);
    return nn_multiply(n, words, nn_reshape(n, kept, nn_shape(3, batch, w, v)));
}

/* A topic (B,E) -> W drawn words (B,W,V), those after an end too. */
static nn_t draw_words(net *n, const emixer_opts *o, places p, nn_t topic, const char *purpose, int sentence)
{
    int batch = nn_shape_of(n, topic).d[0];
    nn_t begin = nn_weighted_sum(n, (nn_t[]){ones(n, batch, 1)}, (float[]){TOKEN_BEGIN}, 1);
    begin = nn_reshape(n, begin, nn_shape(1, batch));
    nn_t previous = nn_embedding(n, begin, table_of(o)), state = zeros(n, batch, 2 * o->embedding);
    parts words = {0};
    for (int i = 0; i < o->words; i++) {
        char name[NN_NAME_BYTES];
        (void)snprintf(name, sizeof name, "%s/word%d.%d", purpose, sentence, i);
        word_step next = next_word(n, o, p, topic, previous, state);
        nn_t word = nn_gumbel_softmax(n, next.logits, name, SOFTMAX_HARD, 1);
        append(n, &words, nn_reshape(n, word, nn_shape(3, batch, 1, o->vocabulary)));
        previous = nn_soft_embedding(n, word, table_of(o));
        state = next.state;
    }
    return joined(n, &words);
}

/* A stop's logit (B,1) -> (B,1), 1 where it is drawn that another sentence follows. */
static nn_t draw_going_on(net *n, nn_t stop, const char *purpose, int sentence)
{
    char name[NN_NAME_BYTES];
    (void)snprintf(name, sizeof name, "%s/stop%d", purpose, sentence);
    nn_t logits[] = {stop, zeros(n, nn_shape_of(n, stop).d[0], 1)};
    nn_t drawn = nn_gumbel_softmax(n, nn_concat(n, logits, 2, 1), name, SOFTMAX_HARD, 1);
    return nn_slice_axis(n, drawn, 1, 1, 1);
}

/* Words (B,W,V) -> how often each is there (B,V). */
static nn_t bag_of(net *n, nn_t words)
{
    nn_shape_t s = nn_shape_of(n, words);
    return nn_global_pool(n, nn_rows_grid(n, words, s.d[1], 1), GLOBAL_SUM);
}

nn_t decoder_write(net *n, const emixer_opts *o, image_code code, const char *purpose)
{
    int batch = nn_shape_of(n, code.embedding).d[0];
    enter(n);
    places sentence_places = places_for(n, o, "sentence", code.grid);
    places word_places = places_for(n, o, "word", code.grid);
    nn_t state = zeros(n, batch, 2 * o->embedding), bag = zeros(n, batch, o->vocabulary);
    nn_t there = ones(n, batch, 1);
    parts report = {0};
    for (int s = 0; s < o->sentences; s++) {
        sentence_step next = next_sentence(n, o, sentence_places, code.embedding, bag, state);
        nn_t words = draw_words(n, o, word_places, next.topic, purpose, s);
        words = until_end(n, o, words, there);
        append(n, &report, words);
        if (s + 1 == o->sentences) break;
        there = nn_multiply(n, there, draw_going_on(n, next.stop, purpose, s));
        bag = bag_of(n, words);
        state = next.state;
    }
    leave(n);
    return joined(n, &report);
}
