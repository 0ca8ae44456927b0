/* Recording operators on tensors of any kind, and losses: one shape rule each. */
#include "nn/record.h"
#include "nn/sequence.h"

static int last_of(const nn_shape_t *s)
{
    return s->d[s->rank - 1];
}

static nn_t add_linear(net *n, nn_t x, nn_t w, const nn_t *bias, attributes a)
{
    nn_t in[] = {x, w, bias ? *bias : x};
    if (!net_inputs_fine(n, OP_LINEAR, in, 2)) return (nn_t){-1};
    nn_shape_t out = nn_shape_of(n, x), ws = nn_shape_of(n, w);
    int columns = ws.d[a.transposed ? 0 : 1];
    REQUIRE(a.act != ACT_GELU, "%slinear: gelu is an activation of its own", n->path);
    REQUIRE((out.rank == 2 || out.rank == 3) && ws.rank == 2 && last_of(&out) == columns,
            "%slinear: input has rank %d and %d columns, the weight wants rank 2 or 3 and %d", n->path,
            out.rank, last_of(&out), columns);
    out.d[out.rank - 1] = ws.d[a.transposed ? 1 : 0];
    return net_add_node(n, OP_LINEAR, out, in, bias ? 3 : 2, a);
}

nn_t net_add_linear(net *n, nn_t x, nn_t w, const nn_t *bias, nn_act act)
{
    return add_linear(n, x, w, bias, (attributes){.act = act});
}

nn_t nn_matmul(net *n, nn_t a, nn_t b, bool transpose_b)
{
    return add_linear(n, a, b, NULL, (attributes){.transposed = !transpose_b});
}

nn_t nn_activation(net *n, nn_t x, nn_act act)
{
    if (!net_inputs_fine(n, OP_ACTIVATION, &x, 1)) return (nn_t){-1};
    REQUIRE(act != ACT_GELU || nn_shape_of(n, x).rank <= 3, "%sactivation: gelu wants rank 1 to 3", n->path);
    return act == ACT_NONE
               ? x
               : net_add_node(n, OP_ACTIVATION, nn_shape_of(n, x), &x, 1, (attributes){.act = act});
}

nn_t nn_weighted_sum(net *n, const nn_t *x, const float *coefficients, int count)
{
    REQUIRE(count >= 1 && count <= NN_MAX_INPUTS, "%ssum: %d inputs; 1 to %d are possible", n->path, count,
            (int)NN_MAX_INPUTS);
    if (!net_inputs_fine(n, OP_SUM, x, count)) return (nn_t){-1};
    nn_shape_t shape = nn_shape_of(n, x[0]);
    attributes a = {0};
    for (int i = 0; i < count; i++) {
        nn_shape_t other = nn_shape_of(n, x[i]);
        REQUIRE(net_same_shape(&shape, &other) && net_node(n, x[i])->plain == net_node(n, x[0])->plain,
                "%ssum: input %d has another shape than input 0", n->path, i);
        a.coefficients[i] = coefficients[i];
    }
    nn_t sum = net_add_node(n, OP_SUM, shape, x, count, a);
    if (!n->failed) n->nodes[sum.id]->plain = net_node(n, x[0])->plain;
    return sum;
}

nn_t nn_add(net *n, nn_t a, nn_t b)
{
    return nn_weighted_sum(n, (nn_t[]){a, b}, (float[]){1, 1}, 2);
}

nn_t nn_row_dot(net *n, nn_t a, nn_t b)
{
    nn_t in[] = {a, b};
    if (!net_inputs_fine(n, OP_ROW_DOT, in, 2)) return (nn_t){-1};
    nn_shape_t as = nn_shape_of(n, a), bs = nn_shape_of(n, b);
    REQUIRE(as.rank == 2 && net_same_shape(&as, &bs), "%srow_dot: the inputs must have one shape (B,D)",
            n->path);
    return net_add_node(n, OP_ROW_DOT, nn_shape(2, as.d[0], 1), in, 2, (attributes){0});
}

