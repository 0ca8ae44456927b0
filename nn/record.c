/* Recording: nets, leaves, and the shape rules of every operator. */
#include "base/rng.h"
#include "nn/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const op_names[OP_COUNT] = {
#define X(name, text) [OP_##name] = text,
#include "nn/ops.def"
#undef X
};

const char *nn_op_name(nn_op op)
{
    return op_names[op];
}

nn_shape_t nn_shape(int rank, ...)
{
    nn_shape_t shape = {.rank = rank};
    va_list sizes;
    va_start(sizes, rank);
    for (int i = 0; i < rank && i < NN_MAX_RANK; i++) shape.d[i] = va_arg(sizes, int);
    va_end(sizes);
    return shape;
}

size_t nn_count(const nn_shape_t *shape)
{
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= (size_t)shape->d[i];
    return count;
}

static bool same_shape(const nn_shape_t *a, const nn_shape_t *b)
{
    return a->rank == b->rank && memcmp(a->d, b->d, (size_t)a->rank * sizeof a->d[0]) == 0;
}

/* ---- nets ---- */

void net_mistake(net *n, const char *format, ...)
{
    if (n->failed) return; /* the first mistake causes the later ones */
    n->failed = true;
    if (n->mistake_code == OK) n->mistake_code = ERR_INTERNAL;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(n->mistake, sizeof n->mistake, format, arguments);
    va_end(arguments);
}

err net_recorded(const net *n)
{
    return n->failed ? err_set(n->mistake_code, "%s", n->mistake) : OK;
}

void nn_enter(net *n, const char *format, ...)
{
    if (n->depth == SCOPE_DEPTH) {
        net_mistake(n, "%s: scopes are nested deeper than %d", n->path, SCOPE_DEPTH);
        return;
    }
    int used = n->path_lengths[n->depth++] = (int)strlen(n->path);
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(n->path + used, sizeof n->path - (size_t)used, format, arguments);
    va_end(arguments);
    size_t end = strlen(n->path);
    if (more < 0 || used + more + 1 >= NN_NAME_BYTES) {
        net_mistake(n, "%s: the scope's name is too long", n->path);
        return;
    }
    memcpy(n->path + end, "/", 2);
}

void nn_leave(net *n)
{
    if (n->depth == 0)
        net_mistake(n, "nn_leave without nn_enter");
    else
        n->path[n->path_lengths[--n->depth]] = '\0';
}

node *net_node(const net *n, nn_t x)
{
    return x.id >= 0 && x.id < n->n_nodes ? n->nodes[x.id] : NULL;
}

nn_shape_t nn_shape_of(const net *n, nn_t x)
{
    const node *found = net_node(n, x);
    return found ? net_whole_shape(n, found) : (nn_shape_t){.rank = 1, .d = {1}};
}

/* ---- adding nodes ---- */

static bool grow_nodes(net *n)
{
    if (n->n_nodes < n->nodes_capacity) return true;
    int capacity = n->nodes_capacity ? 2 * n->nodes_capacity : 64;
    node **nodes = realloc(n->nodes, (size_t)capacity * sizeof *nodes);
    if (nodes) n->nodes = nodes;
    float **inputs = realloc(n->inputs, (size_t)capacity * sizeof *inputs);
    if (inputs) n->inputs = inputs;
    if (!nodes || !inputs) return false;
    n->nodes_capacity = capacity;
    return true;
}

