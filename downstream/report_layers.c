/* Parts of several report generators. */
#include "downstream/internal.h"
#include "downstream/report_internal.h"

nn_t report_maps(const recording *r, nn_t images)
{
    classifier_opts o = {.model = r->o->encoder,
                         .resolution = r->o->resolution,
                         .channels = 1,
                         .growth = r->o->growth,
                         .layers_per_block = r->o->layers_per_block};
    nn_enter(r->n, "encoder");
    nn_t maps = architecture_find(o.model)->maps(r->n, &o, images, r->training);
    nn_leave(r->n);
    return maps;
}

nn_t report_dense(const recording *r, nn_t x, const char *name, int out, nn_act act)
{
    init_opts init = {.kind = act == ACT_RELU ? INIT_HE : INIT_GLOROT};
    return nn_linear(r->n, x,
                     (linear_opts){.name = name, .out = out, .bias = true, .act = act, .init = init});
}

nn_t report_embed(const recording *r, nn_t ids, const char *name)
{
    return nn_embedding(r->n, ids,
                        (embedding_opts){.name = name, .count = r->vocabulary, .width = r->o->width});
}

nn_t report_dropout(const recording *r, nn_t x, const char *purpose)
{
    return nn_dropout(r->n, x, purpose, r->training ? r->o->dropout : 0);
}

nn_t report_hidden(const recording *r, nn_t state)
{
    return nn_slice_axis(r->n, state, 1, 0, r->o->width);
}

nn_t report_look(const recording *r, nn_t query, nn_t keys, nn_t values)
{
    nn_shape_t s = nn_shape_of(r->n, query);
    nn_t q = nn_reshape(r->n, query, nn_shape(3, s.d[0], 1, s.d[1]));
    nn_t seen = nn_attention(r->n, q, keys, values, (attention_opts){0});
    return nn_reshape(r->n, seen, nn_shape(2, s.d[0], nn_shape_of(r->n, values).d[2]));
}

nn_t report_time(const recording *r, nn_t x, int time)
{
    nn_shape_t s = nn_shape_of(r->n, x);
    return nn_reshape(r->n, nn_slice_axis(r->n, x, 1, time, 1), nn_shape(2, s.d[0], s.d[2]));
}

/* Columns side by side. */
static nn_t side_by_side(net *n, const nn_t *x, int count)
{
    return count > 1 ? nn_concat(n, x, count, 1) : x[0];
}

nn_t report_stack(const recording *r, const nn_t *times, int count)
{
    enum { AT_ONCE = 8 }; /* inputs of nn_concat */
    nn_t rows[MOST_TIMES] = {{0}};
    for (int i = 0; i < count; i++) rows[i] = times[i];
    nn_shape_t s = nn_shape_of(r->n, rows[0]); /* after a mistake in the recording there are no times */
    for (int left = count; left > 1; left = (left + AT_ONCE - 1) / AT_ONCE)
        for (int i = 0; i < left; i += AT_ONCE)
            rows[i / AT_ONCE] = side_by_side(r->n, rows + i, left - i < AT_ONCE ? left - i : AT_ONCE);
    return nn_reshape(r->n, rows[0], nn_shape(3, s.d[0], count, s.d[1]));
}
