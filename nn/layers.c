/* Layers: operators together with the parameters that they own. */
#include "nn/internal.h"
#include "nn/sequence.h"

#include <math.h>
#include <stdio.h>

/* "name.suffix"; a name that does not fit is a mistake of recording, not a shorter name. */
static void join_name(net *n, char out[NN_NAME_BYTES], const char *name, const char *suffix)
{
    int length = snprintf(out, NN_NAME_BYTES, "%s.%s", name, suffix);
    if (length < 0 || length >= NN_NAME_BYTES)
        net_mistake(n, "%s%.60s...: the name is too long", n->path, name);
}

/* The weight node, divided by its spectral norm if asked. */
static nn_t weight_of(net *n, const char *name, nn_shape_t shape, init_opts init, bool spectral, bool frozen)
{
    char full[NN_NAME_BYTES];
    join_name(n, full, name, "weight");
    if (init.kind == INIT_ZEROS) init.kind = INIT_HE;
    nn_t w = nn_parameter(n, full, shape, init);
    return spectral ? nn_spectral_norm(n, w, full, frozen) : w;
}

static nn_t bias_of(net *n, const char *name, int count, init_opts init)
{
    char full[NN_NAME_BYTES];
    join_name(n, full, name, "bias");
    return nn_parameter(n, full, nn_shape(1, count), init);
}

nn_t nn_conv(net *n, nn_t x, conv_opts o)
{
    int pad = o.pad == PAD_SAME ? o.k / 2 : o.pad == PAD_NONE ? 0 : o.pad;
    nn_shape_t shape = nn_shape(4, o.out, nn_shape_of(n, x).d[1], o.k, o.k);
    nn_t w = weight_of(n, o.name, shape, o.init, o.spectral_norm, o.frozen_spectral), b;
    if (o.bias) b = bias_of(n, o.name, o.out, (init_opts){0});
    attributes a = {.act = o.act, .stride = o.stride ? o.stride : 1, .pad = pad, .upsample = o.upsample};
    return net_add_conv(n, x, w, o.bias ? &b : NULL, a);
}

nn_t nn_linear_with(net *n, nn_t x, nn_t weight, const nn_t *bias, nn_act act)
{
    bool alone = act == ACT_GELU; /* its derivative needs what goes in, which linear does not keep */
    nn_t y = net_add_linear(n, x, weight, bias, alone ? ACT_NONE : act);
    return alone ? nn_activation(n, y, act) : y;
}

nn_t nn_linear(net *n, nn_t x, linear_opts o)
{
    nn_shape_t xs = nn_shape_of(n, x), shape = nn_shape(2, o.out, xs.d[xs.rank - 1]);
    nn_t w = weight_of(n, o.name, shape, o.init, o.spectral_norm, o.frozen_spectral), b;
    if (o.bias) b = bias_of(n, o.name, o.out, o.bias_init);
    return nn_linear_with(n, x, w, o.bias ? &b : NULL, o.act);
}

/* Running mean and variance of name, into in[3] and in[4]. */
static void running_statistics(net *n, const char *name, int channels, nn_t in[5])
{
    char full[NN_NAME_BYTES];
    join_name(n, full, name, "running_mean");
    in[3] = nn_state(n, full, nn_shape(1, channels), (init_opts){0});
    join_name(n, full, name, "running_var");
    in[4] = nn_state(n, full, nn_shape(1, channels), (init_opts){.kind = INIT_ONES});
}

static attributes batch_norm_attributes(batch_norm_opts o)
{
    return (attributes){.act = o.act,
                        .training = o.training,
                        .epsilon = o.epsilon > 0 ? o.epsilon : 1e-5F,
                        .momentum = o.momentum > 0 ? o.momentum : 0.1F};
}

/* x, gain, bias and running statistics of a batch norm of x. */
static void norm_inputs(net *n, nn_t x, batch_norm_opts o, nn_t in[5])
{
    char full[NN_NAME_BYTES];
    int channels = nn_shape_of(n, x).d[1];
    join_name(n, full, o.name, "weight");
    in[0] = x;
    in[1] = nn_parameter(n, full, nn_shape(1, channels), (init_opts){.kind = INIT_ONES});
    in[2] = bias_of(n, o.name, channels, (init_opts){0});
    running_statistics(n, o.name, channels, in);
}

nn_t nn_batch_norm(net *n, nn_t x, batch_norm_opts o)
{
    nn_t in[5];
    norm_inputs(n, x, o, in);
    return net_add_batch_norm(n, in, batch_norm_attributes(o));
}