/* Adds a node; {-1} after any mistake, which every builder accepts as an input. */
static nn_t add_node(net *n, nn_op op, nn_shape_t shape, const nn_t *in, int n_in, attributes a)
{
    if (n->failed) return (nn_t){-1};
    for (int i = 0; i < shape.rank; i++)
        if (shape.d[i] < 1)
            net_mistake(n, "%s%s: dimension %d of the result is %d", n->path, op_names[op], i, shape.d[i]);
    node *added = grow_nodes(n) ? calloc(1, sizeof *added) : NULL;
    if (!added) net_mistake(n, "out of memory");
    if (n->failed) {
        free(added);
        return (nn_t){-1};
    }
    *added = (node){.op = op,
                    .shape = shape,
                    .plain = shape.rank != 4,
                    .n_in = n_in,
                    .a = a,
                    .id = n->n_nodes,
                    .parameter = -1};
    for (int i = 0; i < n_in; i++) added->in[i] = net_node(n, in[i]);
    (void)snprintf(added->name, sizeof added->name, "%.70s%s", n->path, op_names[op]);
    /* An input is placed when it has its name. */
    if (n->replicas > 1 && op != OP_INPUT && !net_place(n, added)) {
        free(added);
        return (nn_t){-1};
    }
    n->inputs[n->n_nodes] = NULL;
    n->nodes[n->n_nodes] = added;
    return (nn_t){n->n_nodes++};
}

/* The inputs of an operator by shape; false (and a mistake, if there is none yet) when one is missing. */
static bool inputs_fine(net *n, nn_op op, const nn_t *in, int n_in)
{
    for (int i = 0; i < n_in && !n->failed; i++)
        if (!net_node(n, in[i]))
            net_mistake(n, "%s%s: input %d is not a node of this net", n->path, op_names[op], i);
    return !n->failed;
}

#define REQUIRE(condition, ...)                                                                              \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            net_mistake(n, __VA_ARGS__);                                                                     \
            return (nn_t){-1};                                                                               \
        }                                                                                                    \
    } while (0)

/* ---- leaves ---- */

nn_t nn_input(net *n, const char *name, nn_shape_t shape)
{
    for (int k = 0; k < n->n_nodes; k++) {
        const node *old = n->nodes[k];
        if (old->op != OP_INPUT || strcmp(old->name, name) != 0) continue;
        nn_shape_t before = net_whole_shape(n, old);
        REQUIRE(same_shape(&before, &shape), "input %s was recorded with another shape", name);
        return (nn_t){k};
    }
    REQUIRE(shape.rank >= 1 && shape.rank <= NN_MAX_RANK, "input %s: rank %d is not 1 to 4", name,
            shape.rank);
    nn_t x = add_node(n, OP_INPUT, shape, NULL, 0, (attributes){0});
    if (n->failed) return x;
    node *added = n->nodes[x.id];
    (void)snprintf(added->name, sizeof added->name, "%s", name);
    return n->replicas > 1 && !net_place(n, added) ? (nn_t){-1} : x;
}

static nn_t add_parameter(net *n, const char *name, nn_shape_t shape, init_opts init, bool trainable)
{
    char full[NN_NAME_BYTES];
    int length = snprintf(full, sizeof full, "%s%s", n->path, name);
    REQUIRE(length > 0 && length < NN_NAME_BYTES, "%s%s: the parameter's name is too long", n->path, name);
    parameter *old = net_find_parameter(n, full);
    if (old) {
        REQUIRE(same_shape(&old->n->shape, &shape) && old->trainable == trainable,
                "parameter %s was recorded with another shape", full);
        return (nn_t){old->n->id};
    }
    for (int i = 0; i < shape.rank; i++)
        REQUIRE(shape.d[i] >= 1, "parameter %s: dimension %d is %d", full, i, shape.d[i]);
    if (n->n_parameters == n->parameters_capacity) {
        int capacity = n->parameters_capacity ? 2 * n->parameters_capacity : 64;
        parameter *grown = realloc(n->parameters, (size_t)capacity * sizeof *grown);
        REQUIRE(grown, "out of memory");
        n->parameters = grown;
        n->parameters_capacity = capacity;
    }
    nn_t x = add_node(n, OP_PARAMETER, shape, NULL, 0, (attributes){0});
    if (n->failed) return x;
    node *added = n->nodes[x.id];
    added->plain = true;
    added->parameter = n->n_parameters;
    memcpy(added->name, full, sizeof full);
    n->parameters[n->n_parameters++] = (parameter){.n = added, .init = init, .trainable = trainable};
    return x;
}

