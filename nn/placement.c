/* Which samples lie on which replica.
 *
 * Sample i of a batch lies on replica i mod replicas, as its sample i / replicas. So rows a..b of a batch, or
 * batches put one after another, are on each replica what they are as a whole, if all the bounds are
 * multiples of the number of replicas: models slice and concatenate as on one device. */
#include "nn/internal.h"

#include <string.h>

/* How many of an operator's inputs, the first ones, have the batch on axis 0; those after them are
 * parameters. 0: the operator cannot work on a share of a batch, or nobody has thought about it. */
enum { ALL = NN_MAX_INPUTS };
static const int batch_inputs[OP_COUNT] = {
    [OP_INPUT] = ALL,
    [OP_RANDOM] = ALL,
    [OP_CONV] = 1,
    [OP_LINEAR] = 1,
    [OP_BATCH_NORM] = 1,
    [OP_ACTIVATION] = ALL,
    [OP_SUM] = ALL,
    [OP_ROW_DOT] = ALL,
    [OP_UPSAMPLE] = ALL,
    [OP_POOL] = ALL,
    [OP_GLOBAL_POOL] = ALL,
    [OP_CONCAT] = ALL,
    [OP_SLICE] = ALL,
    [OP_RESHAPE] = ALL,
    [OP_DIFF_AUGMENT] = ALL,
    [OP_ROTATE] = ALL,
    [OP_HINGE] = ALL,
    [OP_SOFTMAX_CROSS_ENTROPY] = ALL,
    [OP_BINARY_CROSS_ENTROPY] = ALL,
    [OP_MULTIPLY] = ALL,
    [OP_REPEAT] = ALL,
    [OP_EMBEDDING] = 1,
    [OP_GATHER] = ALL,
    [OP_LAYER_NORM] = 1,
    [OP_NORMALIZE] = ALL,
    [OP_SOFTMAX] = ALL,
    [OP_TOKEN_CROSS_ENTROPY] = ALL,
    [OP_DROPOUT] = ALL,
    [OP_GRID_ROWS] = ALL,
    [OP_ATTENTION] = ALL,
    [OP_LSTM] = 1,
    [OP_LSTM_CELL] = 1,
};

static bool carries_batch(const node *x, int i)
{
    enum { LSTM_STATE = 5 }; /* and lengths: behind the weights */
    /* The gain and the bias of a conditional batch norm are (B,C). */
    if (x->op == OP_BATCH_NORM && (i == 1 || i == 2)) return x->in[i]->shape.rank == 2;
    if ((x->op == OP_LSTM || x->op == OP_LSTM_CELL) && i >= LSTM_STATE) return true;
    return i < batch_inputs[x->op];
}

static bool impossible(net *n, const node *x, const char *what)
{
    if (!n->failed) n->mistake_code = ERR_UNAVAILABLE;
    net_mistake(n, "%s: on several devices, %s; use one", x->name, what);
    return false;
}

/* The batch size is the user's choice, so this is not our mistake. */
static bool uneven(net *n, const node *x, const char *what, int count)
{
    if (!n->failed) n->mistake_code = ERR_CONFIG;
    net_mistake(n, "%s: %s %d cannot be shared evenly by %d replicas; choose a batch that can", x->name, what,
                count, n->replicas);
    return false;
}

/* The placement that the inputs of x have in common. */
static bool inherit(net *n, node *x)
{
    bool first = true;
    for (int i = 0; i < x->n_in; i++) {
        const node *from = x->in[i];
        if (!carries_batch(x, i)) {
            if (from->place != PLACE_REPLICATED && batch_inputs[x->op] == 0)
                return impossible(n, x, "the operator cannot share a batch");
            if (from->place != PLACE_REPLICATED)
                return impossible(n, x, "a parameter cannot depend on the batch");
        } else if (first) {
            x->place = from->place;
            x->sample_rows = from->sample_rows;
            first = false;
        } else if (from->place == x->place) {
            if (from->sample_rows != x->sample_rows)
                return impossible(n, x, "inputs must have the same number of rows per sample");
        } else if (x->op == OP_SUM && from->place != PLACE_SHARDED && x->place != PLACE_SHARDED) {
            x->place = PLACE_PARTIAL; /* a loss and a constant of all replicas */
        } else {
            return impossible(n, x, "either all inputs must depend on the batch or none");
        }
    }
    return true;
}