/* A norm with known statistics makes of a convolution one with the weights w gain / d and the bias
 * bias - mean gain / d (+ b gain / d), d = sqrt(var + epsilon). The one that it is made from is recorded, but
 * no step needs its value. */
nn_t nn_conv_norm(net *n, nn_t x, conv_opts c, batch_norm_opts o)
{
    nn_t in[5], y = nn_conv(n, x, c);
    norm_inputs(n, y, o, in);
    attributes a = batch_norm_attributes(o);
    const node *conv = net_node(n, y);
    if (o.training || !conv) return net_add_batch_norm(n, in, a);
    if (conv->a.act != ACT_NONE) net_mistake(n, "%s%s: an activation before the norm", n->path, c.name);
    nn_t gain = in[1], variance = in[4];
    nn_t w = net_add_fold_norm(n, (nn_t){conv->in[1]->id}, gain, variance, a.epsilon);
    nn_t terms[3] = {in[2], net_add_fold_norm(n, in[3], gain, variance, a.epsilon)};
    if (c.bias) terms[2] = net_add_fold_norm(n, (nn_t){conv->in[2]->id}, gain, variance, a.epsilon);
    nn_t bias = nn_weighted_sum(n, terms, (float[]){1, -1, 1}, c.bias ? 3 : 2);
    attributes folded = conv->a;
    folded.act = a.act;
    return net_add_conv(n, x, w, &bias, folded);
}

nn_t nn_conditional_batch_norm(net *n, nn_t x, nn_t gain, nn_t bias, batch_norm_opts o)
{
    nn_t in[5] = {x, gain, bias};
    running_statistics(n, o.name, nn_shape_of(n, x).d[1], in);
    return net_add_batch_norm(n, in, batch_norm_attributes(o));
}

static nn_t table_of(net *n, embedding_opts o)
{
    char full[NN_NAME_BYTES];
    join_name(n, full, o.name, "weight");
    if (o.init.kind == INIT_ZEROS) o.init.kind = INIT_NORMAL;
    return nn_parameter(n, full, nn_shape(2, o.count, o.width), o.init);
}

nn_t nn_embedding(net *n, nn_t ids, embedding_opts o)
{
    return net_add_embedding(n, ids, table_of(n, o));
}

nn_t nn_soft_embedding(net *n, nn_t distributions, embedding_opts o)
{
    return nn_matmul(n, distributions, table_of(n, o), false);
}

nn_t nn_layer_norm(net *n, nn_t x, layer_norm_opts o)
{
    char full[NN_NAME_BYTES];
    nn_shape_t s = nn_shape_of(n, x);
    int width = s.d[s.rank - 1];
    join_name(n, full, o.name, "weight");
    nn_t gain = nn_parameter(n, full, nn_shape(1, width), (init_opts){.kind = INIT_ONES});
    nn_t bias = bias_of(n, o.name, width, (init_opts){0});
    return net_add_layer_norm(n, x, gain, bias, o.epsilon > 0 ? o.epsilon : 1e-5F);
}

static nn_t lstm_parameter(net *n, lstm_opts o, const char *suffix, nn_shape_t shape)
{
    char full[NN_NAME_BYTES];
    join_name(n, full, o.name, suffix);
    return nn_parameter(n, full, shape, (init_opts){INIT_UNIFORM, 1 / sqrtf((float)o.hidden)});
}

static nn_t add_lstm(net *n, nn_op op, nn_t x, lstm_opts o)
{
    nn_shape_t s = nn_shape_of(n, x);
    int gates = 4 * o.hidden;
    lstm_inputs in = {.x = x, .state = o.state, .lengths = o.lengths};
    in.weight_ih = lstm_parameter(n, o, "weight_ih", nn_shape(2, gates, s.d[s.rank - 1]));
    in.weight_hh = lstm_parameter(n, o, "weight_hh", nn_shape(2, gates, o.hidden));
    in.bias_ih = lstm_parameter(n, o, "bias_ih", nn_shape(1, gates));
    in.bias_hh = lstm_parameter(n, o, "bias_hh", nn_shape(1, gates));
    return net_add_lstm(n, op, &in, o.reverse);
}

nn_t nn_lstm(net *n, nn_t x, lstm_opts o)
{
    return add_lstm(n, OP_LSTM, x, o);
}

nn_t nn_lstm_cell(net *n, nn_t x, nn_t state, lstm_opts o)
{
    return add_lstm(n, OP_LSTM_CELL, x, (lstm_opts){.name = o.name, .hidden = o.hidden, .state = &state});
}
