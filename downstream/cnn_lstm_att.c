/* Show, attend and tell: an LSTM that looks at the image before every word. The letters are the paper's. */
#include "downstream/report_internal.h"

/* The grid (B,P,E), its keys, and the LSTM's state (B,2E) at the start, made of the grid's mean. */
static void look_at(const recording *r, nn_t images, text_state *out)
{
    int width = r->o->width;
    nn_t maps = report_maps(r, images);
    nn_t grid = report_dense(r, nn_grid_rows(r->n, maps), "grid", width, ACT_NONE);
    /* The mean of projected rows is the projected mean. */
    nn_t mean = report_dense(r, nn_global_pool(r->n, maps, GLOBAL_AVERAGE), "grid", width, ACT_NONE);
    grid = report_dropout(r, grid, "generator/grid");
    out->recurrent = true;
    out->state = report_dense(r, mean, "start", 2 * width, ACT_TANH);
    out->n_contexts = 2;
    out->contexts[0] = report_dense(r, grid, "key", width, ACT_NONE);
    out->contexts[1] = grid;
}

/* One time: looks by h, reads a word (B,E); gives what was seen, z (B,E), and changes s->state. */
static nn_t advance(const recording *r, nn_t word, text_state *s)
{
    nn_t query = report_dense(r, report_hidden(r, s->state), "query", r->o->width, ACT_NONE);
    nn_t z = report_look(r, query, s->contexts[0], s->contexts[1]);
    nn_t x = nn_concat(r->n, (nn_t[]){word, z}, 2, 1);
    s->state = nn_lstm_cell(r->n, x, s->state, (lstm_opts){.name = "lstm", .hidden = r->o->width});
    return z;
}

/* L_o (E y + L_h h + L_z z) of one time, (B,E), or of many, (B,T,E). */
static nn_t say(const recording *r, nn_t word, nn_t h, nn_t z)
{
    nn_t from_h = report_dense(r, h, "out_h", r->o->width, ACT_NONE);
    nn_t from_z = report_dense(r, z, "out_z", r->o->width, ACT_NONE);
    nn_t u = nn_weighted_sum(r->n, (nn_t[]){word, from_h, from_z}, (float[]){1, 1, 1}, 3);
    u = report_dropout(r, u, "generator/out");
    return report_dense(r, u, "logits", r->vocabulary, ACT_NONE);
}

static nn_t loss(const recording *r, const report_batch *b, nn_t *logits)
{
    int tokens = nn_shape_of(r->n, b->words).d[1];
    nn_t h[MOST_TIMES], z[MOST_TIMES];
    text_state s = {0};
    look_at(r, b->images, &s);
    nn_t words = report_dropout(r, report_embed(r, b->words, "words"), "generator/words");
    for (int t = 0; t < tokens; t++) {
        z[t] = advance(r, report_time(r, words, t), &s);
        h[t] = report_hidden(r, s.state);
    }
    *logits = say(r, words, report_stack(r, h, tokens), report_stack(r, z, tokens));
    return nn_token_cross_entropy(r->n, *logits, b->targets, NULL);
}

static nn_t next(const recording *r, nn_t tokens, nn_t at, text_state *s)
{
    (void)at;
    nn_t word = report_embed(r, tokens, "words"), z = advance(r, word, s);
    return say(r, word, report_hidden(r, s->state), z);
}

const report_model cnn_lstm_att = {"cnn_lstm_att", .loss = loss, .start = look_at, .next = next};
