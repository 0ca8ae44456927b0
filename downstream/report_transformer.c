/* R2Gen's encoder-decoder without its relational memory. Each part reads its input normalised, and is added
 * to it. */
#include "downstream/internal.h"
#include "downstream/report_internal.h"

#include <math.h>
#include <stdlib.h>

static nn_t norm(const recording *r, nn_t x, const char *name)
{
    return nn_layer_norm(r->n, x, (layer_norm_opts){.name = name});
}

/* x + dropout(part); the scope tells the draws of one part from another's. */
static nn_t add_part(const recording *r, nn_t x, nn_t part, layer_name purpose)
{
    return nn_add(r->n, x, report_dropout(r, part, purpose.text));
}

/* Multi-head attention of x (B,T,E) to `memory` (B,P,E). */
static nn_t attend(const recording *r, nn_t x, nn_t memory, bool causal)
{
    int width = r->o->width;
    nn_t q = report_dense(r, x, "query", width, ACT_NONE),
         k = report_dense(r, memory, "key", width, ACT_NONE);
    nn_t v = report_dense(r, memory, "value", width, ACT_NONE);
    nn_t h = nn_attention(r->n, q, k, v, (attention_opts){.heads = r->o->heads, .causal = causal});
    return report_dense(r, h, "out", width, ACT_NONE);
}

/* x + attention; to `memory`, or (NULL) to what comes of x itself. `layer` and `part` name it. */
static nn_t attention_part(const recording *r, nn_t x, const nn_t *memory, bool causal, layer_name layer,
                           const char *part)
{
    nn_enter(r->n, "%s.%s", layer.text, part);
    nn_t y = norm(r, x, "norm");
    nn_t seen = attend(r, y, memory ? *memory : y, causal);
    nn_leave(r->n);
    return add_part(r, x, seen, name_of("generator/%s.%s", layer.text, part));
}

static nn_t feed_forward_part(const recording *r, nn_t x, layer_name layer)
{
    nn_enter(r->n, "%s.feed_forward", layer.text);
    nn_t h = report_dense(r, norm(r, x, "norm"), "in", r->o->width, ACT_RELU);
    h = report_dropout(r, h, name_of("generator/%s.feed_forward.in", layer.text).text);
    h = report_dense(r, h, "out", r->o->width, ACT_NONE);
    nn_leave(r->n);
    return add_part(r, x, h, name_of("generator/%s.feed_forward", layer.text));
}

/* (B,1,R,R) -> (B,P,E). The grid's places are not told to the encoder, as in R2Gen. */
static nn_t encode(const recording *r, nn_t images)
{
    nn_t h = report_dense(r, nn_grid_rows(r->n, report_maps(r, images)), "grid", r->o->width, ACT_RELU);
    h = report_dropout(r, h, "generator/grid");
    for (int i = 0; i < r->o->layers; i++) {
        layer_name layer = name_of("encode%d", i);
        h = attention_part(r, h, NULL, false, layer, "self");
        h = feed_forward_part(r, h, layer);
    }
    return norm(r, h, "encode_norm");
}

/* Words (B,T) -> (B,T,E): embeddings times sqrt(E), and the positions' sines. */
static nn_t place_words(const recording *r, nn_t words)
{
    nn_shape_t s = nn_shape_of(r->n, words);
    float root = sqrtf((float)r->o->width);
    nn_t e = nn_embedding(r->n, words,
                          (embedding_opts){.name = "words",
                                           .count = r->vocabulary,
                                           .width = r->o->width,
                                           .init = {.kind = INIT_NORMAL, .scale = 1 / root}});
    nn_t positions = nn_state(r->n, "positions", nn_shape(2, s.d[1], r->o->width), (init_opts){0});
    nn_t places = nn_repeat(r->n, positions, 0, s.d[0]);
    nn_t h = nn_weighted_sum(r->n, (nn_t[]){e, places}, (float[]){root, 1}, 2);
    return report_dropout(r, h, "generator/words");
}

static nn_t decode_words(const recording *r, nn_t words, nn_t memory)
{
    nn_t h = place_words(r, words);
    for (int i = 0; i < r->o->layers; i++) {
        layer_name layer = name_of("decode%d", i);
        h = attention_part(r, h, NULL, true, layer, "self");
        h = attention_part(r, h, &memory, false, layer, "source");
        h = feed_forward_part(r, h, layer);
    }
    return norm(r, h, "decode_norm");
}

static nn_t loss(const recording *r, const report_batch *b, nn_t *logits)
{
    nn_t h = decode_words(r, b->words, encode(r, b->images));
    *logits = report_dense(r, h, "logits", r->vocabulary, ACT_NONE);
    return nn_token_cross_entropy(r->n, *logits, b->targets, NULL);
}

static void start(const recording *r, nn_t images, text_state *out)
{
    out->n_contexts = 1;
    out->contexts[0] = encode(r, images);
}

/* The whole prefix again for every token: there is no cache of keys and values. */
static nn_t next(const recording *r, nn_t tokens, nn_t at, text_state *s)
{
    nn_t h = nn_gather(r->n, decode_words(r, tokens, s->contexts[0]), at);
    return report_dense(r, h, "logits", r->vocabulary, ACT_NONE);
}

/* PE(t,2i) = sin(t / 10000^(2i/E)), PE(t,2i+1) = cos of the same (Vaswani et al. 2017, section 3.5). */
static err prepare(const recording *r)
{
    int tokens = report_generator_tokens(r->o), width = r->o->width;
    float *table = malloc((size_t)tokens * (size_t)width * sizeof *table);
    if (!table) return err_set(ERR_SYSTEM, "out of memory for positions");
    for (int t = 0; t < tokens; t++)
        for (int i = 0; i < width; i++) {
            double angle = t / pow(10000, (double)(i - i % 2) / width);
            table[t * width + i] = (float)(i % 2 ? cos(angle) : sin(angle));
        }
    err error = net_set_parameter(r->n, "R/positions", table);
    free(table);
    return error;
}

const report_model report_transformer = {"transformer",  .prefix = true, .loss = loss,
                                         .start = start, .next = next,   .prepare = prepare};
