/* Recording: nets, scopes and leaves. */
#include "nn/record.h"
#include "base/rng.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const op_names[OP_COUNT] = {
#define X(name, text) [OP_##name] = text, /* NOLINT(bugprone-macro-parentheses): an entry of a list */
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

bool net_same_shape(const nn_shape_t *a, const nn_shape_t *b)
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

nn_t net_add_node(net *n, nn_op op, nn_shape_t shape, const nn_t *in, int n_in, attributes a)
{
    if (n->failed) return (nn_t){-1};
    for (int i = 0; i < shape.rank; i++)
        if (shape.d[i] < 1)
            net_mistake(n, "%s%s: dimension %d of the result is %d", n->path, op_names[op], i, shape.d[i]);
    node *added = grow_nodes(n) ? calloc(1, sizeof *added) : NULL;
    if (!added) net_mistake(n, "out of memory");
    if (!added || n->failed) {
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

bool net_inputs_fine(net *n, nn_op op, const nn_t *in, int n_in)
{
    for (int i = 0; i < n_in && !n->failed; i++)
        if (!net_node(n, in[i]))
            net_mistake(n, "%s%s: input %d is not a node of this net", n->path, op_names[op], i);
    return !n->failed;
}

/* ---- leaves ---- */

nn_t nn_input(net *n, const char *name, nn_shape_t shape)
{
    for (int k = 0; k < n->n_nodes; k++) {
        const node *old = n->nodes[k];
        if (old->op != OP_INPUT || strcmp(old->name, name) != 0) continue;
        nn_shape_t before = net_whole_shape(n, old);
        REQUIRE(net_same_shape(&before, &shape), "input %s was recorded with another shape", name);
        return (nn_t){k};
    }
    REQUIRE(shape.rank >= 1 && shape.rank <= NN_MAX_RANK, "input %s: rank %d is not 1 to 4", name,
            shape.rank);
    nn_t x = net_add_node(n, OP_INPUT, shape, NULL, 0, (attributes){0});
    if (n->failed) return x;
    node *added = n->nodes[x.id];
    (void)snprintf(added->name, sizeof added->name, "%s", name);
    if (n->replicas > 1 && !net_place(n, added)) return (nn_t){-1};
    return x;
}

static nn_t add_parameter(net *n, const char *name, nn_shape_t shape, init_opts init, bool trainable)
{
    char full[NN_NAME_BYTES];
    int length = snprintf(full, sizeof full, "%s%s", n->path, name);
    REQUIRE(length > 0 && length < NN_NAME_BYTES, "%s%s: the parameter's name is too long", n->path, name);
    parameter *old = net_find_parameter(n, full);
    if (old) {
        REQUIRE(net_same_shape(&old->n->shape, &shape) && old->trainable == trainable,
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
    nn_t x = net_add_node(n, OP_PARAMETER, shape, NULL, 0, (attributes){0});
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
    REQUIRE(shape.rank >= 1 && shape.rank <= 3, "random %s: rank %d is not 1 to 3", purpose, shape.rank);
    attributes a = {.kind = (int)distribution, .key = rng_key(n->seed, purpose)};
    return net_add_node(n, OP_RANDOM, shape, NULL, 0, a);
}