nn_t nn_concat(net *n, const nn_t *x, int count, int axis)
{
    REQUIRE(count >= 2 && count <= NN_MAX_INPUTS && axis >= 0 && axis <= 2,
            "%sconcat: %d inputs on axis %d; 2 to %d on axis 0, 1 or 2 are possible", n->path, count, axis,
            (int)NN_MAX_INPUTS);
    if (!net_inputs_fine(n, OP_CONCAT, x, count)) return (nn_t){-1};
    nn_shape_t out = nn_shape_of(n, x[0]);
    REQUIRE(axis < out.rank && (axis < 2 || out.rank == 3), "%sconcat: axis %d of an input of rank %d",
            n->path, axis, out.rank);
    for (int i = 1; i < count; i++) {
        nn_shape_t s = nn_shape_of(n, x[i]), expected = out;
        if (s.rank > axis) expected.d[axis] = s.d[axis];
        REQUIRE(net_same_shape(&s, &expected), "%sconcat: input %d differs outside axis %d", n->path, i,
                axis);
        out.d[axis] += s.d[axis];
    }
    return net_add_node(n, OP_CONCAT, out, x, count, (attributes){.axis = axis});
}

nn_t nn_slice_axis(net *n, nn_t x, int axis, int first, int count)
{
    if (!net_inputs_fine(n, OP_SLICE, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(axis == 0 || (axis > 0 && axis < s.rank && s.rank < 4), "%sslice: axis %d of an input of rank %d",
            n->path, axis, s.rank);
    REQUIRE(first >= 0 && count >= 1 && first <= s.d[axis] - count, "%sslice: rows %d..%d of %d", n->path,
            first, first + count - 1, s.d[axis]);
    s.d[axis] = count;
    return net_add_node(n, OP_SLICE, s, &x, 1, (attributes){.axis = axis, .first = first});
}

nn_t nn_slice(net *n, nn_t x, int first, int count)
{
    return nn_slice_axis(n, x, 0, first, count);
}

nn_t nn_reshape(net *n, nn_t x, nn_shape_t shape)
{
    if (!net_inputs_fine(n, OP_RESHAPE, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(nn_count(&s) == nn_count(&shape), "%sreshape: %zu elements cannot become %zu", n->path,
            nn_count(&s), nn_count(&shape));
    return net_add_node(n, OP_RESHAPE, shape, &x, 1, (attributes){0});
}

nn_t nn_detach(net *n, nn_t x)
{
    if (!net_inputs_fine(n, OP_RESHAPE, &x, 1)) return (nn_t){-1};
    return net_add_node(n, OP_RESHAPE, nn_shape_of(n, x), &x, 1, (attributes){.constant = true});
}

nn_t nn_hinge(net *n, nn_t logits, nn_hinge_kind kind)
{
    if (!net_inputs_fine(n, OP_HINGE, &logits, 1)) return (nn_t){-1};
    REQUIRE(nn_shape_of(n, logits).rank < 4, "%shinge: wants logits of rank 1 to 3", n->path);
    return net_add_node(n, OP_HINGE, nn_shape(1, 1), &logits, 1, (attributes){.kind = (int)kind});
}

static nn_t cross_entropy(net *n, nn_op op, nn_t logits, nn_t targets)
{
    nn_t in[] = {logits, targets};
    if (!net_inputs_fine(n, op, in, 2)) return (nn_t){-1};
    nn_shape_t a = nn_shape_of(n, logits), b = nn_shape_of(n, targets);
    REQUIRE(a.rank == 2 && net_same_shape(&a, &b), "%s%s: logits and targets must have one shape (B,K)",
            n->path, nn_op_name(op));
    return net_add_node(n, op, nn_shape(1, 1), in, 2, (attributes){0});
}

nn_t nn_softmax_cross_entropy(net *n, nn_t logits, nn_t targets)
{
    return cross_entropy(n, OP_SOFTMAX_CROSS_ENTROPY, logits, targets);
}

nn_t nn_binary_cross_entropy(net *n, nn_t logits, nn_t targets)
{
    return cross_entropy(n, OP_BINARY_CROSS_ENTROPY, logits, targets);
}
