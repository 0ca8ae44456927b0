/* Recording operators on images: one shape rule each. */
#include "nn/record.h"

#include <stdio.h>

nn_t net_add_conv(net *n, nn_t x, nn_t w, const nn_t *bias, attributes a)
{
    nn_t in[] = {x, w, bias ? *bias : x};
    if (!net_inputs_fine(n, OP_CONV, in, 2)) return (nn_t){-1};
    nn_shape_t xs = nn_shape_of(n, x), ws = nn_shape_of(n, w);
    int k = ws.d[2];
    REQUIRE(xs.rank == 4 && ws.rank == 4 && xs.d[1] == ws.d[1] && ws.d[3] == k,
            "%sconv: input has rank %d and %d channels, the weight wants rank 4 and %d", n->path, xs.rank,
            xs.d[1], ws.d[1]);
    REQUIRE(!a.upsample || (k == 3 && a.stride == 1 && a.pad == 1),
            "%sconv: upsampling merges with a kernel of 3, stride 1, pad 1; not %d, %d, %d", n->path, k,
            a.stride, a.pad);
    int height = xs.d[2] << a.upsample, width = xs.d[3] << a.upsample;
    REQUIRE(a.stride >= 1 && a.pad >= 0 && height + 2 * a.pad >= k && width + 2 * a.pad >= k,
            "%sconv: a kernel of %d does not fit an input of %d x %d", n->path, k, height, width);
    REQUIRE(a.act != ACT_GELU, "%sconv: gelu is not for images", n->path);
    nn_shape_t out = nn_shape(4, xs.d[0], ws.d[0], (height + 2 * a.pad - k) / a.stride + 1,
                              (width + 2 * a.pad - k) / a.stride + 1);
    a.k = k;
    return net_add_node(n, OP_CONV, out, in, bias ? 3 : 2, a);
}

nn_t net_add_batch_norm(net *n, const nn_t in[5], attributes a)
{
    if (!net_inputs_fine(n, OP_BATCH_NORM, in, 5)) return (nn_t){-1};
    nn_shape_t xs = nn_shape_of(n, in[0]), gain = nn_shape_of(n, in[1]), bias = nn_shape_of(n, in[2]);
    REQUIRE(xs.rank == 4 || xs.rank == 2, "%sbatch_norm: input has rank %d, not 2 or 4", n->path, xs.rank);
    nn_shape_t plain = nn_shape(1, xs.d[1]), conditional = nn_shape(2, xs.d[0], xs.d[1]);
    REQUIRE(net_same_shape(&gain, &bias) &&
                (net_same_shape(&gain, &plain) || net_same_shape(&gain, &conditional)),
            "%sbatch_norm: gain and bias must both be (C) or (B,C) with C = %d", n->path, xs.d[1]);
    REQUIRE(a.act == ACT_NONE || a.act == ACT_RELU, "%sbatch_norm: the activation must be none or relu",
            n->path);
    return net_add_node(n, OP_BATCH_NORM, xs, in, 5, a);
}

nn_t net_add_fold_norm(net *n, nn_t w, nn_t gain, nn_t variance, float epsilon)
{
    nn_t in[] = {w, gain, variance};
    if (!net_inputs_fine(n, OP_FOLD_NORM, in, 3)) return (nn_t){-1};
    nn_shape_t shape = nn_shape_of(n, w), each = nn_shape_of(n, gain), spread = nn_shape_of(n, variance);
    REQUIRE(each.rank == 1 && each.d[0] == shape.d[0] && net_same_shape(&each, &spread),
            "%sfold_norm: gain and variance must both be (C) with C = %d", n->path, shape.d[0]);
    nn_t y = net_add_node(n, OP_FOLD_NORM, shape, in, 3, (attributes){.epsilon = epsilon});
    if (!n->failed) n->nodes[y.id]->plain = true;
    return y;
}