nn_t nn_parameter(net *n, const char *name, nn_shape_t shape, init_opts init)
{
    return add_parameter(n, name, shape, init, true);
}

nn_t nn_state(net *n, const char *name, nn_shape_t shape, init_opts init)
{
    return add_parameter(n, name, shape, init, false);
}

nn_t nn_random(net *n, const char *purpose, nn_shape_t shape, nn_distribution distribution)
{
    REQUIRE(shape.rank == 1 || shape.rank == 2, "random %s: rank %d is not 1 or 2", purpose, shape.rank);
    attributes a = {.kind = (int)distribution, .key = rng_key(n->seed, purpose)};
    return add_node(n, OP_RANDOM, shape, NULL, 0, a);
}

/* ---- operators: one shape rule each ---- */

nn_t net_add_conv(net *n, nn_t x, nn_t w, const nn_t *bias, attributes a)
{
    nn_t in[] = {x, w, bias ? *bias : x};
    if (!inputs_fine(n, OP_CONV, in, 2)) return (nn_t){-1};
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
    nn_shape_t out = nn_shape(4, xs.d[0], ws.d[0], (height + 2 * a.pad - k) / a.stride + 1,
                              (width + 2 * a.pad - k) / a.stride + 1);
    a.k = k;
    return add_node(n, OP_CONV, out, in, bias ? 3 : 2, a);
}

nn_t net_add_linear(net *n, nn_t x, nn_t w, const nn_t *bias, nn_act act)
{
    nn_t in[] = {x, w, bias ? *bias : x};
    if (!inputs_fine(n, OP_LINEAR, in, 2)) return (nn_t){-1};
    nn_shape_t xs = nn_shape_of(n, x), ws = nn_shape_of(n, w);
    REQUIRE(xs.rank == 2 && ws.rank == 2 && xs.d[1] == ws.d[1],
            "%slinear: input has rank %d and %d columns, the weight wants rank 2 and %d", n->path, xs.rank,
            xs.d[1], ws.d[1]);
    return add_node(n, OP_LINEAR, nn_shape(2, xs.d[0], ws.d[0]), in, bias ? 3 : 2, (attributes){.act = act});
}

nn_t net_add_batch_norm(net *n, const nn_t in[5], attributes a)
{
    if (!inputs_fine(n, OP_BATCH_NORM, in, 5)) return (nn_t){-1};
    nn_shape_t xs = nn_shape_of(n, in[0]), gain = nn_shape_of(n, in[1]), bias = nn_shape_of(n, in[2]);
    REQUIRE(xs.rank == 4 || xs.rank == 2, "%sbatch_norm: input has rank %d, not 2 or 4", n->path, xs.rank);
    nn_shape_t plain = nn_shape(1, xs.d[1]), conditional = nn_shape(2, xs.d[0], xs.d[1]);
    REQUIRE(same_shape(&gain, &bias) && (same_shape(&gain, &plain) || same_shape(&gain, &conditional)),
            "%sbatch_norm: gain and bias must both be (C) or (B,C) with C = %d", n->path, xs.d[1]);
    REQUIRE(a.act == ACT_NONE || a.act == ACT_RELU, "%sbatch_norm: the activation must be none or relu",
            n->path);
    return add_node(n, OP_BATCH_NORM, xs, in, 5, a);
}

nn_t nn_activation(net *n, nn_t x, nn_act act)
{
    if (!inputs_fine(n, OP_ACTIVATION, &x, 1)) return (nn_t){-1};
    return act == ACT_NONE ? x
                           : add_node(n, OP_ACTIVATION, nn_shape_of(n, x), &x, 1, (attributes){.act = act});
}

