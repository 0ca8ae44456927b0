/* The report reader: a report in, an embedding out, word by word and then sentence by sentence. The report
 * and joint discriminators read with one, and the matching and denoising losses with another. */
#include "emixer/internal.h"
#include "nn/sequence.h"

/* (B,T,E) of T sentences or words -> (B,E): the mean over time, by one row of attention with equal weights.
 */
static nn_t mean_over_time(net *n, nn_t x)
{
    nn_shape_t s = nn_shape_of(n, x);
    nn_t columns = nn_rows_grid(n, x, s.d[1], 1);
    return nn_global_pool(n, columns, GLOBAL_AVERAGE);
}

/* Ids are looked up, distributions multiplied with the same table; rows without a word give zeros. */
static nn_t embed(net *n, const emixer_opts *o, nn_t report)
{
    embedding_opts table = {.name = "words", .count = o->vocabulary, .width = o->embedding};
    table.init = (init_opts){.kind = INIT_NORMAL, .scale = 0.1F};
    return nn_shape_of(n, report).rank == 2 ? nn_embedding(n, report, table)
                                            : nn_soft_embedding(n, report, table);
}

nn_t report_reader(net *n, const emixer_opts *o, const char *player, nn_t report)
{
    int batch = nn_shape_of(n, report).d[0], s = o->sentences, e = o->embedding;
    nn_enter(n, "%s", player);
    nn_enter(n, "reader");
    nn_t h = nn_reshape(n, embed(n, o, report), nn_shape(3, batch * s, o->words, e));
    h = mean_over_time(n, nn_lstm(n, h, (lstm_opts){.name = "sentence", .hidden = e}));
    h = nn_reshape(n, h, nn_shape(3, batch, s, e));
    h = mean_over_time(n, nn_lstm(n, h, (lstm_opts){.name = "report", .hidden = e}));
    nn_leave(n);
    nn_leave(n);
    return h;
}

nn_t report_labels(net *n, const emixer_opts *o, nn_t read)
{
    nn_enter(n, "R");
    nn_enter(n, "reader");
    nn_t logits = nn_linear(n, read, (linear_opts){.name = "labels", .out = o->n_labels, .bias = true});
    nn_leave(n);
    nn_leave(n);
    return logits;
}