static bool place_slice(net *n, node *x)
{
    int multiple = n->replicas * x->sample_rows;
    if (x->a.first % multiple) return uneven(n, x, "a slice that starts at row", x->a.first);
    if (x->shape.d[0] % multiple) return uneven(n, x, "a slice whose number of rows is", x->shape.d[0]);
    x->a.first /= n->replicas;
    return true;
}

/* A sample may come to have more rows or fewer; samples must stay apart. */
static bool place_reshape(net *n, node *x)
{
    if (x->place != PLACE_SHARDED) return true;
    int samples = x->in[0]->shape.d[0] * n->replicas / x->in[0]->sample_rows;
    x->sample_rows = x->shape.d[0] / samples;
    if (x->shape.d[0] % samples == 0) return true;
    return impossible(n, x, "samples must stay apart");
}

/* A new first axis is that of the batch: every sample gets what all replicas have. */
static bool place_repeat(net *n, node *x)
{
    if (x->a.axis != 0) return true;
    if (x->place == PLACE_SHARDED) return impossible(n, x, "samples must stay apart");
    x->place = PLACE_SHARDED;
    x->sample_rows = 1;
    return true;
}

/* What is particular about an operator. */
static bool place_operator(net *n, node *x)
{
    switch (x->op) {
    case OP_INPUT:
    case OP_RANDOM:
        x->place = PLACE_SHARDED;
        x->sample_rows = 1;
        return true;
    case OP_SLICE:
        return x->place != PLACE_SHARDED || x->a.axis > 0 || place_slice(n, x);
    case OP_RESHAPE:
        return place_reshape(n, x);
    case OP_REPEAT:
        return place_repeat(n, x);
    case OP_ROTATE:
        if (x->place == PLACE_SHARDED && x->sample_rows != 1)
            return impossible(n, x, "a sample must be one image");
        return true;
    case OP_HINGE:
    case OP_SOFTMAX_CROSS_ENTROPY:
    case OP_BINARY_CROSS_ENTROPY:
    case OP_TOKEN_CROSS_ENTROPY:
        if (x->place == PLACE_SHARDED) x->place = PLACE_PARTIAL;
        x->sample_rows = 0;
        return true;
    default:
        return true;
    }
}

bool net_place(net *n, node *x)
{
    if (!inherit(n, x)) return false;
    if (x->place == PLACE_PARTIAL && x->op != OP_SUM && x->op != OP_RESHAPE)
        return impossible(n, x, "losses can only be added up");
    if (!place_operator(n, x)) return false;
    if (x->place != PLACE_SHARDED) return true;
    if (x->shape.d[0] % (n->replicas * x->sample_rows))
        return uneven(n, x, "a batch whose number of rows is", x->shape.d[0]);
    x->shape.d[0] /= n->replicas;
    return true;
}

nn_shape_t net_whole_shape(const net *n, const node *x)
{
    nn_shape_t shape = x->shape;
    if (x->place == PLACE_SHARDED) shape.d[0] *= n->replicas;
    return shape;
}

typedef struct samples {
    size_t count, floats; /* on one replica; floats of each */
} samples;

static samples samples_of(const node *x)
{
    size_t count = (size_t)(x->shape.d[0] / x->sample_rows);
    return (samples){count, nn_count(&x->shape) / count};
}

void net_take_share(const net *n, const node *x, const float *all, float *share)
{
    samples s = samples_of(x);
    size_t rank = (size_t)n->rank, replicas = (size_t)n->replicas;
    for (size_t i = 0; i < s.count; i++)
        memcpy(share + i * s.floats, all + (i * replicas + rank) * s.floats, s.floats * sizeof *share);
}

void net_give_share(const net *n, const node *x, const float *share, float *all)
{
    samples s = samples_of(x);
    size_t rank = (size_t)n->rank, replicas = (size_t)n->replicas;
    for (size_t i = 0; i < s.count; i++)
        memcpy(all + (i * replicas + rank) * s.floats, share + i * s.floats, s.floats * sizeof *share);
}