nn_t nn_upsample(net *n, nn_t x)
{
    if (!net_inputs_fine(n, OP_UPSAMPLE, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 4, "%supsample: the input has rank %d, not 4", n->path, s.rank);
    return net_add_node(n, OP_UPSAMPLE, nn_shape(4, s.d[0], s.d[1], 2 * s.d[2], 2 * s.d[3]), &x, 1,
                        (attributes){0});
}

nn_t nn_pool(net *n, nn_t x, nn_pool_kind kind, int k, int stride, int pad)
{
    if (!net_inputs_fine(n, OP_POOL, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 4 && k >= 1 && stride >= 1 && pad >= 0 && 2 * pad <= k && s.d[2] + 2 * pad >= k &&
                s.d[3] + 2 * pad >= k,
            "%spool: a window of %d with pad %d does not fit an input of rank %d, %d x %d", n->path, k, pad,
            s.rank, s.d[2], s.d[3]);
    nn_shape_t out =
        nn_shape(4, s.d[0], s.d[1], (s.d[2] + 2 * pad - k) / stride + 1, (s.d[3] + 2 * pad - k) / stride + 1);
    return net_add_node(n, OP_POOL, out, &x, 1,
                        (attributes){.kind = (int)kind, .k = k, .stride = stride, .pad = pad});
}

nn_t nn_global_pool(net *n, nn_t x, nn_global_pool_kind kind)
{
    if (!net_inputs_fine(n, OP_GLOBAL_POOL, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 4, "%sglobal_pool: the input has rank %d, not 4", n->path, s.rank);
    return net_add_node(n, OP_GLOBAL_POOL, nn_shape(2, s.d[0], s.d[1]), &x, 1,
                        (attributes){.kind = (int)kind});
}

nn_t nn_spectral_norm(net *n, nn_t w, const char *name, bool frozen)
{
    if (!net_inputs_fine(n, OP_SPECTRAL_NORM, &w, 1)) return (nn_t){-1};
    node *weight = net_node(n, w);
    for (int k = 0; k < n->n_nodes; k++) {
        const node *old = n->nodes[k];
        if (old->op == OP_SPECTRAL_NORM && old->in[0] == weight && old->a.training == !frozen)
            return (nn_t){k};
    }
    char state[NN_NAME_BYTES];
    int rows = weight->shape.d[0], columns = (int)(nn_count(&weight->shape) / (size_t)rows);
    (void)snprintf(state, sizeof state, "%.90s.u", name);
    nn_t u = nn_state(n, state, nn_shape(1, rows), (init_opts){.kind = INIT_UNIT_NORMAL});
    (void)snprintf(state, sizeof state, "%.90s.v", name);
    nn_t v = nn_state(n, state, nn_shape(1, columns), (init_opts){.kind = INIT_UNIT_NORMAL});
    attributes a = {.training = !frozen, .epsilon = 1e-6F}; /* StudioGAN's epsilon */
    nn_t y = net_add_node(n, OP_SPECTRAL_NORM, weight->shape, (nn_t[]){w, u, v}, 3, a);
    if (!n->failed) n->nodes[y.id]->plain = true;
    return y;
}

nn_t nn_diff_augment(net *n, nn_t x, nn_t t, diff_augment_opts o)
{
    nn_t in[] = {x, t};
    if (!net_inputs_fine(n, OP_DIFF_AUGMENT, in, 2)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x), draws = nn_shape_of(n, t), expected = nn_shape(2, s.d[0], 6);
    REQUIRE(s.rank == 4 && net_same_shape(&draws, &expected),
            "%sdiff_augment: wants (B,C,H,W) and draws of (B,6)", n->path);
    return net_add_node(n, OP_DIFF_AUGMENT, s, in, 2, (attributes){.augment = o});
}

nn_t nn_rotate(net *n, nn_t x)
{
    if (!net_inputs_fine(n, OP_ROTATE, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 4 && s.d[2] == s.d[3], "%srotate: wants square images (B,C,H,H)", n->path);
    return net_add_node(n, OP_ROTATE, s, &x, 1, (attributes){0});
}