nn_t nn_weighted_sum(net *n, const nn_t *x, const float *coefficients, int count)
{
    REQUIRE(count >= 1 && count <= NN_MAX_INPUTS, "%ssum: %d inputs; 1 to %d are possible", n->path, count,
            (int)NN_MAX_INPUTS);
    if (!inputs_fine(n, OP_SUM, x, count)) return (nn_t){-1};
    nn_shape_t shape = nn_shape_of(n, x[0]);
    attributes a = {0};
    for (int i = 0; i < count; i++) {
        nn_shape_t other = nn_shape_of(n, x[i]);
        REQUIRE(same_shape(&shape, &other) && net_node(n, x[i])->plain == net_node(n, x[0])->plain,
                "%ssum: input %d has another shape than input 0", n->path, i);
        a.coefficients[i] = coefficients[i];
    }
    nn_t sum = add_node(n, OP_SUM, shape, x, count, a);
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
    if (!inputs_fine(n, OP_ROW_DOT, in, 2)) return (nn_t){-1};
    nn_shape_t as = nn_shape_of(n, a), bs = nn_shape_of(n, b);
    REQUIRE(as.rank == 2 && same_shape(&as, &bs), "%srow_dot: the inputs must have one shape (B,D)", n->path);
    return add_node(n, OP_ROW_DOT, nn_shape(2, as.d[0], 1), in, 2, (attributes){0});
}

