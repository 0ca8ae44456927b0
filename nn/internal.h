/* What the files of nn/ share about nets, parameters and steps. Not for backends, not for users. */
#ifndef NN_INTERNAL_H
#define NN_INTERNAL_H

#include "nn/backend.h"

enum { SCOPE_DEPTH = 16 };

/* One parameter or state. Its value is the value of its node. Trainable ones of one training scope ("D/") lie
 * in one vector, so that the optimizer, clipping and EMA are one loop. */
typedef struct parameter {
    node *n; /* n->name is the full name */
    init_opts init;
    bool trainable;
    float *value;    /* device */
    float *gradient; /* device; NULL for states */
} parameter;

/* All trainable parameters whose names start with `prefix`, in order of recording, laid end to end with each
 * start rounded up to 16 floats (64 bytes); the padding is zero and stays zero. */
typedef struct scope_vectors {
    char prefix[NN_NAME_BYTES];
    float *values, *gradients; /* device, n floats */
    size_t n;
    int parameters; /* how many it holds: recording more afterwards is a mistake that net_compile names */
} scope_vectors;

typedef struct team team; /* replicas.c: the threads of the replicas */

/* A net with replicas is one net per device. The user holds that of rank 0, which records; the others share
 * its nodes and have their own memory. Whatever touches a device runs through net_each. */
struct net {
    const backend_i *i;
    backend *b;
    int rank, replicas;
    replica_group *group; /* NULL without replicas */
    team *team;           /* of rank 0; NULL without replicas */
    float *share;         /* host memory for one replica's share of a value on its way */
    size_t share_floats;
    uint64_t seed;
    node **nodes;
    int n_nodes, nodes_capacity;
    parameter *parameters;
    int n_parameters, parameters_capacity;
    scope_vectors **scopes;
    int n_scopes;
    float **inputs;        /* device value of each OP_INPUT node, by node id; NULL for others */
    step *steps;           /* newest first */
    void *arena, *scratch; /* shared by all steps, which never run at the same time; they only grow */
    size_t arena_bytes, scratch_bytes;
    char path[NN_NAME_BYTES];
    int path_lengths[SCOPE_DEPTH], depth;
    bool failed; /* the first mistake of recording, told by net_compile */
    err mistake_code;
    char mistake[256];
};

/* record.c, record_*.c */
node *net_node(const net *n, nn_t x);
/* a: act, stride, pad, upsample. */
nn_t net_add_conv(net *n, nn_t x, nn_t w, const nn_t *bias, attributes a);
nn_t net_add_linear(net *n, nn_t x, nn_t w, const nn_t *bias, nn_act act);
nn_t net_add_embedding(net *n, nn_t ids, nn_t table);
typedef struct lstm_inputs {
    nn_t x, weight_ih, weight_hh, bias_ih, bias_hh;
    const nn_t *state, *lengths; /* or NULL; a cell has a state and no lengths */
} lstm_inputs;
nn_t net_add_lstm(net *n, nn_op op, const lstm_inputs *from, bool reverse); /* OP_LSTM or OP_LSTM_CELL */
nn_t net_add_layer_norm(net *n, nn_t x, nn_t gain, nn_t bias, float epsilon);
/* in: x, gain, bias, running mean, running variance. */
nn_t net_add_batch_norm(net *n, const nn_t in[5], attributes a);
nn_t net_add_fold_norm(net *n, nn_t w, nn_t gain, nn_t variance, float epsilon);
void net_mistake(net *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
err net_recorded(const net *n); /* the first mistake, or OK */

/* placement.c: decides where the value of a node that was just recorded lies, and makes its shape and
 * attributes those of one replica's share. false: it cannot be, and the mistake is noted. */
bool net_place(net *n, node *x);
nn_shape_t net_whole_shape(const net *n, const node *x);
/* Between the rows of the whole batch and those of replica n->rank; host memory, x is PLACE_SHARDED. */
void net_take_share(const net *n, const node *x, const float *all, float *share);
void net_give_share(const net *n, const node *x, const float *share, float *all);

/* replicas.c */
typedef err (*replica_job)(net *n, void *context);
/* Calls the job with the net of each replica, on its thread, and waits for all. Returns the failure that came
 * first. Without replicas, a plain call. */
err net_each(net *n, replica_job job, void *context);

/* parameters.c: gives every input and parameter its memory (once; call before anything reads values). */
err net_allocate(net *n);
err net_allocate_inputs(net *n); /* alone, while parameters are still being recorded */
parameter *net_find_parameter(const net *n, const char *name);
parameter *net_parameter_of(const net *n, const node *x);
err net_scope(net *n, const char *prefix, scope_vectors **out);

/* compile.c: one node in one step. Buffers of the arena have offsets until the arena is there. */
typedef struct buffer {
    size_t bytes, offset;
    int first, last; /* the first and the last position of the program that needs it; first > last: never */
    int resume,
        until; /* and again from one to the other, after `last`: others may have it in between; 0: not */
} buffer;

/* arena.c: gives each buffer an offset so that two that live at the same time do not overlap; returns the
 * bytes. `in_halves`: the halves of buffers are written by different cores, and keep apart where they can. */
err arena_plan(buffer *buffers, int n, bool in_halves, size_t *bytes);

void step_free(net *n, step *s);
step *step_next(const step *s);

/* initialize.c: the initial value of a parameter, on the host. */
err initialize(uint64_t seed, const char *name, const nn_shape_t *shape, init_opts init, float *out);

/* optimizer.c: the vectors of an optimizer, those of one replica, that a checkpoint holds ("m", "v", "ema");
 * NULL ends the list. */
typedef struct optimizer_vector {
    const char *name;
    float *values; /* device, as long as the scope's vectors */
} optimizer_vector;
const optimizer_vector *optimizer_vectors(const optimizer *o, int rank); /* up to 3, ended by a NULL name */
const scope_vectors *optimizer_scope(const optimizer *o);
uint64_t optimizer_steps(const optimizer *o);
void optimizer_set_steps(optimizer *o, uint64_t steps);

#endif
