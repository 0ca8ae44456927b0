/* Show and tell: an LSTM whose first word is the image. */
#include "downstream/report_internal.h"

/* (B,1,R,R) -> (B,E) */
static nn_t image_word(const recording *r, nn_t images)
{
    nn_t h = nn_global_pool(r->n, report_maps(r, images), GLOBAL_AVERAGE);
    return report_dropout(r, report_dense(r, h, "image", r->o->width, ACT_NONE), "generator/image");
}

static lstm_opts lstm(const recording *r)
{
    return (lstm_opts){.name = "lstm", .hidden = r->o->width};
}

static nn_t loss(const recording *r, const report_batch *b, nn_t *logits)
{
    int batch = nn_shape_of(r->n, b->words).d[0], tokens = nn_shape_of(r->n, b->words).d[1];
    nn_t image = nn_reshape(r->n, image_word(r, b->images), nn_shape(3, batch, 1, r->o->width));
    nn_t words = report_dropout(r, report_embed(r, b->words, "words"), "generator/words");
    nn_t h = nn_lstm(r->n, nn_concat(r->n, (nn_t[]){image, words}, 2, 1), lstm(r)); /* (B,1+T,E) */
    h = report_dropout(r, nn_slice_axis(r->n, h, 1, 1, tokens), "generator/states");
    *logits = report_dense(r, h, "logits", r->vocabulary, ACT_NONE);
    return nn_token_cross_entropy(r->n, *logits, b->targets, NULL);
}

static void start(const recording *r, nn_t images, text_state *out)
{
    int batch = nn_shape_of(r->n, images).d[0];
    nn_t zeros = nn_input(r->n, "zeros", nn_shape(2, batch, 2 * r->o->width)); /* never set */
    out->recurrent = true;
    out->state = nn_lstm_cell(r->n, image_word(r, images), zeros, lstm(r));
}

static nn_t next(const recording *r, nn_t tokens, nn_t at, text_state *s)
{
    (void)at;
    s->state = nn_lstm_cell(r->n, report_embed(r, tokens, "words"), s->state, lstm(r));
    return report_dense(r, report_hidden(r, s->state), "logits", r->vocabulary, ACT_NONE);
}

const report_model cnn_lstm = {"cnn_lstm", .loss = loss, .start = start, .next = next};