nn_t nn_upsample(net *n, nn_t x)
{
    if (!inputs_fine(n, OP_UPSAMPLE, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 4, "%supsample: the input has rank %d, not 4", n->path, s.rank);
    return add_node(n, OP_UPSAMPLE, nn_shape(4, s.d[0], s.d[1], 2 * s.d[2], 2 * s.d[3]), &x, 1,
                    (attributes){0});
}

nn_t nn_pool(net *n, nn_t x, nn_pool_kind kind, int k, int stride, int pad)
{
    if (!inputs_fine(n, OP_POOL, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 4 && k >= 1 && stride >= 1 && pad >= 0 && 2 * pad <= k && s.d[2] + 2 * pad >= k &&
                s.d[3] + 2 * pad >= k,
            "%spool: a window of %d with pad %d does not fit an input of rank %d, %d x %d", n->path, k, pad,
            s.rank, s.d[2], s.d[3]);
    nn_shape_t out =
        nn_shape(4, s.d[0], s.d[1], (s.d[2] + 2 * pad - k) / stride + 1, (s.d[3] + 2 * pad - k) / stride + 1);
    return add_node(n, OP_POOL, out, &x, 1,
                    (attributes){.kind = (int)kind, .k = k, .stride = stride, .pad = pad});
}

nn_t nn_global_pool(net *n, nn_t x, nn_global_pool_kind kind)
{
    if (!inputs_fine(n, OP_GLOBAL_POOL, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 4, "%sglobal_pool: the input has rank %d, not 4", n->path, s.rank);
    return add_node(n, OP_GLOBAL_POOL, nn_shape(2, s.d[0], s.d[1]), &x, 1, (attributes){.kind = (int)kind});
}

nn_t nn_concat(net *n, const nn_t *x, int count, int axis)
{
    REQUIRE(count >= 2 && count <= NN_MAX_INPUTS && (axis == 0 || axis == 1),
            "%sconcat: %d inputs on axis %d; 2 to %d on axis 0 or 1 are possible", n->path, count, axis,
            (int)NN_MAX_INPUTS);
    if (!inputs_fine(n, OP_CONCAT, x, count)) return (nn_t){-1};
    nn_shape_t out = nn_shape_of(n, x[0]);
    REQUIRE(axis < out.rank, "%sconcat: axis 1 of an input of rank 1", n->path);
    for (int i = 1; i < count; i++) {
        nn_shape_t s = nn_shape_of(n, x[i]), expected = out;
        if (s.rank > axis) expected.d[axis] = s.d[axis];
        REQUIRE(same_shape(&s, &expected), "%sconcat: input %d differs outside axis %d", n->path, i, axis);
        out.d[axis] += s.d[axis];
    }
    return add_node(n, OP_CONCAT, out, x, count, (attributes){.axis = axis});
}

nn_t nn_slice(net *n, nn_t x, int first, int count)
{
    if (!inputs_fine(n, OP_SLICE, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(first >= 0 && count >= 1 && first <= s.d[0] - count, "%sslice: rows %d..%d of %d", n->path, first,
            first + count - 1, s.d[0]);
    s.d[0] = count;
    return add_node(n, OP_SLICE, s, &x, 1, (attributes){.first = first});
}

nn_t nn_reshape(net *n, nn_t x, nn_shape_t shape)
{
    if (!inputs_fine(n, OP_RESHAPE, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(nn_count(&s) == nn_count(&shape), "%sreshape: %zu elements cannot become %zu", n->path,
            nn_count(&s), nn_count(&shape));
    return add_node(n, OP_RESHAPE, shape, &x, 1, (attributes){0});
}

nn_t nn_spectral_norm(net *n, nn_t w, const char *name, bool frozen)
{
    if (!inputs_fine(n, OP_SPECTRAL_NORM, &w, 1)) return (nn_t){-1};
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
    nn_t y = add_node(n, OP_SPECTRAL_NORM, weight->shape, (nn_t[]){w, u, v}, 3, a);
    if (!n->failed) n->nodes[y.id]->plain = true;
    return y;
}

nn_t nn_diff_augment(net *n, nn_t x, nn_t t, diff_augment_opts o)
{
    nn_t in[] = {x, t};
    if (!inputs_fine(n, OP_DIFF_AUGMENT, in, 2)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x), draws = nn_shape_of(n, t), expected = nn_shape(2, s.d[0], 6);
    REQUIRE(s.rank == 4 && same_shape(&draws, &expected),
            "%sdiff_augment: wants (B,C,H,W) and draws of (B,6)", n->path);
    return add_node(n, OP_DIFF_AUGMENT, s, in, 2, (attributes){.augment = o});
}

nn_t nn_rotate(net *n, nn_t x)
{
    if (!inputs_fine(n, OP_ROTATE, &x, 1)) return (nn_t){-1};
    nn_shape_t s = nn_shape_of(n, x);
    REQUIRE(s.rank == 4 && s.d[2] == s.d[3], "%srotate: wants square images (B,C,H,H)", n->path);
    return add_node(n, OP_ROTATE, s, &x, 1, (attributes){0});
}

nn_t nn_hinge(net *n, nn_t logits, nn_hinge_kind kind)
{
    if (!inputs_fine(n, OP_HINGE, &logits, 1)) return (nn_t){-1};
    REQUIRE(nn_shape_of(n, logits).rank < 4, "%shinge: wants logits of rank 1 to 3", n->path);
    return add_node(n, OP_HINGE, nn_shape(1, 1), &logits, 1, (attributes){.kind = (int)kind});
}

static nn_t cross_entropy(net *n, nn_op op, nn_t logits, nn_t targets)
{
    nn_t in[] = {logits, targets};
    if (!inputs_fine(n, op, in, 2)) return (nn_t){-1};
    nn_shape_t a = nn_shape_of(n, logits), b = nn_shape_of(n, targets);
    REQUIRE(a.rank == 2 && same_shape(&a, &b), "%s%s: logits and targets must have one shape (B,K)", n->path,
            op_names[op]);
    return add_node(n, op, nn_shape(1, 1), in, 2, (attributes){0});
}

nn_t nn_softmax_cross_entropy(net *n, nn_t logits, nn_t targets)
{
    return cross_entropy(n, OP_SOFTMAX_CROSS_ENTROPY, logits, targets);
}

nn_t nn_binary_cross_entropy(net *n, nn_t logits, nn_t targets)
{
    return cross_entropy(n, OP_BINARY_CROSS_ENTROPY, logits, targets);
}
